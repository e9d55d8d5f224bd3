"""The body of an answer: unpacked as it comes, and bounded in size and time."""

import asyncio
import re
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing

from ftmon.errors import TooLargeError, UnreachableError

_MAX_PIECE = 2**20
_SLOWEST = 1024
"""Bytes a second. Each such piece of a body gives the rest of it one more second."""
_LONGEST = 300.0
"""Seconds that a body may take, however large it is."""


_NEXT = re.compile(r'<([^<>]*)>[^,<]*;\s*rel="?next\b', re.IGNORECASE)
"""The address of the next page in a `Link` header (RFC 8288)."""


class Meter:
    """Counts what a service sends."""

    def __init__(self) -> None:
        self.received = 0
        """Bytes of bodies, as they were sent."""


class Answer:
    """The head of a good answer, whose body is still to be read."""

    def __init__(
        self,
        headers: Mapping[str, str],
        pieces: Callable[[], AsyncGenerator[bytes, None]],
        patience: float,
    ) -> None:
        self.headers = headers
        self.is_unchanged = False
        """The service was asked conditionally, and says that what is known of it is still true."""
        self._pieces = pieces
        self._patience = patience

    @property
    def media_type(self) -> str:
        """In lower case, without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def next_page(self) -> str:
        """The address of the next page in the `Link` header; empty where there is none."""
        match = _NEXT.search(self.headers.get("Link", ""))
        return match[1] if match else ""

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes, in pieces of at most about 1 MiB.

        Raises:
            UnreachableError: when the connection breaks before the end of the body.
        """
        encoding = self.headers.get("Content-Encoding", "identity").strip().lower()
        async with aclosing(self._pieces()) as pieces:
            if encoding in ("", "identity"):
                async for piece in pieces:
                    yield piece
            elif encoding in ("gzip", "x-gzip", "deflate"):
                async with aclosing(_unpacked(pieces)) as unpacked:
                    async for piece in unpacked:
                        yield piece
            else:
                raise UnreachableError("the answer has a Content-Encoding that nobody asked for")

    async def body(self, limit: int) -> bytes:
        """Return the whole body; raises as `rest`."""
        async with aclosing(self.chunks()) as chunks:
            return await self.rest(chunks, limit)

    async def rest(self, chunks: AsyncIterator[bytes], limit: int, start: bytes = b"") -> bytes:
        """Return `start` and all chunks as one body.

        Raises:
            UnreachableError: when it breaks off, trickles, or takes longer than five minutes.
            TooLargeError: when it is larger than `limit` bytes.
        """
        pieces, size = [start], len(start)
        begun_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._patience) as timer:
                async for piece in chunks:
                    pieces.append(piece)
                    size += len(piece)
                    if size > limit:
                        # An error holds on to what is here.
                        pieces.clear()
                        raise TooLargeError(f"the answer is larger than {limit >> 20} MiB")
                    timer.reschedule(begun_at + min(self._patience + size / _SLOWEST, _LONGEST))
        except TimeoutError as error:
            raise UnreachableError("the answer did not end") from error
        return b"".join(pieces)

    async def beginning(self, size: int, seconds: float) -> bytes:
        """Return the first bytes of the body, or what has come of them after some seconds."""
        body = b""
        try:
            async with asyncio.timeout(seconds), aclosing(self.chunks()) as chunks:
                async for piece in chunks:
                    body += piece
                    if len(body) >= size:
                        break
        except TimeoutError:
            pass
        return body[:size]


async def _unpacked(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    inflater = _inflater()
    try:
        async for piece in pieces:
            packed = piece
            while packed:
                if inflater.eof:
                    # A compressed body may have several members, one after another.
                    inflater = _inflater()
                yield inflater.decompress(packed, _MAX_PIECE)
                packed = inflater.unconsumed_tail or inflater.unused_data
    except zlib.error:
        raise UnreachableError("the packed answer is damaged") from None
    if not inflater.eof:
        raise UnreachableError("the packed answer was cut")


def _inflater() -> "zlib._Decompress":
    # Of either kind, gzip or zlib.
    return zlib.decompressobj(zlib.MAX_WBITS | 32)
