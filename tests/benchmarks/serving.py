"""Measures how `ftmon serve` streams the events of one run, compared with a bare Starlette app.

The bare app sends the same bytes: an event at a time, as a loop over events does, and in blocks of 64 KiB.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.benchmarks.files import write_lines
from tests.benchmarks.terminal import FTMON

_BARE = """
import sys, uvicorn
from pathlib import Path
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

body = Path(sys.argv[1]).read_bytes()
frames = [frame + b"\\n\\n" for frame in body.split(b"\\n\\n")[:-1]]
blocks = [b"".join(frames[start : start + 300]) for start in range(0, len(frames), 300)]

async def loop(parts):
    for part in parts:
        yield part

def route(path, parts):
    return Route(path, lambda request: StreamingResponse(loop(parts), media_type="text/event-stream"))

print("ready", flush=True)
app = Starlette(routes=[route("/events", frames), route("/blocks", blocks)])
uvicorn.run(app, fd=int(sys.argv[2]), http="h11", ws="none", lifespan="off", log_level="error")
"""


class Used(NamedTuple):
    """What a process has used."""

    cpu: float
    """Seconds."""
    memory: float
    """MiB that are resident."""


def used(pid: int) -> Used:
    """Return what a process uses and has used, as /proc tells it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return Used(cpu, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20))


@contextmanager
def _running(command: Sequence[str], descriptors: Sequence[int] = ()) -> Iterator[tuple[int, str]]:
    """Run a server, and yield its pid and the first line that it prints."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=descriptors
    ) as process:
        assert process.stdout is not None
        try:
            yield process.pid, process.stdout.readline().decode().strip()
        finally:
            process.kill()


def _get(url: str, path: Path | None = None) -> int:
    """Read an answer to its end, into a file where there is one, and return how long it was."""
    host, _, rest = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    size = 0
    with socket.create_connection((name, int(port))) as client, open(path or os.devnull, "wb") as file:  # noqa: PTH123
        client.sendall(f"GET /{rest} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        while data := client.recv(1 << 20):
            size += len(data)
            file.write(data)
    return size


def _streamed(pid: int, url: str) -> float:
    """Return the CPU seconds of a server for one stream."""
    before = used(pid).cpu
    _get(url)
    return used(pid).cpu - before


def run(events: int = 1_000_000, runs: int = 3) -> None:
    """Print the ratios."""
    serve = [*FTMON, "serve", "--listen", "127.0.0.1:0"]
    with tempfile.TemporaryDirectory() as folder:
        path, body = Path(folder) / "log.jsonl", Path(folder) / "body"
        write_lines(path, events)
        with _running(serve) as (pid, base_url):
            httpx.get(f"{base_url}/fine-tunes")
            empty = used(pid).memory
        with _running([*serve, str(path)]) as (pid, base_url):
            while not (jobs := httpx.get(f"{base_url}/fine-tunes").json()["data"]) or (
                jobs[0]["status"] != "succeeded"
            ):
                time.sleep(0.5)
            read = used(pid)
            url = f"{base_url}/fine-tunes/{jobs[0]['id']}/events?stream=true"
            first = _streamed(pid, url)
            ours = min(_streamed(pid, url) for _ in range(runs))
            memory = used(pid).memory
            _get(url, body)
        whole = body.read_bytes().partition(b"\r\n\r\n")[2]
        assert whole.count(b"data: ") == events + 3, json.dumps(whole[-200:].decode())
        body.write_bytes(whole)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
            command = [sys.executable, "-c", _BARE, str(body), str(listener.fileno())]
            with _running(command, [listener.fileno()]) as (pid, _):
                _get(f"{origin}/none")
                each = min(_streamed(pid, f"{origin}/events") for _ in range(runs))
                blocks = min(_streamed(pid, f"{origin}/blocks") for _ in range(runs))
    print(
        f"serve    {events:,} events, {len(whole) >> 20} MiB: read in {read.cpu:.1f} s CPU, "
        f"{memory - empty:.0f} MiB above an empty server (aim: under 100)"
    )
    print(
        f"serve    streamed for {first:.2f} s CPU the first time, {ours:.2f} s again; bare Starlette "
        f"{each:.2f} s event by event, {blocks:.2f} s in blocks"
    )
    print(
        f"serve    ratio {first / each:.2f} the first time, {ours / each:.2f} again (aim: under 1.5); "
        f"to blocks {first / blocks:.1f} and {ours / blocks:.2f}"
    )
