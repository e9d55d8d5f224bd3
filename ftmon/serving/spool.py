"""Keeps what a job tells outside of memory, because a run may tell a million times."""

import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import NamedTuple

_BLOCK = 65_536
"""Bytes that are stored together, and are read at once."""


class _Stored(NamedTuple):
    """Where a block lies in the temporary file."""

    offset: int
    size: int


class Spool:
    """Lines of bytes by their numbers, in the order in which they came.

    All but the newest 64 KiB lie in a temporary file, in blocks. A line there takes no memory of its own.
    Where there is no room for a file, blocks stay in memory.
    """

    def __init__(self) -> None:
        self._firsts: list[int] = []
        """The number of the first line of each block."""
        self._blocks: list[_Stored | bytes] = []
        self._newest: list[bytes] = []
        """The lines behind the last block."""
        self._bytes = 0
        """Of the newest lines."""
        self._count = 0
        self.size = 0
        """Bytes of all lines, with their ends."""

    def __len__(self) -> int:
        """Return how many lines there are."""
        return self._count

    def append(self, line: bytes) -> None:
        """Add a line, which has no line end in it."""
        self._newest.append(line)
        self._bytes += len(line) + 1
        self.size += len(line) + 1
        self._count += 1
        if self._bytes >= _BLOCK:
            self._firsts.append(self._count - len(self._newest))
            self._blocks.append(_stored(b"\n".join(self._newest)))
            self._newest, self._bytes = [], 0

    def block(self, number: int) -> tuple[int, list[bytes]]:
        """Return the lines that lie together with the one of this number, and the number of their first."""
        newest = self._count - len(self._newest)
        if number >= newest:
            return newest, self._newest
        place = bisect_right(self._firsts, number) - 1
        block = self._blocks[place]
        data = block if isinstance(block, bytes) else os.pread(_file(), block.size, block.offset)
        return self._firsts[place], data.split(b"\n")

    def read(self, start: int) -> list[bytes]:
        """Return the lines from this number on that lie together; none behind the last."""
        first, lines = self.block(start)
        return lines[start - first :]

    def parts(self) -> Iterator[list[bytes]]:
        """Yield all lines there are, those at once that lie together."""
        done = 0
        while done < self._count:
            lines = self.read(done)
            done += len(lines)
            yield lines


def _stored(block: bytes) -> _Stored | bytes:
    """Store a block behind the others; return the block itself where there is no room for it."""
    with suppress(OSError):
        offset = os.lseek(_file(), 0, os.SEEK_END)
        if os.write(_file(), block) == len(block):
            return _Stored(offset, len(block))
    return block


@cache
def _file() -> int:
    """Return a file of this process, which has no name and goes with it; raises OSError."""
    with tempfile.TemporaryFile(buffering=0) as file:
        return os.dup(file.fileno())
