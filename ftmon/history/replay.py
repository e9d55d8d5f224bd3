"""Replays a recorded run, at its own pace or faster, without asking the service."""

import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from math import inf
from pathlib import Path
from threading import Condition
from time import monotonic

from ftmon.errors import HistoryError, RemovedError
from ftmon.history.reader import PARTIAL
from ftmon.history.store import History
from ftmon.model.event import Event
from ftmon.model.job import Job
from ftmon.model.key import JobKey
from ftmon.model.update import Connection, Recorded, Update, Wire

_FRAME = 0.05
"""Events of so many seconds of real time are reported at once, so a fast replay is as cheap as a slow one."""

_AT_ONCE = 1000

_LONGEST_GAP = 7 * 86_400.0
"""Seconds between two events. A longer silence is skipped."""


class Replay:
    """Replays one run on a thread of its own. `speed` is a factor: `inf` for at once, 0 to pause.

    The pace is that of the events' own times, so a run that was over before it was watched has one too. The
    final reading of the job is reported last, whenever it was read.
    """

    def __init__(self, path: Path, key: JobKey, report: Callable[[Update], None], speed: float) -> None:
        self._path = path
        self._key = key
        self._report = report
        self._speed = speed
        self._now: datetime | None = None
        """The time in the run; None before its first event."""
        self._since = monotonic()
        """The real time when `_now` was set."""
        self._next: datetime | None = None
        """The time in the run of the next event."""
        self._has_new_speed = True
        """The speed is still to be reported."""
        self._recorded: Recorded | None = None
        """What the replay leads to."""
        self._dialect = ""
        """That of the run's service, as it is recorded."""
        self._is_stopped = False
        self._changed = Condition()
        """Guards all of the above, and is notified of a new speed and of the stop."""

    def set_speed(self, speed: float) -> None:
        """Go on at another speed. Any thread may call it."""
        with self._changed:
            self._move()
            self._speed = speed
            self._has_new_speed = True
            self._changed.notify()

    def stop(self) -> None:
        """Let `run` return soon, once `report` has returned. Any thread may call it."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()

    def run(self) -> None:
        """Open the history and report the run to its end, or until `stop`.

        `report` may block for as long as it likes. The last update is RECORDED, or REFUSED with the error
        where the history cannot be read.
        """
        with closing(self._updates()) as updates:
            for update in updates:
                if self._is_stopped:
                    return
                self._report(update)

    def _updates(self) -> Generator[Update, None, None]:
        try:
            with closing(History(self._path, create=False)) as history:
                yield from self._run_of(history)
        except FileNotFoundError:
            yield self._failure("is no longer there")
        except (sqlite3.Error, HistoryError) as error:
            yield self._failure(f"cannot be used: {error}")

    def _failure(self, reason: str) -> Update:
        error = HistoryError(f"The history {self._path} {reason}.")
        return self._update([], connection=Connection(Wire.REFUSED, error=error))

    def _run_of(self, history: History) -> Iterator[Update]:
        self._recorded = next(
            (Recorded(run.job, run.events) for run in history.runs(self._key.job_id) if run.key == self._key),
            None,
        )
        yield self._speed_change()
        with history.snapshot():
            past = history.past(self._key)
            readings = history.snapshots(self._key)
        self._dialect = past.dialect
        if past.is_partial:
            yield replace(self._update([]), notice=PARTIAL)
        job = past.job
        end = job if job is not None and job.status.is_final else None
        snapshots = deque(each for each in readings if not each.job.status.is_final)
        due: list[Event] = []
        try:
            for recorded in chain.from_iterable(history.all_events(self._key)):
                job = None
                while snapshots and snapshots[0].received_at <= recorded.received_at:
                    job = snapshots.popleft().job
                is_due = self._is_due(recorded.event)
                if job is not None or (due and (not is_due or len(due) == _AT_ONCE)):
                    yield self._update(due, job)
                    due = []
                while self._has_news_before(is_due=is_due):
                    yield self._speed_change()
                due.append(recorded.event)
        except RemovedError as error:
            yield self._update(due, connection=Connection(Wire.REFUSED, error=error))
            return
        last = end or (snapshots[-1].job if snapshots else None)
        yield self._update(due, last, Connection(Wire.RECORDED))

    def _is_due(self, event: Event) -> bool:
        """Set the next event, and return whether it is to be reported without waiting."""
        with self._changed:
            if event.created_at is None or self._speed == inf:
                return True
            if self._now is None:
                self._now = event.created_at
            self._next = event.created_at
            self._move()
            if self._left > _LONGEST_GAP:
                self._now = self._next
            return self._left <= _FRAME * self._speed

    def _has_news_before(self, *, is_due: bool) -> bool:
        """Wait until the next event is due or `stop` is called; True as soon as there is a new speed."""
        with self._changed:
            while not (is_due or self._has_new_speed or self._is_stopped):
                self._move()
                if self._left <= 0 or self._speed == inf:
                    break
                seconds = min(self._left / self._speed, _LONGEST_GAP) if self._speed else None
                self._changed.wait(seconds)
            return self._has_new_speed

    def _speed_change(self) -> Update:
        with self._changed:
            self._has_new_speed = False
            connection = Connection(Wire.REPLAYING, speed=self._speed, recorded=self._recorded)
        return self._update([], connection=connection)

    @property
    def _left(self) -> float:
        """Seconds of the run until the next event."""
        return (self._next - self._now).total_seconds() if self._next and self._now else 0.0

    def _move(self) -> None:
        """Advance the time in the run to this moment, but not past the next event."""
        now = monotonic()
        if self._now is not None and self._left > 0:
            passed = (now - self._since) * self._speed
            self._now += timedelta(seconds=min(passed, self._left))
        self._since = now

    def _update(
        self, events: list[Event], job: Job | None = None, connection: Connection | None = None
    ) -> Update:
        at = self._now or datetime.now(UTC)
        return Update(self._key, at, tuple(events), job, connection, dialect=self._dialect)
