"""What a service can be asked to do with a job, and what came of it."""

from enum import Enum
from typing import NamedTuple

from ftmon.model.job import Job, Status


class Action(Enum):
    """Something that a service can be asked to do with a job: its name, and its past participle."""

    CANCEL = "cancel", "cancelled"
    PAUSE = "pause", "paused"
    RESUME = "resume", "resumed"

    def __init__(self, verb: str, done: str) -> None:
        self.verb = verb
        self.done = done

    def is_done(self, job: Job) -> bool:
        """Whether a reading of the job shows that it was done."""
        match self:
            case Action.CANCEL:
                return job.status is Status.CANCELLED
            case Action.PAUSE:
                return job.status is Status.PAUSED
            case Action.RESUME:
                return job.status is Status.RUNNING

    def is_begun(self, job: Job) -> bool:
        """Whether the job's own word for its status says that it will be done, such as `cancel_requested`."""
        word = (job.provider_status or "").lower()
        return not job.status.is_final and _BEGINNINGS.get(word) is self


_BEGINNINGS = {
    "cancelling": Action.CANCEL,  # NeMo
    "canceling": Action.CANCEL,  # DashScope
    "cancel_requested": Action.CANCEL,  # Together
    "cancellation_requested": Action.CANCEL,  # Mistral
    "job_state_cancelling": Action.CANCEL,  # Fireworks
    "pausing": Action.PAUSE,  # OpenAI
}
"""The services' own words for what is about to happen."""


class ActionOutcome(NamedTuple):
    """What came of asking a service, unless it surely did not do it."""

    action: Action
    job: Job | None
    """The job as read afterwards; None where it could not be read."""
    doubt: str = ""
    """Why it is not known whether the service does it, as a part of a sentence; empty where it says so."""

    @property
    def is_settled(self) -> bool:
        """The job is over, or the service says that it does or will do it."""
        job, action = self.job, self.action
        is_told = job is not None and (job.status.is_final or action.is_done(job) or action.is_begun(job))
        return not self.doubt or is_told

    @property
    def is_too_late(self) -> bool:
        """The job was over before."""
        return self.job is not None and self.job.status.is_final and not self.action.is_done(self.job)

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        job, done = self.job, self.action.done
        if job is None:
            return f"It is not known whether the job was {done}: {self.doubt}. It cannot be read now."
        if self.action.is_done(job):
            return f"The service says that the job is {done}."
        if job.status.is_final:
            was = "was " if job.status is Status.CANCELLED else ""
            return f"The job was over before it could be {done}: it {was}{job.status.value}."
        if self.is_settled:
            return f"The service says that the job will be {done}."
        word = job.provider_status or job.status.value
        return f"It is not known whether the job will be {done}: {self.doubt}. It is {word} now."
