"""How a run stands whose process ftmon did not start: an end is told only where it is known (TRAINERS §8)."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from ftmon.local.entry import Entry, Outcome
from ftmon.model.job import Status

_SHORTEST_STALL = 180.0
"""Seconds of silence after which a run may count as stalled."""

_STALL = 3
"""A run is stalled after so many times the median interval between its points."""

_END = 10
"""After so many times the silence of a stall, the run has ended without a word."""

_INTERVALS = 100
"""Newest intervals that the median is taken of."""


class Standing(StrEnum):
    """What is known of a run."""

    RUNNING = "running"
    STALLED = "stalled"
    """Silent for far longer than its own rhythm; it may go on."""
    OVER = "over"
    """A file tells how it ended."""
    ENDED = "ended"
    """Nothing will follow, and nothing tells how it ended."""


class Verdict(NamedTuple):
    """A standing, and the outcome where that is `OVER`."""

    standing: Standing
    outcome: Outcome | None = None
    at: datetime | None = None
    """When the run ended, where that was recorded."""


class Judge:
    """Watches the entries of one run. Times are seconds of any one clock."""

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._step: int | None = None
        self._heard_at: float | None = None
        self._point_at: float | None = None
        self._intervals: deque[float] = deque(maxlen=_INTERVALS)

    def note(self, entries: Iterable[Entry], at: float) -> None:
        """Take entries that were written at this time.

        A point that follows an end begins another training in the same run: the end is none.
        """
        points = 0
        for entry in entries:
            self._heard_at = at
            step = entry.step
            if step is not None and (self._step is None or step > self._step):
                points += 1
                self._step, self._outcome = step, None
            self._outcome = entry.outcome or self._outcome
        if points:
            if self._point_at is not None and at > self._point_at:
                self._intervals.append((at - self._point_at) / points)
            self._point_at = at

    @property
    def stall_after(self) -> float:
        """Seconds of silence after which the run counts as stalled."""
        return max(_SHORTEST_STALL, _STALL * median(self._intervals)) if self._intervals else _SHORTEST_STALL

    def verdict(self, now: float, *, results_at: float | None = None) -> Verdict:
        """Say how the run stands now.

        `results_at` is when a file with the results of the whole run was written, which trainers do at a
        good end.
        """
        if self._outcome is not None:
            return Verdict(Standing.OVER, self._outcome)
        heard_at = self._heard_at
        if heard_at is None:
            return Verdict(Standing.RUNNING)
        if results_at is not None and results_at >= heard_at:
            return Verdict(Standing.OVER, Outcome(Status.SUCCEEDED))
        silence = now - heard_at
        if silence > _END * self.stall_after:
            return Verdict(Standing.ENDED)
        return Verdict(Standing.STALLED if silence > self.stall_after else Standing.RUNNING)
