"""A loss over the steps of a run, kept in bounded memory."""

from typing import NamedTuple

MOST = 1e300
"""The largest value of a point."""


class Bucket(NamedTuple):
    """Several neighbouring points, summarised. `low` and `high` keep every spike."""

    step: int
    """Step of the first point."""
    low: float
    high: float
    last: float
    """Value of the last point."""


class Curve:
    """The first value, the last value, and all points in at most `capacity` buckets.

    When all buckets are in use, neighbours merge in pairs. So memory is bounded and no extreme is lost.
    `capacity` must be even. Spare points, such as those of checkpoints, count only until others come, which
    have the same steps.
    """

    def __init__(self, capacity: int = 2048) -> None:
        self.capacity = capacity
        self.points = 0
        """How many points were added."""
        self._is_spare = True
        """Only spare points were added."""
        self._clear()

    def _clear(self) -> None:
        self.first: float | None = None
        self.last: float | None = None
        self.last_step: int | None = None
        self.buckets: list[Bucket] = []
        self._points_per_bucket = 1
        self._points_in_last = 0

    @property
    def is_exact(self) -> bool:
        """Every point has a bucket of its own."""
        return self._points_per_bucket == 1

    def add(self, step: int, value: float, *, is_spare: bool = False) -> None:
        """Add the next point. A value beyond `MOST` counts as that, so that differences stay finite."""
        if is_spare and not self._is_spare:
            return
        if self._is_spare and not is_spare:
            self._is_spare = False
            self._clear()
        value = max(-MOST, min(MOST, value))
        if self.first is None:
            self.first = value
        self.last, self.last_step = value, step
        self.points += 1
        if self.buckets and self._points_in_last < self._points_per_bucket:
            self.buckets[-1] = _merged(self.buckets[-1], Bucket(step, value, value, value))
            self._points_in_last += 1
            return
        if len(self.buckets) == self.capacity:
            self.buckets = [
                _merged(*pair) for pair in zip(self.buckets[::2], self.buckets[1::2], strict=True)
            ]
            self._points_per_bucket *= 2
        self.buckets.append(Bucket(step, value, value, value))
        self._points_in_last = 1


def _merged(first: Bucket, second: Bucket) -> Bucket:
    return Bucket(first.step, min(first.low, second.low), max(first.high, second.high), second.last)
