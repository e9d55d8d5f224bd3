"""The thread beside the watcher's: it records updates, and hands them over once they are recorded.

The history is the queue: a front end that is behind has a position in it and reads on from there, so nothing
recorded waits in memory. The past of a job is read in the same way, from position 0. What cannot be recorded
goes through the bounded queue alone, which then holds the reading back.
"""

import sys
import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ftmon.model.key import JobKey
from ftmon.model.update import Update, merged
from ftmon.watch.queue import Queue, weight
from ftmon.watch.turn import Turn

# SQLite is imported on this thread, so that the first paint does not wait for it.
if TYPE_CHECKING:
    from ftmon.history.reader import RecordedEvent
    from ftmon.history.recorder import Recorder
    from ftmon.history.store import History

_T = TypeVar("_T")

_LOST = "Some of what was recorded cannot be read again, and is not shown."

_READ_AGAIN = 5.0
"""Seconds until a history that could not be read is tried again."""


class Delivery:
    """Records updates in the order in which they come, and delivers those of the present session."""

    def __init__(self, queue: Queue, make_recorder: "Callable[[], Recorder]", retry_every: float) -> None:
        self.on_room: Callable[[], None] = lambda: None
        """Called when the inbox is no longer full."""
        self._queue = queue
        self._make_recorder = make_recorder
        self._retry_every = retry_every
        self._changed = threading.Condition()
        self._inbox: deque[tuple[int, Update] | Callable[[], None]] = deque()
        self._weight = 0
        self._is_full = False
        self._is_closing = False
        self._turn: Turn | None = None
        self._told_unrecorded = 0
        self.unrecorded = 0
        """Events that are missing in the history at the end; 0 where it could never be used."""
        self.is_read_only = False
        self.crash: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        queue.on_room = self._notify

    # On the watcher's thread

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def is_full(self) -> bool:
        """No more events should be put in now."""
        return self._is_full

    def put(self, session: int, *updates: Update) -> None:
        """Record updates of a session, and deliver them if it still lasts. Never blocks."""
        with self._changed:
            self._inbox.extend((session, update) for update in updates)
            self._weight += sum(map(weight, updates))
            self._is_full = self._is_full or self._weight >= self._queue.limit
            self._changed.notify()

    def call(self, action: "Callable[[Recorder], _T]") -> Future[_T]:
        """Do something with the history after all that was put in before."""
        future: Future[_T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                future.set_result(action(self._recorder))

        with self._changed:
            self._inbox.append(run)
            self._changed.notify()
        return future

    def begin(self, session: int, key: JobKey, restore: Callable[[Update], object]) -> Future[None]:
        """Deliver the recorded past of a job; `restore` is called on this thread with each part of it.

        The future is done once all of it is restored. The front end may still be behind then.
        """
        return self.call(partial(self._begin, Turn(session, key), restore))

    def close(self, seconds: float) -> None:
        """Record what was put in, and end the thread, if that takes no longer than so many seconds."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(seconds)

    # On the thread of the history

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        try:
            self._recorder = self._make_recorder()
            while not self._is_closing or self._inbox:
                self._step()
            self._recorder.close()
            self.unrecorded = self._recorder.unrecorded if self._recorder.has_recorded else 0
        finally:
            # Whatever ends the thread by itself is a bug, and is raised where updates are taken.
            self.crash = sys.exception()
            self._queue.wake()

    def _step(self) -> None:
        """Wait for something to do, and do it."""
        with self._changed:
            self._changed.wait_for(self._has_work, self._patience)
            updates, call = self._take()
            has_room = self._is_full and self._weight <= self._queue.limit // 2
            self._is_full = self._is_full and not has_room
        if has_room:
            self.on_room()
        self._deliver(updates)
        if call is not None:
            call()
            # What it found out about the history is told now: there may be no update for long.
            self._deliver([])
        self._catch_up()

    @property
    def _patience(self) -> float | None:
        """Seconds until something is tried again."""
        if self._turn is not None and self._turn.is_failing:
            return _READ_AGAIN
        return self._retry_every if self._recorder.unrecorded else None

    def _has_work(self) -> bool:
        turn = self._turn
        can_catch_up = turn is not None and turn.rest is not None and not turn.is_failing
        return (
            self._is_closing
            or bool(self._inbox and not self._is_held)
            or (can_catch_up and not self._queue.is_full)
        )

    @property
    def _is_held(self) -> bool:
        """What comes next cannot be recorded, and the front end has no room for it."""
        is_recording = not self._recorder.unrecorded and not self._recorder.is_read_only
        turn = self._turn
        is_behind = self._queue.is_full or (turn is not None and turn.is_failing)
        return is_behind and not is_recording and not self._is_closing

    def _take(self) -> tuple[list[tuple[int, Update]], Callable[[], None] | None]:
        """Take the updates up to the next call, and that."""
        updates: list[tuple[int, Update]] = []
        while self._inbox and not self._is_held:
            first = self._inbox.popleft()
            if callable(first):
                return updates, first
            self._weight -= weight(first[1])
            updates.append(first)
        return updates, None

    def _deliver(self, updates: list[tuple[int, Update]]) -> None:
        """Record updates, then hand those of the present session over."""
        turn, recorder = self._turn, self._recorder
        waiting = [] if turn is None else recorder.waiting(turn.key)
        spans = recorder.record([update for _, update in updates]) if updates else recorder.retry()
        if turn is None:
            return
        own = [update for session, update in updates if session == turn.session]
        is_all = len(own) == sum(update.job_key == turn.key for _, update in updates)
        if (news := self._news(turn.key)) is not None:
            own.insert(0, news)
        if turn.is_held and self._is_past_wanted(turn, own):
            turn.position, turn.rest = 0, merged(_nothing(turn.key), own, with_events=True)
            return
        span = (spans or {}).get(turn.key)
        if span is not None:
            if turn.rest is None and span.before != turn.position and not self._stands(turn):
                # Its rows are gone, or a new history was begun. The front end has everything up to here, and
                # these events may be among rows that another ftmon has recorded before.
                turn.file, turn.position = recorder.file, span.after
                self._queue.put(turn.session, *own)
                return
            is_next = span.is_exact and span.before == turn.position and is_all
            if is_next and turn.rest is None and not self._queue.is_full:
                turn.position = span.after
            else:
                # The rows are read from the history. Those that were shown already are passed over.
                rest = turn.rest or _nothing(turn.key)
                turn.owed = span.after
                shown = Counter(event.key for update in waiting for event in update.events)
                turn.skipped += shown - Counter(event.key for event in rest.events)
                turn.rest = merged(replace(rest, events=()), own, with_events=False)
                return
        if turn.rest is None:
            self._queue.put(turn.session, *own)
        else:
            # These events are not recorded, and follow the rows.
            turn.rest = merged(turn.rest, own, with_events=True)

    def _catch_up(self) -> None:
        """Hand over the rows after the front end's position as long as there is room."""
        turn, recorder = self._turn, self._recorder
        while turn is not None and turn.rest is not None and not self._queue.is_full:
            batch = recorder.read(partial(_rows, turn.key, turn.position))
            is_new_file = recorder.file != turn.file
            if is_new_file or (batch is not None and not self._has_all(turn, batch)):
                lost = replace(_nothing(turn.key), notice=_LOST)
                turn.rest = merged(turn.rest, [lost], with_events=True)
                turn.owed = 0
            if is_new_file:
                turn.file, turn.position = recorder.file, 0
                continue
            if batch is None and not recorder.is_read_only:
                self._note_failure(turn)
                return
            turn.is_failing = False
            if not batch:
                self._queue.put(turn.session, turn.rest)
                turn.rest = None
                turn.skipped.clear()
                return
            events = tuple([row.event for row in batch if not _skips(turn.skipped, row.event.key)])
            turn.position = batch[-1].number
            if events:
                self._queue.put(turn.session, Update(turn.key, batch[-1].received_at, events))

    def _stands(self, turn: Turn) -> bool:
        """Whether the position is that of a row which is still there."""
        read = self._recorder.read(lambda history: history.stands(turn.key, turn.position))
        return turn.file == self._recorder.file and read is not False

    def _has_all(self, turn: Turn, batch: "list[RecordedEvent]") -> bool:
        """Whether no row was removed before it could be handed over."""
        return self._stands(turn) and (bool(batch) or turn.position >= turn.owed)

    def _is_past_wanted(self, turn: Turn, updates: list[Update]) -> bool:
        """Whether the service has ended without an event, so that all there is of the past is recorded."""
        turn.is_held = not any(update.events for update in updates)
        return turn.is_held and any(each.connection and each.connection.is_over for each in updates)

    def _note_failure(self, turn: Turn) -> None:
        if not turn.is_failing:
            turn.is_failing = True
            notice = "What comes next cannot be read from the history now. It is shown once that works again."
            self._queue.put(turn.session, replace(_nothing(turn.key), notice=notice))

    def _begin(self, turn: Turn, restore: Callable[[Update], object], recorder: "Recorder") -> None:
        self._turn, self._told_unrecorded = turn, 0
        from ftmon.history.reader import PARTIAL

        waiting = recorder.waiting(turn.key)
        past = recorder.read(lambda history: history.past(turn.key))
        turn.file = recorder.file
        if past is not None and (past.job is not None or past.is_partial):
            notice = f"{PARTIAL} It is read from the service again." if past.is_partial else ""
            first = replace(_nothing(turn.key), job=past.job, dialect=past.dialect)
            restore(first)
            self._queue.put(turn.session, replace(first, notice=notice))
        if past is not None and past.is_partial:
            turn.is_held, turn.position = True, past.last
            recorder.begin(turn.key, past.last, anew=True)
            return
        position = 0
        copies: Counter[int] = Counter(event.key for update in waiting for event in update.events)
        while self._queue.session == turn.session and not self._is_closing:
            batch = recorder.read(partial(_rows, turn.key, position))
            if not batch:
                break
            position = batch[-1].number
            update = Update(turn.key, batch[-1].received_at, tuple([row.event for row in batch]))
            # Another ftmon may have recorded what waits here, or this one meanwhile.
            for event in update.events if copies else ():
                _skips(copies, event.key)
            restore(update)
            if turn.rest is None and not self._queue.is_full:
                self._queue.put(turn.session, update)
                turn.position = position
            elif turn.rest is None:
                turn.rest = _nothing(turn.key)
        turn.owed = 0 if past is None else past.last
        if turn.rest is None and position < turn.owed:
            # The run was removed while it was read.
            self._queue.put(turn.session, replace(_nothing(turn.key), notice=_LOST))
        recorder.begin(turn.key, position, anew=False)
        for update in waiting:
            events = tuple([event for event in update.events if _skips(copies, event.key)])
            left = replace(_nothing(turn.key), at=update.at, events=events, job=update.job)
            restore(left)
            if turn.rest is None:
                self._queue.put(turn.session, left)
            else:
                turn.rest = merged(turn.rest, [left], with_events=True)

    def _news(self, key: JobKey) -> Update | None:
        """Return what there is to tell of the history itself; None where there is nothing new."""
        notice, unrecorded, recorder = self._recorder.take_notice(), None, self._recorder
        self.is_read_only = recorder.is_read_only
        if recorder.unrecorded != self._told_unrecorded:
            unrecorded = self._told_unrecorded = recorder.unrecorded
        is_news = notice or unrecorded is not None
        return replace(_nothing(key), notice=notice, unrecorded=unrecorded) if is_news else None


def _rows(key: JobKey, position: int, history: "History") -> "list[RecordedEvent]":
    return history.events(key, after=position)


def _nothing(key: JobKey) -> Update:
    return Update(key, datetime.now(UTC))


def _skips(counts: Counter[int], key: int) -> bool:
    """Count one down and return True, or return False where there is none left."""
    if not counts[key]:
        return False
    counts[key] -= 1
    return True
