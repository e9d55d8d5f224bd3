"""The file that the history is: private, checked, and set aside where it is damaged."""

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file, by the ends of the names."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Database(sqlite3.Connection):
    """A connection that raises sqlite3.Error for all damage."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run a statement; the first one of a connection finds what is wrong with the schema."""
        try:
            return super().execute(sql, parameters)
        except UnicodeDecodeError as error:
            # SQLite quotes what it cannot make sense of, and Python cannot read the quotation.
            damage = sqlite3.DatabaseError("malformed database schema")
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage from error


def is_sound(path: Path) -> bool:
    """Check the whole file, which may take long; one that cannot be read now counts as sound."""
    try:
        # Not read-only, which would leave files of its own behind.
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, factory=Database)) as database:
            return bool(database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.Error as error:
        return not is_damage(error)


def is_unchanging(path: Path) -> bool:
    """Whether nobody can write the file, since its file system is read-only, and all is in it.

    SQLite then needs no lock, and none of the files beside it, which it could not make.
    """
    if not os.statvfs(path.parent).f_flag & os.ST_RDONLY:
        return False
    log = Path(f"{path}-wal")
    return not log.exists() or log.stat().st_size == 0


def is_damage(error: Exception) -> bool:
    """Whether the file itself is damaged, and not only out of reach."""
    # The low byte is the kind; what stands above it tells it apart further.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def inode(path: Path) -> int | None:
    """Return what tells a file from one that takes its place; None where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def set_aside_damaged(path: Path, damaged: int | None, now: datetime) -> Path | None:
    """Set a file aside if it still is the one found damaged, by its inode, and return its new name.

    None where another ftmon has done so.

    Raises:
        OSError: where it cannot be renamed, or another ftmon is about to.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # One ftmon at a time, so that none sets aside what another one has just begun anew.
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return set_aside(path, now) if damaged is not None and inode(path) == damaged else None
    finally:
        os.close(folder)


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file, and what belongs to it, so that a new one can be begun; return its new name."""
    name = f"{path.name}.corrupt-{now:%Y%m%dT%H%M%SZ}"
    names = (path.with_name(f"{name}{again}") for again in ("", *(f".{number}" for number in range(2, 1000))))
    kept = next(kept for kept in names if not kept.exists())
    for part in (*_BESIDE, ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{part}").rename(f"{kept}{part}")
    return kept


def make_private(path: Path) -> None:
    """Make the file where there is none: what services say of jobs is nobody else's business."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    # It may have been copied here with the rights of all files. Where it is not ours, nothing can be done.
    with suppress(OSError):
        path.parent.chmod(0o700)
        for part in ("", *_BESIDE):
            with suppress(FileNotFoundError):
                Path(f"{path}{part}").chmod(0o600)
