"""Looks at the history's file without changing it, not even its permissions.

Where a process was killed, SQLite may add the file of its shared memory beside it, and no more.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from ftmon.errors import HistoryError
from ftmon.history.file import PARTS, is_file, reading, real
from ftmon.history.reader import Reader
from ftmon.history.store import connected

_STEPS = 10_000
"""Instructions of SQLite's between two looks at the time."""


class Inspection(NamedTuple):
    """What a history holds."""

    runs: int
    size: int
    """Bytes, with those of the files beside it."""
    is_checked: bool
    """The whole file was checked, and is sound; otherwise there was not enough time for that."""
    dialect: str
    """The dialect of the last recorded job of the service that was asked for."""


def inspect(path: Path, service: str, seconds: float) -> Inspection:
    """Read what a history holds, and check it for so many seconds at most.

    Raises:
        FileNotFoundError: where nothing is recorded.
        HistoryError: where something else is there.
        sqlite3.Error: where it is damaged, or cannot be read.
    """
    file = real(path)
    if not is_file(file):
        if not file.exists():
            raise FileNotFoundError(path)
        raise HistoryError("it is not a file")
    size = 0
    for part in ("", *PARTS):
        with suppress(OSError):
            size += Path(f"{file}{part}").stat().st_size
    database, _ = connected(file, reading(file))
    with closing(database):
        (runs,) = database.execute("SELECT count(*) FROM jobs").fetchone()
        dialect = Reader(database).dialect_of(service)
        is_checked = _is_checked(database, seconds)
    return Inspection(runs, size, is_checked, dialect)


def _is_checked(database: sqlite3.Connection, seconds: float) -> bool:
    """Check the whole file; False where that takes too long. Raises sqlite3.DatabaseError for damage."""
    deadline = monotonic() + seconds
    database.set_progress_handler(lambda: monotonic() > deadline, _STEPS)
    try:
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return False
    if found != "ok":
        raise sqlite3.DatabaseError(str(found))
    return True
