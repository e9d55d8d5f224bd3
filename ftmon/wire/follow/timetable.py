"""When the stream is tried, and when the job and its list are read, next."""

from math import inf

from ftmon.errors import UnreachableError
from ftmon.model.job import Status
from ftmon.model.update import Wire
from ftmon.wire.clock import loop_time
from ftmon.wire.follow.session import Session
from ftmon.wire.follow.stream import Stream
from ftmon.wire.pace import Pace

_QUEUED = 3
"""How many times as long a job in a queue is left alone: for hours, often, it has nothing to tell."""


class Timetable:
    """Times by the loop's clock, and the back-off of both routes.

    The list is read only while no stream is trusted: one that has not brought its first event for a moment
    (`Pace.proof`), or that failed before it brought news.
    """

    def __init__(self, session: Session, pace: Pace) -> None:
        self.stream_at = 0.0
        """When the next attempt at the stream begins; infinite where the service has none."""
        self.read_at = 0.0
        """When the job is read next while no stream is trusted."""
        self.looked_at = -inf
        """When the last reading began."""
        self.failed_streams = 0
        """Attempts at the stream that failed in a row."""
        self.failed_readings = 0
        self._session = session
        self._pace = pace
        self._hinted_at = -inf
        self._distrusted_at = inf
        """From then on the list is read as long as no stream is trusted."""
        self._held_until = -inf
        """Until then the service asked to be left alone by readings."""
        self._listed_at = -inf
        """When the list was read last while no stream was trusted."""

    @property
    def interval(self) -> float:
        """Seconds between two readings while no stream is trusted; more while the job is in a queue."""
        poll = self._session.service.dialect.poll if self._pace.poll is None else self._pace.poll
        return poll * _QUEUED if self._session.status is Status.PENDING else poll

    @property
    def is_hurried(self) -> bool:
        """The next reading does not wait for its time."""
        return self.read_at <= 0

    @property
    def has_stream(self) -> bool:
        """The service may have a stream."""
        return self.stream_at < inf

    def is_stream_away(self, stream: Stream | None, *, has_news: bool) -> bool:
        """Whether the list that was just read, with news or without, stands in for the stream.

        An open stream knows less than a list with news. Without one, there is no stream at all, or it fails
        repeatedly, or it is tried again only later than a list with news.
        """
        if stream is not None:
            return has_news or self._session.wire is Wire.WAITING
        is_later = self.stream_at - loop_time() > self.interval
        return self.failed_streams > 1 or not self.has_stream or (has_news and is_later)

    # When things are due

    def stream_due(self, *, is_deciding: bool) -> float:
        """Return when the next attempt begins.

        It waits for a reading that may say that the job is over (`is_deciding`), but not for long.
        """
        return max(self.stream_at, self.looked_at + self._pace.proof) if is_deciding else self.stream_at

    def reading_due(self, stream: Stream | None) -> float:
        """Return when the job is read next, beside the present stream or without one."""
        session, pace = self._session, self._pace
        if stream is None:
            return self.read_at
        if not stream.is_trusted:
            return max(self.read_at, self._distrusted_at)
        if session.final_at is not None:
            # The stream may still bring its last events, but not for ever.
            silent_at = max(stream.news_at, session.final_at) + pace.grace
            return min(silent_at, max(session.final_at + pace.lag, self.looked_at + self.interval))
        hint = self._hinted_at + pace.hint if stream.is_hinting else inf
        idle = max(stream.news_at + pace.quiet, self.looked_at + pace.quiet_again)
        return min(hint, idle, self.silent_at(stream))

    def silent_at(self, stream: Stream) -> float:
        """Return when a trusted stream counts as silent: after 30 s at first, then every minute."""
        again = self.looked_at + self._pace.quiet_again if self._session.wire is Wire.QUIET else 0.0
        return max(stream.heard_at + self._pace.quiet, again)

    def stalled_at(self, stream: Stream | None) -> float:
        """Return when the stream has been silent for so long that it is opened again."""
        return inf if stream is None else stream.heard_at + self._pace.stalled

    def is_list_wanted(self, now: float) -> bool:
        """Whether the list is read too, while no stream is trusted."""
        return now >= self._distrusted_at

    # What happened

    def note_start(self, stream: Stream) -> None:
        """A stream was started: it has a moment to prove itself, unless the list is read already."""
        if stream.started_at < self._distrusted_at:
            self._distrusted_at = stream.started_at + self._pace.proof
        self._hinted_at = -inf

    def note_end(self, stream: Stream) -> None:
        """A stream has ended; one with news gives the next one a moment before the list is read.

        The next attempt waits for the reading that decides what follows.
        """
        now = loop_time()
        self.stream_at = now + self._pace.proof
        settled = self._pace.settled_with_news if stream.has_news else self._pace.settled
        if now - stream.started_at >= settled:
            self.failed_streams = 0
        self._distrusted_at = now + self._pace.proof if stream.has_news else now

    def note_reading(self, now: float, stream: Stream | None) -> None:
        """A reading was started."""
        self.looked_at = now
        if self.is_list_wanted(now) and not (stream and stream.is_trusted):
            self._listed_at = now
        if stream is not None and stream.is_hinting:
            self._hinted_at = now

    def decide(self, *, is_urgent: bool) -> bool:
        """Read soon what the end of a stream means, and let the next attempt wait for it.

        Unless it `is_urgent`, an interval passes after the last reading of the list. False where the service
        asked for a longer wait, so that the next attempt cannot wait for the reading.
        """
        read_at = 0.0 if is_urgent else self._listed_at + self.interval
        self.read_at = max(read_at, self._held_until)
        self.stream_at = max(self.stream_at, read_at)
        return self._held_until <= max(read_at, loop_time())

    def poll_only(self) -> None:
        """The service has no stream: read the list now, and from now on."""
        self.stream_at = inf
        self.read_at = self._distrusted_at = 0.0

    def hurry(self, *, is_streaming: bool) -> None:
        """End the present wait."""
        self.read_at = 0.0
        self._held_until = -inf
        if self.has_stream and not is_streaming:
            self.stream_at = 0.0

    def begin_again(self) -> None:
        """Forget the back-off: everything is due now."""
        self.failed_streams = self.failed_readings = 0
        self.hurry(is_streaming=False)

    def back_off_stream(self, fault: UnreachableError, retry: float, patience: float) -> float:
        """Put off the next attempt and return for how many seconds.

        `retry` is what the stream asked for, `patience` the most that is left.
        """
        self.failed_streams += 1
        self._session.note_fault(fault)
        delay = min(self._pace.delay(self.failed_streams, fault.retry_after, retry), patience)
        self.stream_at = loop_time() + delay
        return delay

    def back_off_reading(self, fault: UnreachableError, patience: float, *, is_only_route: bool) -> float:
        """Put off the next reading and return for how many seconds.

        Where the stream may work (not `is_only_route`), failing readings share its back-off.
        """
        self.failed_readings += 1
        self._session.note_fault(fault)
        delay = self._pace.delay(self.failed_readings, fault.retry_after)
        if fault.retry_after is not None:
            self._held_until = loop_time() + delay
        if not is_only_route:
            delay = max(delay, self.interval, self.stream_at - loop_time())
        delay = min(delay, patience)
        self.read_at = loop_time() + delay
        return delay
