"""Draws losses over steps as text, with braille dots. It knows no widget.

A chart never hides how a run stands: the last value of each curve is always on the axis. A few points far
from all others may be cut off, and are marked then with an arrow, a value and a step.
"""

from collections.abc import Iterable, Iterator
from math import log
from typing import NamedTuple

from ftmon.model.curve import Bucket, Curve
from ftmon.text import count, figure

_DOTS = (0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)
"""The bit of each braille dot within a character, by column and row (Unicode block U+2800)."""

_COLUMNS = tuple(
    tuple(tuple(sum(dots[top : bottom + 1]) for bottom in range(4)) for top in range(4)) for dots in _DOTS
)
"""The bits of the dots from one row to another, by column, top and bottom."""

_AXIS = 7
"""Least width of the labels of the y axis, in cells."""

_MARK = "•"
"""A point of a curve that was measured too seldom to be drawn as a line."""

_SELDOM = 3
"""A curve with so many times fewer points than the other one is drawn as marks."""

_SHARE = 50
"""One of so many points may be cut off."""

_FLATTENING = 2.0
"""Points are cut off if the axis would have to be so many times as long to show them."""

_FLAT = 1e-300
"""A difference that is none. The inverse of a smaller one may be infinite."""

_LOGARITHMIC = 8.0
"""The axis is logarithmic if the last value makes it so many times as long as most values need."""


class _Scale(NamedTuple):
    """The y axis."""

    low: float
    high: float
    is_logarithmic: bool
    factor: float
    base: float
    """A value's height, from 0 to 1, is `factor` times the value (or its logarithm) less `base`."""

    @classmethod
    def between(cls, low: float, high: float, *, is_logarithmic: bool) -> "_Scale":
        """Return the scale from `low` to `high`."""
        if is_logarithmic:
            factor = 1 / (log(high) - log(low))
            return cls(low, high, True, factor, log(low) * factor)
        # In quarters, because the difference of two large values may be infinite.
        factor = 0.25 / (high / 4 - low / 4)
        return cls(low, high, False, factor, low * factor)

    def height(self, value: float) -> float:
        """Return where a value is: 0 at the bottom, 1 at the top. A value that is cut off is at the edge."""
        height = (log(value) if self.is_logarithmic else value) * self.factor - self.base
        return 0.0 if height < 0 else 1.0 if height > 1 else height


def chart(curves: list[tuple[str, Curve]], width: int, height: int) -> list[list[tuple[str, str]]]:
    """Return the rows of a chart as texts with their looks; no rows if `width` or `height` is too small.

    The last row is the x axis. `curves` are pairs of a look and a curve; `width` and `height` are in cells.
    """
    scale = _scale([curve for _, curve in curves])
    labels = figure(scale.high), figure(scale.low)
    margin = max(_AXIS, *(len(label) + 1 for label in labels))
    columns, rows = width - margin - 1, height - 1
    if columns < 8 or rows < 2:
        return []
    canvas = _Canvas(curves, scale, columns, rows)
    lines = []
    for row in range(rows):
        label = {0: labels[0], rows - 1: labels[1]}.get(row, "")
        line = [(f"{label:>{margin - 1}} ", "muted"), ("┤" if label else "│", "faint")]
        line.extend(_runs([canvas.cells.get((row, column), (" ", "")) for column in range(columns)]))
        lines.append(line)
    lines.append([(" " * (margin + 1), ""), *_x_axis(curves, scale, canvas, columns)])
    return lines


