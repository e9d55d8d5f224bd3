"""A soak test with every kind of fault: `python -m tests.benchmarks.soak [MINUTES [SEED]]`.

A service sends the 50,000 events of a job in the first quarter of the time, then one a second. It cuts,
resets, stalls, refuses and garbles its streams. It replays past events in full, shuffled, or from the middle
on.

Two watchers run at their real pace: a screen on a terminal, and one that prints JSON Lines. Both are stopped
and continued now and then, like processes on a laptop that sleeps. At the end both watchers and the history
must have every event exactly once. The report also shows their memory over time, which should stay level.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.terminal import FTMON, terminal

JOB_ID = "ft-SoakSoakSoakSoakSoakSoak"
EVENTS = 50_000
START = 1_691_665_913


class Service:
    """A service with one job, which adds faults at random."""

    def __init__(self, seconds: float, seed: int) -> None:
        self._random = random.Random(seed)
        self._seconds = seconds
        self._began = time.monotonic()
        self.events: list[dict[str, Any]] = []
        self.streams = 0
        self.faults: dict[str, int] = {}
        self._changed = asyncio.Event()

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self._began > self._seconds

    async def create_events(self) -> None:
        """Create the job's events as time passes. Every tenth event is identical to the one before."""
        quarter = self._seconds / 4
        while not self.is_over:
            elapsed = time.monotonic() - self._began
            wanted = int(EVENTS * min(1.0, elapsed / quarter) + max(0.0, elapsed - quarter))
            for number in range(len(self.events), wanted):
                alike = number - 1 if number % 10 == 9 else number
                message = f"Step {alike}/1000000: training loss={1 + 1000 / (alike + 500):.4f}"
                self.events.append(
                    {
                        "object": "fine-tune-event",
                        "level": "info",
                        "message": message,
                        "created_at": START + alike // 4,
                    }
                )
            self._notify()
            await asyncio.sleep(0.05)
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            if target.endswith("stream=true"):
                await self._stream(writer)
            elif "/events" in target:
                self._send(writer, {"object": "list", "data": self.events})
            elif target.endswith("/faults"):
                self._send(writer, {"streams": self.streams, "faults": self.faults})
            elif self._happens("an error for the job", 0.02):
                writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            else:
                status = "succeeded" if self.is_over else "running"
                self._send(writer, {"object": "fine-tune", "id": JOB_ID, "model": "curie", "status": status})
            await writer.drain()
        writer.close()

    def _send(self, writer: asyncio.StreamWriter, body: Any) -> None:
        data = json.dumps(body).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}"
        writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + data)

    def _happens(self, fault: str, chance: float) -> bool:
        """Decide at random whether to inject a fault, and count it."""
        happens = not self.is_over and self._random.random() < chance
        if happens:
            self.faults[fault] = self.faults.get(fault, 0) + 1
        return happens

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        self.streams += 1
        if self._happens("refused with 429", 0.05):
            writer.write(b"HTTP/1.1 429 Slow\r\nretry-after-ms: 100\r\nContent-Length: 0\r\n\r\n")
            return
        if self._happens("closed before the head", 0.05):
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        ends_at = time.monotonic() + self._random.uniform(3, 12)
        sent = 0
        if self._happens("replayed from the middle on", 0.05):
            sent = len(self.events) // 2
        elif self._happens("replayed in another order", 0.1):
            past = self.events[:]
            self._random.shuffle(past)
            sent = len(past)
            await self._write(writer, past)
        while not self.is_over:
            batch = self.events[sent : sent + 500]
            sent += len(batch)
            await self._write(writer, batch)
            if self._happens("garbage between the frames", 0.01):
                writer.write(_chunk(b": ping\n\ndata: {garbage\n\nevent: error\ndata: null\n\n"))
            if time.monotonic() > ends_at:
                await self._break_off(writer)
                return
            if sent == len(self.events):
                await self._changed.wait()
        await self._write(writer, self.events[sent:])
        writer.write(_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    async def _write(self, writer: asyncio.StreamWriter, events: list[dict[str, Any]]) -> None:
        for start in range(0, len(events), 500):
            writer.write(_chunk(b"".join(map(_frame, events[start : start + 500]))))
            await writer.drain()

    async def _break_off(self, writer: asyncio.StreamWriter) -> None:
        way = self._random.choice(
            ["cut in an event", "reset", "ended cleanly", "ended with [DONE]", "silent"]
        )
        if way == "silent" and self._random.random() < 0.8:
            way = "cut in an event"
        self.faults[way] = self.faults.get(way, 0) + 1
        if way == "cut in an event":
            writer.write(_chunk(_frame(self.events[-1])[:40]))
        elif way == "reset":
            writer.transport.abort()
        elif way == "ended cleanly":
            writer.write(b"0\r\n\r\n")
        elif way == "ended with [DONE]":
            writer.write(_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        else:
            # Keep the stream open until the watcher gives up on it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(200):
                    await writer.wait_closed()


def _frame(event: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


async def _serve(seconds: float, seed: int) -> None:
    service = Service(seconds, seed)
    server = await asyncio.start_server(service.answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(service.create_events())
        tasks.create_task(server.serve_forever())


@contextlib.contextmanager
def _service(seconds: float, seed: int) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.soak", "serve", str(seconds), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


def _resident(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def _sleep(pids: list[int], seconds: float) -> None:
    """Stop processes for some seconds, as when a laptop sleeps."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def _asked(url: str) -> Any:
    import urllib.request

    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def _objects(lines: list[bytes]) -> list[tuple[str, str]]:
    items = [json.loads(line) for line in lines]
    return sorted((item["created_at"], item["message"]) for item in items if item["object"] != "fine-tune")


def run(minutes: float = 2, seed: int = 1) -> bool:
    """Run the test and print a report. Return whether no event was lost or repeated."""
    seconds = minutes * 60
    with tempfile.TemporaryDirectory() as home, _service(seconds, seed) as base_url:
        os.environ["XDG_DATA_HOME"] = home
        watch = [*FTMON, JOB_ID, "--base-url", base_url]
        printed: list[bytes] = []
        with (
            subprocess.Popen(
                [*watch, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as printer,
            terminal(*watch, "--exit") as screen,
        ):
            stdout = printer.stdout
            assert stdout is not None
            reader = threading.Thread(target=lambda: printed.extend(stdout))
            reader.start()
            began, sleeps, chance = time.monotonic(), 0, random.Random(seed)
            memory: list[tuple[float, float, float]] = []
            next_sleep, next_look = began + 20, began + seconds / 4
            shown = b""
            while printer.poll() is None:
                shown = (shown + screen.read(0.2))[-4096:]
                now = time.monotonic()
                if now > next_look and now < began + seconds:
                    memory.append(((now - began) / 60, _resident(screen.pid), _resident(printer.pid)))
                    next_look = now + seconds / 8
                if now > next_sleep and now < began + seconds - 10:
                    sleeps += 1
                    next_sleep = now + chance.uniform(10, 40)
                    _sleep([screen.pid, printer.pid], chance.uniform(0.5, 3))
                if now > began + seconds + 300:
                    print("soak     the watchers did not end in time")
                    printer.kill()
            reader.join()
            while data := screen.read(5):
                shown = (shown + data)[-4096:]
        sent = sorted((_iso(item["created_at"]), item["message"]) for item in _sent(base_url))
        recorded = subprocess.run(
            [*FTMON, "history", JOB_ID, "--json"], capture_output=True, check=True
        ).stdout.splitlines()
        seen = _asked(f"{base_url}/faults")
    outputs = {"printed": _objects(printed), "recorded": _objects(recorded)}
    is_right = all(output == sent for output in outputs.values())
    on_screen = f"events  {len(sent):,}".encode() in shown
    print(
        f"soak     {minutes:g} minutes, seed {seed}: {len(sent):,} events sent in {seen['streams']} streams"
    )
    print(f"soak     faults: {', '.join(f'{name} {n}' for name, n in sorted(seen['faults'].items()))}")
    print(f"soak     both watchers were stopped and continued {sleeps} times")
    for name, output in outputs.items():
        print(f"soak     {len(output):,} {name}: {'each once' if output == sent else 'NOT WHAT WAS SENT'}")
    print(
        f"soak     the screen counts {'as many' if on_screen else 'NOT AS MANY'}; exit {printer.returncode}"
    )
    for at, screen_memory, printer_memory in memory:
        print(f"soak     after {at:4.1f} min: screen {screen_memory:.0f} MiB, JSON {printer_memory:.0f} MiB")
    return is_right and on_screen and printer.returncode == 0


def _sent(base_url: str) -> list[dict[str, Any]]:
    answer = _asked(f"{base_url}/fine-tunes/{JOB_ID}/events?stream=false")
    events: list[dict[str, Any]] = answer["data"]
    return events


def _iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(float(sys.argv[2]), int(sys.argv[3])))
    else:
        sys.exit(not run(*(cast(value) for cast, value in zip((float, int), sys.argv[1:], strict=False))))
