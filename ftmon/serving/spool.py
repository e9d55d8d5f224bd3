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

    The lines lie between two texts, so that a block of them can be sent as it is.
    """

    def __init__(self, before: bytes = b"", end: bytes = b"\n") -> None:
        self._before = before
        self._end = end
        self._firsts: list[int] = []
        """The number of the first line of each block."""
        self._blocks: list[_Stored | bytes] = []
        self._newest: list[bytes] = []
        """The lines behind the last block."""
        self._bytes = 0
        """Of the newest lines."""
        self._stored = 0
        """Lines in the blocks, and their bytes."""
        self._stored_bytes = 0

    def __len__(self) -> int:
        """Return how many lines there are."""
        return self._stored + len(self._newest)

    @property
    def size(self) -> int:
        """Bytes of all lines, with what they lie between."""
        return self._stored_bytes + self._bytes

    def append(self, *lines: bytes) -> None:
        """Add lines, none of which has the text of an end in it."""
        more = len(self._before) + len(self._end)
        for line in lines:
            self._newest.append(line)
            self._bytes += len(line) + more
            # However many lines are added at once, a block is no longer than a client may have on its way.
            if self._bytes >= _BLOCK:
                self._store()

    def block(self, number: int) -> tuple[int, list[bytes]]:
        """Return the lines that lie together with the one of this number, and the number of their first."""
        if number >= self._stored:
            return self._stored, self._newest
        place = bisect_right(self._firsts, number) - 1
        data = self._block(place)
        between = self._end + self._before
        return self._firsts[place], data[len(self._before) : -len(self._end)].split(between)

    def read(self, start: int) -> list[bytes]:
        """Return the lines from this number on that lie together; none behind the last."""
        first, lines = self.block(start)
        return lines[start - first :]

    def piece(self, start: int) -> tuple[bytes, int]:
        """Return the lines from this number on that lie together as one text, and how many these are."""
        place = bisect_right(self._firsts, start) - 1
        if place < 0 or self._firsts[place] != start:
            lines = self.read(start)
            return self._joined(lines), len(lines)
        after = self._firsts[place + 1] if place + 1 < len(self._firsts) else self._stored
        return self._block(place), after - start

    def pieces(self) -> Iterator[bytes]:
        """Yield all lines there are as texts."""
        done = 0
        while done < len(self):
            data, count = self.piece(done)
            done += count
            yield data

    def _store(self) -> None:
        """Make a block of the newest lines."""
        self._firsts.append(self._stored)
        self._blocks.append(_stored(self._joined(self._newest)))
        self._stored += len(self._newest)
        self._stored_bytes += self._bytes
        self._newest, self._bytes = [], 0

    def _block(self, place: int) -> bytes:
        block = self._blocks[place]
        return block if isinstance(block, bytes) else os.pread(_file(), block.size, block.offset)

    def _joined(self, lines: list[bytes]) -> bytes:
        """Return lines as one text."""
        return self._before + (self._end + self._before).join(lines) + self._end if lines else b""


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
