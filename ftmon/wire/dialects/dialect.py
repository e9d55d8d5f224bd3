"""What a dialect is: the shape of one fine-tuning API, as a value without I/O."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

from ftmon.model.action import Action
from ftmon.model.event import Event
from ftmon.model.job import Job
from ftmon.wire.sse import ServerEvent


class Done:
    """The stream says that it is over, which says nothing about how the job ended."""


DONE: Final = Done()


@dataclass(frozen=True, slots=True)
class InBandError:
    """The service tells of an error inside the stream: neither an event nor the end."""

    message: str
    """Safe text."""


class Page(NamedTuple):
    """One page of a list of events, oldest first."""

    events: list[Event]
    malformed: int = 0
    """Entries that could not be read as events."""
    cursor: str = ""
    """Asks for the next page; empty on the last one."""
    is_newest_first: bool = False
    """The service sends the newest event first, so that the next page holds older ones."""
    shows_order: bool = False
    """The times of the events show the order; otherwise the API's own is assumed."""
    resume: str = ""
    """A cursor that goes on after this page at a later time, also after the last page."""


class JobAnswer(NamedTuple):
    """One job object."""

    job: Job
    page: Page | None
    """The events inside the job object; None where it has none."""
    mark: str = ""
    """The field that tells it from a job of another API at the same path; empty where none does."""


class JobPage(NamedTuple):
    """One page of a list of jobs, newest first."""

    jobs: list[Job]
    next: str = ""
    """The parameters of the request for the next page, such as `after=ftjob-1`; empty on the last one."""
    is_newest_first: bool = True
    """The next page holds older jobs, as far as the times of these show."""


class Paths(NamedTuple):
    """The routes of an API below the base URL.

    `{job_id}` stands for a checked id, `{namespace}` for the user, organisation or account that has the job,
    `{api_version}` for the version that Azure wants in each query.
    """

    jobs: str
    """The list of jobs, or its first page."""
    job: str
    cancel: str = ""
    """Takes a POST, as the next two do; empty where the API has no such route."""
    pause: str = ""
    resume: str = ""
    events: str = ""
    """The list of events, or its first page; empty where the API has none.

    `{cursor}` stands for the number of entries to pass over; else a cursor goes into the parameter `after`.
    """
    stream: str = ""
    """The stream of events; empty where the API has none."""
    file: str = ""
    """The content of a result file, whose id stands in the place of the job's; empty where there are none."""


class Source(NamedTuple):
    """A list beside that of the events: checkpoints, or the figures of the steps."""

    path: str
    read: Callable[[bytes, str], list[Event]]
    """The entries of a job's list as events, by its body and the job's id; ValueError for another body."""
    every: int
    """It is read in place of the events at one reading of so many."""


class PageReader(Protocol):
    """Reads a page of a list; ValueError for a body that is none."""

    def __call__(self, body: bytes, cursor: str = "") -> Page:
        """Return the page that `cursor` asked for."""
        ...


class JobsReader(Protocol):
    """Reads a page of the list of jobs; ValueError for a body that is none."""

    def __call__(self, body: bytes, parameters: str = "") -> JobPage:
        """Return the page that `parameters` asked for, without jobs whose id cannot be asked for."""
        ...


class Whoami(NamedTuple):
    """How an API tells the namespace of the key's owner."""

    path: str
    read: Callable[[bytes], str]
    """The namespace; ValueError for a body that tells none."""


DATED_BASE = "(?:.*/)?openai"
"""The end of a base URL of Azure that wants a version: `https://NAME.openai.azure.com/openai`."""


def _dated(path: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}api-version={{api_version}}" if path else ""


FrameReader = Callable[[ServerEvent], Event | InBandError | Done | None]
"""Reads one message of a stream; None for one that tells nothing, such as a sign of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The shape of one API. The readers raise ValueError for a body that is not what they read."""

    name: str
    """The history stores it with each job."""
    paths: Paths
    read_job: Callable[[bytes], JobAnswer]
    """Raises ValueError also for a job of another API that has the same path."""
    read_jobs: JobsReader
    read_page: PageReader
    frame_reader: Callable[[], FrameReader]
    """Makes the reader of one connection, which may remember what came before."""
    read_event: Callable[[str], Event]
    """One event from its JSON text, as the history stored it. Never raises."""
    sources: tuple[Source, ...] = ()
    replays: bool = True
    """Each connection of the stream tells the past again."""
    action_body: str = ""
    """The JSON that asks for an action, where a POST of nothing does not; `{job_id}` stands for the id."""
    past_id: str = ""
    """The `Last-Event-ID` of the first connection, where a stream tells its past only to whoever resumes."""
    ends_with_eof: bool = False
    """The stream has no `[DONE]`: its connection's end is its own, also without a blank line before."""
    tells_status: bool = True
    """Where the list is missing, it does not come later: a change of the status is told as an event."""
    id_shape: str = ".+"
    """A pattern that every id of this API matches as a whole; an id's shape alone never decides."""
    base_shape: str = ".*"
    """A pattern that the path of the base URL matches as a whole, without the slash before it."""
    is_at_root: bool = False
    """Its routes stand at the root of the host: a `/v1` at the end of the base URL is another API's."""
    api_version: str = ""
    """Stands for `{api_version}` in the routes where the settings name none."""
    whoami: Whoami | None = None
    poll: float = 5.0
    """Seconds between two readings of the job and its list."""
    late: float = 10.0
    """Seconds after a job's end in which its service may still write events."""

    @property
    def has_namespace(self) -> bool:
        """A job is asked for below its owner: `NAMESPACE/ID`."""
        return "{namespace}" in self.paths.job

    def takes_id(self, job_id: str) -> bool:
        """Whether an id may be one of this API."""
        namespace, _, name = job_id.rpartition("/")
        return (self.has_namespace or not namespace) and re.fullmatch(self.id_shape, name) is not None

    def takes_base(self, base_url: str) -> bool:
        """Whether a base URL may be one of this API."""
        return re.fullmatch(self.base_shape, urlsplit(base_url).path.strip("/")) is not None

    def dated(self, name: str, version: str) -> "Dialect":
        """Return this API as Azure serves it where the base URL has no v1: with a version in each query."""
        return replace(
            self,
            name=name,
            paths=Paths(*map(_dated, self.paths)),
            sources=tuple(source._replace(path=_dated(source.path)) for source in self.sources),
            base_shape=DATED_BASE,
            api_version=version,
            poll=10.0,
        )

    def action_path(self, action: Action) -> str:
        """Return the route that asks for an action; empty where the API has none."""
        match action:
            case Action.CANCEL:
                return self.paths.cancel
            case Action.PAUSE:
                return self.paths.pause
            case Action.RESUME:
                return self.paths.resume

    def page_path(self, cursor: str = "") -> str:
        """Return the route of the list of events, or of its page after a cursor."""
        path = self.paths.events
        # JSON can hold half a character, which no address can.
        quoted = quote(cursor, safe="", errors="replace")
        if "{cursor}" in path:
            return path.replace("{cursor}", quoted or "0")
        joint = "&" if "?" in path else "?"
        return f"{path}{joint}after={quoted}" if cursor else path
