"""Which events were shown already: by their ids where they have some, else by counting occurrences."""

from collections import Counter
from collections.abc import Iterable

from ftmon.model.event import Event, content_key


class Reading:
    """What one reading of the list has brought so far, page by page."""

    def __init__(self) -> None:
        self.copies: Counter[int] = Counter()
        """Copies seen, by key."""
        self.accounted: Counter[int] = Counter()
        """Copies that were shown or are new, by loose key."""


class Ledger:
    """Counts of what was shown, so that a replay repeats nothing and loses nothing.

    An event with an id of its own is shown once, however often it is sent. An id counts only if it is not the
    job's, and as long as no event of another time or message carries it; otherwise the events are compared by
    content (FAULTS 1.3).

    By content, the nth copy of an event in one connection is new if fewer than n copies were shown. This
    holds for a full, reordered or partial replay, for a late insert and for lines that were sent twice.

    List and stream are two routes, and one may add a field to its events: an event shown from one is looked
    for in the other by key, and then by loose key. Events that former processes showed count as listed, since
    nobody knows by which route they came.
    """

    def __init__(self, job_id: str = "") -> None:
        self.count = 0
        """How many events were shown."""
        self.first: Event | None = None
        """The event that was shown first."""
        self._contents: dict[int, int] = {}
        """The loose keys of the events with ids that were shown, by key."""
        self._void_ids = {hash((job_id,))}
        """Keys of ids that tell nothing apart."""
        self._has_listed_ids = False
        # Copies shown, by key: from connections, and from lists. Of the latter also by loose key.
        self._streamed: dict[int, int] = {}
        self._listed: dict[int, int] = {}
        self._listed_loosely: dict[int, int] = {}
        self._with_more: dict[int, int] = {}
        """By loose key: events of both routes whose key is another one, because they have more fields."""
        # How many more copies of each are repeats in this connection: those shown, less those it has brought.
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

    def knows(self, event: Event) -> bool:
        """Whether an event with an id of its own was shown."""
        return event.is_identified and event.key in self._contents and event.key not in self._void_ids

    def reaches_known(self, events: Iterable[Event]) -> bool:
        """Whether a page of a newest-first list goes back to an event that was shown.

        Without ids, a page does so if it adds nothing to what was shown.
        """
        valid = [self._with_valid_key(event) for event in events]
        if any(event.is_identified for event in valid):
            return any(map(self.knows, valid))
        return all(self._shown(key) >= copies for key, copies in Counter(e.key for e in valid).items())

    def restore(self, event: Event) -> None:
        """Record an event that this process or another one showed before."""
        self._record_listed(self._with_valid_key(event))

    def take(self, event: Event, *, is_resumed: bool = False) -> Event | None:
        """Take the next event of the connection. Record it as shown and return it, numbered, if it is new.

        Returns None for a repeat. With `is_resumed` the service is known to have resumed, and repeats nothing
        of former connections.
        """
        is_known = False
        if not (self._may_repeat or event.is_identified):
            return self._record(event, self._streamed)
        if event.is_identified:
            event = self._with_valid_key(event)
            is_known = self.knows(event)
        if (is_known or not is_resumed) and _take(self._streamed_to_come, event.key):
            return None
        # One copy of the list is spent, by whichever key it is found.
        is_listed = _take(self._listed_to_come, event.key)
        if is_listed:
            # It is known now to come by connections too, and one that resumes does not repeat it.
            _take(self._listed, event.key)
            _take(self._listed_loosely, event.loose_key)
            _add(self._streamed, event.key)
        if is_known and not is_listed:
            return None
        # Where both routes carry ids, a loose key means nothing.
        if is_listed or not (event.is_identified and self._has_listed_ids):
            is_listed = _take(self._listed_loosely_to_come, event.loose_key) or is_listed
        return None if is_listed else self._record(event, self._streamed)

    @property
    def _may_repeat(self) -> bool:
        """Something that was shown may still come in this connection."""
        return bool(self._streamed_to_come or self._listed_to_come or self._listed_loosely_to_come)

    def missing(self, events: Iterable[Event], reading: Reading | None = None) -> list[Event]:
        """Record as shown, and return, the events that a list holds more often than they were shown.

        `reading` counts over the pages of one list; without one, `events` are the whole list.
        """
        reading = reading or Reading()
        events = list(events)
        self._note_shared_ids(events)
        others = []
        for event in map(self._with_valid_key, events):
            reading.copies[event.key] += 1
            if event.is_identified:
                self._has_listed_ids = True
                if reading.copies[event.key] > 1:
                    continue
            if self.knows(event) or reading.copies[event.key] <= self._shown(event.key):
                reading.accounted[event.loose_key] += 1
            else:
                others.append(event)
        missing = []
        for event in others:
            loose_key = event.loose_key
            reading.accounted[loose_key] += 1
            if reading.accounted[loose_key] > self._shown(loose_key) + self._with_more.get(loose_key, 0):
                missing.append(self._record_listed(event))
                # The connection has yet to bring it, or never will.
                _add(self._listed_to_come, event.key)
                _add(self._listed_loosely_to_come, loose_key)
        return missing

    def _with_valid_key(self, event: Event) -> Event:
        """Return an event by its content where its id turns out to tell nothing apart."""
        if not event.is_identified:
            return event
        if event.key not in self._void_ids:
            if self._contents.get(event.key, event.loose_key) == event.loose_key:
                return event
            self._void(event.key)
        return event.by_content()

    def _note_shared_ids(self, events: Iterable[Event]) -> None:
        """Find the ids that two events of one list share."""
        contents: dict[int, int] = {}
        for event in events:
            if event.is_identified and contents.setdefault(event.key, event.loose_key) != event.loose_key:
                self._void(event.key)

    def _void(self, key: int) -> None:
        """Compare the events of an id by content, because it tells nothing apart."""
        self._void_ids.add(key)
        if (shown := self._contents.get(key)) is None:
            return
        # Count the event that was shown under this id by its content from now on.
        for counts in (self._streamed, self._listed, self._streamed_to_come, self._listed_to_come):
            if _take(counts, key):
                _add(counts, content_key(shown))

    def _shown(self, key: int) -> int:
        return self._streamed.get(key, 0) + self._listed.get(key, 0)

    def _record_listed(self, event: Event) -> Event:
        _add(self._listed_loosely, event.loose_key)
        return self._record(event, self._listed)

    def _record(self, event: Event, counts: dict[int, int]) -> Event:
        key = event.key
        self.first = self.first or event
        self.count += 1
        if event.is_identified:
            self._contents[key] = event.loose_key
        ordinal = self._shown(key) + 1
        counts[key] = counts.get(key, 0) + 1
        if event.loose_key != key:
            _add(self._with_more, event.loose_key)
        return event.numbered(ordinal)


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
