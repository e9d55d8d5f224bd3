"""Records what is watched. Trouble with the history never stops the watching."""

import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from time import monotonic
from typing import TypeVar

from ftmon.errors import HistoryError
from ftmon.history.damage import is_damage, lacks_room, set_aside_damaged
from ftmon.history.file import inode
from ftmon.history.store import History, Span, Standing
from ftmon.model.key import JobKey
from ftmon.model.update import Update
from ftmon.text import count

MAX_UNRECORDED = 100_000
"""Events to keep while the history cannot be written, usually about 50 MB."""

_T = TypeVar("_T")


def lost_log(path: Path) -> str:
    """Return what to tell of a history that has lost its write-ahead log."""
    return (
        f"The log of the history, {path}-wal, was removed while it was in use; "
        "the last events that were recorded may be missing"
    )


class Recorder:
    """Writes the history, and turns its troubles into notices for the user.

    Use it from one thread. While the history cannot be written, updates are kept, and writing is tried again
    every `retry_every` seconds.
    """

    def __init__(self, path: Path, organization: str | None = None, *, retry_every: float = 60.0) -> None:
        self._path = path
        self._organization = organization
        self._retry_every = retry_every
        self._history: History | None = None
        self._inode: int | None = None
        """The inode of the file that was opened last."""
        self._unrecorded: deque[Update] = deque()
        self.unrecorded = 0
        """How many events wait to be recorded."""
        self.has_recorded = False
        """Something was recorded, so the history would be incomplete without the events that wait."""
        self._lost = 0
        self._standings: dict[JobKey, Standing] = {}
        self._is_in_trouble = False
        self._retry_at = 0.0
        self._notices: list[str] = []

    @property
    def file(self) -> int | None:
        """Tells one file from one that takes its place: the inode of the file that was opened last."""
        return self._inode

    def close(self) -> None:
        """Write what waits, if that works now, and close the file."""
        self._write()
        self._close()

    def take_notice(self) -> str:
        """Return the new notices for the user, each once; empty where there are none."""
        notice, self._notices = " ".join(self._notices), []
        return notice

    # Writing

    def begin(self, key: JobKey, position: int, *, anew: bool) -> None:
        """Record a job from a position on, up to which its rows were shown, or record all of it anew."""
        before = self._standings.get(key, Standing())
        reached = inf if before.reached == inf else position
        self._standings[key] = Standing(reached, position if anew else 0)

    def record(self, updates: list[Update]) -> dict[JobKey, Span] | None:
        """Record the new events and job readings of these updates.

        Returns the span of each job that was written, of everything that waited too. Returns None where the
        history cannot be written now; the updates wait then. Where nothing is recorded at all
        (`is_read_only`) there are no spans, and nothing waits.
        """
        updates = [update for update in updates if update.events or update.job is not None]
        if not updates:
            return {}
        for update in updates:
            self._keep(update)
        spans = self.retry()
        return None if self._unrecorded else spans

    def retry(self) -> dict[JobKey, Span]:
        """Write what waits, if it is time to try again, and return the spans that were written."""
        return self._write() if self._unrecorded and monotonic() >= self._retry_at else {}

    def waiting(self, key: JobKey) -> list[Update]:
        """Return the updates of a job that wait to be recorded, oldest first."""
        return [update for update in self._unrecorded if update.job_key == key]

    def _keep(self, update: Update) -> None:
        last = self._unrecorded[-1] if self._unrecorded else None
        # Repeated readings of an unchanged job are kept once.
        if update.events or last is None or (last.job_key, last.job) != (update.job_key, update.job):
            self._unrecorded.append(update)
        self.unrecorded += len(update.events)
        while max(self.unrecorded, len(self._unrecorded)) > MAX_UNRECORDED:
            dropped = self._unrecorded.popleft()
            self.unrecorded -= len(dropped.events)
            self._lost += len(dropped.events)
            if dropped.events:
                self._standings[dropped.job_key] = Standing(inf)

    def _write(self) -> dict[JobKey, Span]:
        try:
            spans = self._use(self._record) if self._unrecorded else None
        except (sqlite3.Error, HistoryError) as error:
            self._note_trouble(error)
            return {}
        if spans is None:
            return {}
        self._unrecorded.clear()
        self.unrecorded = 0
        if self.is_read_only:
            return spans
        self.has_recorded = True
        if self._is_in_trouble:
            self._is_in_trouble = False
            lost = f"{count(self._lost)} events are missing" if self._lost else "nothing is missing"
            self._notices.append(f"The history is written again; {lost} in it.")
            self._lost = 0
        return spans

    def _record(self, history: History) -> dict[JobKey, Span]:
        is_writable = not history.obstacle
        spans = history.record(list(self._unrecorded), self._organization, self._standings)
        for key, span in spans.items():
            standing = self._standings.get(key, Standing())
            is_cut = span.before < standing.reached
            self._standings[key] = Standing(span.after, 0 if is_cut else standing.moved)
        if is_writable:
            self._note_obstacle(history)
        return spans

    # Reading

    @property
    def is_read_only(self) -> bool:
        """Nothing is recorded in the open file, and what cannot be read of it now never can be."""
        return self._history is not None and bool(self._history.obstacle)

    def read(self, action: Callable[[History], _T]) -> _T | None:
        """Call an action with the history and return its result; None where it cannot be read now.

        A damaged file is set aside, and the action is called with a new one.
        """
        try:
            return self._use(action)
        except (sqlite3.Error, HistoryError) as error:
            self._note_trouble(error)
            return self._read_on_full_disk(action) if lacks_room(error) else None

    def _use(self, action: Callable[[History], _T]) -> _T | None:
        """Do as `read`; raise the error where the history cannot be used now."""
        try:
            return self._use_once(action)
        except (sqlite3.Error, HistoryError) as error:
            if self._history is not None and self._history.is_newer:
                # This ftmon cannot read its schema, which is no damage.
                return None
            # A damaged file that cannot be written is for its owner to mend.
            if self.is_read_only or not is_damage(error):
                raise
            # Damage found in use counts, because the check of the whole file does not find all damage.
            self.set_aside(self._inode)
        return self._use_once(action)

    def _use_once(self, action: Callable[[History], _T]) -> _T:
        if self._history is not None and self._history.is_replaced:
            # Another ftmon has set the file aside, or the user has removed it.
            self._close()
        if self._history is None:
            self._history = self._opened()
        return action(self._history)

    def _read_on_full_disk(self, action: Callable[[History], _T]) -> _T | None:
        """Read in a history that can be opened for nothing else, and close it before there is room again."""
        try:
            with closing(History(self._path, create=False)) as history:
                return action(history)
        except (FileNotFoundError, sqlite3.Error, HistoryError):
            return None

    # Troubles

    def set_aside(self, damaged: int | None) -> None:
        """Rename the file if it still has the inode of the damaged one, so that a new history is begun."""
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

    def _opened(self) -> History:
        # Noted first, because opening a damaged file can fail.
        self._inode = inode(self._path)
        history = History(self._path)
        self._inode = inode(self._path)
        if history.has_lost_log:
            self._notices.append(f"{lost_log(self._path)}.")
        self._note_obstacle(history)
        return history

    def _note_obstacle(self, history: History) -> None:
        if history.obstacle:
            self._notices.append(f"The history {self._path} {history.obstacle}; nothing is recorded in it.")

    def _note_trouble(self, error: Exception) -> None:
        self._close()
        self._retry_at = monotonic() + self._retry_every
        if not self._is_in_trouble:
            self._is_in_trouble = True
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            self._notices.append(
                f"The history cannot be used ({reason}). The watching goes on, "
                "and is recorded as soon as the history can be used again."
            )

    def _close(self) -> None:
        if self._history is not None:
            self._history.close()
            self._history = None
