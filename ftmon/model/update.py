"""What the watcher reports: one immutable value for every piece of news."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ftmon.errors import FtmonError
from ftmon.model.event import Event
from ftmon.model.job import Job, JobKey


class Wire(StrEnum):
    """The health of the connection, which says nothing about the health of the job."""

    CONNECTING = "connecting"
    LIVE = "live"
    QUIET = "quiet"
    """Open, but no byte for 30 s, which is normal."""
    POLLING = "polling"
    """The list is read every few seconds: the service has no stream, or it cannot be read now."""
    WAITING = "waiting to retry"
    CLOSED = "closed"
    """All has been read."""
    REFUSED = "refused"
    """Given up, for the reason in `Connection.error`."""
    REPLAYING = "replaying"
    """What was recorded is told again as it happened; the service is not asked."""
    RECORDED = "recorded"
    """All that was recorded has been told; the service was not asked."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The state of the wire."""

    wire: Wire
    reason: str = ""
    """Why it waits, or polls although there may be a stream: a few words of safe text."""
    attempt: int = 0
    """How many times in a row it failed."""
    delay: float = 0.0
    """Seconds from the update's `at` until the next attempt."""
    error: FtmonError | None = None
    """Why the watching ended without the job's end."""
    speed: float = 0.0
    """How many times as fast as it happened a run is replayed; 0 while it is paused."""

    @property
    def is_over(self) -> bool:
        """No update will follow."""
        return self.wire in (Wire.CLOSED, Wire.REFUSED, Wire.RECORDED)


@dataclass(frozen=True, slots=True)
class Update:
    """What one network chunk, or one change of the connection, brought."""

    job_key: JobKey
    at: datetime
    """When it came, by this machine's clock."""
    events: tuple[Event, ...] = ()
    """New ones, in the order to show them."""
    job: Job | None = None
    """A new reading of the job, or None."""
    connection: Connection | None = None
    """The connection's new state, or None where it stays as it was."""
    heard: bool = False
    """A byte of the events came. The job is read beside them, and says nothing of their connection."""
    notice: str = ""
    """A sentence for the user, once, such as how many malformed events were skipped."""
    unrecorded: int | None = None
    """How many events wait for a history that cannot be written, or None where that stays as it was."""
    dialect: str = ""
    """The name of the dialect that the service speaks; empty where that is not known."""
