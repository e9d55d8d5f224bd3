"""Which events have been shown already, where events have no ids: by counting occurrences."""

from collections import Counter
from collections.abc import Iterable

from ftmon.model.event import Event


class Ledger:
    """Counts of what was shown, so that a replay repeats nothing and loses nothing.

    The nth copy of an event in one connection is new if fewer than n copies were shown. So a full, reordered
    or partial replay, a late insert and lines that the service really sent twice all come out right.

    The list and the stream are two routes, and one may add a field to its events: what was shown from one is
    looked for in the other by key, and then by loose key. What former processes showed counts as listed,
    since nobody knows by which route it came.
    """

    def __init__(self) -> None:
        self.count = 0
        """How many events were shown."""
        self.first: Event | None = None
        """The event that was shown first."""
        self._streamed: dict[int, int] = {}
        """How many copies were shown, by key: from connections …"""
        self._listed: dict[int, int] = {}
        """… and from lists."""
        self._listed_loosely: dict[int, int] = {}
        """The latter by loose key."""
        self._with_more: dict[int, int] = {}
        """By loose key, those of both whose key is another one, because they have more fields."""
        # How many more copies of each are repeats in this connection: shown, less what it has brought.
        self._streamed_to_come: dict[int, int] = {}
        self._listed_to_come: dict[int, int] = {}
        self._listed_loosely_to_come: dict[int, int] = {}

    def begin_connection(self) -> None:
        """Expect everything that was shown to come again."""
        self._streamed_to_come = dict(self._streamed)
        self._listed_to_come = dict(self._listed)
        self._listed_loosely_to_come = dict(self._listed_loosely)

    def is_first(self, event: Event) -> bool:
        """Whether an event is the first one that was ever shown, as far as can be told."""
        first = self.first
        return first is None or event.key == first.key or event.loose_key == first.loose_key

    def restore(self, event: Event) -> None:
        """Record an event that was shown before, by this process or another one."""
        self._record_listed(event)

    def take(self, event: Event, *, is_resumed: bool = False) -> Event | None:
        """Take the next event of the connection: record it as shown and return it, numbered, if it is new.

        None for a repeat. Where the service is known to have resumed, it repeats nothing of former
        connections.
        """
        if not is_resumed and _take(self._streamed_to_come, event.key):
            return None
        # One copy of the list is spent, by whichever key it is found.
        is_listed = _take(self._listed_to_come, event.key)
        if is_listed:
            # From now on it is known to have come by a connection, and one that resumes does not repeat it.
            _take(self._listed, event.key)
            _take(self._listed_loosely, event.loose_key)
            _add(self._streamed, event.key)
        if _take(self._listed_loosely_to_come, event.loose_key) or is_listed:
            return None
        return self._record(event, self._streamed)

    def missing(self, events: Iterable[Event]) -> list[Event]:
        """Record as shown, and return, what a full list holds more often than it was shown."""
        seen: Counter[int] = Counter()
        accounted: Counter[int] = Counter()
        others = []
        for event in events:
            seen[event.key] += 1
            if seen[event.key] <= self._shown(event.key):
                accounted[event.loose_key] += 1
            else:
                others.append(event)
        missing = []
        for event in others:
            loose_key = event.loose_key
            accounted[loose_key] += 1
            if accounted[loose_key] > self._shown(loose_key) + self._with_more.get(loose_key, 0):
                missing.append(self._record_listed(event))
                # The connection has yet to bring it, or never will.
                _add(self._listed_to_come, event.key)
                _add(self._listed_loosely_to_come, loose_key)
        return missing

    def _shown(self, key: int) -> int:
        return self._streamed.get(key, 0) + self._listed.get(key, 0)

    def _record_listed(self, event: Event) -> Event:
        _add(self._listed_loosely, event.loose_key)
        return self._record(event, self._listed)

    def _record(self, event: Event, counts: dict[int, int]) -> Event:
        self.first = self.first or event
        self.count += 1
        _add(counts, event.key)
        if event.loose_key != event.key:
            _add(self._with_more, event.loose_key)
        return event.numbered(self._shown(event.key))


def _add(counts: dict[int, int], key: int) -> None:
    counts[key] = counts.get(key, 0) + 1


def _take(counts: dict[int, int], key: int) -> bool:
    """Count one down and return True, or return False where there is none left."""
    if not counts:
        return False
    count = counts.get(key, 0)
    if count > 1:
        counts[key] = count - 1
    elif count:
        del counts[key]
    return count > 0
