"""The file of the history: its permissions, the check for damage, and setting a damaged file aside."""

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

_BESIDE = ("-wal", "-shm", "-journal")
"""The endings of the files that SQLite keeps beside a database."""

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


def is_sound(path: Path) -> bool:
    """Check the whole file, which can take long. A file that cannot be read now counts as sound."""
    try:
        # Opening it read-only would leave files behind.
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, factory=Database)) as database:
            return bool(database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.Error as error:
        return not is_damage(error)


def is_unchanging(path: Path) -> bool:
    """Whether the file is on a read-only file system and has no write-ahead log to read.

    SQLite can then open it without a lock and without the files beside it, which it could not create.
    """
    if not os.statvfs(path.parent).f_flag & os.ST_RDONLY:
        return False
    log = Path(f"{path}-wal")
    return not log.exists() or log.stat().st_size == 0


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file is damaged, and not only that it cannot be used now."""
    # The low byte is the error code; the higher ones only add detail.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def inode(path: Path) -> int | None:
    """Return the inode of a file, by which a replaced file is noticed; None where there is no file."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def set_aside_damaged(path: Path, damaged: int | None, now: datetime) -> Path | None:
    """Rename a file if it still has the inode of the damaged one, and return its new name.

    Returns None where another ftmon has renamed it already.

    Raises:
        OSError: where it cannot be renamed, or another ftmon is renaming it now.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Locked, so that no ftmon renames the new file that another one has just begun.
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return set_aside(path, now) if damaged is not None and inode(path) == damaged else None
    finally:
        os.close(folder)


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file and the files beside it, so that a new one can be begun; return its new name."""
    name = f"{path.name}.corrupt-{now:%Y%m%dT%H%M%SZ}"
    names = (path.with_name(f"{name}{again}") for again in ("", *(f".{number}" for number in range(2, 1000))))
    kept = next(kept for kept in names if not kept.exists())
    for part in (*_BESIDE, ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{part}").rename(f"{kept}{part}")
    return kept


def make_private(path: Path) -> None:
    """Create the file where there is none, and let only its user read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    # A copied file may be readable by others. Where it belongs to another user, its mode cannot be changed.
    with suppress(OSError):
        path.parent.chmod(0o700)
        for part in ("", *_BESIDE):
            with suppress(FileNotFoundError):
                Path(f"{path}{part}").chmod(0o600)
