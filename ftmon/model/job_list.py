"""The jobs of a service and those recorded on this machine, as one list."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from ftmon.model.job import Job
from ftmon.model.key import LOCAL, JobKey


class ListedJob(NamedTuple):
    """A job, and where it was found."""

    key: JobKey
    job: Job
    is_listed: bool = False
    """The service has just listed it. Some services list a status that is older than the job's own."""
    events: int | None = None
    """Number of recorded events; None if nothing is recorded."""
    recorded_at: datetime | None = None
    """When the job was last recorded."""
    skew: float = 0.0
    """Seconds that the clock of its service is ahead of this machine's."""

    @property
    def time(self) -> datetime | None:
        """The time to show: by the service's clock, if it tells one."""
        return self.job.created_at or self.recorded_at

    @property
    def local_time(self) -> datetime | None:
        """The same time by this machine's clock, to sort by and to count an age from."""
        created_at = self.job.created_at
        return self.recorded_at if created_at is None else created_at - timedelta(seconds=self.skew)

    def updated(self, new: "ListedJob") -> "ListedJob":
        """Return this job with what another place says of it. An end that was recorded is not taken back."""
        is_older = self.job.status.is_final and not new.job.status.is_final
        return ListedJob(
            self.key,
            self.job if is_older else new.job,
            self.is_listed or new.is_listed,
            self.events if new.events is None else new.events,
            new.recorded_at or self.recorded_at,
            new.skew or self.skew,
        )


def kept_here(jobs: Iterable[Job]) -> list[ListedJob]:
    """Return runs that ftmon keeps on this machine as they are listed."""
    return [ListedJob(JobKey(LOCAL, job.id), job, is_listed=True) for job in jobs]


class JobList:
    """Jobs, each once, newest first."""

    def __init__(self) -> None:
        self._jobs: dict[JobKey, ListedJob] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._jobs)

    def __iter__(self) -> Iterator[ListedJob]:
        """Iterate over them, newest first."""
        return iter(self._jobs.values())

    def add(self, jobs: Iterable[ListedJob]) -> None:
        """Add jobs. One that is there already is updated."""
        for new in jobs:
            before = self._jobs.get(new.key)
            self._jobs[new.key] = new if before is None else before.updated(new)
        newest_first = sorted(self._jobs.values(), key=_seconds, reverse=True)
        self._jobs = {listed.key: listed for listed in newest_first}


def _seconds(listed: ListedJob) -> float:
    return listed.local_time.timestamp() if listed.local_time else 0.0
