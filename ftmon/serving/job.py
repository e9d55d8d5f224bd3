"""A job as it is served: its source tells it, and each API reads it in a shape of its own.

Its events lie on disk (`Spool`), so a run of a million of them takes some megabytes of memory.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from ftmon.serving.event import ENDED, FINAL, EventLog, Events, Kind, ServedEvent, Status
from ftmon.serving.spool import Spool


@dataclass(frozen=True, slots=True)
class File:
    """A file that belongs to a job and can be downloaded."""

    id: str
    filename: str
    content: bytes
    purpose: str
    created_at: datetime
    rows: Spool | None = None
    """Lines behind the content, of a file that may be long."""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.content) + (self.rows.size if self.rows else 0)

    def parts(self) -> Iterator[bytes]:
        """Yield all of it, a part at a time."""
        yield self.content
        if self.rows:
            yield from self.rows.pieces()


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
        self._log = EventLog()
        self._is_closed = False
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def status(self) -> Status:
        """The job's status, as its last event left it."""
        return self._log.last.status if self._log.last else "pending"

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
        return self._log.last.at if self._log.last else self.created_at

    @property
    def started_at(self) -> datetime | None:
        """When the training began."""
        return next((event.at for event in self.changes if event.status == "running"), None)

    @property
    def finished_at(self) -> datetime | None:
        """When the job ended."""
        return self.updated_at if self.is_final or self.status == ENDED else None

    @property
    def files(self) -> list[File]:
        """The files that the job has so far."""
        files = (self.recipe.training_file, self.recipe.validation_file, self.result_file)
        return [file for file in files if file is not None]

    @property
    def events(self) -> Events:
        """All events so far, oldest first."""
        return self._log.all

    @property
    def changes(self) -> Events:
        """The events that changed the job's status, oldest first."""
        return self._log.changes

    def events_of(self, *kinds: Kind) -> Events:
        """Return the events of these kinds, oldest first."""
        return self._log.of(*kinds)

    def publish(self, *events: ServedEvent) -> None:
        """Add events and wake the readers. What else they change is set before, so that they see both."""
        self._log.append(*events)
        self._wake_readers()

    def close(self) -> None:
        """Let nobody wait for more, even if the job is not over."""
        self._is_closed = True
        self._wake_readers()

    async def has_more(self, than: int) -> bool:
        """Wait until there are more events than these, and return True; False when none will follow."""
        while len(self._log) <= than:
            if self.is_over:
                return False
            reader = asyncio.get_running_loop().create_future()
            self._waiting.append(reader)
            await reader
        return True

    def _wake_readers(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for reader in waiting:
            # One whose client has left is cancelled.
            if not reader.done():
                reader.set_result(None)


class Source(NamedTuple):
    """Where a job comes from, and what can be asked of it. Each call publishes the event of its change."""

    job: ServedJob
    cancel: Callable[[], object]
    pause: Callable[[], object]
    resume: Callable[[], object]
