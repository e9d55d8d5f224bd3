"""Which events have been shown already, where events have no ids: by counting occurrences."""

from collections import Counter
from collections.abc import Iterable

from ftmon.model.event import Event


class Ledger:
    """Counts of what was shown, so that a replay repeats nothing and loses nothing.

    The nth copy of an event in one connection is new if fewer than n copies were shown. So a full, reordered
    or partial replay, a late insert and lines that the service really sent twice all come out right.
    """

    def __init__(self) -> None:
        self.first: bytes | None = None
        """The key of the first event ever shown."""
        self.count = 0
        """How many events were shown."""
        self._shown: dict[bytes, int] = {}
        self._shown_loosely: dict[int, int] = {}
        self._to_come: dict[bytes, int] = {}
        """How many more copies of a key are repeats in this connection: shown, less what it has brought."""

    def begin_connection(self) -> None:
        """Expect everything that was shown to come again."""
        self._to_come = dict(self._shown)

    def is_new(self, event: Event) -> bool:
        """Take the next event of the connection: new, and recorded as shown, or a repeat."""
        key = event.key
        if self._to_come:
            count = self._to_come.get(key, 0)
            if count > 1:
                self._to_come[key] = count - 1
                return False
            if count:
                del self._to_come[key]
                return False
        self._record(event)
        return True

    def missing(self, events: Iterable[Event]) -> list[Event]:
        """Record as shown, and return, what a full list holds more often than it was shown."""
        events = list(events)
        # One of two routes may add a field to every event: then no key is shared, and looser ones compare.
        loose = bool(self._shown) and not any(event.key in self._shown for event in events)
        seen: Counter[bytes | int] = Counter()
        missing = []
        for event in events:
            key = event.loose_key if loose else event.key
            seen[key] += 1
            shown = self._shown_loosely.get(event.loose_key, 0) if loose else self._shown.get(event.key, 0)
            if seen[key] > shown:
                missing.append(event)
                self._record(event)
                # The connection has yet to bring it, or never will.
                self._to_come[event.key] = self._to_come.get(event.key, 0) + 1
        return missing

    def _record(self, event: Event) -> None:
        key, loose_key = event.key, event.loose_key
        if self.first is None:
            self.first = key
        self.count += 1
        self._shown[key] = self._shown.get(key, 0) + 1
        self._shown_loosely[loose_key] = self._shown_loosely.get(loose_key, 0) + 1
