"""What a job tells: its events, and all of them in their order."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Literal, overload

import msgspec

from ftmon.serving.spool import Spool

Status = Literal["pending", "running", "paused", "succeeded", "failed", "cancelled", "ended"]
Level = Literal["info", "warning", "error"]
Kind = Literal["message", "metrics", "checkpoint", "history"]

FINAL: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})
"""The statuses of a job that is over, and whose outcome is known."""

ENDED: Status = "ended"
"""The status of a job that is over, and nothing tells how it ended."""


class ServedEvent(msgspec.Struct, frozen=True):
    """One entry of a job's history."""

    at: datetime
    message: str
    status: Status
    """The job's status from this event on."""
    level: Level = "info"
    kind: Kind = "message"
    figures: Mapping[str, int | float | None] = msgspec.field(default_factory=dict)
    """Of metrics and checkpoints, by OpenAI's names: step, train_loss, valid_loss …; finite, or None."""
    id: str = ""
    """Its own, where it has one: an API without ids of events tells it too."""
    is_estimated: bool = False
    """Nothing tells the time of it: `at` is when it was read."""

    @property
    def step(self) -> int:
        """The step of metrics or of a checkpoint; 0 where none is told."""
        return int(self.figures.get("step") or 0)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ServedEvent).decode


class Events(Sequence[ServedEvent]):
    """Some or all events of a job, read from where they are kept when they are used."""

    def __init__(self, spool: Spool, numbers: Sequence[int]) -> None:
        self._spool = spool
        self._numbers = numbers

    def __len__(self) -> int:
        """Return how many events these are."""
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> ServedEvent: ...
    @overload
    def __getitem__(self, place: slice) -> "Events": ...
    def __getitem__(self, place: int | slice) -> "ServedEvent | Events":
        """Return one event, or a part of them."""
        if isinstance(place, slice):
            return Events(self._spool, self._numbers[place])
        return _decode(self._spool.read(self._numbers[place])[0])

    def __iter__(self) -> Iterator[ServedEvent]:
        """Yield the events; neighbours are read together."""
        first, lines = 0, list[bytes]()
        for number in self._numbers:
            if not 0 <= number - first < len(lines):
                first, lines = self._spool.block(number)
            yield _decode(lines[number - first])


class EventLog:
    """All events of a job. In memory it keeps the newest ones, and four bytes for each of the others."""

    def __init__(self) -> None:
        self._spool = Spool()
        self._of_kind: dict[Kind, array[int]] = {}
        self._changes: list[int] = []
        """The numbers of events that changed the job's status."""
        self.last: ServedEvent | None = None

    def append(self, *events: ServedEvent) -> None:
        """Add events behind the others."""
        for number, event in enumerate(events, len(self._spool)):
            if event.kind not in self._of_kind:
                self._of_kind[event.kind] = array("I")
            self._of_kind[event.kind].append(number)
            if self.last is None or self.last.status != event.status:
                self._changes.append(number)
            self.last = event
        self._spool.append(*map(_encode, events))

    def __len__(self) -> int:
        """Return how many events there are."""
        return len(self._spool)

    @property
    def all(self) -> Events:
        """The events so far."""
        return Events(self._spool, range(len(self._spool)))

    @property
    def changes(self) -> Events:
        """The events that changed the job's status, the first one among them."""
        return Events(self._spool, self._changes)

    def of(self, *kinds: Kind) -> Events:
        """Return the events of these kinds, in their order."""
        found = [self._of_kind[kind] for kind in kinds if kind in self._of_kind]
        return Events(self._spool, found[0] if len(found) == 1 else sorted(chain(*found)))
