"""A fine-tunes service for benchmarks. It runs in its own process and sends a given number of events."""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

JOB_ID = "ft-BenchmarkBenchmarkBench1"

START = 1_691_665_913

_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
"""The stream's body is not framed: it ends with its connection."""

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


def frame(number: int) -> bytes:
    """Return the frame of one event in the form of the real service, about 175 bytes."""
    event = {
        "object": "fine-tune-event",
        "level": "info",
        "message": f"Step {number}/1000000: training loss={1 + 1000 / (number + 500):.4f}"
        f", on the eight GPUs of host number {number % 8:03}",
        "created_at": START + number // 4,
    }
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


async def _events(backlog: int, per_second: float, seconds: float) -> AsyncIterator[bytes]:
    """Yield the backlog in chunks of 64 kB, then single events with the time of sending in the message."""
    size, pieces = 0, []
    for number in range(backlog):
        piece = frame(number)
        pieces.append(piece)
        size += len(piece)
        if size >= 65_536:
            yield b"".join(pieces)
            size, pieces = 0, []
    yield b"".join(pieces)
    started = time.monotonic()
    for number in range(int(per_second * seconds)):
        due = started + number / per_second
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield frame(backlog + number).replace(b'"message": "', b'"message": "sent %.6f ' % time.time())


async def _answer(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    backlog: int,
    per_second: float,
    seconds: float,
    is_open: bool,
) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        request = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        if b"/events" not in request:
            status = b"running" if per_second or is_open else b"succeeded"
            job = (
                b'{"id": "%s", "object": "fine-tune", "model": "curie", "status": "%s", "created_at": %d}'
                % (
                    JOB_ID.encode(),
                    status,
                    START,
                )
            )
            writer.write(_HEAD % b"application/json" + chunked(job) + chunked(b""))
        else:
            writer.write(_STREAM_HEAD)
            async for body in _events(backlog, per_second, seconds):
                if body:
                    writer.write(body)
                    await writer.drain()
            if is_open:
                await reader.read()
            writer.write(b"data: [DONE]\n\n")
        await writer.drain()
    writer.close()


async def _serve(backlog: int, per_second: float, seconds: float, is_open: bool) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: _answer(reader, writer, backlog, per_second, seconds, is_open), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def service(
    *, backlog: int = 0, per_second: float = 0, seconds: float = 0, is_open: bool = False
) -> Iterator[str]:
    """Run the service and yield its base URL.

    It sends `backlog` events at once, then `per_second` events a second for `seconds`, then `[DONE]`. With
    `is_open` it keeps the stream open without `[DONE]`, and the job is running.
    """
    arguments = [backlog, per_second, seconds, int(is_open)]
    command = [sys.executable, "-m", "tests.benchmarks.service", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "1"))
