"""A job as it is served: its source tells it, and each API reads it in a shape of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

Status = Literal["pending", "running", "paused", "succeeded", "failed", "cancelled", "ended"]
Level = Literal["info", "warning", "error"]
Kind = Literal["message", "metrics", "checkpoint"]

FINAL: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})
"""The statuses of a job that is over, and whose outcome is known."""

ENDED: Status = "ended"
"""The status of a job that is over, and nothing tells how it ended."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that belongs to a job and can be downloaded."""

    id: str
    filename: str
    content: bytes
    purpose: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a job trains, and how, as far as that is known."""

    model: str = ""
    n_epochs: int | None = None
    total_steps: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    training_file: File | None = None
    validation_file: File | None = None


@dataclass(frozen=True, slots=True)
class ServedEvent:
    """One entry of a job's history."""

    at: datetime
    message: str
    status: Status
    """The job's status from this event on."""
    level: Level = "info"
    kind: Kind = "message"
    figures: Mapping[str, float | None] = field(default_factory=dict)
    """Of metrics and checkpoints, by OpenAI's names: step, train_loss, valid_loss …; finite, or None."""
    id: str = ""
    """Its own, where it has one: an API without ids of events tells it too."""
    is_estimated: bool = False
    """Nothing tells the time of it: `at` is when it was read."""

    @property
    def step(self) -> int:
        """The step of metrics or of a checkpoint; 0 where none is told."""
        return int(self.figures.get("step") or 0)


class ServedJob:
    """The facts of one job, from its recipe to its end.

    All access is on one event loop, so no lock is needed.
    """

    def __init__(self, key: UUID, recipe: Recipe, created_at: datetime, name: str = "") -> None:
        self.key = key
        """Each API makes its own id of it, where the job has no name."""
        self.name = name
        """The job's id in every API."""
        self.recipe = recipe
        self.created_at = created_at
        self.fine_tuned_model: str | None = None
        self.result_file: File | None = None
        self.error: str | None = None
        """Why the job failed."""
        self.events: list[ServedEvent] = []
        self._is_closed = False
        self._news = asyncio.Event()

    @property
    def status(self) -> Status:
        """The job's status, as its last event left it."""
        return self.events[-1].status if self.events else "pending"

    @property
    def is_final(self) -> bool:
        """The job is over, and its outcome is known."""
        return self.status in FINAL

    @property
    def is_over(self) -> bool:
        """No event follows."""
        return self._is_closed or self.status in FINAL or self.status == ENDED

    @property
    def updated_at(self) -> datetime:
        """When the last event happened."""
        return self.events[-1].at if self.events else self.created_at

    @property
    def started_at(self) -> datetime | None:
        """When the training began."""
        return next((event.at for event in self.events if event.status == "running"), None)

    @property
    def finished_at(self) -> datetime | None:
        """When the job ended."""
        return self.updated_at if self.is_final or self.status == ENDED else None

    @property
    def files(self) -> list[File]:
        """The files that the job has so far."""
        files = (self.recipe.training_file, self.recipe.validation_file, self.result_file)
        return [file for file in files if file is not None]

    def events_of(self, kind: Kind) -> list[ServedEvent]:
        """Return the events of one kind, oldest first."""
        return [event for event in self.events if event.kind == kind]

    def publish(self, event: ServedEvent) -> None:
        """Add an event and wake the readers. What else it changes is set before, so that they see both."""
        self.events.append(event)
        self._wake_readers()

    def close(self) -> None:
        """End every `follow`, even if the job is not over."""
        self._is_closed = True
        self._wake_readers()

    async def follow(self, start: int = 0) -> AsyncIterator[ServedEvent]:
        """Yield the events from this one on, then each new one, until the job is over or closed."""
        sent = start
        while True:
            while sent < len(self.events):
                yield self.events[sent]
                sent += 1
            if self.is_over:
                return
            await self._news.wait()

    def _wake_readers(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class Source(NamedTuple):
    """Where a job comes from, and what can be asked of it. Each call publishes the event of its change."""

    job: ServedJob
    cancel: Callable[[], object]
    pause: Callable[[], object]
    resume: Callable[[], object]
