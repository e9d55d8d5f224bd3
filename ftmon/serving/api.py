"""What an API is on the serving side: its paths, and the shapes that a job takes there, as a value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from ftmon.serving.event import ServedEvent
from ftmon.serving.job import File, ServedJob

Fields = dict[str, Any]
"""A JSON object. A list in it may be an iterator, where it is that of a route of lists."""
Query = Mapping[str, str]
Entries = Callable[[ServedJob, Query], Fields]
MOST_INSIDE = 1000
"""The newest events that a job has in it, where an API puts all of them into the job too."""

Action = Literal["cancel", "pause", "resume"]


class RequestError(Exception):
    """A request that is answered with an error; each API writes it in its own shape."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code


class Stream(NamedTuple):
    """A route that sends the events as server-sent events."""

    path: str
    """Below the job; a list may have the same one."""
    frame: Callable[[ServedEvent], Fields]
    is_asked: Callable[[Query], bool] = lambda query: True
    """Whether the stream is asked for, and not the list."""
    start: Callable[[ServedJob, Query], int] = lambda job, query: 0
    """How many of the job's first events are passed over."""
    head: Callable[[ServedJob], Sequence[Fields]] = lambda job: ()
    """Frames before the first event."""
    end: str = ""
    """What follows the last event of a job that is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The shape of one API. Its functions are pure, and may raise `RequestError`."""

    name: str
    base: str
    """The path of the base URL."""
    path: str
    """The list of jobs, below the base; a job is below it, by its id."""
    job_id: Callable[[ServedJob], str]
    job: Callable[[ServedJob], Fields]
    jobs: Callable[[Sequence[ServedJob], Query], Any]
    lists: Mapping[str, Entries] = field(default_factory=dict)
    """By their path below the job."""
    stream: Stream | None = None
    actions: tuple[Action, ...] = ("cancel",)
    documents: Mapping[str, Fields] = field(default_factory=dict)
    """What is the same for all jobs, by its path below the base."""
    error: Callable[[RequestError], Fields]
    not_found: Callable[[str], RequestError]
    """Refuses an id that is no job's."""


def whole_number(text: str) -> int | None:
    """Read what a query gives for a number; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def file_id(file: File | None) -> str | None:
    """Return the id of a file that a job may have."""
    return file.id if file else None


def seconds(time: datetime) -> int:
    """Return a time as whole seconds since 1970."""
    return int(time.timestamp())


def iso(time: datetime | None) -> str | None:
    """Return a time in UTC as `2026-01-31T12:00:00.123Z`."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z") if time else None


def openai_error(error: RequestError) -> Fields:
    """Return an error body as OpenAI and Together have it."""
    return {
        "error": {
            "message": error.message,
            "type": "invalid_request_error",
            "param": error.param,
            "code": error.code,
        }
    }


def openai_not_found(job_id: str) -> RequestError:
    """Return OpenAI's refusal of an id, which both its APIs word alike."""
    message = f"Could not find fine tune: {job_id}"
    return RequestError(404, message, param="fine_tune_id", code="fine_tune_not_found")
