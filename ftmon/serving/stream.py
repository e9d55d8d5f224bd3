"""A stream of server-sent events that can break off, as those of real services do."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import cycle
from uuid import UUID

from starlette.responses import StreamingResponse
from starlette.types import Send

from ftmon import json_text
from ftmon.serving.api import Fields, Query, Stream
from ftmon.serving.event import ENDED
from ftmon.serving.job import ServedJob
from ftmon.serving.spool import Spool

HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache"}
"""The headers of a stream."""

_AT_ONCE = 500
"""Frames that are made before others have their turn."""

_CHUNKS = 4
"""Chunks that are sent before others have their turn: more than come of the part of a file that is read, and
fewer than asyncio warns of where the client has left."""


class BrokenOffError(Exception):
    """The stream ends before the job is over, or is cut."""


_BEFORE, _END = b"data: ", b"\n\n"
"""What a frame is sent between."""


class Frames:
    """The frames of a job's events in one stream. Each is made once, for all who read the stream."""

    def __init__(self, stream: Stream, job: ServedJob) -> None:
        self._stream = stream
        self._job = job
        self._made = Spool(_BEFORE, _END)

    async def read(self, start: int, most: int | None) -> tuple[bytes, int]:
        """Return frames from this event on as they are sent, and how many; the job has this event."""
        while (made := len(self._made)) <= start:
            events = self._job.events[made : made + _AT_ONCE]
            self._made.append(*_json_lines(map(self._stream.frame, events)))
            if len(self._made) <= start:
                await asyncio.sleep(0)
        if most is None:
            return self._made.piece(start)
        lines = self._made.read(start)[:most]
        return _sent(lines), len(lines)


class Streams:
    """The streams of one API, which can break off, so that a client shows how it resumes.

    With `cut_after`, each stream is cut after this many events that no earlier stream has sent, so each gets
    further than the last, and one reaches the end.
    """

    def __init__(self, stream: Stream, cut_after: int | None) -> None:
        self._stream = stream
        self._cut_after = cut_after
        self._most_sent = 0
        self._frames: dict[UUID, Frames] = {}

    async def chunks(self, job: ServedJob, query: Query) -> AsyncIterator[bytes]:
        """Yield the stream of a job, as many frames at once as there are.

        Raises:
            BrokenOffError: after the last frame, where the stream is not whole.
        """
        stream = self._stream
        cut_at = self._most_sent + self._cut_after if self._cut_after else None
        if head := stream.head(job):
            yield _sent(_json_lines(head))
        frames = self._frames.setdefault(job.key, Frames(stream, job))
        sent = stream.start(job, query)
        while await job.has_more(sent):
            piece, count = await frames.read(sent, None if cut_at is None else cut_at - sent)
            yield piece
            sent += count
            self._most_sent = max(self._most_sent, sent)
            if sent == cut_at:
                raise BrokenOffError
        if not job.is_final and job.status != ENDED:
            raise BrokenOffError
        if stream.end and job.is_final:
            yield stream.end.encode()


def _json_lines(objects: Iterable[Fields]) -> list[bytes]:
    return json_text.encode_lines(objects).split(b"\n")[:-1]


def _sent(frames: list[bytes]) -> bytes:
    """Return frames as they are sent."""
    return _BEFORE + (_END + _BEFORE).join(frames) + _END


class EventStream(StreamingResponse):
    """Server-sent events.

    If they break off, the last chunk is not sent and the server drops the connection. The client sees an
    incomplete response, as it often did from the real service.
    """

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        super().__init__(chunks, headers=HEADERS)

    async def stream_response(self, send: Send) -> None:
        """Send the chunks, and that they are over only after all of them."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            turns = cycle(range(_CHUNKS))
            async for chunk in self.body_iterator:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if next(turns) == 0:
                    # The past is at hand, and nothing waits on the way: let the server see who has left.
                    await asyncio.sleep(0)
        except BrokenOffError:
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
