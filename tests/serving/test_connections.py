import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from ftmon.serving.connection import Connection
from ftmon.serving.server import serve
from tests.serving.story import Story

pytestmark = pytest.mark.slow

PATIENCE = 60.0
LINE = "x" * 1000
STREAM = "/v1/fine-tunes/ft-0123456789abcdef01234567/events?stream=true"


class Impatient(Connection):
    stall = 0.5


class Few(Connection):
    most = 3


class Client(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def ask(self, target: str = STREAM) -> None:
        self.writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())

    async def read(self) -> bytes:
        """Return what comes until the server cuts the connection, or the answer is whole."""
        received = b""
        try:
            while not received.endswith(b"\r\n0\r\n\r\n") and (data := await self.reader.read(1 << 20)):
                received += data
        except ConnectionError:
            pass
        return received

    async def until(self, words: bytes) -> None:
        await self.reader.readuntil(words)


class Stand:
    """A server of a story in this process, and the clients that it has."""

    def __init__(self, port: int) -> None:
        self.story = Story()
        self._port = port
        self._clients: list[Client] = []

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self._port))
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.writer.close()


@asynccontextmanager
async def served(connection: type[Connection] = Connection) -> AsyncIterator[Stand]:
    listening = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        stand = Stand(listener.getsockname()[1])
        server = asyncio.create_task(
            serve(listener, [stand.story.source], listening.set, connection=connection)
        )
        await listening.wait()
        async with asyncio.timeout(PATIENCE):
            yield stand
        stand.close()
        signal.raise_signal(signal.SIGTERM)
        assert await server == 143


async def test_a_reader_that_stands_still_is_cut_and_holds_up_nobody() -> None:
    cut = asyncio.Event()

    class Watched(Impatient):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            cut.set()

    async with served(Watched) as stand:
        # More than the buffers of both ends hold.
        for number in range(12_000):
            stand.story.tell(f"{number} {LINE}", "running")
        still = await stand.client()
        still.ask()
        await still.until(b'"message":"0 ')
        other = await stand.client()
        other.ask("/v1/fine-tunes")
        await other.until(b'"status":"running"')
        await cut.wait()
        part = await still.read()
        assert 0 < len(part) < 12_000 * len(LINE)
        again = await stand.client()
        again.ask()
        await again.until(b'"message":"0 ')


async def test_who_asks_nothing_is_cut() -> None:
    async with served(Impatient) as stand:
        silent, halting = await stand.client(), await stand.client()
        halting.writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        assert await silent.read() == b""
        assert await halting.read() == b""


async def test_too_many_connections_are_refused_in_words() -> None:
    async with served(Few) as stand:
        stand.story.tell("first", "running")
        clients = [await stand.client() for _ in range(3)]
        for client in clients:
            client.ask()
            await client.until(b"first")
        one_more = await stand.client()
        one_more.ask()
        head, _, body = (await one_more.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert json.loads(body)["error"]["message"] == "More than 3 connections are open. Try again later."
        clients.pop().writer.close()
        stand.story.tell("second")
        for client in clients:
            await client.until(b"second")
        again = await stand.client()
        again.ask()
        await again.until(b"second")


async def test_500_readers_at_once_get_every_event() -> None:
    async with served() as stand:
        stand.story.tell("first", "running")
        clients = await asyncio.gather(*(stand.client() for _ in range(500)))
        for client in clients:
            client.ask()
        await asyncio.gather(*(client.until(b"first") for client in clients))
        stand.story.succeed()
        answers = await asyncio.gather(*(client.read() for client in clients))
        assert all(answer.endswith(b"[DONE]\n\n\r\n0\r\n\r\n") for answer in answers)
