"""The newest job of a service, for `ftmon --latest`."""

from typing import TYPE_CHECKING

from ftmon.commands.connection import connected
from ftmon.errors import RefusedError
from ftmon.model.job import Job
from ftmon.model.key import JobKey

if TYPE_CHECKING:
    from ftmon.settings import Settings
    from ftmon.watch.watcher import Watcher

_MOST_LISTED = 1000
"""Jobs among which one that is not over is looked for."""

_MOST_READ = 5
"""Jobs that are read, because their status in a list may be older than their own (Amazon Bedrock)."""

_NOT_FOUND = 404


def newest_job(settings: "Settings") -> tuple[JobKey, str]:
    """Return the newest job that is not over, else the newest, and a sentence that says which.

    Raises:
        FtmonError: when the service cannot be asked, or lists no job.
    """
    listed: list[Job] = []

    def report(page: list[Job]) -> bool:
        listed.extend(page)
        return len(listed) < _MOST_LISTED and all(job.is_over for job in listed)

    with connected(settings) as watcher:
        watcher.list_jobs(report).result()
        listed.sort(key=lambda job: job.created_at.timestamp() if job.created_at else 0.0, reverse=True)
        for job in [job for job in listed if not job.is_over][:_MOST_READ]:
            key = JobKey(settings.base_url, job.id)
            own = _own(watcher, key)
            if own is not None and not own.is_over:
                return key, f"Watching {job.id}, the newest job that is not over: it is {own.status_word}."
    if not listed:
        raise RefusedError("There is no job to watch: the service lists none.")
    return JobKey(settings.base_url, listed[0].id), f"Watching {listed[0].id}, the newest job: none runs now."


def _own(watcher: "Watcher", key: JobKey) -> Job | None:
    """Return the job as it says itself; None where only the list still has it."""
    try:
        return watcher.read(key).result()
    except RefusedError as error:
        if error.status != _NOT_FOUND:
            raise
        return None
