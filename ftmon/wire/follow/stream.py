"""One open stream: its events, and the job beside it."""

import asyncio
import re
from contextlib import aclosing, suppress
from enum import Enum, auto
from time import monotonic

from ftmon.errors import RefusedError, UnreachableError
from ftmon.model.event import Event
from ftmon.model.job import Job, Status
from ftmon.model.update import Connection, Wire
from ftmon.wire.client import Answer
from ftmon.wire.dialects import fine_tunes
from ftmon.wire.dialects.fine_tunes import Done, Fault
from ftmon.wire.follow.source import Source
from ftmon.wire.pace import Pace
from ftmon.wire.sse import Decoder, ServerEvent

_CHANGE = re.compile(r"succe|fail|cancel|error|complete|start|paus", re.IGNORECASE)
"""A message that may tell of a change of the job's status."""

_PROGRESS = re.compile(r"start|step|epoch", re.IGNORECASE)
"""A message that tells that a job which waited runs."""

_HINTING = 8
"""How many of a chunk's last events are looked at for one: what changes the status has few followers."""


class End(Enum):
    """How a stream ended, other than by a fault."""

    DONE = auto()
    """With `[DONE]`."""
    EOF = auto()
    """Cleanly, without it."""
    GIVEN_UP = auto()
    """By us: nothing came for too long, or the job has more to tell than the stream told."""


