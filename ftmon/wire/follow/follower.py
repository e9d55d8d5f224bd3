"""Stay on a job until it is over.

Stream and list are two routes to one truth. The stream is the fast one. Until it has proved itself by an
event, and whenever it fails, the list is read beside it at the pace of polling. The job object alone ends a
run.

The follower keeps at most two tasks: one attempt at the stream, and one reading of job and list. It starts
each when it is due, and decides what follows when one of them ends.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from math import inf
from time import monotonic
from typing import Any

from ftmon.errors import FtmonError, GaveUpError, RefusedError, UnreachableError
from ftmon.model.job import Job, JobKey
from ftmon.model.update import Connection, Update, Wire
from ftmon.wire.client import Client
from ftmon.wire.dialects import DIALECTS
from ftmon.wire.dialects.dialect import Dialect, Page
from ftmon.wire.follow.reading import Outcome, Reader
from ftmon.wire.follow.session import Report, Session
from ftmon.wire.follow.stream import End, Resumption, Stream
from ftmon.wire.pace import Pace
from ftmon.wire.service import NO_ROUTE

_NO_CONTENT = 204

_MAX_LAST_STREAMS = 3
"""Streams that are read after a job's end for what a cut one missed, where there is no list."""


class Follower:
    """Follows one job and reports what happens; `run` returns when everything has been told."""

    def __init__(
        self,
        client: Client,
        key: JobKey,
        report: Report,
        *,
        dialects: Sequence[Dialect] = DIALECTS,
        stream: bool = True,
        patient: bool = False,
        pace: Pace | None = None,
    ) -> None:
        self._session = Session(client, key, dialects, report)
        self._pace = pace or Pace()
        self._reader = Reader(self._session, self._pace)
        self._is_stream_wanted = stream
        self._is_patient = patient
        self._give_up_at = inf
        self._has_begun = False
        """The first reading of the job is over, and the dialect is found."""
        self._wake = asyncio.Event()
        self._has_slept = False
        # The stream: the attempt at it, when the next one is due, and how the last one ended.
        self._stream: Stream | None = None
        self._streaming: asyncio.Task[Page | None] | None = None
        self._stream_at = 0.0
        self._has_streamed = False
        """A stream has told an event."""
        self._last_stream: Stream | None = None
        """The stream that ended last."""
        self._distrusted_at = 0.0
        """From then on the list is read as long as no stream is trusted."""
        self._early_end: UnreachableError | None = None
        """A stream ended well; this is its fault, should the job not be over."""
        self._last_streams = 0
        self._attempt = 0
        """Attempts at the stream, or at a first good answer, that failed in a row."""
        self._reason = ""
        """Why the last attempt failed."""
        self._resumption = Resumption()
        # The reading of job and list: the task, when the next one is due, when the last one began.
        self._reading: asyncio.Task[Outcome] | None = None
        self._read_at = 0.0
        self._looked_at = self._hinted_at = -inf
        self._failed_readings = 0
        self._refusal: RefusedError | None = None
        """A refusal that the next reading of the job confirms or not."""
        self._first_page: Page | None = None
        """The list that came in place of the stream, still to be told."""
        self._list_failed_at: float | None = None
        """When the list failed for the first time after the job's end."""

    def restore(self, update: Update) -> None:
        """Take the recorded past of the job as shown; to be called before `run`."""
        self._session.restore(update)

    async def run(self) -> None:
        """Follow the job to its end; the last update says that the connection is closed or refused."""
        session = self._session
        await session.tell(connection=Connection(Wire.CONNECTING))
        if not self._is_patient:
            self._give_up_at = monotonic() + self._pace.give_up
        try:
            while not await self._step():
                pass
            await session.tell(connection=Connection(Wire.CLOSED))
        except FtmonError as error:
            await session.tell(connection=Connection(Wire.REFUSED, error=error))
        finally:
            await _cancelled(self._streaming, self._reading)

    def retry(self) -> None:
        """End the present wait."""
        if self._stream is None and self._stream_at < inf:
            self._stream_at = 0.0
        self._read_at = 0.0
        self._wake.set()

    async def cancel(self) -> Job:
        """Ask the service to cancel the job, and report the job as it is then; raises as `Service.cancel`."""
        job = await self._session.service.cancel(self._session.key.job_id)
        await self._session.take_job(job)
        self.retry()
        return job

    def resume(self) -> None:
        """Connect again at once: this machine has slept, and open connections may be dead."""
        self._has_slept = True
        self._wake.set()

    # The loop

    async def _step(self) -> bool:
        """Start what is due, wait for what comes first, and decide. True once everything has been told."""
        if self._has_slept:
            await self._connect_again()
        now = monotonic()
        if now >= self._reading_due():
            self._start_reading(now)
        if now >= self._stream_due():
            await self._start_stream()
        await self._wait(min(self._stream_due(), self._reading_due(), self._stalled_at()))
        if self._streaming is not None and self._streaming.done():
            await self._take_stream_end(self._streaming)
        elif monotonic() >= self._stalled_at():
            await self._drop_stream()
        if self._reading is not None and self._reading.done():
            return await self._take_reading(self._reading)
        return False

    async def _wait(self, until: float) -> None:
        """Wait for a task to end, for `_wake`, or for a time."""
        waking = asyncio.create_task(self._wake.wait())
        tasks = [task for task in (self._streaming, self._reading) if task is not None]
        seconds = None if until == inf else max(0.0, until - monotonic())
        try:
            await asyncio.wait([waking, *tasks], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()
        self._wake.clear()

    async def _connect_again(self) -> None:
        """Drop what is open, forget the back-off, and begin again."""
        self._has_slept = False
        tasks = self._streaming, self._reading
        self._stream = self._streaming = self._reading = None
        await _cancelled(*tasks)
        self._attempt = self._failed_readings = 0
        self._read_at = 0.0
        self._stream_at = min(self._stream_at, 0.0) if self._stream_at < inf else inf
        await self._session.tell(connection=Connection(Wire.CONNECTING))

    # When things are due

    def _stream_due(self) -> float:
        """Return when the next attempt at the stream begins.

        It waits for a reading, which may say that the job is over, but not for long.
        """
        if not self._has_begun or self._stream is not None:
            return inf
        if self._reading is not None or self._early_end is not None:
            return max(self._stream_at, self._looked_at + self._pace.proof)
        return self._stream_at

    def _reading_due(self) -> float:
        """Return when the job, and the list where no stream is trusted, are read next."""
        stream, session, pace = self._stream, self._session, self._pace
        if self._reading is not None:
            return inf
        if stream is None:
            return self._read_at
        if not stream.is_trusted:
            return max(self._read_at, stream.started_at + pace.proof)
        if session.final_at is not None:
            return max(stream.news_at, session.final_at) + pace.grace
        hint = self._hinted_at + pace.hint if stream.is_hinting else inf
        idle = max(stream.news_at + pace.quiet, self._looked_at + pace.quiet_again)
        return min(hint, idle, self._silent_at(stream))

    def _silent_at(self, stream: Stream) -> float:
        """Return when a trusted stream counts as silent: after 30 s at first, then every minute."""
        again = self._looked_at + self._pace.quiet_again if self._session.wire is Wire.QUIET else 0.0
        return max(stream.heard_at + self._pace.quiet, again)

    def _stalled_at(self) -> float:
        """Return when the stream has been silent for so long that it is opened again."""
        return inf if self._stream is None else self._stream.heard_at + self._pace.stalled

    # The stream

    async def _start_stream(self) -> None:
        self._early_end = None
        self._stream = Stream(self._session, self._resumption, self._wake.set)
        self._streaming = asyncio.create_task(self._stream.run(), name="stream")
        self._distrusted_at = self._stream.started_at + self._pace.proof
        self._hinted_at = -inf
        if self._session.wire is Wire.WAITING:
            connection = Connection(Wire.CONNECTING, self._reason, self._attempt)
            await self._session.tell(connection=connection)

    async def _drop_stream(self) -> None:
        """Give up the open stream and open it again at once: it is stalled, or holds events back."""
        streaming, self._stream, self._streaming = self._streaming, None, None
        await _cancelled(streaming)
        await self._start_stream()

    async def _take_stream_end(self, task: asyncio.Task[Page | None]) -> None:
        stream, self._stream, self._streaming = self._stream, None, None
        assert stream is not None, "a task belongs to a stream"
        now, pace, session = monotonic(), self._pace, self._session
        self._has_streamed = self._has_streamed or stream.is_trusted
        if now - stream.started_at >= (pace.settled_with_news if stream.has_news else pace.settled):
            self._attempt = 0
        # After a stream with news, give the next one a moment before the list is read.
        self._distrusted_at = now + pace.proof if stream.has_news else now
        self._last_stream = stream
        try:
            page = task.result()
        except UnreachableError as fault:
            if fault.status == _NO_CONTENT and session.job is not None:
                # The service asks not to be connected to any more.
                await self._poll_only(None)
            else:
                await self._back_off(fault)
        except RefusedError as error:
            await self._take_refused_stream(error)
        else:
            if page is not None:
                await self._poll_only(page)
                return
            session.claimed_at = session.claimed_at or now
            words = "before the job did" if session.is_status_known else "and the job's end is not known yet"
            self._early_end = UnreachableError(f"the stream ended {words}")
            self._read_at = 0.0

    async def _take_refused_stream(self, error: RefusedError) -> None:
        session = self._session
        if error.status in NO_ROUTE and not self._has_streamed:
            if session.job is None:
                raise session.job_refusal or error
            await self._poll_only(None)
        elif not session.was_heard or _is_redirect(error):
            raise error
        else:
            self._refusal = error
            self._read_at = 0.0

    async def _poll_only(self, page: Page | None) -> None:
        """Read the list from now on: the service has no stream."""
        self._stream_at = inf
        self._distrusted_at = self._read_at = 0.0
        self._first_page = page
        await self._session.tell(connection=Connection(Wire.POLLING), heard=page is not None)

    async def _back_off(self, fault: UnreachableError) -> None:
        """Wait before the next attempt at the stream."""
        self._early_end = None
        self._attempt += 1
        delay = self._pace.delay(self._attempt, fault.retry_after, self._resumption.retry)
        delay = min(delay, self._patience(fault))
        self._stream_at = monotonic() + delay
        self._reason = str(fault)
        if self._session.wire is not Wire.POLLING:
            connection = Connection(Wire.WAITING, self._reason, self._attempt, delay)
            await self._session.tell(connection=connection)

    # Reading the job and the list

    def _start_reading(self, now: float) -> None:
        stream, session = self._stream, self._session
        what: Coroutine[Any, Any, Outcome]
        if not self._is_stream_wanted:
            what = self._reader.everything()
        elif not self._has_begun:
            what = self._reader.job()
        elif session.is_final and self._refusal is None:
            last = self._last_stream
            is_cut = last is None or last.end is not End.DONE
            first, self._first_page = self._first_page, None
            what = self._reader.rest(
                first,
                is_whole=last is not None and last.is_whole,
                has_streamed=self._has_streamed,
                can_stream=is_cut and self._stream_at < inf and self._last_streams < _MAX_LAST_STREAMS,
            )
        elif stream is not None and stream.is_trusted:
            is_silent = now >= self._silent_at(stream)
            is_first = self._looked_at <= stream.heard_at
            self._hinted_at = now if stream.is_hinting else self._hinted_at
            what = self._reader.beside(stream, is_silent=is_silent, is_first=is_first)
        elif now >= self._distrusted_at or self._refusal is not None:
            first, self._first_page = self._first_page, None
            what = self._reader.job_and_list(first)
        else:
            what = self._reader.job()
        self._looked_at = now
        self._reading = asyncio.create_task(what, name="reading")

    async def _take_reading(self, task: asyncio.Task[Outcome]) -> bool:
        """Decide by what a reading brought; True once everything has been told."""
        self._reading = None
        session, stream = self._session, self._stream
        refusal, self._refusal = self._refusal, None
        self._read_at = monotonic() + self._reader.interval
        try:
            outcome = task.result()
        except UnreachableError as fault:
            return await self._take_fault(fault)
        except RefusedError as error:
            await self._take_refusal(error, refusal)
            return False
        self._failed_readings = 0
        if not self._has_begun:
            await self._begin()
        elif session.is_final and not outcome.needs_stream:
            # The reading that found the job over is followed by that of the rest.
            self._read_at = 0.0
        elif outcome.is_ahead and stream is not None and stream is self._stream:
            await self._drop_stream()
        elif outcome.new is not None and not (stream is not None and stream.is_trusted):
            await self._tell_polling(has_news=outcome.new > 0)
        if outcome.is_over:
            return True
        if outcome.needs_stream:
            self._last_streams += 1
        if refusal is not None:
            if session.job is None and outcome.new is None:
                raise refusal
            await self._back_off(UnreachableError(str(refusal).rstrip("."), status=refusal.status))
        elif outcome.needs_stream:
            if self._early_end is not None:
                await self._back_off(UnreachableError("the stream may have been cut before its end"))
        elif self._early_end is not None and not session.is_final:
            if self._last_stream is not None and self._looked_at < self._last_stream.heard_at:
                # This reading began before the stream ended: read again.
                self._read_at = 0.0
            else:
                await self._back_off(self._early_end)
        self._check_end()
        return False

    async def _begin(self) -> None:
        """The job was asked for: go on with the stream, where the dialect has one."""
        self._has_begun = True
        self._attempt = 0
        self._read_at = 0.0
        if self._session.service.dialect.paths.stream:
            await self._start_stream()
        else:
            await self._poll_only(None)

    async def _tell_polling(self, *, has_news: bool) -> None:
        """Say that the list is read, where the stream fails again and again or knows less than the list."""
        is_failing = has_news if self._stream is not None else self._attempt > 1
        if self._session.wire is not Wire.POLLING and is_failing:
            await self._session.tell(connection=Connection(Wire.POLLING, self._reason), heard=True)

    async def _take_fault(self, fault: UnreachableError) -> bool:
        """Read again later; True where a job is over whose list fails for good."""
        session = self._session
        self._failed_readings += 1
        left = self._patience(fault)
        delay = self._pace.delay(self._failed_readings, fault.retry_after)
        if self._has_begun and session.is_final:
            self._list_failed_at = self._list_failed_at or monotonic()
            # A service that cannot be reached may come back, and the missing events with it.
            if fault.status is not None and monotonic() - self._list_failed_at > self._pace.lag:
                reason = str(fault).rstrip(".")
                await session.tell(
                    notice=f"The list of the events cannot be read ({reason}); some may be missing."
                )
                return True
        is_only_route = not self._has_begun or self._stream_at == inf or session.is_final
        if not is_only_route:
            delay = max(delay, self._reader.interval, self._stream_at - monotonic())
        delay = min(delay, left)
        self._read_at = monotonic() + delay
        if self._early_end is not None:
            await self._back_off(self._early_end)
        elif is_only_route or session.wire is Wire.POLLING:
            self._reason = str(fault)
            await session.tell(
                connection=Connection(Wire.WAITING, self._reason, self._failed_readings, delay)
            )
        self._check_end()
        return False

    async def _take_refusal(self, error: RefusedError, refusal: RefusedError | None) -> None:
        """Ask once more where the job is refused midway; raise a refusal that lasts, or came at the start."""
        session = self._session
        is_followed = session.was_heard and self._is_stream_wanted
        if not is_followed:
            if session.has_past and error.status == 404 and not session.was_heard:
                raise RefusedError(
                    "The service does not know this job, or has forgotten it (404). "
                    "What this machine has recorded of it is shown.",
                    404,
                ) from error
            raise error
        if _is_redirect(error):
            raise error
        if error.status is None:
            await self._take_fault(UnreachableError(str(error).rstrip(".")))
        elif refusal is None:
            self._refusal = error
            self._read_at = 0.0
        elif error.status == 404 and session.job is not None:
            raise RefusedError("The job is gone: the service no longer knows it (404).", 404) from error
        else:
            raise error

    # Giving up

    def _patience(self, fault: UnreachableError) -> float:
        """Return how many seconds are left for a first good answer.

        Raises:
            GaveUpError: where none are left, or where the recorded past is all that is wanted.
        """
        session = self._session
        is_past_enough = session.status.is_final or not self._is_stream_wanted
        if session.has_past and is_past_enough and not session.was_heard and not self._is_patient:
            words = str(fault)
            raise GaveUpError(
                f"{words[0].upper()}{words[1:]}. What this machine has recorded of the job is shown."
            ) from fault
        if session.was_heard and self._is_stream_wanted:
            return inf
        left = self._give_up_at - monotonic()
        if left <= 0:
            question = "" if fault.status is not None else " Is the base URL right?"
            raise GaveUpError(
                f"Gave up after {self._pace.give_up:.0f} s: {fault}.{question} "
                "With --wait, ftmon goes on trying."
            ) from fault
        return left

    def _check_end(self) -> None:
        """Give up where the events have ended and nobody says how the job did.

        Raises:
            GaveUpError: where that has lasted for `lag`.
        """
        claimed_at = self._session.claimed_at
        if self._is_patient or self._session.is_status_known or claimed_at is None:
            return
        if self._looked_at - claimed_at > self._pace.lag:
            raise GaveUpError(
                "The events are over, but the service does not say how the job ended. "
                "Everything it told is shown."
            )


def _is_redirect(error: RefusedError) -> bool:
    return error.status is not None and 300 <= error.status < 400


async def _cancelled(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks and wait for their end."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
