"""The events of a run in little memory: a run may have a million of them."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import overload

import msgspec

from ftmon.model.event import Event, Level

_BLOCK = 256
"""Events that are packed together."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Event]).decode


class Events(Sequence[Event]):
    """Holds events packed by the block, and apart from that what every event is looked at for.

    An `Event` is made anew each time it is asked for. Events are only ever added.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.messages: list[str] = []
        self.levels: list[Level] = []
        self.has_data = bytearray()
        """Whether an event has `data`, beside its message."""
        self.has_estimates = False
        """The times of some events are estimated."""
        self._blocks: list[bytes] = []
        self._last: list[Event] = []
        """The events after the last whole block."""
        self.extend(events)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.messages)

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        """Return one event, or several."""
        found = range(len(self))[index]
        return self._event(found) if isinstance(found, int) else [self._event(each) for each in found]

    def _event(self, index: int) -> Event:
        # Read before the blocks, because events may be added while a thread saves some.
        last = self._last
        block, place = divmod(index, _BLOCK)
        return _unpacked(self._blocks[block])[place] if block < len(self._blocks) else last[place]

    def extend(self, events: Iterable[Event]) -> None:
        """Add events at the end. Those of another such sequence stay packed."""
        if isinstance(events, Events) and not self._last:
            self._blocks += events._blocks
            self._last = list(events._last)
            self.messages += events.messages
            self.levels += events.levels
            self.has_data += events.has_data
            self.has_estimates = self.has_estimates or events.has_estimates
            return
        new = list(events)
        self.messages += [event.message for event in new]
        self.levels += [event.level for event in new]
        self.has_data += bytes([not event.is_plain and '"data"' in event.raw for event in new])
        self.has_estimates = self.has_estimates or any(event.is_estimated for event in new)
        waiting = self._last + new
        first = 0
        while len(waiting) - first >= _BLOCK:
            self._blocks.append(_packed(waiting[first : first + _BLOCK]))
            first += _BLOCK
        self._last = waiting[first:]


def _packed(events: list[Event]) -> bytes:
    from zlib import MAX_WBITS, compress

    # The fastest way. A negative number leaves out the checksum.
    return compress(_encode(events), 1, -MAX_WBITS)


@lru_cache(maxsize=16)
def _unpacked(block: bytes) -> list[Event]:
    from zlib import MAX_WBITS, decompress

    return _decode(decompress(block, -MAX_WBITS))
