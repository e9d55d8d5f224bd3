"""Records what is watched, and never stands in the way of the watching."""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TypeVar

from ftmon.errors import HistoryError
from ftmon.history.file import inode, is_damage, set_aside_damaged
from ftmon.history.store import EventName, History, RecordedEvent, RecordedRun, name_of
from ftmon.model.event import Event
from ftmon.model.job import JobKey
from ftmon.model.update import Update
from ftmon.text import count

MAX_UNRECORDED = 100_000
"""Events that are kept for a history that cannot be written now, usually about 50 MB of them."""

_T = TypeVar("_T")


class Recorder:
    """Keeps the history, whatever happens to the disk: its troubles become sentences for the user.

    It is used from one thread. Where the history cannot be used, that is tried again every `retry_every`
    seconds, and what was to be recorded meanwhile is kept.
    """

    def __init__(self, path: Path, organization: str | None = None, *, retry_every: float = 60.0) -> None:
        self._path = path
        self._organization = organization
        self._retry_every = retry_every
        self._history: History | None = None
        self._inode: int | None = None
        """Of the file that was opened last."""
        self._unrecorded: deque[Update] = deque()
        self.unrecorded = 0
        """Events that wait to be recorded."""
        self.has_recorded = False
        """Something was recorded, so that what was not is missing beside it."""
        self._lost = 0
        self._is_in_trouble = False
        self._retry_at = 0.0
        self._notices: list[str] = []

    def close(self) -> None:
        """Write what is still to be written, if it can be done now, and close the file."""
        self._write()
        self._close()

    def take_notice(self) -> str:
        """Return what there is to tell the user, once; empty where there is nothing."""
        notice, self._notices = " ".join(self._notices), []
        return notice

    # Writing

    def record(self, update: Update) -> bool:
        """Record what is new in an update, and return whether it can be had from the history now."""
        if not update.events and update.job is None:
            return True
        if update.events or not self._unrecorded or self._unrecorded[-1].job != update.job:
            self._unrecorded.append(update)
        self.unrecorded += len(update.events)
        while max(self.unrecorded, len(self._unrecorded)) > MAX_UNRECORDED:
            dropped = len(self._unrecorded.popleft().events)
            self.unrecorded -= dropped
            self._lost += dropped
        self.retry()
        return not self._unrecorded and self._history is not None and not self._history.is_newer

    def retry(self) -> None:
        """Write what is still to be written, if it is time to try."""
        if self._unrecorded and monotonic() >= self._retry_at:
            self._write()

    def _write(self) -> None:
        if not self._unrecorded or not self._use(self._record):
            return
        self._unrecorded.clear()
        self.unrecorded = 0
        self.has_recorded = True
        if self._is_in_trouble:
            self._is_in_trouble = False
            lost = (
                f"{count(self._lost)} events are missing in it" if self._lost else "nothing is missing in it"
            )
            self._notices.append(f"The history is written again; {lost}.")
            self._lost = 0

    def _record(self, history: History) -> bool:
        if not history.is_newer:
            history.record(list(self._unrecorded), self._organization)
            self._note_newer(history)
        return True

    # Reading

    def past(self, key: JobKey) -> Iterator[Update]:
        """Yield what is recorded of a job, at most 1,000 events at a time; first the job as last read.

        What still waits to be recorded comes last.
        """
        waiting = [update for update in self._unrecorded if update.job_key == key]
        names = {name_of(event) for update in waiting for event in update.events}
        job = self._use(partial(History.job, key=key))
        if job is not None:
            yield Update(key, datetime.now(UTC), job=job)
        for batch in self.events(key):
            events = tuple([recorded.event for recorded in batch])
            # Another ftmon may have recorded it, or this one meanwhile.
            if names:
                names.difference_update(map(name_of, events))
            yield Update(key, batch[-1].received_at, events)
        for update in waiting:
            events = tuple([event for event in update.events if name_of(event) in names])
            if events or update.job is not None:
                yield Update(key, update.at, events, update.job)

    def events(self, key: JobKey) -> Iterator[list[RecordedEvent]]:
        """Yield all events of a job in the order of recording, some at a time."""
        after = 0
        while batch := self._use(partial(History.events, key=key, after=after)):
            yield batch
            after = batch[-1].number

    def runs(self) -> list[RecordedRun]:
        """Return what is known of every job, the last recorded first."""
        return self._use(History.runs) or []

    def recall(self, key: JobKey, names: list[EventName]) -> list[Event] | None:
        """Return recorded events by their names, in this order; None where that may work later."""
        events = self._use(partial(History.recall, key=key, names=names))
        # A file that is open all the same is of a later schema.
        return [] if events is None and self._history is not None else events

    # Troubles

    def set_aside(self, damaged: int | None) -> None:
        """Begin a new history where the file still is the damaged one, which is kept under another name."""
        self._close()
        try:
            kept = set_aside_damaged(self._path, damaged, datetime.now(UTC))
        except OSError as error:
            self._note_trouble(error)
            return
        if kept is not None:
            self._notices.append(
                f"The history is damaged. A new one is begun; the old one is kept as {kept}."
            )

    def _use(self, action: Callable[[History], _T]) -> _T | None:
        """Do something with the history; None where it cannot be used now."""
        for is_last in (False, True):
            try:
                if self._history is not None and self._history.is_replaced:
                    # Another ftmon has set it aside, or somebody has removed it.
                    self._close()
                if self._history is None:
                    self._history = self._opened()
                return action(self._history)
            except (sqlite3.Error, OSError, HistoryError) as error:
                if self._history is not None and self._history.is_newer:
                    # What it holds is beyond this one.
                    return None
                if is_last or not is_damage(error):
                    self._note_trouble(error)
                    break
                # Damage that was met counts: the check of the whole file does not find all of it.
                self.set_aside(self._inode)
        return None

    def _opened(self) -> History:
        # Noted before, because opening it may fail for the damage.
        self._inode = inode(self._path)
        history = History(self._path)
        self._note_newer(history)
        return history

    def _note_newer(self, history: History) -> None:
        if history.is_newer:
            self._notices.append(
                f"The history {self._path} was written by a newer ftmon; "
                "this one leaves it as it is and records nothing."
            )

    def _note_trouble(self, error: Exception) -> None:
        self._close()
        self._retry_at = monotonic() + self._retry_every
        if not self._is_in_trouble:
            self._is_in_trouble = True
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            self._notices.append(
                f"The history cannot be used ({reason}). The watching goes on; "
                "what it shows is recorded as soon as that works again."
            )

    def _close(self) -> None:
        if self._history is not None:
            self._history.close()
            self._history = None
