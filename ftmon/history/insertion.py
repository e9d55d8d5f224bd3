"""Inserts events into the history.

Another thread can be busy while this one writes. Each step of SQLite gives up the GIL and then waits for it,
up to 5 ms. So events are inserted many at a time, by a few statements of fixed sizes.
"""

import sqlite3
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

from ftmon.json_text import in_ascii
from ftmon.model.event import Event

_SIZES = tuple(2**power for power in range(11, -1, -1))
"""Rows of one statement, as far as SQLite allows so many parameters."""

_COLUMNS = "INSERT INTO events (number, job, key, ordinal, received_at, sent)"
_WIDTH = 5
"""Parameters of a row: number, job, key, received_at, sent."""

_INSERT_COPY = f"""{_COLUMNS} VALUES (?, ?, ?,
    min(?, 1 + (SELECT coalesce(max(ordinal), 0) FROM events WHERE job = ? AND key = ?)), ?, ?)
    ON CONFLICT"""
"""Inserts an event that has the same key as an earlier one.

The ordinals of a key have no gaps. When a run is removed while an ftmon watches it, that ftmon goes on with
higher ordinals. Another ftmon counts the rows that it finds and would take the missing copies for these.
"""


class Insertion:
    """Inserts events of one job in the order given, inside a transaction; those already there are skipped.

    Those up to the number `moved` are moved to the end instead. So a run of which events are missing comes
    into its order when all of it is read again.
    """

    def __init__(self, database: sqlite3.Connection, job: int, last: int, moved: int = 0) -> None:
        self._else = (
            f"(job, key, ordinal) DO UPDATE SET number = excluded.number WHERE number <= {moved}"
            if moved
            else "DO NOTHING"
        )
        self.last = last
        """The highest number given so far. An event that is skipped leaves a gap."""
        self.count = 0
        """How many rows were inserted or moved."""
        self._database = database
        most = database.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // _WIDTH
        self._sizes = [size for size in _SIZES if size <= most]
        self._job = job
        self._values: list[bytes | float | str] = []
        """The parameters of the rows that are held back."""

    def add(self, events: tuple[Event, ...], received_at: float) -> None:
        """Insert events, or hold them back until a large statement is full or `flush` is called."""
        for event in events:
            if event.ordinal > 1:
                self.flush()
                self._insert_copy(event, received_at)
            else:
                self.last += 1
                self._values += (self.last, self._job, event_key(event), received_at, in_ascii(event.raw))
        self._write(self._sizes[:1])

    def flush(self) -> None:
        """Insert all events that were added."""
        self._write(self._sizes)

    def _write(self, sizes: list[int]) -> None:
        start, end = 0, len(self._values)
        for size in sizes:
            while end - start >= size * _WIDTH:
                values = self._values[start : start + size * _WIDTH]
                self.count += self._database.execute(_insert(size, self._else), values).rowcount
                start += size * _WIDTH
        del self._values[:start]

    def _insert_copy(self, event: Event, received_at: float) -> None:
        self.last += 1
        job, key = self._job, event_key(event)
        values = (self.last, job, key, event.ordinal, job, key, received_at, in_ascii(event.raw))
        self.count += self._database.execute(f"{_INSERT_COPY} {self._else}", values).rowcount


@lru_cache(maxsize=64)
def _insert(size: int, otherwise: str) -> str:
    return f"{_COLUMNS} VALUES {', '.join(['(?, ?, ?, 1, ?, ?)'] * size)} ON CONFLICT {otherwise}"


def event_key(event: Event) -> bytes:
    """Return the key that identifies an event of a job, with its ordinal, in every process.

    It is the event's time in seconds since 1970, then a digest of its identity. The time comes first so that
    new keys go to the end of the index, which is more than twice as fast. It is 0 for an event with an id of
    its own, because the time of such an event may change.
    """
    digest = blake2b(event.identity, digest_size=8).digest()
    if event.created_at is None or event.is_identified:
        return _NO_TIME + digest
    return _seconds(event.created_at) + digest


_NO_TIME = bytes(5)


@lru_cache(maxsize=1024)
def _seconds(time: datetime) -> bytes:
    return int(time.timestamp()).to_bytes(5, "big")