def _scale(curves: list[Curve]) -> _Scale:
    """Choose the y axis: for all values but those far away, and always for the last of each curve."""
    lows = sorted([bucket.low for curve in curves for bucket in curve.buckets])
    highs = sorted([bucket.high for curve in curves for bucket in curve.buckets])
    spare = max(1, len(highs) // _SHARE) if len(highs) > 4 else 0
    # Halves and quarters, because the difference of two large values may be infinite.
    room = max(0.0, highs[-1 - spare] / 2 - lows[spare] / 2) * (_FLATTENING - 1)
    ends = [curve.last for curve in curves if curve.last is not None]
    low = min(*ends, next(each for each in lows if lows[spare] / 2 - each / 2 <= room))
    high = max(*ends, next(each for each in reversed(highs) if each / 2 - highs[-1 - spare] / 2 <= room))
    if high / 4 - low / 4 <= _FLAT:
        margin = abs(low) / 2 if abs(low) > _FLAT else 1.0
        return _Scale.between(low - margin, high + margin, is_logarithmic=False)
    tenth = len(highs) // 10
    most = max(0.0, highs[-1 - tenth] / 4 - lows[tenth] / 4)
    is_long = max(ends) / 4 - low / 4 > _LOGARITHMIC * most
    is_logarithmic = is_long and lows[0] > 0 and high / low > _LOGARITHMIC
    return _Scale.between(low, high, is_logarithmic=is_logarithmic)


class _Canvas:
    """The cells of the chart."""

    def __init__(self, curves: list[tuple[str, Curve]], scale: _Scale, columns: int, rows: int) -> None:
        self._scale = scale
        self._columns, self._rows = columns, rows
        buckets = [bucket for _, curve in curves for bucket in curve.buckets]
        self.first_step = min(bucket.step for bucket in buckets)
        steps = [curve.last_step for _, curve in curves if curve.last_step is not None]
        self.last_step = max(*steps, *(bucket.step for bucket in buckets))
        self.cells: dict[tuple[int, int], tuple[str, str]] = {}
        """The cells that are not empty: a character and its look, by row and column."""
        most = max(len(curve.buckets) for _, curve in curves)
        seldom = [
            (look, curve)
            for look, curve in curves
            if len(curve.buckets) * _SELDOM <= most and len(curve.buckets) * 2 <= columns
        ]
        for look, curve in curves:
            if (look, curve) not in seldom:
                self._draw_line(look, curve.buckets)
        for look, curve in seldom:
            self._draw_marks(look, curve.buckets)
        self._draw_arrows(buckets)

    def _x(self, step: int, width: int) -> int:
        return (step - self.first_step) * (width - 1) // max(1, self.last_step - self.first_step)

    def _y(self, height: float, rows: int) -> int:
        """Return the row of a height in a grid of so many rows; it grows downwards."""
        return rows - 1 - round(height * (rows - 1))

    def _draw_line(self, look: str, buckets: list[Bucket]) -> None:
        """Draw a line. A cell that another line passes has the dots of both lines by turns.

        The turns change from column to column, so that both lines stay visible.
        """
        dots = self._dots(buckets)
        for at, bits in dots.items():
            if at not in self.cells or at[1] % 2:
                self.cells[at] = chr(0x2800 + bits), look

    def _draw_marks(self, look: str, buckets: list[Bucket]) -> None:
        for bucket in buckets:
            row = self._y(self._scale.height(bucket.last), self._rows)
            self.cells[row, self._x(bucket.step, self._columns)] = _MARK, look

    def _draw_arrows(self, buckets: list[Bucket]) -> None:
        """Mark where something is cut off."""
        for bucket in buckets:
            if bucket.high > self._scale.high:
                self.cells[0, self._x(bucket.step, self._columns)] = "↑", "warning"
            if bucket.low < self._scale.low:
                self.cells[self._rows - 1, self._x(bucket.step, self._columns)] = "↓", "warning"

    def _dots(self, buckets: list[Bucket]) -> dict[tuple[int, int], int]:
        """Return the dots of a line by cell.

        Each column of dots is filled from its lowest to its highest value. Columns between two buckets are
        interpolated.
        """
        first, width = self.first_step, self._columns * 2
        steps = max(1, self.last_step - first)
        # The values of each column. This runs for every bucket, so it calls no functions.
        values: dict[int, tuple[float, float]] = {}
        joints: list[tuple[int, float, int, float]] = []
        x, last = -1, 0.0
        for bucket in buckets:
            before, x = x, (bucket.step - first) * (width - 1) // steps
            if x > before >= 0:
                joints.append((before, last, x, bucket.last))
            last = bucket.last
            low, high = bucket.low, bucket.high
            if x in values:
                lowest, highest = values[x]
                low, high = lowest if lowest < low else low, highest if highest > high else high
            values[x] = low, high
        height = self._scale.height
        spans = {x: (height(low), height(high)) for x, (low, high) in values.items()}
        for start, start_value, end, end_value in joints:
            begin = before_height = height(start_value)
            slope = (height(end_value) - begin) / (end - start)
            for x in range(start + 1, end + 1):
                here = begin + slope * (x - start)
                low, high = spans.get(x, (here, here))
                spans[x] = min(low, here, before_height), max(high, here, before_height)
                before_height = here
        return self._filled(spans)

    def _filled(self, spans: dict[int, tuple[float, float]]) -> dict[tuple[int, int], int]:
        """Return the cells with the dots of each column, from a low to a high."""
        cells: dict[tuple[int, int], int] = {}
        for x, (low, high) in spans.items():
            top, bottom = self._y(high, self._rows * 4), self._y(low, self._rows * 4)
            for row in range(top // 4, bottom // 4 + 1):
                bits = _COLUMNS[x % 2][max(0, top - row * 4)][min(3, bottom - row * 4)]
                cells[row, x // 2] = cells.get((row, x // 2), 0) | bits
        return cells


def _x_axis(
    curves: list[tuple[str, Curve]], scale: _Scale, canvas: _Canvas, columns: int
) -> Iterator[tuple[str, str]]:
    """Yield the first and the last step, and between them what is to be known of the y axis."""
    first, last = f"step {count(canvas.first_step)}"[:columns], count(canvas.last_step)
    if len(first) + 1 + len(last) > columns:
        last = ""
    yield first, "muted"
    room = columns - len(first) - len(last)
    notes = [("log scale", "muted")] if scale.is_logarithmic else []
    notes += [(note, "warning") for note in _cut_off([curve for _, curve in curves], scale)]
    while notes and sum(len(note) + 2 for note, _ in notes) + 2 > room:
        notes.pop(0)
    free = room - sum(len(note) + 2 for note, _ in notes)
    yield " " * (free // 2), ""
    for note, look in notes:
        yield f" {note} ", look
    yield " " * (free - free // 2), ""
    yield last, "muted"


def _cut_off(curves: list[Curve], scale: _Scale) -> Iterator[str]:
    """Yield the value and step of the extremes that are cut off."""
    above = [
        (bucket.high, bucket.step, curve)
        for curve in curves
        for bucket in curve.buckets
        if bucket.high > scale.high
    ]
    below = [
        (bucket.low, bucket.step, curve)
        for curve in curves
        for bucket in curve.buckets
        if bucket.low < scale.low
    ]
    for sign, found, choose in (("↑", above, max), ("↓", below, min)):
        if found:
            value, step, curve = choose(found, key=lambda each: each[0])
            limit = "" if len(found) == 1 else "up to " if sign == "↑" else "down to "
            yield f"{sign} {limit}{figure(value)} at step {'' if curve.is_exact else '~'}{count(step)}"


def _runs(cells: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
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
