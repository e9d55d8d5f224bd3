"""Stay on a job until it is over.

Stream and list are two routes to one truth. The stream is the fast one. Until it has proved itself by an
event, and whenever it fails, the list is read beside it at the pace of polling. Only the job object ends it.

The follower keeps at most two tasks: one attempt at the stream, and one reading of job and list. It starts
each when it is due, and decides what follows when one of them ends.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from math import inf
from typing import Any

from ftmon.errors import FtmonError, RefusedError, TooLargeError, UnreachableError
from ftmon.model.action import Action, ActionOutcome
from ftmon.model.key import JobKey
from ftmon.model.update import Connection, Update, Wire
from ftmon.wire.choosing import Candidates
from ftmon.wire.client import Client
from ftmon.wire.clock import loop_time
from ftmon.wire.dialects.dialect import Dialect, Page
from ftmon.wire.follow.attempts import Attempts
from ftmon.wire.follow.patience import Patience, is_redirect, reason
from ftmon.wire.follow.reading import Outcome, Reader
from ftmon.wire.follow.session import Report, Session
from ftmon.wire.follow.stream import End
from ftmon.wire.follow.tasks import cancelled, first_of
from ftmon.wire.follow.timetable import Timetable
from ftmon.wire.pace import Pace
from ftmon.wire.service import NO_ROUTE

_NO_CONTENT = 204


class Follower:
    """Follows one job and reports what happens; `run` returns when everything has been told."""

    def __init__(
        self,
        client: Client,
        key: JobKey,
        report: Report,
        *,
        candidates: Candidates | None = None,
        stream: bool = True,
        patient: bool = False,
        pace: Pace | None = None,
    ) -> None:
        pace = pace or Pace()
        self._session = Session(client, key, candidates or Candidates.of(client.settings), report)
        self._times = Timetable(self._session, pace)
        self._patience = Patience(self._session, pace, is_endless=patient, is_review=not stream)
        self._reader = Reader(self._session, self._times, pace)
        self._is_stream_wanted = stream
        self._begun: Dialect | None = None
        """The dialect with which stream or list were begun; None during the first reading of the job."""
        self._wake = asyncio.Event()
        self._has_slept = False
        self._streams = Attempts(self._session, self._times, self._wake.set)
        self._early_end: UnreachableError | None = None
        """A stream ended well; this is its fault, should the job not be over."""
        self._reading: asyncio.Task[Outcome] | None = None
        self._refusal: RefusedError | None = None
        """A refusal that the next reading of the job confirms or not."""
        self._first_page: Page | None = None
        """The list that came in place of the stream, still to be told."""

    def restore(self, update: Update) -> None:
        """Take the recorded past of the job as shown; to be called before `run`."""
        self._session.restore(update)

    async def run(self) -> None:
        """Follow the job to its end; the last update says that the connection is closed or refused."""
        end = Connection(Wire.CLOSED)
        await self._session.tell(connection=Connection(Wire.CONNECTING))
        try:
            while not await self._step():
                pass
        except FtmonError as error:
            end = Connection(Wire.REFUSED, error=error)
        finally:
            await cancelled(self._streams.task, self._reading)
        await self._session.tell(connection=end)

    def retry(self) -> None:
        """End the present wait."""
        self._session.service.client.allowance.forget()
        self._times.hurry(is_streaming=self._streams.present is not None)
        self._wake.set()

    def offers(self, action: Action) -> bool:
        """Whether the API has a route for an action, as far as is known now; from any thread."""
        return bool(self._session.service.dialect.action_path(action))

    async def ask(self, action: Action) -> ActionOutcome:
        """Ask for something to be done with the job, and report it as it is then; raises as `Service.ask`."""
        outcome = await self._session.ask(action)
        self.retry()
        return outcome

    def resume(self) -> None:
        """Connect again at once: this machine has slept, and open connections may be dead."""
        self._has_slept = True
        self._wake.set()

    async def _step(self) -> bool:
        """Start what is due, wait for what comes first, and decide. True once everything has been told."""
        if self._has_slept:
            await self._connect_again()
        now = loop_time()
        if now >= self._patience.ends_at:
            self._patience.give_up()
        if now >= self._reading_due():
            await self._start_reading(now)
        if now >= self._stream_due():
            await self._start_stream()
        due = min(self._stream_due(), self._reading_due(), self._times.stalled_at(self._streams.present))
        await first_of((self._streams.task, self._reading), self._wake, min(due, self._patience.ends_at))
        if self._streams.task is not None and self._streams.task.done():
            await self._take_stream_end(self._streams.task)
        elif loop_time() >= self._times.stalled_at(self._streams.present):
            await self._streams.drop()
            await self._start_stream()
        if self._reading is not None and self._reading.done():
            return await self._take_reading(self._reading)
        return False

    def _stream_due(self) -> float:
        is_reading, is_open = self._reading is not None, self._streams.present is not None
        # The reading of the rest after the job's end needs no stream, unless it fails.
        if self._begun is None or is_open or (is_reading and self._session.is_final):
            return inf
        return self._times.stream_due(is_deciding=is_reading)

    def _reading_due(self) -> float:
        # A refusal of the job is confirmed without delay, also beside a trusted stream.
        due = self._times.read_at if self._refusal else self._times.reading_due(self._streams.present)
        return inf if self._reading is not None else max(due, self._session.service.client.allowance.until)

    async def _connect_again(self) -> None:
        """Drop what is open, forget the back-off, and begin again."""
        self._has_slept = False
        reading, self._reading = self._reading, None
        await self._streams.drop()
        await cancelled(reading)
        self._times.begin_again()
        await self._session.tell(connection=Connection(Wire.CONNECTING))

    # The stream

    async def _start_stream(self) -> None:
        self._early_end = None
        self._streams.start()
        connection = self._session.connection
        if connection.wire is Wire.WAITING:
            await self._session.tell(connection=replace(connection, wire=Wire.CONNECTING, delay=0.0))

    async def _take_stream_end(self, task: asyncio.Task[Page | None]) -> None:
        session, stream = self._session, self._streams.take_end()
        try:
            page = task.result()
        except TooLargeError:
            # There is no stream to be opened again. The list is asked for apart, and its size told then.
            await self._poll_only(None)
        except UnreachableError as fault:
            if fault.status == _NO_CONTENT and session.job is not None:
                # The service asks not to be connected to any more.
                await self._poll_or_back_off(fault)
            else:
                await self._back_off(fault)
        except RefusedError as error:
            await self._take_refused_stream(error)
        else:
            if page is not None:
                await self._poll_only(page)
                return
            if stream.has_told or stream.end is End.DONE:
                session.note_claim()
            words = "before the job did" if session.is_status_known else "and its job's end is not known"
            self._early_end = UnreachableError(f"the stream ended {words}")
            if not self._times.decide(is_urgent=stream.has_news):
                await self._back_off(self._early_end)

    async def _take_refused_stream(self, error: RefusedError) -> None:
        session = self._session
        if error.status in NO_ROUTE and not session.has_streamed:
            if session.job is not None:
                await self._poll_or_back_off(UnreachableError(reason(error), status=error.status))
            elif session.job_fault is not None:
                # It is not known yet which API this is.
                await self._back_off(session.job_fault)
            else:
                raise session.job_refusal or error
        elif not session.was_heard or is_redirect(error):
            raise error
        else:
            reading, self._reading, self._refusal = self._reading, None, error
            # Only a reading that begins after the refusal can confirm it.
            await cancelled(reading)
            self._times.decide(is_urgent=False)

    async def _poll_or_back_off(self, fault: UnreachableError) -> None:
        """Read the list instead of the stream; where the API has none, the stream may come with an event."""
        if self._session.service.dialect.paths.events:
            await self._poll_only(None)
        else:
            await self._back_off(fault)

    async def _poll_only(self, page: Page | None) -> None:
        """Read the list from now on: the service has no stream."""
        self._times.poll_only()
        self._first_page = page
        # A service that has answered nothing yet is still connecting.
        if self._session.was_heard and not self._session.is_final:
            await self._session.tell(connection=Connection(Wire.POLLING), heard=page is not None)

    async def _back_off(self, fault: UnreachableError) -> None:
        """Wait before the next attempt at the stream."""
        self._early_end = None
        delay = self._times.back_off_stream(fault, self._streams.retry, self._patience.left(fault))
        if self._session.wire is not Wire.POLLING:
            waiting = Connection(Wire.WAITING, str(fault), self._times.failed_streams, delay)
            await self._session.tell(connection=waiting)

    # Reading the job and the list

    async def _start_reading(self, now: float) -> None:
        session, reader, trusted = self._session, self._reader, self._streams.trusted
        what: Coroutine[Any, Any, Outcome]
        if not self._is_stream_wanted:
            what = reader.everything()
        elif self._begun is None:
            what = reader.job()
        elif session.is_final and self._refusal is None:
            first, self._first_page = self._first_page, None
            what = reader.rest(first, self._streams.last, trusted)
        elif trusted is not None:
            is_first = self._times.looked_at <= trusted.heard_at
            what = reader.beside(trusted, is_silent=now >= self._times.silent_at(trusted), is_first=is_first)
        elif self._times.is_list_wanted(now) or self._refusal is not None:
            first, self._first_page = self._first_page, None
            what = reader.job_and_list(first)
        else:
            what = reader.job()
        self._times.note_reading(now, self._streams.present)
        if self._times.is_hurried:
            await session.tell_next_reading(now)
        self._reading = asyncio.create_task(what, name="reading")

    async def _take_reading(self, task: asyncio.Task[Outcome]) -> bool:
        """Decide by what a reading brought; True once everything has been told."""
        self._reading = None
        session, stream, times = self._session, self._streams.present, self._times
        refusal, self._refusal = self._refusal, None
        times.read_at = loop_time() + times.interval
        try:
            outcome = task.result()
        except UnreachableError as fault:
            await self._take_fault(fault)
            return False
        except RefusedError as error:
            await self._take_refusal(error, refusal)
            return False
        times.failed_readings = 0
        if outcome.is_over:
            return True
        if self._begun is not session.service.dialect:
            await self._begin()
        elif session.is_final and not outcome.needs_stream:
            # The reading that found the job over is followed by that of the rest.
            times.read_at = 0.0
        elif outcome.is_ahead and stream is not None and stream is self._streams.present:
            self._streams.is_behind = bool(outcome.new)
            await self._streams.drop()
            await self._start_stream()
        elif not times.has_stream or (outcome.new is not None and self._streams.trusted is None):
            await self._tell_polling(has_news=bool(outcome.new))
        await self._settle(outcome, refusal)
        self._patience.check_end(times.looked_at, is_streaming=self._streams.trusted is not None)
        await session.tell_next_reading(self._reading_due())
        return False

    async def _begin(self) -> None:
        """The job was asked for: go on with the stream, where the dialect has one.

        A fault of the first readings can hide which dialect the service speaks; then this begins again.
        """
        await self._streams.drop()
        self._first_page = None
        self._begun = self._session.service.dialect
        self._times.begin_again()
        if self._begun.paths.stream:
            await self._start_stream()
        else:
            await self._poll_only(None)

    async def _settle(self, outcome: Outcome, refusal: RefusedError | None) -> None:
        """Back off where the reading shows that the end or the refusal of the stream is but a fault."""
        if refusal is not None:
            if self._session.job is None and outcome.new is None:
                raise refusal
            if self._streams.present is None:
                await self._back_off(UnreachableError(reason(refusal), status=refusal.status))
        if self._early_end is None or refusal is not None:
            return
        if outcome.new is None:
            # An empty stream, and no list either: there are no more events than these.
            self._session.note_claim()
        if outcome.needs_stream:
            await self._back_off(UnreachableError("the stream may have been cut before its end"))
        elif (last := self._streams.last) is not None and self._times.looked_at < last.heard_at:
            # This reading began before the stream ended: read again.
            self._times.decide(is_urgent=last.has_news)
        elif not self._session.is_final:
            await self._back_off(self._early_end)

    async def _tell_polling(self, *, has_news: bool) -> None:
        """Say that the list is read, where the stream fails again and again or knows less than the list."""
        times, stream, connection = self._times, self._streams.present, self._session.connection
        if connection.wire is not Wire.POLLING and times.is_stream_away(stream, has_news=has_news):
            why = (connection.reason or "it brings no event") if times.has_stream else ""
            await self._session.tell(connection=Connection(Wire.POLLING, why), heard=True)

    async def _take_fault(self, fault: UnreachableError) -> None:
        """Read again later."""
        session, times = self._session, self._times
        is_only_route = self._begun is None or not times.has_stream or session.is_final
        delay = times.back_off_reading(fault, self._patience.left(fault), is_only_route=is_only_route)
        if self._early_end is not None:
            session.note_claim()
            await self._back_off(self._early_end)
        elif is_only_route or session.wire is Wire.POLLING:
            waiting = Connection(Wire.WAITING, str(fault), times.failed_readings, delay)
            await session.tell(connection=waiting)
        self._patience.check_end(times.looked_at, is_streaming=self._streams.trusted is not None)

    async def _take_refusal(self, error: RefusedError, refusal: RefusedError | None) -> None:
        """Ask once more where the job is refused midway; raise a refusal that lasts, or came at the start."""
        if (lasting := self._patience.lasting(error, refusal)) is not None:
            raise lasting from error
        if error.status is None:
            # TLS fails midway behind a captive portal, for a while.
            await self._take_fault(UnreachableError(reason(error)))
        else:
            self._refusal = error
            self._times.read_at = 0.0
