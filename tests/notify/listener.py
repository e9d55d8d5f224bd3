"""An address on loopback that keeps what it is told."""

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from tests.command import PATIENCE


class Request(NamedTuple):
    """What came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Listener:
    """Answers each request with this status, and with a place to go to."""

    def __init__(self, status: int, location: str) -> None:
        self.status = status
        self.location = location
        self.port = 0
        self._requests: queue.Queue[Request] = queue.Queue()

    def take(self) -> Request:
        """Wait for the next request."""
        return self._requests.get(timeout=PATIENCE)

    @property
    def rest(self) -> list[Request]:
        """The requests that have come and were not taken."""
        return [self._requests.get() for _ in range(self._requests.qsize())]

    @contextmanager
    def running(self) -> Iterator["Listener"]:
        """Listen until the block ends."""
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                request = Request("POST", self.path, dict(self.headers), self.rfile.read(length))
                listener._requests.put(request)
                self.send_response(listener.status)
                self.send_header("Location", listener.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                return

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_port
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


@contextmanager
def listening(status: int = 200, location: str = "/elsewhere") -> Iterator[Listener]:
    """Listen on a free port until the block ends."""
    with Listener(status, location).running() as listener:
        yield listener
