"""Measures a history of 1,000,000 events: recording it, compared with SQLite alone, and opening it."""

import asyncio
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ftmon.history.store import History
from ftmon.model.event import Event, read_event
from ftmon.model.key import JobKey
from ftmon.model.update import Update
from ftmon.settings import Settings
from ftmon.tui.app import FtmonApp
from ftmon.watch.watcher import Watcher
from tests.benchmarks.service import JOB_ID, frame

EVENTS = 1_000_000

_CHUNK = 400
"""Number of events in one network chunk of 64 kB."""

KEY = JobKey("http://127.0.0.1:1/v1", JOB_ID)


def _events() -> list[tuple[Event, ...]]:
    def event(number: int) -> Event:
        read = read_event(frame(number)[6:-2].decode())
        assert read is not None
        return read

    return [tuple(map(event, range(start, start + _CHUNK))) for start in range(0, EVENTS, _CHUNK)]


def _floor(path: Path, batches: list[tuple[Event, ...]]) -> float:
    """Return the CPU seconds that SQLite takes to store the same events in a plain table."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(
            "CREATE TABLE events (number INTEGER PRIMARY KEY, job INTEGER, received_at REAL, sent TEXT)"
        )
        statement = "INSERT INTO events (job, received_at, sent) VALUES (?, ?, ?)"
        started = time.process_time()
        for batch in batches:
            database.execute("BEGIN")
            at = datetime.now(UTC).timestamp()
            database.executemany(statement, [(1, at, event.raw) for event in batch])
            database.execute("COMMIT")
        return time.process_time() - started


def _record(path: Path, batches: list[tuple[Event, ...]]) -> float:
    with closing(History(path)) as history:
        started = time.process_time()
        for batch in batches:
            history.record([Update(KEY, datetime.now(UTC), batch)])
        return time.process_time() - started


async def _open(path: Path) -> tuple[float, float, float]:
    """Return three times in seconds: to the first event, to the last one, and the longest wait of a key."""
    watcher = Watcher(Settings(KEY.service), history=path)
    watcher.replay(KEY)
    app = FtmonApp(watcher, KEY)
    first = longest = 0.0
    async with app.run_test(size=(120, 40)):
        last = started = time.monotonic()
        while app.watched is None or app.watched.events < EVENTS:
            await asyncio.sleep(0.002)
            now = time.monotonic()
            longest = max(longest, now - last - 0.002)
            last = now
            if not first and app.watched is not None and app.watched.events:
                first = now - started
            if now - started > 120:
                raise TimeoutError("the history was not read")
        app.exit()
    watcher.close()
    return first, last - started, longest


def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        batches = _events()
        floor = _floor(Path(folder) / "floor.sqlite3", batches)
        path = Path(folder) / "ftmon" / "history.sqlite3"
        recording = _record(path, batches)
        del batches
        print(
            f"past     recording {EVENTS:,} events: {recording:.1f} s CPU, SQLite alone {floor:.1f} s, "
            f"ratio {recording / floor:.1f}; {path.stat().st_size / 2**20:.0f} MiB"
        )
        before = _resident()
        first, whole, longest = asyncio.run(_open(path))
        print(
            f"past     opening them on the screen: the first after {first:.2f} s, all after {whole:.1f} s; "
            f"keys waited at most {longest * 1000:.0f} ms; "
            f"{(_resident() - before) * 2**20 / EVENTS:.0f} bytes of memory an event"
        )


def _resident() -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmRSS:")).split()[1]) / 1024
