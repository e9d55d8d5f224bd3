"""An HTTP server that plays scripts of bytes. Tests describe a network fault as data, without code."""

import asyncio
import random
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from typing import NamedTuple


class End(Enum):
    """How a connection ends. A script without an `End` ends with `FIN`."""

    FIN = auto()
    RST = auto()
    HANG = auto()
    """Send nothing until the client closes the connection."""


class After(NamedTuple):
    """Waits until the server has received `requests` requests for a target."""

    target: str
    requests: int = 1


class Pulse(NamedTuple):
    """Sends the same bytes every few seconds, until the client closes the connection."""

    data: bytes
    seconds: float


Step = bytes | After | Pulse | asyncio.Event | End
Script = Sequence[Step]
"""The steps played after a request was read. Bytes are sent; an `After` or an `asyncio.Event` is awaited."""


class Request(NamedTuple):
    """A received request, with header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    at: float
    """When it arrived, by the loop's clock in seconds."""
    body: bytes = b""


class Server:
    """Answers each request with the next script for its target. The last script is repeated.

    A target without scripts gets a 404. A function instead of a list is called to choose the script.
    """

    def __init__(self, scripts: Mapping[str, Sequence[Script] | Callable[[], Script]]) -> None:
        self.scripts = scripts
        self.change: Callable[[str, Script], Script] = lambda target, script: script
        """Changes each script for a target before it is played."""
        self.requests: list[Request] = []
        self.connections = 0
        """Connections opened so far."""
        self.open = 0
        """Connections open now."""
        self.sent = 0
        """Bytes sent so far."""
        self.port = 0
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(
        self, listener: socket.socket | None = None, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[None]:
        listener = listener or free_port()
        self.port = listener.getsockname()[1]
        server = await asyncio.start_server(self._accept, sock=listener, ssl=tls)
        try:
            yield
        finally:
            # asyncio never closes a connection that it accepts while the server closes, so wait for those.
            while accepting := [task for task in asyncio.all_tasks() if "_accept_connection" in repr(task)]:
                await asyncio.gather(*accepting, return_exceptions=True)
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def asked(self, target: str) -> list[Request]:
        return [request for request in self.requests if request.target == target]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds. It is checked at each request, and as connections open or close."""
        while not condition():
            await self._changed.wait()

    def _note(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step runs no `finally`, so abort here.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self._note()
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._talk(reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            self.open -= 1
            self._note()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request and play the script for its target."""
        request = _parsed(await reader.readuntil(b"\r\n\r\n"))
        request = request._replace(
            body=await reader.readexactly(int(request.headers.get("content-length", "0")))
        )
        self.requests.append(request)
        self._note()
        for step in self.change(request.target, self._script(request.target)):
            await self._play(step, reader, writer)

    def _script(self, target: str) -> Script:
        scripts = self.scripts.get(target) or [[b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]]
        if callable(scripts):
            return scripts()
        return scripts[min(len(self.asked(target)), len(scripts)) - 1]

    async def _play(self, step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match step:
            case bytes():
                writer.write(step)
                await writer.drain()
                self.sent += len(step)
            case After(target, requests):
                await self.until(lambda: len(self.asked(target)) >= requests)
            case Pulse(data, seconds):
                while True:
                    writer.write(data)
                    await writer.drain()
                    await asyncio.sleep(seconds)
            case asyncio.Event():
                await step.wait()
            case End.RST:
                peer: socket.socket = writer.get_extra_info("socket")
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            case End.HANG:
                await reader.read()
            case End.FIN:
                writer.write_eof()


def free_port(port: int = 0) -> socket.socket:
    """Return a socket bound to a loopback port. The port refuses connections until a server listens on it."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def private_port() -> int:
    """Return a port that nobody else takes while nothing listens on it.

    The system gives a port of its own range to whoever asks for any, as soon as it is closed, and to outgoing
    connections: one that goes to such a port may even meet itself.
    """
    while True:
        with socket.socket() as found, suppress(OSError):
            # Below the system's range on Linux (32768) and on macOS (49152).
            found.bind(("127.0.0.1", random.randrange(10_000, 32_000)))
            port: int = found.getsockname()[1]
            return port


def _parsed(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    fields = [line.partition(":") for line in lines]
    now = asyncio.get_running_loop().time()
    return Request(method, target, {name.lower(): value.strip() for name, _, value in fields}, now)
