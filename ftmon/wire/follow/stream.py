"""One attempt at the stream of events: open it, find what it is, read it to its end."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from enum import Enum, auto

from ftmon import json_text
from ftmon.errors import UnreachableError
from ftmon.model.event import Event
from ftmon.model.message import hints_at_change
from ftmon.model.update import Connection, Wire
from ftmon.wire.answer import Answer
from ftmon.wire.body import Kind, from_text, kind_of
from ftmon.wire.clock import loop_time
from ftmon.wire.dialects.dialect import Done, InBandError, Page
from ftmon.wire.follow.session import Session
from ftmon.wire.json_lines import LineDecoder
from ftmon.wire.service import UNREADABLE
from ftmon.wire.sse import Decoder, ServerEvent

_HINTING = 8
"""How many of a chunk's last events are looked at for a hint: few follow the one that changes the status."""


class End(Enum):
    """How a stream ended, other than by a fault."""

    DONE = auto()
    """With `[DONE]`."""
    EOF = auto()
    """Cleanly, without it."""


class Resumption:
    """What one connection leaves behind for the next: where to resume, and how long to wait before."""

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry = 0.0
        """Seconds that the service asks to wait before connecting again."""
        self._beginnings: set[str | None] = set()

    def is_new_beginning(self, frame_id: str | None) -> bool:
        """Note the id of a connection's first event; False where one began with it, as each replay does."""
        is_new = frame_id not in self._beginnings
        self._beginnings.add(frame_id)
        return is_new


