"""The routes of OpenAI's fine-tunes API that are needed to watch a job and to cancel it."""

import json
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from ftmon.serving.guard import refusal
from ftmon.serving.job import ServedJob

DONE = "data: [DONE]\n\n"

_STREAM = {"content-type": "text/event-stream", "cache-control": "no-cache"}
"""The headers of a stream."""


class FineTunes:
    """Answers requests about one job.

    `cancel` ends the job: it publishes the job's last event, with the status `cancelled`.

    `cut_after` breaks streams off, so that a client can show how it resumes. Each stream is cut after this
    many events that no earlier stream has sent, so each gets further than the last, and one reaches the end.
    """

    def __init__(self, job: ServedJob, cancel: Callable[[], object], cut_after: int | None = None) -> None:
        self.job = job
        self._cancel = cancel
        self._cut_after = cut_after
        self._most_sent = 0

    def app(self) -> Starlette:
        """Return the application that serves the routes."""
        return Starlette(
            routes=[
                Route("/v1/fine-tunes", self.list_jobs),
                Route("/v1/fine-tunes/{fine_tune_id}", self.retrieve),
                Route("/v1/fine-tunes/{fine_tune_id}/events", self.events),
                Route("/v1/fine-tunes/{fine_tune_id}/cancel", self.cancel, methods=["POST"]),
                Route("/v1/files/{file_id}/content", self.file_content),
            ],
            exception_handlers={404: _refuse_path, 405: _refuse_method},
        )

    async def list_jobs(self, request: Request) -> Response:
        """Return the list of jobs, which has no events in it."""
        return JSONResponse({"object": "list", "data": [self.job.fine_tune]})

    async def retrieve(self, request: Request) -> Response:
        """Return the job with its events."""
        return self._refuse_other_job(request) or JSONResponse(self.job.as_json())

    async def cancel(self, request: Request) -> Response:
        """Cancel the job and return it."""
        if refused := self._refuse_other_job(request):
            return refused
        if self.job.is_final:
            return refusal(
                400, f'Cannot cancel a job {self.job.id} that already has status "{self.job.status}".'
            )
        self._cancel()
        return JSONResponse(self.job.as_json())

    async def events(self, request: Request) -> Response:
        """Return the list of events so far, or with `stream=true` a stream of all events."""
        if refused := self._refuse_other_job(request):
            return refused
        if request.query_params.get("stream", "").lower() == "true":
            # Nothing follows the head of a HEAD, so do not keep its client waiting for the job's end.
            return Response(headers=_STREAM) if request.method == "HEAD" else EventStream(self._frames())
        return JSONResponse({"object": "list", "data": self.job.events})

    async def file_content(self, request: Request) -> Response:
        """Return the content of a file."""
        file_id = request.path_params["file_id"]
        content = self.job.files.get(file_id)
        if content is None:
            return refusal(404, f"No such File object: {file_id}", param="id")
        return Response(content, headers={"content-type": "application/octet-stream"})

    async def _frames(self) -> AsyncIterator[str]:
        cut_at = self._most_sent + self._cut_after if self._cut_after else None
        sent = 0
        async for event in self.job.follow():
            yield f"data: {json.dumps(event)}\n\n"
            sent += 1
            self._most_sent = max(self._most_sent, sent)
            if sent == cut_at:
                return
        if self.job.is_final:
            yield DONE

    def _refuse_other_job(self, request: Request) -> Response | None:
        asked = request.path_params["fine_tune_id"]
        if asked == self.job.id:
            return None
        return refusal(
            404, f"Could not find fine tune: {asked}", param="fine_tune_id", code="fine_tune_not_found"
        )


class EventStream(StreamingResponse):
    """Server-sent events that end with [DONE].

    If the frames end without [DONE], the last chunk is not sent and the server drops the connection. The
    client sees an incomplete response, as it often did from the real service.
    """

    def __init__(self, frames: AsyncIterator[str]) -> None:
        super().__init__(frames, headers=_STREAM)

    async def stream_response(self, send: Send) -> None:
        """Send the frames, and the last chunk only after [DONE]."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for frame in self.body_iterator:
            await send({"type": "http.response.body", "body": str(frame).encode(), "more_body": True})
            if frame == DONE:
                await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _refuse_path(request: Request, error: Exception) -> Response:
    return refusal(404, f"Invalid URL ({request.method} {request.url.path})")


async def _refuse_method(request: Request, error: Exception) -> Response:
    hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
    message = f"Not allowed to {request.method} on {request.url.path}. {hint}"
    return refusal(405, message, code="method_not_supported")
