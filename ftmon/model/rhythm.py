"""How often a run tells something, and whether its silence is far longer than that."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from ftmon.model.event import Event

_SHORTEST = 180.0
"""Seconds of silence that say nothing about any run."""

_TIMES = 3
"""A silence of so many times the longest of the recent gaps is far longer than usual."""

_FEWEST = 6
"""Gaps that make a rhythm."""

_RECENT = 64


class Rhythm:
    """The gaps between the recent events of a run, by the clock of the service."""

    def __init__(self) -> None:
        self._times: deque[datetime] = deque(maxlen=_RECENT + 1)
        self.heard_at = 0.0
        """When the last event came, in seconds of the clock that `add` and `silence` are given."""

    def add(self, events: Sequence[Event], now: float) -> None:
        """Add events that have just come. Those of the past teach the rhythm, too."""
        if events:
            self.heard_at = now
            self._times.extend(event.created_at for event in events[-_RECENT:] if event.created_at)

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which the run has stalled; None where it has no rhythm yet."""
        gaps = [(later - time).total_seconds() for time, later in pairwise(self._times)]
        return max(_SHORTEST, _TIMES * max(gaps)) if len(gaps) >= _FEWEST else None

    def silence(self, now: float) -> float:
        """Return the seconds since the last event."""
        return now - self.heard_at

    def has_stopped(self, now: float) -> bool:
        """Return whether the silence is far longer than usual."""
        # The patience takes a look at all gaps, and this is asked at each event.
        silence = self.silence(now)
        return silence >= _SHORTEST and (patience := self.patience) is not None and silence >= patience
