"""Connections that fail before a request is sent: TLS, and the tunnel of a proxy."""

import asyncio
import struct
from asyncio import Event as Signal
from asyncio import StreamReader, StreamWriter, TaskGroup
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

import pytest

from ftmon.errors import FtmonError, RefusedError, UnreachableError
from ftmon.model.job import Status
from ftmon.settings import Settings
from ftmon.wire.client import Client
from ftmon.wire.follow.follower import Follower
from tests.servers.fine_tunes import STORY
from tests.servers.scripted import End, free_port, private_port
from tests.test_client import THIS_MACHINE, certificate, speaking_tls
from tests.test_follow import PACE, WHOLE, Told, followed, service

Step = bytes | End
"""What a peer sends, and how it ends; without an `End` with a FIN."""


def alert(number: int) -> bytes:
    """Return a fatal alert of TLS."""
    return struct.pack(">BHHBB", 21, 0x0303, 2, 2, number)


SERVER_HELLO = struct.pack(">BHHB", 22, 0x0303, 90, 2) + bytes(20)
"""The first 20 bytes of one that has 90."""


@asynccontextmanager
async def answering(*steps: Step, port: int = 0) -> AsyncIterator[int]:
    """Answer whatever comes first on each connection with these steps, and yield the port."""

    playing: set[asyncio.Task[None]] = set()

    def accept(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(play(reader, writer))
        playing.add(task)

    async def play(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read(4096)
            for step in steps:
                match step:
                    case bytes():
                        writer.write(step)
                        await writer.drain()
                    case End.RST:
                        peer = writer.get_extra_info("socket")
                        peer.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
                        writer.transport.abort()
                    case End.HANG:
                        await reader.read()
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(accept, sock=free_port(port))
    async with server:
        yield server.sockets[0].getsockname()[1]
    # The client has closed its sockets, so each of them ends.
    async with asyncio.timeout(20):
        await asyncio.gather(*playing)


async def failure_of(base_url: str, head_timeout: float = 20) -> FtmonError:
    async with aclosing(Client(Settings(base_url), head_timeout=head_timeout)) as client:
        with pytest.raises((RefusedError, UnreachableError)) as failed:
            await client.get("/fine-tunes")
    return failed.value


CUTS: Mapping[str, Sequence[Step]] = {
    "a FIN": [],
    "a reset": [End.RST],
    "a FIN midway": [SERVER_HELLO],
    "a reset midway": [SERVER_HELLO, End.RST],
    "a goodbye": [struct.pack(">BHHBB", 21, 0x0303, 2, 1, 0)],
    "an internal error": [alert(80)],
    "a name without a server for now": [alert(112)],
    "a record that was garbled": [alert(20)],
}


@pytest.mark.parametrize("steps", CUTS.values(), ids=CUTS)
async def test_a_handshake_that_is_cut_may_work_the_next_time(steps: Sequence[Step]) -> None:
    async with answering(*steps) as port:
        fault = await failure_of(f"https://127.0.0.1:{port}/v1")
    assert isinstance(fault, UnreachableError)
    assert f"127.0.0.1:{port}" in str(fault)


MISTAKES: Mapping[str, tuple[Sequence[Step], str]] = {
    "plain http": ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "does not speak https"),
    "another protocol": ([b"SSH-2.0-OpenSSH_9.2\r\n"], "does not speak https"),
    "a version that is not offered": ([alert(70)], "do not agree on TLS"),
    "nothing in common": ([alert(40)], "do not agree on TLS"),
}


@pytest.mark.parametrize(("steps", "words"), MISTAKES.values(), ids=MISTAKES)
async def test_a_mistake_of_the_configuration_is_told_at_once(steps: Sequence[Step], words: str) -> None:
    async with answering(*steps, End.HANG) as port:
        refusal = await failure_of(f"https://127.0.0.1:{port}/v1")
    assert isinstance(refusal, RefusedError)
    assert words in str(refusal)


TUNNELS: Mapping[str, Sequence[Step]] = {
    "200, then a FIN": [b"HTTP/1.1 200 OK\r\n\r\n"],
    "200, then a reset": [b"HTTP/1.1 200 OK\r\n\r\n", End.RST],
    "200, then half a handshake": [b"HTTP/1.1 200 OK\r\n\r\n" + SERVER_HELLO],
    "502": [b"HTTP/1.1 502 Bad Gateway\r\n\r\n"],
    "503": [b"HTTP/1.1 503 Busy\r\n\r\n"],
    "a FIN": [],
    "a reset": [End.RST],
    "half a head": [b"HTTP/1.1 200"],
}


@pytest.mark.parametrize("steps", TUNNELS.values(), ids=TUNNELS)
async def test_a_tunnel_that_is_cut_may_work_the_next_time(
    steps: Sequence[Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(*steps) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        assert isinstance(await failure_of("https://service.invalid/v1"), UnreachableError)


@pytest.mark.parametrize("steps", [[End.HANG], [b"HTTP/1.1 200 OK\r\n\r\n", End.HANG]], ids=["mute", "open"])
async def test_a_tunnel_that_brings_nothing_is_awaited_no_longer_than_a_head(
    steps: Sequence[Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(*steps) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        fault = await failure_of("https://service.invalid/v1", head_timeout=0.2)
    assert isinstance(fault, UnreachableError)


async def test_a_handshake_that_does_not_go_on_is_awaited_no_longer_than_a_head() -> None:
    async with answering(SERVER_HELLO, End.HANG) as port:
        # The peer's task ends once the socket is closed.
        fault = await failure_of(f"https://127.0.0.1:{port}/v1", head_timeout=0.2)
    assert "cannot be reached in time" in str(fault)


@pytest.mark.parametrize("patient", [True, False])
async def test_a_service_whose_balancer_restarts_is_followed(
    patient: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = certificate(tmp_path, *THIS_MACHINE)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    cut_thrice, server = Signal(), service(WHOLE)

    def react(told: Told, follower: Follower) -> None:
        if len(told.waits) == 3:
            cut_thrice.set()

    pace = replace(PACE, give_up=0 if patient else 9)
    async with asyncio.timeout(20), TaskGroup() as tasks:
        async with answering(port=private_port()) as port:
            origin = f"https://127.0.0.1:{port}"
            following = tasks.create_task(followed(origin, pace, patient=patient, react=react))
            await cut_thrice.wait()
        async with server.running(free_port(port), speaking_tls(path)):
            told = await following
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
