"""Stay on a job until it is over: stream or poll, back off, resume, close the gap at the end."""

import asyncio
import re
from contextlib import suppress
from time import monotonic
from typing import Any

from ftmon.errors import FtmonError, GaveUpError, RefusedError, UnreachableError
from ftmon.model.update import Connection, Update, Wire
from ftmon.wire.client import Client
from ftmon.wire.dialects import fine_tunes
from ftmon.wire.dialects.fine_tunes import Page
from ftmon.wire.follow.source import NO_ROUTE, Report, Source
from ftmon.wire.follow.stream import End, Stream
from ftmon.wire.pace import Pace

NO_CONTENT = 204

_END = re.compile(r"\b(?:succeeded|failed|cancell?ed)\b", re.IGNORECASE)
"""A message that tells of the job's end."""

_MAX_UNSURE_CONNECTIONS = 3
"""How many streams are read, once the job is over, for what a cut one missed, where there is no list."""


class Follower:
    """Follows one job and reports what happens; `run` returns when all has been told."""

    def __init__(
        self,
        client: Client,
        job_id: str,
        report: Report,
        *,
        stream: bool = True,
        patient: bool = False,
        pace: Pace | None = None,
    ) -> None:
        self._source = Source(client, job_id, report)
        self._is_stream_wanted = stream
        self._is_patient = patient
        self._pace = pace or Pace()
        self._hurry = asyncio.Event()
        self._present: asyncio.Timeout | None = None
        """Ends the present attempt; None where there is none to end."""
        self._is_whole = True
        """What was shown came in one connection, from the first event on."""
        self._has_streamed = False
        self._has_read_whole = False
        """The last stream told all, from the first event on."""
        self._connections = 0
        self._unsure_connections = 0
        self._attempt = 0
        self._last_event_id = ""
        self._retry = 0.0
        self._unknown_since: float | None = None
        """When a stream ended while nothing says how the job stands, and none brought news since."""

    def restore(self, update: Update) -> None:
        """Take what was recorded of the job before as shown; to be called before `run`."""
        self._source.restore(update)
        self._is_whole = False

    async def run(self) -> None:
        """Follow the job to its end; the last update says that the connection is closed or refused."""
        await self._source.tell(connection=Connection(Wire.CONNECTING))
        give_up_at = None if self._is_patient else monotonic() + self._pace.give_up
        try:
            while not await self._attempt_while_awake(give_up_at):
                pass
        except FtmonError as error:
            await self._source.tell(connection=Connection(Wire.REFUSED, error=error))

    def retry(self) -> None:
        """End the present wait."""
        self._hurry.set()

    def resume(self) -> None:
        """Connect anew at once, without fuss: after a sleep what was open may be dead."""
        present, self._present = self._present, None
        if present is not None:
            present.reschedule(asyncio.get_running_loop().time())

    async def _attempt_while_awake(self, give_up_at: float | None) -> bool:
        """Try once, and give that up when `resume` says that this has slept meanwhile."""
        try:
            async with asyncio.timeout(None) as present:
                self._present = present
                return await self._attempt_once(give_up_at)
        except TimeoutError:
            if not present.expired():
                raise
        finally:
            self._present = None
        self._is_whole = False
        self._attempt = 0
        await self._source.tell(connection=Connection(Wire.CONNECTING))
        return False

    async def _attempt_once(self, give_up_at: float | None) -> bool:
        """Try once; wait after a fault that may pass. True once all has been told."""
        try:
            return await (self._watch() if self._is_stream_wanted else self._review())
        except UnreachableError as error:
            fault = error
        except RefusedError as error:
            fault = await self._confirmed(error)
        is_past_enough = self._source.is_final or not self._is_stream_wanted
        if self._source.has_past and is_past_enough and not self._source.was_heard and not self._is_patient:
            raise GaveUpError(
                f"{_sentence(fault)} What this machine has recorded of the job is shown."
            ) from fault
        is_followed = self._source.was_heard and self._is_stream_wanted
        left = None if is_followed or give_up_at is None else give_up_at - monotonic()
        if left is not None and left <= 0:
            raise GaveUpError(
                f"Gave up after {self._pace.give_up:.0f} s: {fault}. "
                "Is the base URL right? With --wait, ftmon goes on trying."
            ) from fault
        await self._back_off(fault, left)
        return False

    async def _watch(self) -> bool:
        """Read the job, then the stream of its events."""
        if self._connections == 0:
            await self._source.read_job()
        elif await self._conclude():
            return True
        if self._source.is_status_known:
            self._unknown_since = None
        elif not self._is_patient and self._has_lagged:
            raise _unknown_end()
        shown = self._source.ledger.count
        end = await self._connect()
        if end is None:
            return True
        if end is End.GIVEN_UP:
            return False
        if await self._conclude(end):
            return True
        if self._source.is_final:
            return False
        if self._source.is_status_known:
            raise UnreachableError("the stream ended before the job did")
        if self._unknown_since is None or self._source.ledger.count > shown:
            self._unknown_since = monotonic()
        raise UnreachableError("the stream ended, and how the job ended is not known yet")

    @property
    def _has_lagged(self) -> bool:
        return self._unknown_since is not None and monotonic() - self._unknown_since > self._pace.lag

    async def _review(self) -> bool:
        """Read everything so far, once."""
        entries = await self._source.read_job()
        page = await self._source.read_page() or _page_of(entries)
        if self._source.job_fault is not None:
            raise self._source.job_fault
        if page is None and self._source.job is None:
            raise self._source.job_refusal or UnreachableError("the answer is no list of events")
        if page is None:
            await self._source.tell(notice="The service has no list of the events of this job.")
        connection = Connection(Wire.CLOSED)
        if not self._source.is_status_known:
            error = GaveUpError("The service does not say how the job stands. What was shown is all it told.")
            connection = Connection(Wire.REFUSED, error=error)
        await self._source.tell_page(page, connection)
        return True

    async def _conclude(self, end: End | None = None) -> bool:
        """Read the job; if it is over, tell what the service holds more often than was shown, close, be True.

        `end` is how a stream ended just now; None before one is opened. Where there is no list to compare
        with, a stream that was cut is read again before the job counts as told.
        """
        entries = await self._source.read_job()
        if not self._source.is_final:
            return False
        page: Page | None = None
        is_told = entries is None or len(entries) <= self._source.ledger.count
        is_whole = self._is_whole and not self._source.has_begun_late
        if not (end is End.DONE and is_whole and is_told):
            # A job object may hold none of its events, or the last ones only.
            page = _page_of(entries) if not is_told else None
            try:
                page = page or await self._source.read_last_page(self._pace.lag) or _page_of(entries)
            except (RefusedError, UnreachableError):
                if end is None:
                    # The stream may tell what the list does not.
                    return False
                if not self._has_read_whole:
                    raise
            if page is None and end is not End.DONE and self._unsure_connections < _MAX_UNSURE_CONNECTIONS:
                self._unsure_connections += 1
                return False
        await self._source.tell_page(page, Connection(Wire.CLOSED))
        return True

    async def _connect(self) -> End | None:
        """Open the stream and read it, or poll where the service has none; None once all has been told."""
        started, shown = monotonic(), self._source.ledger.count
        self._connections += 1
        try:
            end = await self._stream()
            if isinstance(end, End):
                return end
            await self._poll(end)
        finally:
            lived = monotonic() - started
            has_news = self._source.ledger.count > shown
            if lived >= (self._pace.settled_with_news if has_news else self._pace.settled):
                self._attempt = 0
        return None

    async def _stream(self) -> End | bytes | None:
        """Read the stream, or return the list that came in its place, None where none did."""
        try:
            async with self._source.open_stream(self._last_event_id) as answer:
                if answer.media_type == "text/event-stream":
                    return await self._read(Stream(answer, self._source, self._pace, self._last_event_id))
                if not answer.media_type.endswith("json"):
                    kind = "a web page" if answer.media_type == "text/html" else "something else"
                    raise UnreachableError(f"the answer is {kind}, not a stream of events")
                return await answer.body()
        except RefusedError as error:
            if error.status not in NO_ROUTE or self._has_streamed:
                raise
            if self._source.job is None:
                raise self._source.job_refusal or error from error
            # A service that tells the status only, or has no events yet.
            return None
        except UnreachableError as error:
            if error.status != NO_CONTENT or self._source.job is None:
                raise
            # It asks not to be connected to any more.
            return None

    async def _read(self, stream: Stream) -> End:
        self._has_streamed = True
        try:
            end = await stream.read()
        finally:
            self._last_event_id = stream.decoder.last_event_id
            if stream.decoder.retry is not None:
                self._retry = stream.decoder.retry / 1000
            is_partial = stream.is_tail or stream.lost > 0
            if is_partial:
                self._is_whole = False
        if end is End.GIVEN_UP:
            self._is_whole = False
        self._has_read_whole = end is End.DONE and not is_partial
        return end

    async def _poll(self, body: bytes | None) -> None:
        """Read the list and the job every few seconds until the job is over, then the list twice more.

        Twice, because such services write events after the job's end as well.
        `body` is the first list, None where it is still to be read.
        """
        source = self._source
        await source.tell(connection=Connection(Wire.POLLING), heard=True)
        entries: list[Any] | None = None
        is_last = source.is_final
        shown, news_at = -1, monotonic()
        while True:
            page = await (source.read_last_page(self._pace.lag, body) if is_last else source.read_page(body))
            page = page or _page_of(entries)
            if page is None and (body is not None or source.job is None):
                raise UnreachableError("the answer is no list of events")
            source.was_heard = True
            await source.tell_page(page, Connection(Wire.CLOSED) if is_last else None)
            if is_last:
                return
            if source.ledger.count > shown:
                shown, news_at = source.ledger.count, monotonic()
            if source.job is None and not self._is_patient and page is not None and page.events:
                # Without a job, nothing but a message and silence can tell that it is over.
                is_told = _END.search(page.events[-1].message) is not None
                if is_told and monotonic() - news_at > self._pace.lag:
                    raise _unknown_end()
            is_last = source.is_final
            await self._wait(self._pace.poll)
            if not is_last:
                entries = await source.read_job()
            body = None

    async def _confirmed(self, error: RefusedError) -> UnreachableError:
        """Return a refusal that passed as a mere fault; raise one that lasts, or that came at the start."""
        status = error.status
        if not self._source.was_heard and self._source.has_past and status == 404:
            raise RefusedError(
                "The service does not know this job, or has forgotten it (404). "
                "What this machine has recorded of it is shown.",
                404,
            ) from error
        is_followed = self._source.was_heard and self._is_stream_wanted
        if not is_followed or (status is not None and status <= 400):
            raise error
        if status is not None:
            try:
                await self._source.read_job()
            except UnreachableError as fault:
                return fault
            except RefusedError as lasting:
                if lasting.status == 404:
                    raise RefusedError(
                        "The job is gone: the service no longer knows it (404).", 404
                    ) from lasting
                raise
            if self._source.job is None:
                raise error
        return UnreachableError(str(error).rstrip("."))

    async def _back_off(self, fault: UnreachableError, left: float | None) -> None:
        """Wait before the next attempt, `left` seconds at most."""
        self._hurry.clear()
        self._is_whole = False
        self._attempt += 1
        delay = self._pace.delay(self._attempt, fault.retry_after, self._retry)
        if left is not None:
            delay = min(delay, left)
        await self._source.tell(connection=Connection(Wire.WAITING, str(fault), self._attempt, delay))
        await self._wait(delay)
        await self._source.tell(connection=Connection(Wire.CONNECTING, str(fault), self._attempt))

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()


def _unknown_end() -> GaveUpError:
    return GaveUpError(
        "The events are over, but the service does not say how the job ended. "
        "What was shown is all that it told."
    )


def _page_of(entries: list[Any] | None) -> Page | None:
    return None if entries is None else fine_tunes.read_entries(entries)


def _sentence(fault: UnreachableError) -> str:
    words = str(fault)
    return f"{words[0].upper()}{words[1:]}."
