"""Measures how fast the screen takes in a backlog of 100,000 events, and how long keys wait meanwhile."""

import asyncio
import os
import tempfile
import time
from statistics import median

from ftmon.settings import Settings
from ftmon.tui.app import FtmonApp
from ftmon.watch.watcher import Watcher
from tests.benchmarks.service import JOB_ID, service
from tests.benchmarks.start import BARE
from tests.benchmarks.terminal import FTMON, first_paint
from tests.front_end import watch

EVENTS = 100_000


async def _measure(base_url: str) -> tuple[float, float]:
    """Return two times in seconds: until the log is complete, and the longest the event loop was blocked."""
    watcher = Watcher(Settings(base_url))
    app = FtmonApp(watcher, watch(watcher, JOB_ID))
    longest = 0.0
    started = time.monotonic()
    async with app.run_test(size=(120, 40)):
        connected = time.monotonic()
        last = connected
        while app.watched is None or app.watched.events < EVENTS:
            await asyncio.sleep(0.002)
            now = time.monotonic()
            longest = max(longest, now - last - 0.002)
            last = now
            if now - started > 60:
                raise TimeoutError("the backlog did not arrive")
        app.exit()
    return last - connected, longest


def run(runs: int = 3) -> None:
    with service(backlog=EVENTS, is_open=True) as base_url:
        command = [*FTMON, JOB_ID, "--base-url", base_url]
        ratios = []
        for _ in range(runs):
            bare = first_paint(BARE, rb"READY")
            with tempfile.TemporaryDirectory() as home:
                # Each run records the events anew.
                os.environ["XDG_DATA_HOME"] = home
                last = first_paint(command, b"Step %d/" % (EVENTS - 1))
            ratios.append(last / bare)
            print(f"backlog  the last event is painted after {last:.2f} s, bare Textual after {bare:.2f} s")
        print(f"backlog  ratio {median(ratios):.1f} (aim: under 11)")
        for _ in range(runs):
            seconds, longest = asyncio.run(_measure(base_url))
            print(
                f"backlog  {EVENTS:,} events in the log after {seconds:.2f} s (aim: under 3), "
                f"keys waited at most {longest * 1000:.0f} ms (aim: under 100)"
            )