class Stream:
    """Reads one answer to its end."""

    def __init__(self, answer: Answer, source: Source, pace: Pace, last_event_id: str) -> None:
        self.decoder = Decoder(last_event_id=last_event_id)
        self.is_tail = False
        """It did not begin with the job's first event: the service resumes rather than replays."""
        self._is_resuming = False
        """It began with an id with which no connection had begun."""
        self._sent_id = last_event_id
        self._answer = answer
        self._source = source
        self._pace = pace
        self._malformed = 0
        self._is_empty = True
        self._is_quiet = False
        self._is_in_doubt = False
        """Lines came that are repeats, or alike to the letter: the list is to say."""
        self._heard_at = self._news_at = monotonic()
        self._told_at = 0.0
        self._hint = asyncio.Event()

    @property
    def lost(self) -> int:
        """How many messages could not be read as events."""
        return self._malformed + self.decoder.dropped

    async def read(self) -> End:
        """Read the stream, and the job beside it.

        Raises:
            UnreachableError: when the connection breaks.
        """
        self._source.was_heard = True
        self._source.ledger.begin_connection()
        await self._source.tell(connection=Connection(Wire.LIVE), heard=True)
        tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._mind())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return min(done, key=tasks.index).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self) -> End:
        """Read the events, one update per chunk."""
        async with aclosing(self._answer.chunks()) as chunks:
            async for chunk in chunks:
                if await self._take(self.decoder.feed(chunk)):
                    return End.DONE
        return End.DONE if await self._take(self.decoder.close()) else End.EOF

    async def _take(self, frames: list[ServerEvent]) -> bool:
        """Tell what is new in the frames; True if `[DONE]` is among them."""
        self._heard_at = now = monotonic()
        is_done, events, notices = self._sorted(frames)
        if self.lost and not self._source.has_told_of_loss:
            self._source.has_told_of_loss = True
            notices.append(f"Skipped what is no event ({self.lost} so far); the stream goes on.")
        connection = Connection(Wire.LIVE) if self._is_quiet else None
        self._is_quiet = False
        if events or notices or connection or now - self._told_at >= 1:
            self._told_at = now
            await self._source.tell(
                events=tuple(events), connection=connection, heard=True, notice=" ".join(notices)
            )
        job = self._source.job
        hint = _PROGRESS if job is not None and job.status in (Status.PENDING, Status.PAUSED) else _CHANGE
        if self._is_in_doubt or any(hint.search(event.message) for event in events[-_HINTING:]):
            self._hint.set()
        return is_done

    def _sorted(self, frames: list[ServerEvent]) -> tuple[bool, list[Event], list[str]]:
        """Return whether `[DONE]` came, the new events, and what else there is to say."""
        ledger, client = self._source.ledger, self._source.client
        events: list[Event] = []
        notices: list[str] = []
        is_done = False
        for frame in frames:
            try:
                data = client.without_key(frame.data)
                item = fine_tunes.parse_frame(frame if data is frame.data else ServerEvent(data, frame.event))
            except ValueError:
                self._malformed += 1
                continue
            if isinstance(item, Event):
                self._news_at = self._heard_at
                if self._is_empty:
                    self._is_empty = False
                    self.is_tail = not ledger.is_first(item)
                    self._is_resuming = self._source.is_new_beginning(frame.id) and self.is_tail
                new = ledger.take(item, is_resumed=self._is_resuming and self._is_resumed(frame))
                if new is not None:
                    events.append(new)
                elif self.is_tail:
                    self._is_in_doubt = True
            elif isinstance(item, Fault) and item.message != self._source.told_error:
                self._source.told_error = item.message
                notices.append(f"The service told of an error: {client.redact(item.message)}")
            elif isinstance(item, Done):
                is_done = True
                break
        return is_done, events, notices

    def _is_resumed(self, frame: ServerEvent) -> bool:
        """Whether the service goes on after the id that it was told, so that nothing is a repeat."""
        return bool(self._sent_id) and frame.id not in (None, self._sent_id)

    async def _mind(self) -> End:
        """Read the job when events hint at a change, and without events; return to give the stream up.

        Silence is normal: only a job that is over or has more to tell, or very long silence, is a fault.
        A service that sends a sign of life and no event is not silent, but its job may be over all the same.
        """
        pace = self._pace
        read_at = hinted_at = monotonic() - pace.hint
        is_over = False
        while True:
            is_hinted = self._hint.is_set()
            silent_at = max(
                self._heard_at + pace.quiet, read_at + pace.quiet_again if self._is_quiet else 0.0
            )
            idle_at = max(self._news_at + pace.quiet, read_at + pace.quiet_again)
            last_at = self._news_at + pace.grace if is_over else self._heard_at + pace.stalled
            due = min(silent_at, idle_at, last_at, hinted_at + pace.hint if is_hinted else last_at)
            if (wait := due - monotonic()) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        # Once an event has hinted, only time can pass.
                        await (asyncio.sleep(wait) if is_hinted else self._hint.wait())
                continue
            if due == last_at:
                return End.GIVEN_UP
            if is_silent := due == silent_at:
                self._is_quiet = True
                await self._source.tell(connection=Connection(Wire.QUIET))
            self._hint.clear()
            before = self._source.job if read_at > self._heard_at else None
            read_at = monotonic()
            hinted_at = read_at if is_hinted else hinted_at
            await self._settle_doubt()
            if await self._check_job(before, is_silent=is_silent):
                return End.GIVEN_UP
            is_over = self._source.is_final

    async def _settle_doubt(self) -> None:
        """Ask the list how often the service really sent what may be a repeat."""
        if not self._is_in_doubt:
            return
        self._is_in_doubt = False
        await self._tell_list()

    async def _tell_list(self) -> None:
        """Tell what the list holds more often than was shown; without an answer, the end of the job will."""
        with suppress(RefusedError, UnreachableError):
            page = await self._source.read_page()
            if page is not None:
                await self._source.tell_page(page)

    async def _check_job(self, before: Job | None, *, is_silent: bool) -> bool:
        """Read the job beside the stream; True if it has news that a silent stream should have told.

        `before` is the job as read earlier in the same silence.
        """
        try:
            entries = await self._source.read_job()
        except UnreachableError:
            return False
        except RefusedError:
            return True
        job = self._source.job
        if not is_silent or job is None or job.status.is_final:
            return False
        shown = self._source.ledger.count
        if entries is None:
            await self._tell_list()
        elif len(entries) > shown:
            await self._source.tell_page(fine_tunes.read_entries(entries))
        was_updated = before is not None and before.updated_at != job.updated_at
        return was_updated or self._source.ledger.count > shown
