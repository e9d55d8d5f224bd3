"""A front end without a screen: it takes what the watcher reports."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from ftmon.model.action import Action, ActionOutcome
from ftmon.model.job import Job
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Update, Wire
from ftmon.settings import Settings
from ftmon.watch.watcher import Watcher
from tests.servers.fine_tunes import Fields
from tests.servers.scripted import Server


def watch(watcher: Watcher, job_id: str) -> JobKey:
    """Follow a job of the watcher's service and return its key."""
    key = JobKey.checked(watcher.base_url, job_id)
    watcher.watch(key)
    return key


class FrontEnd:
    """What a front end does: drain when woken."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.updates: list[Update] = []
        self.wakes = 0
        self.drains = 0
        """Those that brought something."""
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def watch(self, job_id: str) -> JobKey:
        """Follow a job of the service; the updates carry the returned key."""
        return watch(self.watcher, job_id)

    def cancel(self, job_id: str) -> asyncio.Future[ActionOutcome]:
        key = JobKey.checked(self.watcher.base_url, job_id)
        return asyncio.wrap_future(self.watcher.ask(Action.CANCEL, key))

    async def jobs(self) -> list[Job]:
        """Return all jobs of the service."""
        jobs: list[Job] = []

        def report(page: list[Job]) -> bool:
            jobs.extend(page)
            return True

        assert not await asyncio.wrap_future(self.watcher.list_jobs(report))
        return jobs

    def wake(self) -> None:
        self.wakes += 1
        self._loop.call_soon_threadsafe(self._woken.set)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._woken.wait()
            self._woken.clear()
            if updates := self.watcher.drain():
                self.drains += 1
                self.updates += updates

    async def until_full(self) -> None:
        """Wait until so much waits for this front end that nothing more is read for it."""
        queue = self.watcher._queue

        def wait() -> None:
            with queue._room:
                assert queue._room.wait_for(lambda: queue.is_full, 20)

        await asyncio.to_thread(wait)

    async def until_recorded(self) -> None:
        """Wait until everything that was reported by now is recorded."""
        assert self.watcher._delivery is not None
        await asyncio.wrap_future(self.watcher._delivery.call(lambda recorder: None))

    async def until_events(self, count: int) -> None:
        """Wait until so many events were told."""
        await self.until(lambda: len(self.fields) >= count)

    async def until_over(self) -> None:
        """Wait for the end of what is told."""
        await self.until(lambda: any(each.connection and each.connection.is_over for each in self.updates))

    def run(self, key: JobKey) -> Run:
        """Return all that is known of a job."""
        run = Run(key)
        for update in self.updates:
            run.apply(update)
        return run

    @property
    def notices(self) -> str:
        return " ".join(update.notice for update in self.updates if update.notice)

    @property
    def fields(self) -> list[Fields]:
        """All events, as they were sent."""
        return [event.fields for update in self.updates for event in update.events]

    def has(self, wire: Wire) -> bool:
        return any(update.connection and update.connection.wire is wire for update in self.updates)


@asynccontextmanager
async def watching(settings: Settings, **options: Any) -> AsyncIterator[FrontEnd]:
    others = set(threading.enumerate())
    front_end = FrontEnd(Watcher(settings, **options))
    front_end.watcher.start(front_end.wake)
    try:
        async with asyncio.timeout(20):
            yield front_end
    finally:
        front_end.watcher.close()
        assert all(thread.name != "watcher" for thread in set(threading.enumerate()) - others)


def settings_of(server: Server) -> Settings:
    return Settings(f"{server.origin}/v1")
