"""One figure over the steps of a run, kept in bounded memory."""

from bisect import bisect_right
from math import isfinite, isnan, nan
from typing import NamedTuple

MOST = 1e300
"""The largest value of a point."""

_MOST_GAPS = 64
"""So many gaps are told apart; further ones extend the last."""


class Bucket(NamedTuple):
    """Several neighbouring points, summarised. `low` and `high` keep every spike."""

    step: int
    """Step of the first point."""
    low: float
    high: float
    last: float
    """Value of the last point."""


class Gap(NamedTuple):
    """Steps whose value is no number: NaN or infinite."""

    first: int
    last: int


class Curve:
    """The first value, the last value, and all points in at most `capacity` buckets, ordered by step.

    When all buckets are in use, neighbours merge in pairs. So memory is bounded and no extreme is lost.
    `capacity` must be even. Spare points, such as those of checkpoints, count only until others come, which
    have the same steps.

    The buckets are kept as parallel lists, because a chart takes slices of them for each of its columns.
    """

    def __init__(self, capacity: int = 2048) -> None:
        self.capacity = capacity
        self.points = 0
        """How many points were added."""
        self.changes = 0
        """Grows whenever there is something new to draw."""
        self._is_spare = True
        """Only spare points were added."""
        self._clear()

    def _clear(self) -> None:
        self.first: float | None = None
        self.last: float | None = None
        self.newest: float | None = None
        """The last value that was told, which may be no number: `last` is the last one that is."""
        self.last_step: int | None = None
        self.least: tuple[float, int] | None = None
        self.greatest: tuple[float, int] | None = None
        """The extreme values, each with its step."""
        self.gaps: list[Gap] = []
        self.steps: list[int] = []
        """Step of the first point of each bucket, ascending."""
        self.lows: list[float] = []
        self.highs: list[float] = []
        self.lasts: list[float] = []
        self.means: list[float] = []
        self.counts: list[int] = []
        """Number of points in each bucket."""
        self.times: list[float] = []
        """Time of the last point of each bucket in seconds since 1970, never descending; NaN if unknown."""
        self.numbers: list[int] = []
        """Number of the event of the first point of each bucket."""
        self._points_per_bucket = 1

    def __len__(self) -> int:
        """Return the number of buckets."""
        return len(self.steps)

    @property
    def buckets(self) -> list[Bucket]:
        """All buckets, in the order of their steps."""
        return [Bucket(*each) for each in zip(self.steps, self.lows, self.highs, self.lasts, strict=True)]

    @property
    def is_exact(self) -> bool:
        """Every point has a bucket of its own."""
        return self._points_per_bucket == 1

    @property
    def reached(self) -> int | None:
        """The last step that was added, whether its value is a number or not."""
        if not self.gaps:
            return self.last_step
        last = self.gaps[-1].last
        return last if self.last_step is None else max(last, self.last_step)

    @property
    def has_diverged(self) -> bool:
        """The last value is no number."""
        return self.newest is not None and not isfinite(self.newest)

    def add(
        self, step: int, value: float, *, at: float = nan, number: int = 0, is_spare: bool = False
    ) -> None:
        """Add the next point, which an event told `at` a time in seconds since 1970.

        A value beyond `MOST` counts as that, so that differences stay finite. A value that is no number
        leaves a gap.
        """
        if is_spare and not self._is_spare:
            return
        if self._is_spare and not is_spare:
            self._is_spare = False
            self._clear()
        self.changes += 1
        self.newest = value
        if not -MOST <= value <= MOST:
            if not isfinite(value):
                self._add_gap(step)
                return
            value = max(-MOST, min(MOST, value))
        if self.first is None:
            self.first = value
        if self.least is None or value < self.least[0]:
            self.least = value, step
        if self.greatest is None or value > self.greatest[0]:
            self.greatest = value, step
        self.points += 1
        self._place(step, value, at, number)
        self.last, self.last_step = value, step

    def smoothed(self, factor: float, low: float = -MOST, high: float = MOST) -> list[float]:
        """Return the exponential moving average at each bucket, without its bias towards the first value.

        After each point the average keeps `factor` of itself. A bucket of many points counts as so many of
        their mean, so the average does not depend on how many points share a bucket. Values beyond `low` and
        `high` count as these, so that one spike does not lift the average for long.
        """
        averages = []
        average = weight = 0.0
        kept = {count: factor**count for count in set(self.counts)}
        for mean, count in zip(self.means, self.counts, strict=True):
            keep = kept[count]
            bounded = low if mean < low else high if mean > high else mean
            average = average * keep + bounded * (1 - keep)
            weight = weight * keep + 1 - keep
            averages.append(average / weight)
        return averages

    def _add_gap(self, step: int) -> None:
        gaps = self.gaps
        is_continued = gaps and (self.last_step is None or gaps[-1].last >= self.last_step)
        if is_continued or len(gaps) == _MOST_GAPS:
            gaps[-1] = Gap(min(gaps[-1].first, step), max(gaps[-1].last, step))
        else:
            gaps.append(Gap(step, step))

    def _place(self, step: int, value: float, at: float, number: int) -> None:
        """Put a point into its bucket: the last one, unless the training went back to an earlier step."""
        steps = self.steps
        if steps and step < steps[-1]:
            index = max(0, bisect_right(steps, step) - 1)
            self._merge(index, value, self.times[index])
            steps[index] = min(steps[index], step)
            return
        # An unknown time, or one that goes back, is that of the point before.
        before = self.times[-1] if self.times else nan
        time = at if isnan(before) or at > before else before
        if steps and self.counts[-1] < self._points_per_bucket:
            self._merge(-1, value, time)
            return
        if len(steps) == self.capacity:
            self._halve()
        self.steps.append(step)
        for column in (self.lows, self.highs, self.lasts, self.means):
            column.append(value)
        self.counts.append(1)
        self.times.append(time)
        self.numbers.append(number)

    def _merge(self, index: int, value: float, time: float) -> None:
        """Add a point to a bucket."""
        if value < self.lows[index]:
            self.lows[index] = value
        elif value > self.highs[index]:
            self.highs[index] = value
        self.lasts[index] = value
        self.counts[index] = count = self.counts[index] + 1
        mean = self.means[index]
        self.means[index] = mean + (value - mean) / count
        self.times[index] = time

    def _halve(self) -> None:
        """Merge neighbouring buckets in pairs."""
        counts, means = self.counts, self.means
        self.means = [
            first + (second - first) * (count / (before + count))
            for first, second, before, count in zip(
                means[::2], means[1::2], counts[::2], counts[1::2], strict=True
            )
        ]
        self.counts = [first + second for first, second in zip(counts[::2], counts[1::2], strict=True)]
        self.lows = [min(pair) for pair in zip(self.lows[::2], self.lows[1::2], strict=True)]
        self.highs = [max(pair) for pair in zip(self.highs[::2], self.highs[1::2], strict=True)]
        self.steps, self.numbers = self.steps[::2], self.numbers[::2]
        self.lasts, self.times = self.lasts[1::2], self.times[1::2]
        self._points_per_bucket *= 2