class Stream:
    """Reads one stream and reports its events. The follower looks at it to decide whether it is trusted."""

    def __init__(
        self, session: Session, resumption: Resumption, wake: Callable[[], None], *, is_doubted: bool
    ) -> None:
        self.started_at = self.heard_at = self.news_at = loop_time()
        """When the attempt began, a byte came last, and an event came last."""
        self.has_told = False
        """It brought an event."""
        self.has_news = False
        """It brought an event that was not known."""
        self.is_hinting = False
        """A message hinted at a change of the job, or may be a repeat: the job is worth reading."""
        self.is_in_doubt = False
        """Lines came that are repeats or identical new ones; the list can tell."""
        self.is_tail = False
        """It did not begin with the job's first event: the service resumes rather than replays."""
        self.end: End | None = None
        """How it ended; None where it has not, or by a fault."""
        self._is_doubted = is_doubted
        """The list knew more than the streams before: an event that is known already proves nothing."""
        self._session = session
        self._resumption = resumption
        self._sent_id = resumption.last_event_id or session.service.dialect.past_id
        self._wake = wake
        self._is_open = False
        self._read_frame = session.service.dialect.frame_reader()
        self._is_resuming = False
        """It began with an id with which no connection had begun."""
        self._decoder: Decoder | LineDecoder = Decoder(last_event_id=self._sent_id)
        self._malformed = 0
        self._told_at = 0.0

    @property
    def is_trusted(self) -> bool:
        """It has proved itself by an event: its silence is normal from now on."""
        return self.has_news or (self.has_told and not self._is_doubted)

    @property
    def lost(self) -> int:
        """How many messages could not be read as events."""
        return self._malformed + self._decoder.dropped

    @property
    def claims_end(self) -> bool:
        """It told events, and ended with `[DONE]`."""
        return self.end is End.DONE and self.has_told

    @property
    def is_whole(self) -> bool:
        """It told everything, from the job's first event to `[DONE]`."""
        is_partial = self.is_tail or self.lost > 0 or self._session.has_begun_late
        return self.claims_end and not is_partial

    async def run(self) -> Page | None:
        """Open the stream and read it to its end; return the list where one came in its place.

        Raises:
            RefusedError, UnreachableError: as `Service.stream`, when the connection breaks, and for a body
                that is no stream.
            TooLargeError: for a list that is too large.
        """
        async with self._session.service.stream(self._session.key.job_id, self._sent_id) as answer:
            is_called_stream = answer.media_type == "text/event-stream"
            if is_called_stream:
                await self._begin()
            async with aclosing(answer.chunks()) as chunks:
                start, kind = b"", None
                async for chunk in chunks:
                    self.heard_at = loop_time()
                    start = from_text(start + chunk)
                    if kind := kind_of(start, is_whole=False, is_called_stream=is_called_stream):
                        break
                kind = kind or kind_of(start, is_whole=True, is_called_stream=is_called_stream)
                return await self._read(kind, start, answer, chunks)

    async def _read(
        self, kind: Kind | None, start: bytes, answer: Answer, chunks: AsyncIterator[bytes]
    ) -> Page | None:
        match kind:
            case Kind.JSON:
                return await self._page(start, answer, chunks)
            case Kind.WEB_PAGE:
                raise UnreachableError("the answer is a web page, not a stream of events", status=UNREADABLE)
            case Kind.EVENT_STREAM:
                pass
            case Kind.JSON_LINES:
                self._decoder = LineDecoder()
            case _:
                raise UnreachableError("the answer is no stream of events", status=UNREADABLE)
        await self._begin()
        try:
            self.end = await self._pump(start, chunks)
            return None
        finally:
            self._resumption.last_event_id = self._decoder.last_event_id
            if self._decoder.retry is not None:
                self._resumption.retry = self._decoder.retry / 1000

    async def _page(self, start: bytes, answer: Answer, chunks: AsyncIterator[bytes]) -> Page:
        """Read the list that came in place of the stream."""
        service = self._session.service
        body = await answer.rest(chunks, service.client.max_body, start)
        return service.read_page(service.client.body_without_key(body))

    async def _pump(self, start: bytes, chunks: AsyncIterator[bytes]) -> End:
        """Read the messages, one report per chunk."""
        if await self._take(self._decoder.feed(start)):
            return End.DONE
        async for chunk in chunks:
            if await self._take(self._decoder.feed(chunk)):
                return End.DONE
        if self._session.service.dialect.ends_with_eof:
            # The blank line after the last message may be missing; a message that was cut comes again.
            last = [frame for frame in self._decoder.feed(b"\n\n") if json_text.is_valid(frame.data)]
            await self._take(last)
            return End.EOF
        return End.DONE if await self._take(self._decoder.close()) else End.EOF

    async def _begin(self) -> None:
        """Count from the first event again, and say that the stream is open, unless the list is read."""
        if self._is_open:
            return
        self._is_open = True
        session = self._session
        session.note_answer()
        session.note_stream()
        session.ledger.begin_connection()
        if session.wire is not Wire.POLLING:
            await session.tell(connection=Connection(Wire.LIVE), heard=True)

    async def _take(self, frames: list[ServerEvent]) -> bool:
        """Report what is new in the messages; True if one of them ends the stream."""
        self.heard_at = now = loop_time()
        lost = self.lost
        is_done, events, errors = self._sorted(frames)
        session = self._session
        is_list_read = session.wire in (Wire.POLLING, Wire.WAITING)
        is_back = session.wire is Wire.QUIET or (is_list_read and bool(events))
        if events or errors or is_back or self.lost > lost or now - self._told_at >= 1:
            self._told_at = now
            connection = Connection(Wire.LIVE) if is_back else None
            await session.tell_stream(events, lost=self.lost, errors=errors, connection=connection)
        status = session.status
        if (
            self.is_in_doubt
            or self.lost > lost
            or any(hints_at_change(event.message, status) for event in events[-_HINTING:])
        ):
            self.is_in_doubt = self.is_in_doubt or self.lost > lost
            if not self.is_hinting:
                self.is_hinting = True
                self._wake()
        return is_done

    def _sorted(self, frames: list[ServerEvent]) -> tuple[bool, list[Event], list[str]]:
        """Return whether the stream is over, the new events, and the errors that the service told of."""
        ledger, client = self._session.ledger, self._session.service.client
        read_frame = self._read_frame
        events: list[Event] = []
        errors: list[str] = []
        texts = (frame.data for frame in frames)
        for frame in map(self._cleaned, frames) if client.may_echo(texts) else frames:
            try:
                item = read_frame(frame)
            except ValueError:
                self._malformed += 1
                continue
            if isinstance(item, Event):
                if not self.has_told:
                    self._note_first(item, frame.id)
                self.news_at = self.heard_at
                new = ledger.take(item, is_resumed=self._is_resuming and self._is_resumed(frame))
                if new is not None:
                    events.append(new)
                elif self.is_tail:
                    self.is_in_doubt = True
            elif isinstance(item, InBandError):
                errors.append(client.redact(item.message))
            elif isinstance(item, Done):
                self.has_news = self.has_news or bool(events)
                return True, events, errors
        self.has_news = self.has_news or bool(events)
        return False, events, errors

    def _cleaned(self, frame: ServerEvent) -> ServerEvent:
        """Return a message without the key, should the service echo it."""
        data = self._session.service.client.without_key(frame.data)
        return frame if data is frame.data else ServerEvent(data, frame.event, frame.id)

    def _note_first(self, first: Event, frame_id: str | None) -> None:
        self.has_told = self._session.has_streamed = True
        # The follower's next reading is due at another time now.
        self._wake()
        self.is_tail = not self._session.ledger.is_first(first)
        self._is_resuming = self._resumption.is_new_beginning(frame_id) and self.is_tail

    def _is_resumed(self, frame: ServerEvent) -> bool:
        """Whether the service goes on after the id that it was sent, so that nothing is a repeat."""
        return bool(self._sent_id) and frame.id not in (None, self._sent_id)
