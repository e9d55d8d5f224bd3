"""One reading of the job and its list: at the start, beside a stream, without one, and at the end."""

import asyncio
from typing import NamedTuple

from ftmon.errors import GaveUpError, RefusedError, UnreachableError
from ftmon.model.event import Event
from ftmon.model.update import Connection, Wire
from ftmon.wire.allowance import Allowance
from ftmon.wire.clock import loop_time
from ftmon.wire.dialects.dialect import Page
from ftmon.wire.follow.polling import Polling
from ftmon.wire.follow.session import Session
from ftmon.wire.follow.sources import Sources
from ftmon.wire.follow.stream import End, Resumption, Stream
from ftmon.wire.follow.tasks import cancelled
from ftmon.wire.follow.timetable import Timetable
from ftmon.wire.pace import Pace
from ftmon.wire.service import NO_ROUTE, UNREADABLE

_NO_LIST = UnreachableError("the answer is no list of events", status=UNREADABLE)


_MAX_LAST_STREAMS = 3
"""Streams that are read after a job's end for what a cut one missed, where there is no list."""


class Outcome(NamedTuple):
    """What one reading brought."""

    is_over: bool = False
    """Everything has been told: nothing is left to read."""
    new: int | None = None
    """New events of the list; None where it was not read, or where there is none."""
    is_ahead: bool = False
    """The job or the list has news that a silent stream should have told."""
    needs_stream: bool = False
    """The job is over and there is no list, so that only the stream can tell what is missing."""


