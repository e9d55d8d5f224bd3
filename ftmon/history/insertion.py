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

_SIZES = tuple(2**power for power in range(8, -1, -1))
"""Rows of one statement. 256 rows have 770 parameters; old versions of SQLite allow 999."""

_COLUMNS = "INSERT INTO events (number, job, key, ordinal, received_at, sent)"
_WIDTH = 3
"""Parameters of a row: key, received_at, sent. The last number, ?1, and the job, ?2, are given once."""


def _statement(size: int) -> str:
    rows = ", ".join(f"(?1 + {row}, ?2, ?, 1, ?, ?)" for row in range(1, size + 1))
    return f"{_COLUMNS} VALUES {rows} ON CONFLICT DO NOTHING"


_INSERT = {size: _statement(size) for size in _SIZES}

_INSERT_COPY = f"""{_COLUMNS} VALUES (?1 + 1, ?2, ?3,
    min(?4, 1 + (SELECT coalesce(max(ordinal), 0) FROM events WHERE job = ?2 AND key = ?3)), ?5, ?6)
    ON CONFLICT DO NOTHING"""
"""Inserts an event that has the same key as an earlier one.

The ordinals of a key have no gaps. When a run is removed while an ftmon watches it, that ftmon goes on with
higher ordinals. Another ftmon counts the rows that it finds and would take the missing copies for these.
"""


class Insertion:
    """Inserts events of one job in the order given, inside a transaction; those already there are skipped."""

    def __init__(self, database: sqlite3.Connection, job: int, last: int) -> None:
        self.last = last
        """The highest number given so far. An event that is skipped leaves a gap."""
        self.count = 0
        """How many rows were inserted."""
        self._database = database
        self._job = job
        self._values: list[bytes | float | str] = []

    def add(self, events: tuple[Event, ...], received_at: float) -> None:
        """Insert events, or hold them back until a large statement is full or `flush` is called."""
        for event in events:
            if event.ordinal > 1:
                self.flush()
                self._insert_copy(event, received_at)
            else:
                self._values += (event_key(event), received_at, in_ascii(event.raw))
        self._write(_SIZES[:1])

    def flush(self) -> None:
        """Insert all events that were added."""
        self._write(_SIZES)

    def _write(self, sizes: tuple[int, ...]) -> None:
        start, end = 0, len(self._values)
        for size in sizes:
            while end - start >= size * _WIDTH:
                values = self._values[start : start + size * _WIDTH]
                self.count += self._database.execute(_INSERT[size], (self.last, self._job, *values)).rowcount
                self.last += size
                start += size * _WIDTH
        del self._values[:start]

    def _insert_copy(self, event: Event, received_at: float) -> None:
        values = (self.last, self._job, event_key(event), event.ordinal, received_at, in_ascii(event.raw))
        self.count += self._database.execute(_INSERT_COPY, values).rowcount
        self.last += 1


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
