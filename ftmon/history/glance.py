"""A glance at what is recorded of a job, for the picture at the start. It waits for nobody."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from time import thread_time
from typing import NamedTuple

from ftmon.history import row
from ftmon.history.file import is_file, reading, real
from ftmon.history.reader import Reader
from ftmon.history.schema import is_current
from ftmon.model.event import Event
from ftmon.model.job import Job
from ftmon.model.key import JobKey

_LONGEST = 0.03
"""Seconds of CPU time after which no further event is read."""


class Glance(NamedTuple):
    """A job, and the last of its events."""

    job: Job | None
    """The last reading, or None."""
    dialect: str
    events: list[Event]
    total: int
    """How many events are recorded."""
    first_at: datetime | None
    """The time of the first of them."""


def glance(path: Path, key: JobKey, most: int) -> Glance | None:
    """Return a job and at most so many of its last events.

    None where the history does not know the job, lacks some of its events, or cannot be read at once.
    """
    try:
        file = real(path)
        if not is_file(file):
            return None
        # Without a log, only a lock tells that somebody writes.
        options = reading(file) if _has_log(file) else "mode=ro"
        address = f"{file.as_uri()}?{options}"
        with closing(sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)) as database:
            database.text_factory = row.text
            return _glance(database, key, most)
    except (OSError, sqlite3.Error):
        return None


def _has_log(file: Path) -> bool:
    """Whether a database has a write-ahead log (https://www.sqlite.org/fileformat.html, 1.3)."""
    with file.open("rb") as content:
        content.seek(18)
        return content.read(1) == b"\x02"


def _glance(database: sqlite3.Connection, key: JobKey, most: int) -> Glance | None:
    database.execute("BEGIN")
    if not is_current(database):
        return None
    reader = Reader(database)
    past = reader.past(key)
    if past.is_partial or not (past.job or past.last):
        return None
    events: list[Event] = []
    started = thread_time()
    for event in reader.last_events(key):
        events.append(event)
        if len(events) == most or thread_time() - started > _LONGEST:
            break
    first = reader.events(key, limit=1)
    return Glance(
        past.job, past.dialect, events[::-1], reader.count(key), first[0].event.created_at if first else None
    )
