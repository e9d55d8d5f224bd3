"""A job of a service as a table: what the service answers, and what is to be told of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ftmon.model.event import Level
from ftmon.model.job import Status
from tests.servers.fine_tunes import Fields, answer, frame, head
from tests.servers.scripted import Script, Server

SAMPLES = Path(__file__).parents[1] / "samples"

ARRIVAL = datetime.max.replace(tzinfo=UTC)
"""Stands for the time at which an answer came, where the service tells no time."""

EXIT_STATUS = {Status.SUCCEEDED: 0, Status.FAILED: 1, Status.CANCELLED: 3}
"""How ftmon ends for each end of a job."""

Point = tuple[int, float]

_T = TypeVar("_T")


class Line(NamedTuple):
    """One event as it is to be told, and its figures."""

    message: str
    at: datetime | None = None
    level: Level = Level.INFO
    step: int | None = None
    train: float | None = None
    valid: float | None = None
    is_spare: bool = False
    """Its figures count only where no other event tells such."""
    is_fleeting: bool = False
    """The service tells it only until something newer takes its place."""


class Stage(NamedTuple):
    """What a service knows at one time."""

    job: Fields
    lists: Mapping[str, Script] = {}
    """The routes that answer otherwise than in the stage before."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a service tells one end of a job."""

    stage: Stage
    """The last one."""
    streams: Mapping[str, Sequence[Script]] = field(default_factory=dict)
    lines: Sequence[Line] = ()
    """Told after those of the case."""
    error: str | None = None
    model: str | None = None
    """The fine-tuned one."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A job of a service, from its queue to each of its ends. All routes stand below the base URL.

    A stage lasts for some readings of the job, so that each list is read in it; where there is a stream, each
    connection of it brings the next stage.
    """

    job_id: str
    dialect: str
    base: str = ""
    path: str
    """Of the job."""
    stages: Sequence[Stage]
    """Those before the end."""
    stream: str = ""
    """The route of the stream, where there is one."""
    endings: Mapping[Status, Ending]
    lines: Sequence[Line] = ()
    total_steps: int | None = None

    @property
    def route(self) -> str:
        """The path of the job below the host, without a query."""
        return f"{self.base}{self.path}".partition("?")[0]

    def told(self, end: Status) -> list[Line]:
        """Return all events that are to be told, in their order."""
        return [*self.lines, *self.endings[end].lines]

    def train(self, end: Status) -> list[Point]:
        """Return the points of the curve of the training loss."""
        return _curve((line, line.train) for line in self.told(end))

    def valid(self, end: Status) -> list[Point]:
        """Return the points of the curve of the validation loss."""
        return _curve((line, line.valid) for line in self.told(end))

    def server(
        self, end: Status = Status.SUCCEEDED, more: Mapping[str, Sequence[Script]] | None = None
    ) -> Server:
        """Return a service that plays the job; `more` adds or replaces routes."""
        ending = self.endings[end]
        moments = self._moments(end)
        clock, readings = (self.stream, 1) if self.stream else (self.path, _READINGS)

        def now(path: str) -> Script:
            number = len(server.asked(self.base + clock)) // readings
            return moments[min(number, len(moments) - 1)].get(path, NOT_FOUND)

        routes = {path: partial(now, path) for routes in moments for path in routes}
        server = Server(self._based({**routes, **ending.streams, **(more or {})}))
        return server

    def server_after(self, end: Status) -> Server:
        """Return the service as it is after the end of the job."""
        lists = {path: [script] for path, script in self._moments(end)[-1].items()}
        streams = {path: scripts[-1:] for path, scripts in self.endings[end].streams.items()}
        return Server(self._based({**lists, **streams}))

    def _moments(self, end: Status) -> list[dict[str, Script]]:
        """Return the answers in each stage."""
        stages = [*self.stages, self.endings[end].stage]
        moments: list[dict[str, Script]] = [{}]
        for stage in stages:
            moments.append({**moments[-1], **stage.lists, self.path: answer(stage.job)})
        return moments[1:]

    def _based(self, routes: Mapping[str, _T]) -> dict[str, _T]:
        return {self.base + path: scripts for path, scripts in routes.items()}


def _curve(losses: Iterable[tuple[Line, float | None]]) -> list[Point]:
    points = [(line.is_spare, (line.step or 0, loss)) for line, loss in losses if loss is not None]
    return [point for is_spare, point in points if not is_spare] or [point for _, point in points]


_READINGS = 6
"""Readings of the job in one stage, where there is no stream."""

NOT_FOUND = answer({"error": {"message": "No such route"}}, 404)


def sample(name: str) -> Any:
    """Return a recorded answer."""
    return json.loads((SAMPLES / f"{name}.json").read_text())


def seconds(number: float) -> datetime:
    """Return the time of so many seconds since 1970."""
    return datetime.fromtimestamp(number, UTC)


def iso(text: str) -> datetime:
    """Return a time without a zone as one of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def line_of(fields: Fields, level: Level = Level.INFO, **figures: Any) -> Line:
    """Return how an event is told that looks like OpenAI's."""
    return Line(fields["message"], seconds(fields["created_at"]), level, **figures)


def listed(*entries: Fields, has_more: bool = False) -> Script:
    """Return a page of a list."""
    return answer({"object": "list", "data": entries, "has_more": has_more})


def sse(*parts: bytes) -> Script:
    """Return a whole stream that ends with its connection."""
    return [head(), *parts]


def frames(*objects: Fields) -> bytes:
    """Return objects as messages of a stream."""
    return b"".join(map(frame, objects))
