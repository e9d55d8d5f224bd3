"""One chart as rows of text: the y axis, the curves, and the x axis."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ftmon.model.curve import Curve
from ftmon.model.series import Curves
from ftmon.tui.chart import line, ticks
from ftmon.tui.chart.axis import Axis, Course, axis_of, position
from ftmon.tui.chart.height import Height, choose
from ftmon.tui.chart.view import Across, View

Piece = tuple[str, str]
"""A text and its look."""

MARK = "•"
"""A point of the validation. It differs from the line of the training by its shape, not only its colour."""

_GAP = "×"
_EPOCH, _CHECKPOINT, _TICK = "◆", "▲", "┴"

_MARGIN = 6
"""Least width of the labels of the y axis, in cells, with the space after them."""

_NARROWEST, _LOWEST = 8, 2
"""The smallest plot, in cells."""

_APART = 6
"""Cells between two lines of epochs. Where they are closer, only some are drawn."""


class Frame(NamedTuple):
    """A drawn chart, and where on it things are."""

    rows: list[list[Piece]]
    axis: Axis
    height: Height
    margin: int
    """Column of the first cell of the plot."""
    columns: int
    """Width of the plot."""

    def cell_of(self, x: float) -> int:
        """Return the column of the plot of a position."""
        return self.axis.dot(x, self.columns)


def draw(curves: Curves, course: Course, view: View, width: int, height: int) -> Frame | None:
    """Draw curves into `width` times `height` cells; None if there is too little room or no point at all.

    The last row is the x axis.
    """
    shown = [curve for curve in (curves.train, curves.valid) if len(curve)]
    rows = height - 1
    if not shown or rows < _LOWEST:
        return None
    axis = axis_of(curves, course, view)
    tall = _height(shown, axis, view, rows)
    labels = [ticks.label(mark) for mark in tall.marks] if tall.is_logarithmic else ticks.labels(tall.marks)
    margin = max(_MARGIN, *(len(label) + 1 for label in labels))
    columns = width - margin - 1
    if columns < _NARROWEST:
        return None
    canvas = _Canvas(axis, tall, columns, rows)
    canvas.draw_epochs(course)
    if len(curves.train):
        canvas.draw_line(curves, curves.train, view, "train")
        canvas.draw_marks(curves, curves.valid, view)
    else:
        canvas.draw_line(curves, curves.valid, view, "valid")
    for curve in shown:
        canvas.draw_gaps(curve)
    cursor = None if view.cursor is None else axis.dot(position(shown, axis, view.cursor), columns)
    if cursor is not None and not 0 <= cursor < columns:
        cursor = None
    canvas.draw_cursor(cursor)
    at_row = {_row(tall.of(mark), rows): label for mark, label in zip(tall.marks, labels, strict=True)}
    lines = []
    for row in range(rows):
        label = at_row.get(row, "")
        head = [(f"{label:>{margin - 1}} ", "muted"), ("┤" if label else "│", "faint")]
        lines.append([*head, *canvas.pieces(row)])
    head = [(f"{axis.across.value:>{margin - 1}} ", "muted"), ("└", "faint")]
    lines.append([*head, *_x_axis(axis, course, columns, cursor)])
    return Frame(lines, axis, tall, margin + 1, columns)


def _height(shown: list[Curve], axis: Axis, view: View, rows: int) -> Height:
    found = [each for each in (line.extremes(curve, axis) for curve in shown) if each is not None]
    if not found:
        # The part that is shown is empty: keep the values of all of it.
        found = [line.Extremes(curve.lows, curve.highs, curve.lasts[-1]) for curve in shown]
    lows = [low for each in found for low in each.lows]
    highs = [high for each in found for high in each.highs]
    return choose(lows, highs, [each.last for each in found], view.is_logarithmic, rows)


def _row(height: float, rows: int) -> int:
    """Return the row of a height in a grid of so many rows; it grows downwards."""
    return rows - 1 - int(height * (rows - 1) + 0.5)


class _Canvas:
    """The cells of the plot: a sign and a look each. What is drawn later covers what was drawn before."""

    def __init__(self, axis: Axis, height: Height, columns: int, rows: int) -> None:
        self._axis, self._height = axis, height
        self._columns, self._rows = columns, rows
        self._signs = [[" "] * columns for _ in range(rows)]
        self._looks = [[""] * columns for _ in range(rows)]

    def pieces(self, row: int) -> Iterator[Piece]:
        """Yield a row, its neighbouring cells of the same look joined."""
        return _runs(zip(self._signs[row], self._looks[row], strict=True))

    def draw_epochs(self, course: Course) -> None:
        """Draw a line where an epoch was completed."""
        for x in _thinned(_cells(course.epochs, self._axis, self._columns)):
            for row in range(self._rows):
                self._put(row, x, "┊", "faint")

    def draw_line(self, curves: Curves, curve: Curve, view: View, look: str) -> None:
        """Draw a line of all points; if it is smoothed, dim, and the moving average bright over it.

        A cell that both pass shows the average alone, so that it can be told without colours too.
        """
        width = self._columns * 2
        smoothed = line.smoothing(curves, curve, view) > 0
        averages = line.averages_of(curves, curve, view)
        columns = line.columns_of(curve, averages, self._axis, width)
        self._dots(line.spread(columns, self._height, width), "raw" if smoothed else look)
        if smoothed:
            self._dots(line.average(columns, self._height, width), look)
        self._arrows(columns)

    def draw_marks(self, curves: Curves, curve: Curve, view: View) -> None:
        """Draw points as marks. Dense ones leave gaps, in which the line of the training is seen."""
        if not len(curve):
            return
        averages = line.averages_of(curves, curve, view)
        columns = [
            each
            for each in line.columns_of(curve, averages, self._axis, self._columns)
            if 0 <= each.x < self._columns
        ]
        is_dense = len(columns) > self._columns // 2
        for each in columns:
            if not (is_dense and each.x % 2):
                value = each.average if is_dense else each.last
                self._put(_row(self._height.of(value), self._rows), each.x, MARK, "valid")

    def draw_gaps(self, curve: Curve) -> None:
        """Mark the steps whose value is no number."""
        for gap in curve.gaps:
            first, last = (self._axis.dot(position([curve], self._axis, step), self._columns) for step in gap)
            for x in range(max(0, first), min(last, self._columns - 1) + 1):
                self._put(self._rows - 1, x, _GAP, "warning")

    def draw_cursor(self, x: int | None) -> None:
        """Draw a line through a column, and stress what it passes."""
        if x is None:
            return
        for row in range(self._rows):
            if self._signs[row][x] in " ┊":
                self._put(row, x, "│", "key")
            else:
                self._looks[row][x] = "chosen"

    def _put(self, row: int, x: int, sign: str, look: str) -> None:
        self._signs[row][x] = sign
        self._looks[row][x] = look

    def _dots(self, spans: dict[int, tuple[float, float]], look: str) -> None:
        for row, cells in enumerate(line.grid_of(spans, self._columns, self._rows)):
            for x, bits in enumerate(cells):
                if bits:
                    self._signs[row][x] = chr(0x2800 + bits)
                    self._looks[row][x] = look

    def _arrows(self, columns: Iterable[line.Column]) -> None:
        """Mark where something is cut off."""
        for each in columns:
            x = each.x // 2
            if 0 <= x < self._columns:
                if each.high > self._height.high:
                    self._put(0, x, "↑", "warning")
                if each.low < self._height.low:
                    self._put(self._rows - 1, x, "↓", "warning")


def _cells(steps: Iterable[int], axis: Axis, columns: int) -> list[int]:
    """Return the columns of steps on an axis of steps."""
    if axis.across is Across.TIME:
        return []
    found = dict.fromkeys(axis.dot(step, columns) for step in steps)
    return [x for x in found if 0 <= x < columns]


def _thinned(cells: list[int]) -> list[int]:
    """Return every second, third … of the columns, so that they stand apart."""
    if len(cells) < 2:
        return cells
    apart = max(1, (cells[-1] - cells[0]) // (len(cells) - 1))
    stride = -(-_APART // apart)
    return cells[stride - 1 :: stride]


def _x_axis(axis: Axis, course: Course, columns: int, cursor: int | None) -> Iterator[Piece]:
    """Return the x axis with its labels in it, and with marks of epochs and checkpoints."""
    end = axis.dot(axis.reached, columns)
    # What is left of the run is dashed.
    signs = ["─" if x <= end else "╌" for x in range(columns)]
    looks = ["faint"] * columns
    epochs = set(_thinned(_cells(course.epochs, axis, columns)))
    checkpoints = set(_cells(course.checkpoints, axis, columns))

    def is_free(start: int, stop: int) -> bool:
        return start >= 0 and stop <= columns and set(looks[max(0, start - 1) : stop + 1]) == {"faint"}

    def write(start: int, text: str) -> None:
        if is_free(start, start + len(text)):
            signs[start : start + len(text)] = text
            looks[start : start + len(text)] = ["muted"] * len(text)

    last = axis.label(axis.high)
    write(columns - len(last), last)
    write(0, axis.label(axis.low))
    for x, label in axis.marks(columns):
        sign = _EPOCH if x in epochs else _CHECKPOINT if x in checkpoints else _TICK
        write(x, f"{sign}{label}")
    for cells, sign in ((epochs, _EPOCH), (checkpoints, _CHECKPOINT)):
        for x in cells:
            if looks[x] == "faint":
                signs[x], looks[x] = sign, "muted"
    if cursor is not None:
        looks[cursor] = "chosen"
    return _runs(zip(signs, looks, strict=True))


def _runs(cells: Iterable[Piece]) -> Iterator[Piece]:
    """Join neighbouring cells of the same look into one text."""
    text, look = "", ""
    for sign, name in cells:
        if name != look and text:
            yield text, look
            text = ""
        look = name
        text += sign
    if text:
        yield text, look
