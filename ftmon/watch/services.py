"""Which service a job is asked of: the chosen one, or one of ftmon's own for a run of this machine."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from ftmon.errors import HistoryError, RefusedError
from ftmon.model.key import LOCAL, JobKey
from ftmon.settings import Settings
from ftmon.watch.inquiry import Inquiry

# What the first paint does not need is imported after it, on the watcher's thread.
if TYPE_CHECKING:
    from ftmon.local.run_directory import RunDirectory
    from ftmon.model.action import Action, ActionOutcome
    from ftmon.model.job import Job


class Services:
    """The service that was chosen, and beside it one for the kept run that was opened last.

    The settings of a service that is `LOCAL` and has no address ask for the runs that ftmon keeps alone.
    """

    def __init__(self, settings: Settings, remember: Callable[[], Awaitable[str]]) -> None:
        """`remember` is as that of `Inquiry`."""
        self._service = settings.service
        self._is_here = settings.base_url == LOCAL
        """There is no other service than ftmon's own."""
        self._chosen = Inquiry(settings, remember)
        self._listed: set[JobKey] = set()
        """Jobs that the chosen service has, where it is one of ftmon's own."""
        self._opened: JobKey | None = None
        self._own: Inquiry | None = None
        """Of the run that is opened."""
        self._processes = ExitStack()
        self._opening = asyncio.Lock()

    def note(self, key: JobKey) -> None:
        """Take a job that is watched as one that can be asked for."""
        self._listed.add(key)

    def has(self, key: JobKey) -> bool:
        """Whether a job can be asked for, and not only read from the history; from any thread."""
        if key.service != LOCAL:
            return key.service == self._service
        return key in self._listed or kept(key) is not None

    @property
    def has_list(self) -> bool:
        """There is another service than ftmon's own, which may list jobs."""
        return not self._is_here

    @property
    def skew(self) -> float:
        """Seconds that the chosen service's clock is ahead of this machine's; 0 while that is not known."""
        return self._chosen.skew

    async def list_jobs(self, report: "Callable[[list[Job]], bool]") -> bool:
        """Do as `Inquiry.list_jobs` of the chosen service."""
        if self._is_here:
            return False

        def noted(jobs: "list[Job]") -> bool:
            self._listed.update(JobKey(self._service, job.id) for job in jobs)
            return report(jobs)

        return await self._chosen.list_jobs(noted if self._service == LOCAL else report)

    async def job(self, key: JobKey) -> "Job":
        """Do as `Inquiry.job`."""
        return await (await self.of(key)).job(key)

    async def ask(self, action: "Action", key: JobKey) -> "ActionOutcome":
        """Do as `Inquiry.ask`."""
        return await (await self.of(key)).ask(action, key)

    async def of(self, key: JobKey) -> Inquiry:
        """Return what asks for a job. For a run that ftmon keeps, a service is started.

        Raises:
            FtmonError: where there is none.
        """
        if key.service != LOCAL:
            return self._chosen
        async with self._opening:
            if self._own is not None and self._opened == key:
                return self._own
            run = kept(key)
            if run is not None:
                return await self._open(key, run)
        if self._is_here:
            raise RefusedError("ftmon keeps no run of this id on this machine.")
        return self._chosen

    async def _open(self, key: JobKey, run: "RunDirectory") -> Inquiry:
        from ftmon.watch.own_service import own_service, setup_of

        await self._close_own()
        opening = own_service(setup_of(run))
        # To start a process and to wait for its first words takes longer than a key may be held up.
        service = await asyncio.to_thread(self._processes.enter_context, opening)
        self._own, self._opened = Inquiry(service.settings, _nothing), key
        return self._own

    async def _close_own(self) -> None:
        own, self._own = self._own, None
        if own is not None:
            await own.aclose()
        await asyncio.to_thread(self._processes.close)

    async def aclose(self) -> None:
        """Close every connection, and end the process of ftmon's own service."""
        await self._chosen.aclose()
        await self._close_own()


def kept(key: JobKey) -> "RunDirectory | None":
    """Return the directory of a run that ftmon keeps, or None for any other job."""
    from ftmon.local.run_directory import RunDirectory
    from ftmon.paths import runs_directory

    with suppress(HistoryError):
        return RunDirectory.find(runs_directory(), key.job_id) if key.service == LOCAL else None
    return None


async def _nothing() -> str:
    return ""
