"""Asks the service what is asked beside the following of a job: its jobs, and to cancel or pause one."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from ftmon.errors import FtmonError
from ftmon.model.key import JobKey
from ftmon.settings import Settings

# What the first paint does not need is imported after it, on the watcher's thread.
if TYPE_CHECKING:
    from ftmon.model.action import Action, ActionOutcome
    from ftmon.model.job import Job
    from ftmon.wire.choosing import Candidates
    from ftmon.wire.client import Client
    from ftmon.wire.service import Service


class Inquiry:
    """Owns the client of a service. Its methods raise FtmonError, also where no request can be made."""

    def __init__(self, settings: Settings, remember: Callable[[], Awaitable[str]]) -> None:
        """`remember` returns the dialect that the history remembers of the service, or an empty text."""
        self._settings = settings
        self._remember = remember
        self._client: Client | None = None
        self._candidates: Candidates | None = None

    @property
    def client(self) -> "Client":
        """The client, made at the first use: importing httpx takes longer than the first paint."""
        from ftmon.wire.client import Client

        self._settings.check_key()
        self._client = self._client or Client(self._settings)
        return self._client

    @property
    def skew(self) -> float:
        """Seconds that the service's clock is ahead of this machine's; 0 while that is not known."""
        return (self._client.clock.skew or 0.0) if self._client is not None else 0.0

    async def candidates(self) -> "Candidates":
        """Return what the service may speak, in the order in which to try it."""
        from ftmon.wire.choosing import Candidates

        # Asked once, because a history that is written, or locked, may keep an answer waiting.
        if self._candidates is None:
            self._candidates = Candidates.of(self._settings, await self._remember())
        return self._candidates

    async def list_jobs(self, report: "Callable[[list[Job]], bool]") -> bool:
        """Report the service's jobs in pages, the newest first, until `report` returns False.

        Return whether the service has more of them. A list that comes oldest first is read to its end.
        """
        from ftmon.wire.job_list import job_pages

        async with aclosing(job_pages(self.client, await self.candidates())) as pages:
            async for page in pages:
                is_wanted = report(page.jobs)
                if not is_wanted and page.is_newest_first:
                    return bool(page.next)
        return False

    async def job(self, key: JobKey) -> "Job":
        """Return a job as it is now."""
        _, job = await self._found(key)
        return job

    async def ask(self, action: "Action", key: JobKey) -> "ActionOutcome":
        """Ask for something to be done with a job that is not followed, and return what came of it."""
        service, _ = await self._found(key)
        return await service.ask(action, key.job_id)

    async def _found(self, key: JobKey) -> "tuple[Service, Job]":
        from ftmon.wire.choosing import find_job

        service, found = await find_job(self.client, await self.candidates(), key.job_id)
        if isinstance(found, FtmonError):
            raise found
        return service, found.job

    async def aclose(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.aclose()
