"""Reads a file that another program writes: what is new, and whether the file begins anew."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from ftmon.errors import UsageError

_AT_ONCE = 1 << 16
"""Bytes of one reading, so that a large file leaves others their turn: some 10 ms of lines."""

_MARK = 256
"""Bytes before the offset that are compared: another file of the same name has others there."""

_LONGEST = 8 << 20
"""Characters of a line. A longer one is passed over to its end."""


class Reading(NamedTuple):
    """What one reading of a file brought."""

    data: bytes = b""
    is_anew: bool = False
    """The file was replaced, emptied or rewritten: `data` is its beginning."""


class GrowingFile:
    """Reads a regular file from its beginning on, and from its new beginning where it is another file now.

    Times play no part in that, because clocks are put back and some file systems keep coarse ones.
    """

    def __init__(self, path: Path, *, follow_links: bool = True) -> None:
        self.path = path
        self._follow_links = follow_links
        self.is_at_end = False
        """The last reading has come to the end of what is written."""
        self.changed_at = 0.0
        """When the file was written last: seconds since 1970, by the clock of its file system."""
        self._inode: tuple[int, int] | None = None
        self._offset = 0
        self._mark = b""
        """The last bytes before the offset."""
        self._seen: tuple[int, int] | None = None
        """Size and time of change at the last reading that came to the end."""

    def read(self) -> Reading:
        """Return what is new, a part of it at a time.

        A file that is gone brings nothing: it may be replaced in a moment.

        Raises:
            UsageError: for what is no regular file, or cannot be read.
        """
        try:
            # All that it takes as long as nothing changes.
            if self._is_seen(self.path.stat(follow_symlinks=self._follow_links)):
                return Reading()
            descriptor = open_regular(self.path, follow_links=self._follow_links)
        except FileNotFoundError:
            self.is_at_end = True
            return Reading()
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}.") from error
        try:
            return self._read(descriptor, os.fstat(descriptor))
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}.") from error
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int, status: os.stat_result) -> Reading:
        inode, now = (status.st_dev, status.st_ino), (status.st_size, status.st_mtime_ns)
        self.changed_at = status.st_mtime
        is_same = inode == self._inode and status.st_size >= self._offset and self._is_marked(descriptor)
        is_anew = not is_same and self._offset > 0
        if not is_same:
            self._offset, self._mark = 0, b""
        self._inode = inode
        data = os.pread(descriptor, _AT_ONCE, self._offset)
        self._offset += len(data)
        self._mark = (self._mark + data)[-_MARK:]
        self.is_at_end = len(data) < _AT_ONCE
        self._seen = now if self.is_at_end else None
        return Reading(data, is_anew)

    def _is_seen(self, status: os.stat_result) -> bool:
        """Whether the file is as it was at the last reading that came to its end."""
        is_same = (status.st_dev, status.st_ino) == self._inode
        return is_same and (status.st_size, status.st_mtime_ns) == self._seen

    def _is_marked(self, descriptor: int) -> bool:
        return os.pread(descriptor, len(self._mark), self._offset - len(self._mark)) == self._mark


def open_regular(path: Path, *, follow_links: bool = True) -> int:
    """Open a regular file for reading, without waiting for a pipe or a device, and return its descriptor.

    Raises:
        FileNotFoundError: where there is none.
        UsageError: for what is no regular file, or cannot be opened.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags if follow_links else flags | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UsageError(f"{path} is no regular file.")
    return descriptor


def head_of(path: Path, size: int = 65_536) -> bytes:
    """Return the first bytes of a file; raises as `open_regular`."""
    descriptor = open_regular(path)
    try:
        return os.read(descriptor, size)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    finally:
        os.close(descriptor)


class LineSplitter:
    """Splits text into lines, however it is cut. A line without its end is not complete."""

    def __init__(self) -> None:
        self._pending: list[str] = []
        self._size = 0
        """Characters of the pending line."""

    @property
    def pending(self) -> str:
        """The line that is not complete yet; empty for one that is too long."""
        return "".join(self._pending)

    def feed(self, text: str) -> list[str | None]:
        """Return the lines that are complete now, without their ends; None for one that is too long."""
        first, *others = text.split("\n")
        self._hold(first)
        if not others:
            return []
        complete = [None if self._size > _LONGEST else self.pending, *map(_bounded, others[:-1])]
        self._pending, self._size = [], 0
        self._hold(others[-1])
        return complete

    def _hold(self, piece: str) -> None:
        self._size += len(piece)
        if self._size > _LONGEST:
            self._pending.clear()
        else:
            self._pending.append(piece)


def _bounded(line: str) -> str | None:
    return line if len(line) <= _LONGEST else None
