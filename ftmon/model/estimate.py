"""How fast a training goes, and when it will be done at that pace."""

from collections import deque
from datetime import datetime

_LEAST_PATIENCE = 15.0
"""Seconds without progress that say nothing about any run: a list is read every few seconds."""


class Estimate:
    """The pace of a run, from its recent reports of progress.

    Times by the service's clock are compared only with each other, and times by this machine's clock too.
    A run that is silent for longer than is usual for it has no estimate.
    """

    def __init__(self) -> None:
        self._points: deque[tuple[float, datetime]] = deque(maxlen=64)
        """Recent progress with its time by the service's clock: a part of 1, or a number of steps."""
        self._last_at: datetime | None = None
        """When the last report arrived, by this machine's clock."""

    def add(self, progress: float, created_at: datetime | None, at: datetime) -> None:
        """Add a report of progress: its time by the service's clock, and when it arrived here."""
        if created_at is None:
            return
        self._last_at = at
        points = self._points
        if points and points[-1][0] >= progress:
            return
        if len(points) > 1 and points[-1][1] == created_at:
            # Keep one point per second, so that the 64 points of a fast run span more than one second.
            points.pop()
        points.append((progress, created_at))

    @property
    def patience(self) -> float:
        """Seconds without progress that are usual for this run: twice the longest of the recent gaps."""
        times = [time for _, time in self._points]
        gaps = [(later - time).total_seconds() for time, later in zip(times, list(times)[1:], strict=False)]
        return max(_LEAST_PATIENCE, 2 * max(gaps, default=0.0))

    def silence(self, now: datetime) -> float:
        """Return the seconds since the last report; 0 if the clock was set back, or if no pace is known."""
        if self._last_at is None or len(self._points) < 2:
            return 0.0
        return max(0.0, (now - self._last_at).total_seconds())

    def is_silent(self, now: datetime) -> bool:
        """Return whether the silence is longer than is usual for this run."""
        return self.silence(now) >= self.patience

    @property
    def pace(self) -> float | None:
        """The recent progress in a second; None if that is not known."""
        if len(self._points) < 2:
            return None
        (start, started), (end, ended) = self._points[0], self._points[-1]
        seconds = (ended - started).total_seconds()
        return (end - start) / seconds if end > start and seconds > 0 else None

    def remaining(self, now: datetime) -> float | None:
        """Return the seconds left at the measured pace.

        None if no pace is known, if the run is silent for longer than usual, or if all steps are done:
        nobody knows how long a service takes after the last step.
        """
        pace = self.pace
        if pace is None or self.is_silent(now) or self._points[-1][0] >= 1:
            return None
        return max(0.0, (1 - self._points[-1][0]) / pace - self.silence(now))
