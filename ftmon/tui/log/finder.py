"""What the user looks for in the log: the filter, the search, the milestones and the marks of one run."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence

from ftmon.model.events import Events
from ftmon.tui.log.filter import Filter, all_of, matching
from ftmon.tui.log.milestone import milestones
from ftmon.tui.log.pattern import Pattern, read_pattern
from ftmon.tui.log.scan import Scan, Test


class Finder:
    """Looks through the events in slices. It goes on when there are more of them."""

    def __init__(self, events: Events) -> None:
        self.filter = Filter()
        self.pattern: Pattern | None = None
        """What is searched for, or None."""
        self.coming: Scan | None = None
        """Finds the events that the filter shows, until it is done and they are shown."""
        self.hits: Scan | None = None
        """Finds the events that have the pattern, among those that the filter shows."""
        self.milestones: Scan | None = None
        """Finds the milestones among them. None until one is asked for."""
        self.round_to: int | None = None
        """The hit that was reached from the other end, as the first one after the last."""
        self.marks: list[int] = []
        """The indices of the marked events, in order."""
        self._events = events
        self._test: Test | None = None

    def begin(self, events: Events) -> None:
        """Look through the events of another run, with the same filter and search."""
        self._events = events
        self.marks = []
        self.set_filter(self.filter)

    def set_filter(self, chosen: Filter) -> None:
        """Look for the events that a filter shows.

        Raises:
            UsageError: for a text that is no filter. Nothing has changed then.
        """
        self._test = chosen.test()
        self.filter = chosen
        self.coming = Scan(self._events, self._test) if self._test else None
        self.milestones = None
        self._search()

    def search(self, text: str) -> None:
        """Look for a pattern. An empty text ends the search.

        Raises:
            UsageError: for a regex that is none. Nothing has changed then.
        """
        self.pattern = read_pattern(text) if text else None
        self._search()

    def find_milestones(self) -> Scan:
        """Return the scan for milestones, after starting it where that was not done yet."""
        if self.milestones is None:
            self.milestones = self._shown_scan(milestones)
        return self.milestones

    def toggle_mark(self, index: int) -> None:
        """Mark an event, or remove its mark."""
        if index in self.marks:
            self.marks.remove(index)
        else:
            insort(self.marks, index)

    def shows(self, index: int) -> bool:
        """Return whether the filter shows an event."""
        return self._test is None or bool(self._test(self._events, (index,)))

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to look at now."""
        return all(scan.is_done for scan in self._scans())

    def run(self, seconds: float) -> None:
        """Look at further events for about so long.

        Raises:
            TimeoutError: if a regex takes far too long for some event.
        """
        for scan in self._scans():
            if not scan.is_done:
                scan.run(seconds)
                return

    def _scans(self) -> list[Scan]:
        return [scan for scan in (self.coming, self.hits, self.milestones) if scan is not None]

    def _search(self) -> None:
        self.round_to = None
        self.hits = self._shown_scan(matching(self.pattern)) if self.pattern else None

    def _shown_scan(self, wanted: Test) -> Scan:
        """Return a scan for what is wanted among the events that the filter shows."""
        return Scan(self._events, all_of([wanted, self._test]) if self._test else wanted)


def neighbour(found: Sequence[int], index: int, step: int) -> int | None:
    """Return the index nearest before or after an event, or None."""
    place = bisect_left(found, index) - 1 if step < 0 else bisect_right(found, index)
    return found[place] if 0 <= place < len(found) else None
