"""The updates that the watcher reports, as immutable values."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ftmon.errors import FtmonError
from ftmon.model.action import ActionOutcome
from ftmon.model.event import Event
from ftmon.model.job import Job
from ftmon.model.key import JobKey


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
    """Everything has been read."""
    REFUSED = "refused"
    """ftmon gave up, for the reason in `Connection.error`."""
    REPLAYING = "replaying"
    """A recorded run is replayed; the service is not asked."""
    RECORDED = "recorded"
    """The whole recorded run has been shown; the service was not asked."""


class Recorded(NamedTuple):
    """The run that is replayed, as it stands in the history."""

    job: Job
    """The last reading; of unknown status if the job was never read."""
    events: int


@dataclass(frozen=True, slots=True)
class Connection:
    """The state of the wire."""

    wire: Wire
    reason: str = ""
    """Why it waits, or polls although there may be a stream: a few words of safe text."""
    attempt: int = 0
    """How many times in a row connecting failed."""
    delay: float = 0.0
    """Seconds from the update's `at` until the next attempt, or the next reading of the list; 0 for now."""
    error: FtmonError | None = None
    """Why the watching ended before the job did."""
    speed: float = 0.0
    """How many times as fast as it happened a run is replayed; 0 while it is paused."""
    recorded: Recorded | None = None
    """What a replay leads to, or None if no run is replayed."""

    @property
    def is_in_touch(self) -> bool:
        """The service answers, so what was read last is true now."""
        return self.wire in (Wire.LIVE, Wire.QUIET, Wire.POLLING)

    @property
    def is_over(self) -> bool:
        """No more updates follow."""
        return self.wire in (Wire.CLOSED, Wire.REFUSED, Wire.RECORDED)


class Traffic(NamedTuple):
    """What has come over the wire since the watching began."""

    received: int = 0
    """Bytes of all answers, as they were sent."""
    streams: int = 0
    """How many streams were opened."""
    fault: str = ""
    """Why an attempt failed last, in words; empty while none has."""
    fault_at: datetime | None = None
    """When that was, by this machine's clock."""


@dataclass(frozen=True, slots=True)
class Update:
    """The news of one network chunk, or one change of the connection."""

    job_key: JobKey
    at: datetime
    """When the news came, by this machine's clock."""
    events: tuple[Event, ...] = ()
    """New events, in the order to show them."""
    job: Job | None = None
    """A new reading of the job, or None."""
    connection: Connection | None = None
    """The connection's new state, or None where it stays as it was."""
    heard: bool = False
    """The stream or the list sent something. Readings of the job do not count."""
    notice: str = ""
    """A sentence to show once, such as how many malformed events were skipped."""
    unrecorded: int | None = None
    """How many events wait for a history that cannot be written, or None where that stays as it was."""
    stream_errors: int | None = None
    """How many errors the service has told of inside the stream, or None where that stays as it was."""
    cancellation: ActionOutcome | None = None
    """The service was asked to cancel the job. Not recorded."""
    dialect: str = ""
    """The name of the dialect that the service speaks; empty where that is not known."""
    why: str = ""
    """Why the service is taken to speak it, in words; empty where that is not known."""
    skew: float | None = None
    """Seconds that the service's clock is ahead of this machine's; None where it told nothing new of it."""
    traffic: Traffic | None = None
    """All traffic so far, or None where that is not known."""


def merged(rest: Update, updates: list[Update], *, with_events: bool) -> Update:
    """Return one update with the last news of several after `rest`, with all their events or only its own."""
    for update in updates:
        rest = replace(
            update,
            events=(*rest.events, *update.events) if with_events else rest.events,
            job=update.job or rest.job,
            connection=update.connection or rest.connection,
            heard=update.heard or rest.heard,
            unrecorded=rest.unrecorded if update.unrecorded is None else update.unrecorded,
            stream_errors=rest.stream_errors if update.stream_errors is None else update.stream_errors,
            notice=rest.notice if update.notice in rest.notice else f"{rest.notice} {update.notice}".strip(),
            dialect=update.dialect or rest.dialect,
            why=update.why or rest.why,
            skew=rest.skew if update.skew is None else update.skew,
            traffic=update.traffic or rest.traffic,
        )
    return rest
