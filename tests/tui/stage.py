"""Runs the app for a test, with a real watcher and a real loopback service, and reads and types as a user."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from ftmon.settings import Key, Settings
from ftmon.tui.app import FtmonApp
from ftmon.tui.screens.monitor import MonitorScreen
from ftmon.watch.watcher import Watcher
from ftmon.wire.pace import Pace
from tests.front_end import watch
from tests.servers.fine_tunes import JOB_ID, START
from tests.servers.scripted import Script, Server

JOBS = "/v1/fine-tunes"

# Five minutes after the first event.
NOW = datetime.fromtimestamp(START, UTC) + timedelta(minutes=5)

NO_RETRY = Pace(first_delay=600, longest_delay=600)
"""Delays so long that within a test nothing is retried or polled unless the test asks for it."""


class Stage:
    """What the user sees on the screen, and the keys to press."""

    def __init__(self, app: FtmonApp, pilot: Pilot[int], server: Server) -> None:
        self.app = app
        self.pilot = pilot
        self.server = server

    @property
    def monitor(self) -> MonitorScreen:
        assert self.app.monitor is not None
        return self.app.monitor

    @property
    def is_ready(self) -> bool:
        return self.app.monitor is not None and self.app.monitor.is_mounted

    @property
    def rows(self) -> list[str]:
        """The text on the screen, row by row."""
        return [strip.text.rstrip() for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.rows)

    def row_of(self, words: str) -> int:
        return next(y for y, row in enumerate(self.rows) if words in row)

    async def until(self, condition: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(60):
                while not condition():
                    await self.pilot.pause(0.01)
        except TimeoutError:
            raise AssertionError(self.text) from None

    async def until_shown(self, words: str) -> None:
        await self.until(lambda: words in self.text)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@asynccontextmanager
async def stage(
    scripts: Server | Mapping[str, Sequence[Script] | Callable[[], Script]],
    *,
    base: str = "/v1",
    size: tuple[int, int] = (80, 24),
    job_id: str | None = JOB_ID,
    pace: Pace = NO_RETRY,
    stream: bool = True,
    now: datetime = NOW,
    history: Path | None = None,
    unrecordable: str = "",
    offline: bool = False,
    key: Key | None = None,
    **options: Any,
) -> AsyncIterator[Stage]:
    """Serve the scripts and run the app at this size, in columns and lines, until the block ends."""
    server = scripts if isinstance(scripts, Server) else Server(scripts)
    async with server.running():
        settings = Settings(f"{server.origin}{base}", key)
        watcher = Watcher(
            settings,
            stream=stream,
            pace=pace,
            history=history,
            unrecordable=unrecordable,
            offline=offline,
        )
        watched = watch(watcher, job_id) if job_id else None
        app = FtmonApp(watcher, watched, now=lambda: now, **options)
        try:
            async with app.run_test(size=size, notifications=True) as pilot:
                seen = Stage(app, pilot, server)
                await seen.until(lambda: seen.is_ready or app.return_code is not None)
                await pilot.pause()
                yield seen
        finally:
            watcher.close()
