"""Decodes server-sent events by https://html.spec.whatwg.org/#event-stream-interpretation."""

from msgspec import Struct

_BOM = b"\xef\xbb\xbf"


class ServerEvent(Struct, frozen=True, gc=False):
    """One frame of the stream that carries data."""

    data: str
    event: str = "message"
    id: str | None = None
    """The `id` of this frame. To resume, use `Decoder.last_event_id`."""


class Decoder:
    """Decodes bytes into events, in whatever chunks they come.

    A line of more than `max_line` bytes costs the whole frame that it stands in, its `id` included, and so do
    data lines that sum up to more: what the decoder holds is bounded, whatever a service sends.
    A decoder serves one connection; the next connection's starts from its `last_event_id`.
    """

    def __init__(self, max_line: int = 8 * 2**20, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id
        """The latest `id` of a completed frame, to resume from."""
        self.retry: int | None = None
        """Milliseconds that the service asks to wait before reconnecting."""
        self.dropped = 0
        """Frames dropped because a line, or the sum of their data lines, was too long."""
        self._max_line = max_line
        self._line = bytearray()
        """The bytes of the line that has not ended yet."""
        self._is_past_bom = False
        self._is_after_cr = False
        self._is_skipping = False
        """The line that has not ended yet is too long; its rest is skipped."""
        self._start_frame()

    def _start_frame(self) -> None:
        self._is_in_frame = False
        self._is_dropping = False
        self._data = bytearray()
        """The data lines of the frame, each with an LF."""
        self._event = ""
        self._id: str | None = None

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Take the next bytes and return the events that they complete."""
        if not chunk:
            return []
        if not self._is_past_bom:
            chunk = bytes(self._line) + chunk
            self._line.clear()
            if _BOM.startswith(chunk):
                self._line += chunk
                return []
            self._is_past_bom = True
            chunk = chunk.removeprefix(_BOM)
        if self._is_after_cr or b"\r" in chunk:
            chunk = self._with_lf(chunk)
        if self._is_skipping:
            _, line_end, chunk = chunk.partition(b"\n")
            self._is_skipping = not line_end
        if b"\n" not in chunk:
            self._hold(chunk)
            return []
        lines = bytes(self._line) + chunk
        self._line.clear()
        return self._read(lines)

    def close(self) -> list[ServerEvent]:
        """End the stream. Drop an unfinished frame, unless it is a bare `data: [DONE]`."""
        if self._line.startswith(b"data:"):
            self._take(bytes(self._line))
        is_done = self._data == b"[DONE]\n" and not self._event and self._id is None
        self._line.clear()
        self._start_frame()
        return [ServerEvent("[DONE]")] if is_done else []

    def _with_lf(self, chunk: bytes) -> bytes:
        """Turn every line end into an LF. A CR ends the line at once, even if its LF comes a chunk later."""
        if self._is_after_cr:
            chunk = chunk.removeprefix(b"\n")
        self._is_after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _hold(self, piece: bytes) -> None:
        if len(self._line) + len(piece) <= self._max_line:
            self._line += piece
        else:
            self._line.clear()
            self._is_skipping = True
            self._drop()

    def _read(self, lines: bytes) -> list[ServerEvent]:
        """Read all complete lines, and keep the rest."""
        events: list[ServerEvent] = []
        start = 0
        may_be_plain = len(lines) <= self._max_line
        while (end := lines.find(b"\n", start)) >= 0:
            if may_be_plain and not self._is_in_frame:
                may_be_plain = False
                block = lines[start : lines.rfind(b"\n\n") + 2]
                if _is_plain(block):
                    events += map(ServerEvent, _text(block[6:-2]).split("\n\ndata: "))
                    start += len(block)
                    continue
            if end > start:
                self._take(lines[start:end])
            elif event := self._end_frame():
                events.append(event)
            start = end + 1
        self._hold(lines[start:])
        return events

    def _take(self, line: bytes) -> None:
        self._is_in_frame = True
        if len(line) > self._max_line:
            self._drop()
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match field:
            case b"data" if not self._is_dropping:
                if len(self._data) + len(value) <= self._max_line:
                    self._data += value
                    self._data += b"\n"
                else:
                    self._drop()
            case b"event":
                self._event = _text(value)
            case b"id" if b"\0" not in value:
                self._id = _text(value)
            case b"retry" if value.isdigit() and len(value) <= 9:
                self.retry = int(value)

    def _drop(self) -> None:
        self.dropped += 1
        self._is_in_frame = True
        self._is_dropping = True
        self._data.clear()

    def _end_frame(self) -> ServerEvent | None:
        event = None
        if not self._is_dropping:
            if self._id is not None:
                self.last_event_id = self._id
            if self._data:
                event = ServerEvent(_text(self._data[:-1]), self._event or "message", self._id)
        self._start_frame()
        return event


def _is_plain(block: bytes) -> bool:
    """Whether a block consists of frames with one `data: ` line each, as in nearly all streams.

    Such frames have two line ends each, and what follows each pair of them, but the last, is `data: `.
    """
    frames = block.count(b"\n\ndata: ") + 1
    return block.startswith(b"data: ") and block.endswith(b"\n\n") and block.count(b"\n") == 2 * frames


def _text(value: bytes | bytearray) -> str:
    return value.decode("utf-8", "replace")
