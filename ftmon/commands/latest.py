"""The newest job of a service or of this machine, for `ftmon --latest`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ftmon.commands.connection import connected
from ftmon.errors import FtmonError, RefusedError
from ftmon.model.job import Job
from ftmon.model.key import LOCAL, JobKey
from ftmon.text import as_sentence

if TYPE_CHECKING:
    from ftmon.settings import Settings
    from ftmon.watch.watcher import Watcher

_MOST_LISTED = 1000
"""Jobs among which one that is not over is looked for."""

_MOST_READ = 5
"""Jobs that are read, because their status in a list may be older than their own (Amazon Bedrock)."""

_NOT_FOUND = 404


class Latest(NamedTuple):
    """The newest job that is not over, or of those that are over."""

    key: JobKey
    job: Job
    is_over: bool
    fault: FtmonError | None = None
    """Why the service could not be asked for its own."""

    @property
    def sentence(self) -> str:
        """Which job it is, and why that one."""
        why = (
            "the newest job: none runs now."
            if self.is_over
            else f"the newest job that is not over: it is {self.job.status_word}."
        )
        doubt = as_sentence(f" The service could not be asked: {self.fault}") if self.fault else ""
        return f"Watching {self.key.job_id}, {why}{doubt}"


def latest(settings: "Settings | None", kept: Sequence[Job]) -> Latest:
    """Return the newest job that is not over, else the newest: one of the service's, or of those kept here.

    No service is asked where there are no settings.

    Raises:
        FtmonError: when there is no job, also because the service cannot be asked.
    """
    found = [Latest(JobKey(LOCAL, job.id), job, job.is_over) for job in kept]
    fault = None
    try:
        if settings is not None and (newest := _newest_of(settings)) is not None:
            found.append(newest)
    except FtmonError as error:
        if not found:
            raise
        fault = error
    if not found:
        raise RefusedError("There is no job to watch: the service lists none.")
    best = max(found, key=lambda each: (not each.is_over, _seconds(each.job)))
    return best._replace(fault=fault)


def _newest_of(settings: "Settings") -> Latest | None:
    listed: list[Job] = []

    def report(page: list[Job]) -> bool:
        listed.extend(page)
        return len(listed) < _MOST_LISTED and all(job.is_over for job in listed)

    with connected(settings) as watcher:
        watcher.list_jobs(report).result()
        listed.sort(key=_seconds, reverse=True)
        for job in [job for job in listed if not job.is_over][:_MOST_READ]:
            key = JobKey(settings.base_url, job.id)
            own = _own(watcher, key)
            if own is not None and not own.is_over:
                return Latest(key, own, is_over=False)
    return Latest(JobKey(settings.base_url, listed[0].id), listed[0], is_over=True) if listed else None


def _own(watcher: "Watcher", key: JobKey) -> Job | None:
    """Return the job as it says itself; None where only the list still has it."""
    try:
        return watcher.read(key).result()
    except RefusedError as error:
        if error.status != _NOT_FOUND:
            raise
        return None


def _seconds(job: Job) -> float:
    return job.created_at.timestamp() if job.created_at else 0.0