class Reader:
    """Reads one job and its list for the follower, and reports what is new.

    Each method is one reading. It raises RefusedError and UnreachableError as the requests do.
    """

    def __init__(self, session: Session, times: Timetable, pace: Pace) -> None:
        self._session = session
        self._times = times
        self._pace = pace
        self._list = Polling(session, pace)
        self._sources = Sources(session)
        self._streams_at_end: list[Stream | None] = []
        """The streams that had ended when another one was asked for after the job's end."""
        self._owes_list = False
        """The job was read without its list."""
        self._failing_since: float | None = None
        """When the list failed for the first time after the job's end."""

    @property
    def _allowance(self) -> Allowance:
        return self._session.service.client.allowance

    async def job(self) -> Outcome:
        """Read the job alone."""
        await self._session.read_job()
        return Outcome()

    async def everything(self) -> Outcome:
        """Read job and list once: what `--no-stream` shows.

        Raises:
            GaveUpError: where the service does not say how the job stands.
        """
        session = self._session
        await session.read_job()
        if session.job_fault is not None and session.job_fault.status != UNREADABLE:
            raise session.job_fault
        try:
            new = await self._lists(None, to_the_end=True)
        except UnreachableError as fault:
            if fault.status != UNREADABLE or session.job is None:
                raise
            new = await self._without_list()
        if new is None:
            new = await self._stream_so_far()
        if new is None and session.job is None:
            raise session.job_refusal or session.job_fault or _NO_LIST
        if new is None:
            await session.tell(notice="The service has no list of the events of this job.")
        if session.job is None or session.job.provider_status is None:
            raise GaveUpError("The service does not say how the job stands. Everything it told is shown.")
        await self._tell_results()
        return Outcome(is_over=True)

    async def _stream_so_far(self) -> int | None:
        """Read what the stream of an API without a list tells at once; None where there is no stream."""
        session, paths = self._session, self._session.service.dialect.paths
        if paths.events or not paths.stream:
            return None
        before = session.ledger.count
        stream = Stream(session, Resumption(), lambda: None, is_doubted=False)
        reading = asyncio.create_task(stream.run(), name="stream")
        try:
            while not reading.done():
                left = stream.heard_at + self._pace.proof - loop_time()
                if left <= 0:
                    break
                await asyncio.wait([reading], timeout=left)
            if reading.done():
                await reading
        finally:
            await cancelled(reading)
        return session.ledger.count - before

    async def job_and_list(self, first: Page | None) -> Outcome:
        """Read the job and, unless it is over, the list, of which the first page may be there already.

        Raises:
            RefusedError, UnreachableError: also where there is neither a job nor a list nor a stream.
        """
        session = self._session
        if not self._owes_list:
            await session.read_job()
        if session.is_final:
            return Outcome()
        # Where the service allows no second request, the next reading is that of the list.
        self._owes_list = not self._owes_list and first is None and self._allowance.seconds > 0
        if self._owes_list:
            return Outcome()
        new = await self._events(first)
        fault = session.job_refusal or session.job_fault
        if new is None and session.job is None and fault and not session.service.dialect.paths.stream:
            raise fault
        return Outcome(new=new)

    async def beside(self, stream: Stream, *, is_silent: bool, is_first: bool) -> Outcome:
        """Read the job beside a trusted stream, and the list too where the stream is silent or in doubt.

        `is_first` says that the stream was heard since the last reading. Faults are no news here: the stream
        is open.
        """
        session = self._session
        if is_silent and session.wire is not Wire.QUIET:
            await session.tell(connection=Connection(Wire.QUIET))
        is_in_doubt, stream.is_hinting, stream.is_in_doubt = stream.is_in_doubt, False, False
        before = None if is_first else session.job
        try:
            await session.read_job()
            if session.is_final or not (is_silent or is_in_doubt):
                return Outcome()
            new = await self._events(None)
        except UnreachableError:
            return Outcome()
        was_updated = before and session.job and before.updated_at != session.job.updated_at
        return Outcome(new=new, is_ahead=is_silent and bool(new or was_updated))

    async def rest(self, first: Page | None, last: Stream | None, present: Stream | None) -> Outcome:
        """Do as `_rest`, and read at last the files of the losses that no event told."""
        outcome = await self._rest(first, last, present)
        if outcome.is_over:
            await self._tell_results()
        return outcome

    async def _tell_results(self) -> None:
        """Report the losses in the result files of a job that is over, where its events had none."""
        session = self._session
        if session.has_figures or not session.is_final or session.job is None:
            return
        for file_id in session.job.result_files if session.service.dialect.paths.file else ():
            try:
                await self._list.tell(await session.service.results(file_id))
            except (RefusedError, UnreachableError) as error:
                # Servers that keep no files, or no longer, name one all the same.
                if error.status in NO_ROUTE:
                    continue
                reason = str(error).rstrip(".")
                await session.tell(notice=f"The result file with the losses cannot be read: {reason}.")

    async def _rest(self, first: Page | None, last: Stream | None, present: Stream | None) -> Outcome:
        """Read the list of a job that is over until it brings nothing new.

        Where no stream ever told an event, events may still come for a while (`Dialect.late`).

        Args:
            first: the first page, where it has come already.
            last: the stream that ended last. Where it was whole, the list is not needed. Where it was cut and
                there is no list, another stream may tell what is missing.
            present: the trusted stream that is open, if any.
        """
        session = self._session
        inside = session.job_page
        has_more = inside is not None and len(inside.events) > session.ledger.count
        # Where lists stand beside that of the events, the job does not hold everything.
        has_more = has_more and not session.service.dialect.sources
        if has_more:
            await self._list.read_job_events()
        if has_more or (last is not None and last.is_whole):
            return Outcome(is_over=True)
        late = session.service.dialect.late if self._pace.late is None else self._pace.late
        is_settled = session.has_streamed or session.was_over_before
        while True:
            try:
                new = await self._events(first, to_the_end=True)
            except UnreachableError as fault:
                if await self._fails_for_good(fault):
                    return Outcome(is_over=True)
                raise
            first = None
            is_cut = not self._has_ended(last)
            if new is None and present is not None and loop_time() < present.news_at + self._pace.grace:
                # There is no list, and the stream still tells what is missing.
                return Outcome()
            if new is None and is_cut and self._times.has_stream and present is None:
                if self._may_stream_again(last):
                    return Outcome(needs_stream=True)
                await session.tell(
                    notice="The stream of the events was cut, and there is no list; some may be missing."
                )
            is_late = is_settled or loop_time() >= (session.final_at or 0.0) + late
            if session.was_over_before or (not new and is_late):
                return Outcome(is_over=True)
            await asyncio.sleep(max(self._times.interval, self._allowance.seconds))

    def _has_ended(self, last: Stream | None) -> bool:
        """Whether the last stream told everything that it had to tell."""
        dialect = self._session.service.dialect
        if last is None or not dialect.ends_with_eof:
            return last is not None and last.end is End.DONE
        # A connection can end before the job does. One that began after it has told all of the past.
        is_late_enough = not dialect.replays or last.started_at >= (self._session.final_at or 0.0)
        return last.end is not None and is_late_enough

    def _may_stream_again(self, last: Stream | None) -> bool:
        """Whether another stream may tell what is missing; readings meanwhile do not count, streams do."""
        if not any(last is stream for stream in self._streams_at_end):
            self._streams_at_end.append(last)
        # The attempt that is asked for may begin late, and may hang.
        begins_at = max(self._session.final_at or 0.0, self._times.stream_at)
        is_awaited = loop_time() <= begins_at + self._pace.lag
        return len(self._streams_at_end) <= _MAX_LAST_STREAMS and is_awaited

    async def _fails_for_good(self, fault: UnreachableError) -> bool:
        """Whether the list of a job that is over has been refused for so long that it is left; tell that.

        A service that cannot be reached may come back, and the missing events with it.
        """
        self._failing_since = self._failing_since or loop_time()
        if loop_time() - self._failing_since <= self._pace.lag:
            return False
        if fault.status is None and not await self._is_reached():
            return False
        reason = str(fault).rstrip(".")
        await self._session.tell(
            notice=f"The list of the events cannot be read ({reason}); some may be missing."
        )
        return True

    async def _is_reached(self) -> bool:
        """Whether the service answers for the job."""
        try:
            await self._session.service.job(self._session.key.job_id)
        except (RefusedError, UnreachableError):
            return False
        return True

    async def _events(self, first: Page | None, *, to_the_end: bool = False) -> int | None:
        """Do as `_lists`. Once the job was read, a refusal is the list's own, and may pass."""
        try:
            return await self._lists(first, to_the_end=to_the_end)
        except RefusedError as error:
            if self._session.job is None:
                raise
            raise UnreachableError(str(error).rstrip("."), status=error.status) from error

    async def _lists(self, first: Page | None, *, to_the_end: bool) -> int | None:
        """Read the list, or what stands for it where there is none; return how many events are new.

        At most one request, unless this is the first reading or the last one: a source whose turn it is is
        read in place of the list.
        """
        sources = self._sources
        beside: list[Event] = []
        if to_the_end or not sources.was_read:
            beside = await sources.read_all()
        elif first is None and (source := sources.next()) is not None:
            events = await sources.read(source)
            return await self._list.tell(events) if events else 0
        new = await self._list.read(first, to_the_end=to_the_end, beside=beside)
        return await self._without_list() if new is None else new

    async def _without_list(self) -> int | None:
        """Report the events inside the job, or else the change of its status; None where neither is there."""
        session, dialect = self._session, self._session.service.dialect
        new = await self._list.read_job_events()
        if new is not None or (self._times.has_stream and dialect.paths.stream):
            return new
        is_event = dialect.tells_status or (session.is_final and not session.ledger.count)
        return await session.tell_status_changes() if is_event else None
