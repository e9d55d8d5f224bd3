"""A curve as columns of dots."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ftmon.model.curve import Curve
from ftmon.model.series import Curves
from ftmon.tui.chart.axis import Axis, positions
from ftmon.tui.chart.height import Height, usual
from ftmon.tui.chart.view import SMOOTHINGS, View

_DOTS = (0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)
"""The bit of each braille dot within a character, by column and row (Unicode block U+2800)."""

_COLUMNS = tuple(
    tuple(tuple(sum(dots[top : bottom + 1]) for bottom in range(4)) for top in range(4)) for dots in _DOTS
)
"""The bits of the dots from one row to another, by column, top and bottom."""

_LEAST_SMOOTHED = 16
"""A curve of fewer points is not smoothed."""

_WINDOWS = 4
"""An average over more than one of so many parts of a curve says nothing of its course."""

Grid = list[list[int]]
"""The bits of the dots of each cell, by row and column."""


class Column(NamedTuple):
    """The points of a curve that share a column."""

    x: int
    low: float
    high: float
    first: float
    last: float
    average: float
    is_joined: bool
    """There is no gap between the column before and this one."""


def smoothing(curves: Curves, curve: Curve, view: View) -> float:
    """Return the factor with which one of the curves is smoothed; 0 where it is not.

    It is the chosen one, or the next smaller one that suits so many points.
    """
    if not curves.is_noisy or curve.points < _LEAST_SMOOTHED:
        return 0.0
    # A factor of 0.9 averages about ten points.
    greatest = 1 - _WINDOWS / curve.points
    return max(each for each in SMOOTHINGS if each <= min(view.smoothing, greatest))


def averages_of(curves: Curves, curve: Curve, view: View) -> list[float]:
    """Return the moving average of one of the curves at each bucket; its values if it is not smoothed."""
    factor = smoothing(curves, curve, view)
    return curve.smoothed(factor, *usual(curve)) if factor else curve.lasts


def visible(curve: Curve, axis: Axis) -> tuple[int, int]:
    """Return the index of the first bucket that the axis shows, and that after the last."""
    xs = positions(curve, axis.across)
    return bisect_left(xs, axis.low), bisect_right(xs, axis.high)


def columns_of(curve: Curve, averages: Sequence[float], axis: Axis, width: int) -> list[Column]:
    """Return a curve as columns of an axis that is `width` columns wide.

    The nearest points outside of the axis are included, so that a line leads to them. This looks at each
    column and not at each point, because there are far more points.
    """
    xs = positions(curve, axis.across)
    begin, end = visible(curve, axis)
    begin, end = max(0, begin - 1), min(len(xs), end + 1)
    gaps = sorted({bisect_right(curve.steps, gap.first) for gap in curve.gaps})
    lows, highs, lasts = curve.lows, curve.highs, curve.lasts
    columns = []
    index, before = begin, begin
    while index < end:
        x = axis.dot(xs[index], width)
        after = bisect_left(xs, axis.edge(x + 1, width), index + 1, end)
        columns.append(
            Column(
                x,
                min(lows[index:after]),
                max(highs[index:after]),
                lasts[index],
                lasts[after - 1],
                averages[after - 1],
                # A gap stands before the bucket of its index.
                index > begin and bisect_right(gaps, index) == bisect_right(gaps, before),
            )
        )
        before, index = index, after
    return columns


def spread(columns: Iterable[Column], height: Height, width: int) -> dict[int, tuple[float, float]]:
    """Return the lowest and the highest point of a line in each column, as heights from 0 to 1.

    Columns between two points are interpolated.
    """
    return _joined(
        [
            (each.x, height.of(each.low), height.of(each.high), height.of(each.first), height.of(each.last))
            for each in columns
        ],
        [each.is_joined for each in columns],
        width,
    )


def average(columns: Iterable[Column], height: Height, width: int) -> dict[int, tuple[float, float]]:
    """Return the line of the moving average in each column, as heights from 0 to 1.

    The line is left out where it is beyond the y axis, as after a spike that is cut off.
    """
    points, joined = [], []
    is_inside = False
    for each in columns:
        was_inside, is_inside = is_inside, height.low <= each.average <= height.high
        if is_inside:
            here = height.of(each.average)
            points.append((each.x, here, here, here, here))
            joined.append(each.is_joined and was_inside)
    return _joined(points, joined, width)


def _joined(
    points: list[tuple[int, float, float, float, float]], is_joined: list[bool], width: int
) -> dict[int, tuple[float, float]]:
    """Join points, each an x, a low, a high, a first and a last height, where they may be joined."""
    spans: dict[int, tuple[float, float]] = {}
    before_x, before = 0, 0.0
    for (x, low, high, first, last), joined in zip(points, is_joined, strict=True):
        if joined and x > before_x:
            slope = (first - before) / (x - before_x)
            reached = before + slope * (max(before_x, -1) - before_x)
            for between in range(max(before_x, -1) + 1, min(x, width)):
                here = before + slope * (between - before_x)
                spans[between] = (here, reached) if here < reached else (reached, here)
                reached = here
            low, high = min(low, reached), max(high, reached)
        if 0 <= x < width:
            spans[x] = low, high
        before_x, before = x, last
    return spans


def grid_of(spans: dict[int, tuple[float, float]], columns: int, rows: int) -> Grid:
    """Return the cells with the dots of each column, from its lowest to its highest point."""
    grid = [[0] * columns for _ in range(rows)]
    most = rows * 4 - 1
    for x, (low, high) in spans.items():
        top, bottom = most - int(high * most + 0.5), most - int(low * most + 0.5)
        bits = _COLUMNS[x % 2]
        for row in range(top // 4, bottom // 4 + 1):
            start = row * 4
            grid[row][x // 2] |= bits[top - start if top > start else 0][
                bottom - start if bottom - start < 3 else 3
            ]
    return grid


class Extremes(NamedTuple):
    """What the visible part of a curve holds."""

    lows: list[float]
    highs: list[float]
    last: float


def extremes(curve: Curve, axis: Axis) -> Extremes | None:
    """Return the values that the axis shows of a curve; None for none."""
    begin, end = visible(curve, axis)
    if begin >= end:
        return None
    return Extremes(curve.lows[begin:end], curve.highs[begin:end], curve.lasts[end - 1])


def furthest(curve: Curve, axis: Axis, height: Height) -> tuple[float, int] | None:
    """Return the value, and its step, that is cut off furthest from the y axis; None if none is."""
    found = extremes(curve, axis)
    if found is None:
        return None
    begin, _ = visible(curve, axis)
    high, low = max(found.highs), min(found.lows)
    above, below = high - height.high, height.low - low
    if max(above, below) <= 0:
        return None
    index = found.highs.index(high) if above >= below else found.lows.index(low)
    return (high if above >= below else low), curve.steps[begin + index]
