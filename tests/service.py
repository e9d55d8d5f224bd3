"""A small fine-tunes service on loopback, for the command that runs in another process."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

JOB_ID = "ft-eGO9U2WIjZzzGkuv8ADLBYHE"
JOB = f"/v1/fine-tunes/{JOB_ID}"
LIST = f"{JOB}/events?stream=false"
STREAM = f"{JOB}/events?stream=true"

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\x00"
DIRTY = "\N{REPLACEMENT CHARACTER}evil\N{REPLACEMENT CHARACTER}"
"""What is left of it once it is safe."""


class Answer(NamedTuple):
    """What is sent in place of the job, the list or the stream."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"


class Service:
    """Serves one job, which a test lets happen event by event."""

    def __init__(self) -> None:
        self.job: dict[str, Any] = {
            "object": "fine-tune",
            "id": JOB_ID,
            "model": "curie",
            "status": "running",
            "created_at": 1769860800,
            "updated_at": 1769860860,
            "fine_tuned_model": None,
        }
        self.frames: list[bytes] = []
        self.events: list[Any] = []
        self.answers: dict[str, Iterator[Answer]] = {}
        """By target, in place of what would be sent, for as long as there are any."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0
        self._is_over = False
        self._hung_up = 0
        self._changed = threading.Condition()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def options(self) -> tuple[str, str]:
        """Make ftmon ask this service."""
        return "--base-url", self.base_url

    def tell(self, message: str | None = None, **fields: Any) -> None:
        """Add an event, or with no message one of only these fields."""
        base = {"object": "fine-tune-event", "level": "info", "created_at": 1769860800, "message": message}
        event = fields if message is None else {**base, **fields}
        with self._changed:
            self.events.append(event)
            self.frames.append(b"data: " + json.dumps(event).encode() + b"\n\n")
            self._changed.notify_all()

    def send(self, frame: bytes) -> None:
        """Send bytes as they are to all streams."""
        with self._changed:
            self.frames.append(frame)
            self._changed.notify_all()

    def end(self, status: str, **fields: Any) -> None:
        """End the job, and with it the streams."""
        with self._changed:
            self.job |= {"status": status, **fields}
            self.frames.append(b"data: [DONE]\n\n")
            self._is_over = True
            self._changed.notify_all()

    def succeed(self) -> None:
        """Let the job happen as a whole, in three events."""
        self.tell("Fine-tune started")
        self.tell("Completed epoch 1/1", created_at=1769860830)
        self.tell("Fine-tune succeeded", created_at=1769860860)
        self.end("succeeded", fine_tuned_model="curie:ft-1")

    def hang_up(self) -> None:
        """End all streams, without a word."""
        with self._changed:
            self._hung_up += 1
            self._changed.notify_all()

    @contextmanager
    def running(self) -> Iterator["Service"]:
        """Serve on a free port until the block ends."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service._answer(self)

            def do_POST(self) -> None:
                service._answer(self)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                return

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_port
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield self
            finally:
                with self._changed:
                    self._is_over = True
                    self._changed.notify_all()
                server.shutdown()
                thread.join()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        target = request.path
        self.asked.append((target, dict(request.headers)))
        with suppress(ConnectionError):
            if answer := next(self.answers.get(target, iter(())), None):
                self._send(request, answer)
            elif target == STREAM:
                self._stream(request)
            elif target == LIST:
                self._send(request, Answer(body=json.dumps({"object": "list", "data": self.events}).encode()))
            elif target in (JOB, f"{JOB}/cancel"):
                self._send(request, Answer(body=json.dumps(self.job).encode()))
            else:
                self._send(request, Answer(404, b'{"error": {"message": "Could not find fine tune"}}'))

    def _send(self, request: BaseHTTPRequestHandler, answer: Answer) -> None:
        request.send_response(answer.status)
        request.send_header("Content-Type", answer.kind)
        request.send_header("Content-Length", str(len(answer.body)))
        request.end_headers()
        request.wfile.write(answer.body)

    def _stream(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        sent, hung_up = 0, self._hung_up
        while True:
            with self._changed:
                while len(self.frames) == sent and not self._is_over and self._hung_up == hung_up:
                    self._changed.wait()
                frames = self.frames[sent:]
            if not frames or self._hung_up > hung_up:
                return
            request.wfile.write(b"".join(frames))
            sent += len(frames)
