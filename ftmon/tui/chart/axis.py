"""The x axis: steps, epochs or times, from the first point to the last step that is expected."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from math import floor, isnan
from typing import NamedTuple

from ftmon.model.curve import Curve
from ftmon.model.series import Curves
from ftmon.tui.chart import ticks
from ftmon.tui.chart.view import Across, View

_MOST_MARKS, _LABEL = 6, 12
"""At most so many labels, one for so many cells."""

_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
"""Round distances in time, in seconds."""


class Course(NamedTuple):
    """How far the run is to go, and the steps at which something happened."""

    total_steps: int | None = None
    total_epochs: int | None = None
    epochs: Sequence[int] = ()
    checkpoints: Sequence[int] = ()
    per_epoch: float | None = None
    """Steps in an epoch, as seen."""

    @property
    def steps_per_epoch(self) -> float | None:
        """Steps in an epoch, as planned or as seen."""
        if self.total_steps and self.total_epochs:
            return self.total_steps / self.total_epochs
        return self.per_epoch


class Axis(NamedTuple):
    """The x axis. Positions are steps, or seconds since 1970 where it shows times."""

    across: Across
    first: float
    last: float
    """The whole axis."""
    low: float
    high: float
    """The part that is shown."""
    reached: float
    """The last position that has a point. The axis beyond is what is left of the run."""
    per_epoch: float
    """Steps in an epoch."""

    def dot(self, x: float, width: int) -> int:
        """Return in which of `width` columns a position is; it may be outside."""
        return floor((x - self.low) * (width - 1) / (self.high - self.low) + 0.5)

    def edge(self, dot: float, width: int) -> float:
        """Return the position at which a column begins."""
        return self.low + (dot - 0.5) * (self.high - self.low) / (width - 1)

    def share(self, x: float) -> float:
        """Return where on the whole axis a position is, from 0 to 1."""
        return (x - self.first) / (self.last - self.first)

    def marks(self, columns: int) -> list[tuple[int, str]]:
        """Return the columns of round positions, with their labels."""
        most = max(2, min(_MOST_MARKS, columns // _LABEL))
        if self.across is Across.TIME:
            return [(self.dot(x, columns), label) for x, label in self._times(most)]
        unit = self.per_epoch if self.across is Across.EPOCH else 1.0
        low, high = self.low / unit, self.high / unit
        least = (high - low) / most
        if self.across is Across.STEP:
            least = max(1.0, least)
        step = next(each for each in ticks.steps_from(least) if each % 1 == 0 or self.across is Across.EPOCH)
        numbers = ticks.multiples(low, high, step)
        written = ticks.labels(numbers)
        return [
            (self.dot(number * unit, columns), label) for number, label in zip(numbers, written, strict=True)
        ]

    def label(self, x: float) -> str:
        """Return how a position is written at an end of the axis."""
        if self.across is Across.TIME:
            return f"{_local(x):%H:%M:%S}"
        if self.across is Across.EPOCH:
            return f"{x / self.per_epoch:.2f}".rstrip("0").rstrip(".")
        return ticks.labels([round(x)])[0]

    def _times(self, most: int) -> list[tuple[float, str]]:
        least = (self.high - self.low) / most
        days = 86_400 * max(1, round(least / 86_400 + 0.5))
        step = next((each for each in _TIME_STEPS if each >= least), days)
        # Round in local time, so that labels are of whole local hours and days.
        zone = _local(self.low).utcoffset()
        shift = zone.total_seconds() if zone else 0.0
        pattern = "%b %d" if step >= 86_400 else "%H:%M" if step >= 60 else "%H:%M:%S"
        found = [x - shift for x in ticks.multiples(self.low + shift, self.high + shift, step)]
        return [(x, f"{_local(x):{pattern}}") for x in found]


def _local(x: float) -> datetime:
    return datetime.fromtimestamp(x, UTC).astimezone()


def positions(curve: Curve, across: Across) -> Sequence[float]:
    """Return where on the x axis the buckets of a curve stand, ascending."""
    return curve.times if across is Across.TIME else curve.steps


def position(shown: Sequence[Curve], axis: Axis, step: int) -> float:
    """Return where on the x axis a step stands: on one of times, at the nearest point before."""
    if axis.across is not Across.TIME:
        return float(step)
    curve = shown[0]
    return curve.times[max(0, bisect_right(curve.steps, step) - 1)]


def choices(curves: Curves, course: Course) -> list[Across]:
    """Return what can stand on the x axis."""
    found = [Across.STEP]
    if course.steps_per_epoch:
        found.append(Across.EPOCH)
    known = [curve.times for curve in (curves.train, curves.valid) if curve.times]
    # Times are known from some point on. Where the first is unknown, nothing tells where the curve begins.
    if not any(isnan(times[0]) for times in known) and any(times[-1] > times[0] for times in known):
        found.append(Across.TIME)
    return found


def axis_of(curves: Curves, course: Course, view: View) -> Axis:
    """Return the x axis of curves that have at least one point."""
    across = view.across if view.across in choices(curves, course) else Across.STEP
    found = [positions(curve, across) for curve in (curves.train, curves.valid) if len(curve)]
    first = float(min(each[0] for each in found))
    if across is Across.TIME:
        reached = last = max(each[-1] for each in found)
    else:
        reached = float(max(curve.reached or 0 for curve in (curves.train, curves.valid)))
        last = max(reached, course.total_steps or 0.0)
    if last <= first:
        last = first + 1
    length = last - first
    low, high = first + view.start * length, first + view.end * length
    return Axis(across, first, last, low, high, reached, course.steps_per_epoch or 1.0)


def turned(curves: Curves, course: Course, view: View, across: Across) -> View:
    """Return the view with something else on the x axis. It shows the same part of the run."""
    whole = view.whole()._replace(across=across)
    if not view.is_zoomed:
        return whole
    old, new = axis_of(curves, course, view), axis_of(curves, course, whole)
    curve = next(curve for curve in (curves.train, curves.valid) if len(curve))
    ends = [position([curve], new, _step(curve, old, x)) for x in (old.low, old.high)]
    return whole.showing(*(max(0.0, min(1.0, new.share(x))) for x in ends))


def _step(curve: Curve, axis: Axis, x: float) -> int:
    """Return the step at a position of an axis."""
    if axis.across is not Across.TIME:
        return round(x)
    return curve.steps[max(0, bisect_right(curve.times, x) - 1)]
