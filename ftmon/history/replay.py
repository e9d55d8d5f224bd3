"""A run told again as it was recorded, in its own rhythm or faster; no service is asked."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from math import inf
from time import monotonic

from ftmon.history.store import History
from ftmon.model.event import Event
from ftmon.model.job import Job, JobKey
from ftmon.model.update import Connection, Update, Wire

Report = Callable[[Update], Awaitable[None]]

_FRAME = 0.05
"""Seconds of real time that are told at once, so that a fast replay costs no more than a slow one."""

_AT_ONCE = 1000

_LONGEST_GAP = 7 * 86_400.0
"""Seconds between two events that are waited for; a longer silence is passed over."""


class Replay:
    """Tells one run again; `speed` is how many times as fast as it happened, infinite for at once, 0 to halt.

    The rhythm is that of the service's times: a run that was over before it was watched has it too. The job's
    end is told last, whenever it was read.
    """

    def __init__(self, history: History, key: JobKey, report: Report, speed: float) -> None:
        self._history = history
        self._key = key
        self._report = report
        self._speed = speed
        self._now: datetime | None = None
        """Where the replay is, by the clock of the run; None before its first event."""
        self._since = monotonic()
        """When it was there, by the real clock."""
        self._next: datetime | None = None
        """When the next event is, by the clock of the run."""
        self._changed = asyncio.Event()

    def set_speed(self, speed: float) -> None:
        """Go on so many times as fast."""
        self._move()
        self._speed = speed
        self._changed.set()

    async def run(self) -> None:
        """Tell the run to its end.

        Raises:
            sqlite3.Error: where it cannot be read.
        """
        await self._tell([], connection=self._connection)
        job = self._history.job(self._key)
        end = job if job is not None and job.status.is_final else None
        snapshots = deque(each for each in self._history.snapshots(self._key) if not each.job.status.is_final)
        due: list[Event] = []
        for recorded in chain.from_iterable(self._history.all_events(self._key)):
            job = None
            while snapshots and snapshots[0].received_at <= recorded.received_at:
                job = snapshots.popleft().job
            wait = self._wait_for(recorded.event)
            if job is not None or wait or len(due) == _AT_ONCE:
                await self._tell(due, job)
                due = []
                # A long run lets all else have its turn.
                await (self._until_next() if wait else asyncio.sleep(0))
            due.append(recorded.event)
        await self._tell(due, end or (snapshots[-1].job if snapshots else None), Connection(Wire.RECORDED))

    @property
    def _connection(self) -> Connection:
        return Connection(Wire.REPLAYING, speed=self._speed)

    def _wait_for(self, event: Event) -> float:
        """Return how many seconds of the run pass before an event; 0 where it is due."""
        if event.created_at is None or self._speed == inf:
            return 0
        if self._now is None:
            self._now = event.created_at
        self._next = event.created_at
        self._move()
        if self._left > _LONGEST_GAP:
            # Nobody waits for an absurd time.
            self._now = self._next
        return self._left if self._left > _FRAME * self._speed else 0

    async def _until_next(self) -> None:
        """Let the time until the next event pass, at whatever speed it is told by then."""
        while (left := self._left) > 0 and self._speed < inf:
            with suppress(TimeoutError):
                async with asyncio.timeout(left / self._speed if self._speed else None):
                    await self._changed.wait()
            if self._changed.is_set():
                self._changed.clear()
                await self._tell([], connection=self._connection)
            self._move()

    @property
    def _left(self) -> float:
        """Seconds of the run until the next event."""
        return (self._next - self._now).total_seconds() if self._next and self._now else 0.0

    def _move(self) -> None:
        """Bring the clock of the run to where it is now, and not past the next event after a sleep."""
        now = monotonic()
        if self._now is not None and self._left > 0:
            passed = (now - self._since) * self._speed
            self._now += timedelta(seconds=min(passed, self._left))
        self._since = now

    async def _tell(
        self, events: list[Event], job: Job | None = None, connection: Connection | None = None
    ) -> None:
        if events or job or connection:
            at = self._now or datetime.now(UTC)
            await self._report(Update(self._key, at, tuple(events), job, connection))
