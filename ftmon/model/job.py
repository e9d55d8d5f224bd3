"""The fine-tuning job as the service knows it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from ftmon.model.event import iso
from ftmon.model.link import Link


class Status(StrEnum):
    """Where a job stands, in one vocabulary for every service."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Nothing follows: the job is over."""
        return self in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


class Progress(NamedTuple):
    """How far a job has come, as the job object says; None for what it does not say."""

    step: int | None = None
    total_steps: int | None = None
    epoch: float | None = None
    """Epochs completed."""
    queue: int | None = None
    """Jobs ahead in the queue."""
    share: float | None = None
    """The part of the training that is done, 0 to 1, which says nothing of how the job ends."""
    remaining: float | None = None
    """Seconds left when the job was read, as the service estimates them."""
    ends_at: datetime | None = None
    """When the service thinks that the job will be over."""


NO_PROGRESS = Progress()


@dataclass(frozen=True, slots=True)
class Job:
    """One reading of the job object; every string is safe text, None is what the service does not say."""

    id: str
    status: Status = Status.UNKNOWN
    provider_status: str | None = None
    """The service's own word for the status."""
    model: str | None = None
    """The base model."""
    fine_tuned_model: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    n_epochs: int | None = None
    error: str | None = None
    """Why it failed."""
    progress: Progress = NO_PROGRESS
    links: tuple[Link, ...] = ()
    """Web pages about it."""
    result_files: tuple[str, ...] = ()
    """The ids of the files that hold the losses, once it is over."""
    raw: str = ""
    """The JSON object that the service sent, in ASCII and without its events."""
    has_ended: bool = False
    """It is over, and nothing tells how it ended: the status is unknown."""

    @property
    def is_over(self) -> bool:
        """Nothing follows, whether or not the outcome is known."""
        return self.status.is_final or self.has_ended

    @property
    def status_word(self) -> str:
        """The status in words. For a status that ftmon does not know, this is the service's own word."""
        if self.has_ended:
            return "ended, outcome unknown"
        return (self.provider_status if self.status is Status.UNKNOWN else None) or self.status.value

    @property
    def phase(self) -> str:
        """The service's own word for where a job stands that is not over, if it is another than ours."""
        word = (self.provider_status or "").lower().replace("_", " ")
        return "" if self.is_over or self.status is Status.UNKNOWN or word == self.status.value else word

    @property
    def duration(self) -> float | None:
        """Seconds from the creation of the job to its end; None unless it is over and both are known.

        This is the one duration of a job that is shown anywhere.
        """
        if not self.is_over or self.created_at is None or self.finished_at is None:
            return None
        return max(0.0, (self.finished_at - self.created_at).total_seconds())


def status_phrase(job: Job | None, when: str = "") -> str:
    """Return a job's status in words, followed by `when` that was so."""
    if job is None or job.status_word == Status.UNKNOWN:
        return "status unknown"
    return f"{job.status_word}{when}"


def job_json(job: Job, events: int, error: str | None) -> dict[str, Any]:
    """Return the closing object of `--json`: the job as last known, and how many events were told."""
    return {
        "object": "fine-tune",
        "id": job.id,
        "status": job.status.value,
        "provider_status": job.provider_status,
        "model": job.model,
        "fine_tuned_model": job.fine_tuned_model,
        "created_at": iso(job.created_at),
        "finished_at": iso(job.finished_at),
        "events": events,
        "error": job.error or error,
    }
