"""What is worth telling somebody who does not look: one note for each fact."""

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Why somebody should look. The words are those of the config file."""

    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STALLED = "stalled"
    """Silent for far longer than is usual for this run."""
    DIVERGED = "diverged"
    """The loss explodes, or is no number any more."""
    OVERFITTING = "overfitting"
    """The validation loss has been rising for long."""
    DISCONNECTED = "disconnected"
    """The service has not been reached for long, or the watching has ended before the job."""
    BACK = "back"
    """What was stalled or disconnected goes on."""


class Note(NamedTuple):
    """One fact that is worth telling."""

    reason: Reason
    seconds: float | None = None
    """How long it has lasted."""
    value: float | None = None
    """The loss now, if it is a number."""
    before: float | None = None
    """The lowest loss before."""
    detail: str = ""
    """What the service says of it, of any length."""
