"""Looks through the events in slices, so that keys are handled in between."""

from array import array
from collections.abc import Callable, Iterable
from math import inf
from time import monotonic

from ftmon.model.events import Events
from ftmon.tui.log.time_limit import time_limit

Test = Callable[[Events, Iterable[int]], list[int]]
"""Returns which events are looked for, of those with the given indices, in the same order.

Each test reads only the part of the events that it needs, because making a million of them takes seconds.
"""

_PIECE = 256
"""Events between two looks at the clock."""

_LONGEST = 0.25
"""Seconds of CPU time that a piece may take. Only a regex that never ends takes so long."""


class Scan:
    """Finds the events that pass a test. It goes on when there are more events."""

    def __init__(self, events: Events, test: Test) -> None:
        self.found = array("I")
        """The indices of the events found so far, in order."""
        self.done = 0
        """Number of events looked at."""
        self._events = events
        self._test = test

    @property
    def is_done(self) -> bool:
        """Whether every event was looked at."""
        return self.done == len(self._events)

    @property
    def share(self) -> float:
        """The part of the events looked at, from 0 to 1."""
        return self.done / len(self._events) if self._events else 1.0

    def run(self, seconds: float = inf) -> None:
        """Look at further events for about so long.

        Raises:
            TimeoutError: if the test takes far too long for some event.
        """
        deadline = monotonic() + seconds
        while not self.is_done:
            piece = range(self.done, min(self.done + _PIECE, len(self._events)))
            with time_limit(_LONGEST):
                self.found.extend(self._test(self._events, piece))
            self.done = piece.stop
            if monotonic() >= deadline:
                return
