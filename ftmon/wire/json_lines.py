"""A stream of JSON objects, one per line, as messages of the same type as server-sent events."""

from ftmon import json_text
from ftmon.wire.sse import ServerEvent


class LineDecoder:
    """Turns bytes into messages, however they are cut into chunks; bounded as `ftmon.wire.sse.Decoder` is."""

    def __init__(self, max_line: int = 8 * 2**20) -> None:
        self.last_event_id = ""
        """JSON lines carry no ids to resume from."""
        self.retry: int | None = None
        self.dropped = 0
        """Lines longer than `max_line` bytes."""
        self._max_line = max_line
        self._line = bytearray()
        self._is_skipping = False

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Take the next bytes and return the lines that they complete."""
        *ends, rest = chunk.split(b"\n")
        messages = []
        for end in ends:
            self._hold(end)
            if not self._is_skipping and (line := self._line.strip()):
                messages.append(ServerEvent(line.decode("utf-8", "replace")))
            self._line.clear()
            self._is_skipping = False
        self._hold(rest)
        return messages

    def close(self) -> list[ServerEvent]:
        """End the stream; an unfinished line counts if it is whole JSON."""
        text = self._line.strip().decode("utf-8", "replace")
        self._line.clear()
        try:
            json_text.decode(text)
        except ValueError:
            return []
        return [ServerEvent(text)]

    def _hold(self, piece: bytes) -> None:
        if self._is_skipping:
            return
        if len(self._line) + len(piece) > self._max_line:
            self._line.clear()
            self._is_skipping = True
            self.dropped += 1
        else:
            self._line += piece
