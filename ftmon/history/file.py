"""The file of the history: what may stand in its place, its permissions, and how it can be opened."""

import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

from ftmon.errors import HistoryError

PARTS = ("-wal", "-shm", "-journal")
"""The endings of the files that SQLite keeps beside a database."""

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}

_O_PATH: int = getattr(os, "O_PATH", 0)
"""Opens a file without the right to read it; 0 where the system has no such thing."""


def real(path: Path) -> Path:
    """Return the path behind all links. SQLite keeps its other files beside that one."""
    # Path.resolve raises RuntimeError for links in a circle. Here, opening the file fails.
    return Path(os.path.realpath(path))


def inode(path: Path) -> int | None:
    """Return the inode of a file, by which a replaced file is noticed; None where there is no file."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def is_file(path: Path) -> bool:
    """Whether this is a regular file, and no link, device or the like."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def make_ready(path: Path, *, create: bool) -> None:
    """Check a real path, create the file if that is wanted, and let only its user read it.

    Raises:
        FileNotFoundError: where there is no file, and none shall be created.
        HistoryError: where something else is there, or the file cannot be reached.
        sqlite3.DatabaseError: where it is no database.
    """
    try:
        if create:
            _create(path)
        found = path.stat()
    except FileNotFoundError:
        if not create:
            raise
        raise HistoryError("it is removed as soon as it is made") from None
    except OSError as error:
        raise HistoryError(error.strerror or str(error)) from error
    if kind := _KINDS.get(stat.S_IFMT(found.st_mode)):
        raise HistoryError(f"it is {kind}, not a file")
    if found.st_size == 1:
        # SQLite takes a file of one byte for an empty one, and would overwrite it.
        damage = sqlite3.DatabaseError("file is not a database")
        damage.sqlite_errorcode = sqlite3.SQLITE_NOTADB
        raise damage
    for part in ("", *PARTS):
        _make_private(Path(f"{path}{part}"))


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _make_private(path: Path) -> None:
    """Let only this user read a regular file of theirs. Anything else keeps its mode."""
    # With O_PATH, because closing any other descriptor of a database drops SQLite's locks on it.
    flags = os.O_RDONLY | _O_PATH | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with suppress(OSError):
        if not _can_be_read_by_others(path.lstat()):
            return
        file = os.open(path, flags)
        try:
            # Asked again, because another file may have taken its place.
            if _can_be_read_by_others(os.fstat(file)):
                if _O_PATH:
                    Path(f"/proc/self/fd/{file}").chmod(0o600)
                else:
                    os.fchmod(file, 0o600)
        finally:
            os.close(file)


def _can_be_read_by_others(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and bool(status.st_mode & 0o077)


WRITING = "mode=rw"


def access(path: Path) -> str:
    """Return the parameters with which SQLite can open a file: to write it, or only to read it."""
    can_write = os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)
    return WRITING if can_write else reading(path)


def reading(path: Path, *, is_alone: bool = False) -> str:
    """Return the parameters with which SQLite only reads a file. `is_alone`: no other process uses it."""
    log = Path(f"{path}-wal")
    is_in_use = not is_alone and Path(f"{path}-shm").exists()
    if log.exists() and (is_in_use or log.stat().st_size):
        return "mode=ro"
    # SQLite opens such a file without a lock and without the files beside it, which it could not create.
    return "mode=ro&immutable=1"


def has_lost_log(path: Path) -> bool:
    """Whether somebody removed the write-ahead log of a history that was not closed.

    SQLite creates the log before the shared memory, and removes it after that.
    """
    log, memory = Path(f"{path}-wal"), Path(f"{path}-shm")
    # The log is looked for twice: another ftmon may open the file meanwhile.
    return not log.exists() and memory.exists() and not log.exists()
