"""Troubles with the history's file: telling damage from a full disk, and setting a damaged file aside."""

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

from ftmon.history.file import PARTS, inode, is_file, real

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Database(sqlite3.Connection):
    """A connection that raises sqlite3.Error for every kind of damage."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run a statement. The first one of a connection reads the schema, and fails if that is damaged."""
        try:
            return super().execute(sql, parameters)
        except UnicodeDecodeError as error:
            # SQLite quotes the damaged part in its message, and Python cannot decode that.
            damage = sqlite3.DatabaseError("malformed database schema")
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage from error


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file is damaged, and not only that it cannot be used now."""
    # The low byte is the error code; the higher ones only add detail.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def lacks_room(error: Exception) -> bool:
    """Whether an error may say that the disk is full. Opening a file then fails with an I/O error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def is_sound(path: Path) -> bool:
    """Check the whole file, which can take long. A file that cannot be read now counts as sound."""
    if not is_file(real(path)):
        return True
    try:
        # Opening it read-only would leave files behind.
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, factory=Database)) as database:
            return bool(database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.Error as error:
        return not is_damage(error)


def set_aside_damaged(path: Path, damaged: int | None, now: datetime) -> Path | None:
    """Rename a file if it still has the inode of the damaged one, and return its new name.

    Returns None where another ftmon has renamed it already.

    Raises:
        OSError: where it cannot be renamed, or another ftmon is renaming it now.
    """
    path = real(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Locked, so that no ftmon renames the new file that another one has just begun.
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_there = is_file(path) and damaged is not None and inode(path) == damaged
        return set_aside(path, now) if is_there else None
    finally:
        os.close(folder)


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file and the files beside it, so that a new one can be begun; return its new name."""
    first = path.with_name(f"{path.name}.corrupt-{now:%Y%m%dT%H%M%SZ}")
    names = chain([first], (first.with_name(f"{first.name}.{number}") for number in count(2)))
    # Renaming would replace what has the name, also the log of a file that is gone.
    kept = next(kept for kept in names if not any(os.path.lexists(f"{kept}{part}") for part in ("", *PARTS)))
    for part in (*PARTS, ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{part}").rename(f"{kept}{part}")
    return kept
