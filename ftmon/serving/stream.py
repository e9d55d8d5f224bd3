"""A stream of server-sent events that can break off, as those of real services do."""

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse
from starlette.types import Send

from ftmon.serving.api import Query, Stream
from ftmon.serving.job import ENDED, ServedJob

HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache"}
"""The headers of a stream."""


class BrokenOffError(Exception):
    """The stream ends before the job is over, or is cut."""


class Cuts:
    """Breaks streams off, so that a client can show how it resumes.

    Each stream is cut after this many events that no earlier stream has sent, so each gets further than the
    last, and one reaches the end.
    """

    def __init__(self, after: int | None) -> None:
        self._after = after
        self._most_sent = 0

    async def frames(self, stream: Stream, job: ServedJob, query: Query) -> AsyncIterator[str]:
        """Yield the frames of a stream.

        Raises:
            BrokenOffError: after the last frame, where the stream is not whole.
        """
        cut_at = self._most_sent + self._after if self._after else None
        for fields in stream.head(job):
            yield _frame(fields)
        sent = stream.start(job, query)
        async for event in job.follow(sent):
            yield _frame(stream.frame(event))
            sent += 1
            self._most_sent = max(self._most_sent, sent)
            if sent == cut_at:
                raise BrokenOffError
        if not job.is_final and job.status != ENDED:
            raise BrokenOffError
        if stream.end and job.is_final:
            yield stream.end


def _frame(fields: object) -> str:
    return f"data: {json.dumps(fields)}\n\n"


class EventStream(StreamingResponse):
    """Server-sent events.

    If they break off, the last chunk is not sent and the server drops the connection. The client sees an
    incomplete response, as it often did from the real service.
    """

    def __init__(self, frames: AsyncIterator[str]) -> None:
        super().__init__(frames, headers=HEADERS)

    async def stream_response(self, send: Send) -> None:
        """Send the frames, and the last chunk only after all of them."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for frame in self.body_iterator:
                await send({"type": "http.response.body", "body": str(frame).encode(), "more_body": True})
                # The past is at hand, and nothing waits on the way: let the server see a client that left.
                await asyncio.sleep(0)
        except BrokenOffError:
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
