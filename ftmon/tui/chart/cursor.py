"""The cursor of a chart: where it goes, and what it reads there."""

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from math import isnan
from typing import NamedTuple

from ftmon.model.curve import Curve
from ftmon.model.series import Curves
from ftmon.tui.chart.axis import positions
from ftmon.tui.chart.frame import Frame
from ftmon.tui.chart.line import averages_of, smoothing
from ftmon.tui.chart.view import View


class Reading(NamedTuple):
    """What the curves say at a step; None for what they do not."""

    step: int
    train: float | None
    average: float | None
    """The moving average of the training."""
    valid: float | None
    valid_step: int | None
    """The step at which the validation was measured last."""
    at: datetime | None
    is_exact: bool
    """The values are those of this step, and not of several that share a place in memory."""


def read(curves: Curves, view: View, step: int) -> Reading:
    """Return what the curves say at a step, or at the last one before it."""
    _, train, valid = curves
    main = _main(curves)
    index = _index(main, step)
    average = None
    if len(train) and smoothing(curves, train, view):
        average = averages_of(curves, train, view)[index]
    other = bisect_right(valid.steps, step) - 1
    time = main.times[index]
    return Reading(
        step,
        train.lasts[index] if len(train) else None,
        average,
        valid.lasts[other] if other >= 0 else None,
        valid.steps[other] if other >= 0 else None,
        None if isnan(time) else datetime.fromtimestamp(time, UTC),
        main.is_exact,
    )


def nearest(curves: Curves, frame: Frame, cell: int) -> int:
    """Return the step of the point nearest to a column of the plot."""
    main = _main(curves)
    xs = positions(main, frame.axis.across)
    # The middle of the column.
    x = frame.axis.edge(cell + 0.5, frame.columns)
    index = bisect_left(xs, x)
    around = [each for each in (index - 1, index) if 0 <= each < len(xs)]
    return main.steps[min(around, key=lambda each: abs(xs[each] - x))]


def moved(curves: Curves, frame: Frame, step: int | None, cells: int) -> int:
    """Return the step that is so many columns to the right, or to the left if `cells` is negative.

    Without a step this is the last one shown. It moves by one step at least, and not beyond the ends.
    """
    main = _main(curves)
    if step is None:
        return nearest(curves, frame, frame.columns - 1)
    xs = positions(main, frame.axis.across)
    index = _index(main, step)
    cell = frame.cell_of(xs[index])
    if cells < 0:
        edge = frame.axis.edge(cell + cells + 1, frame.columns)
        # Several points may have one step.
        index = min(bisect_left(xs, edge), bisect_left(main.steps, step)) - 1
    else:
        edge = frame.axis.edge(cell + cells, frame.columns)
        index = max(bisect_left(xs, edge), index + 1)
    return main.steps[max(0, min(len(xs) - 1, index))]


def event_at(curves: Curves, step: int) -> int:
    """Return the number of the event that told the value at a step."""
    main = _main(curves)
    return main.numbers[_index(main, step)]


def step_at(curves: Curves, number: int) -> int:
    """Return the step at which the run was when it told an event."""
    main = _main(curves)
    return main.steps[max(0, bisect_right(main.numbers, number) - 1)]


def ends(curves: Curves) -> tuple[int, int]:
    """Return the first and the last step that has a point."""
    main = _main(curves)
    return main.steps[0], main.steps[-1]


def _main(curves: Curves) -> Curve:
    return curves.train if len(curves.train) else curves.valid


def _index(curve: Curve, step: int) -> int:
    return max(0, bisect_right(curve.steps, step) - 1)
