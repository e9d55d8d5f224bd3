"""The chart of losses over steps, drawn with braille dots."""

from collections.abc import Iterator
from typing import NamedTuple

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from ftmon.model.curve import Bucket, Curve
from ftmon.model.run import Run
from ftmon.text import count, figure
from ftmon.tui.look import rich_style

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each braille dot within a character, by row and column (Unicode block U+2800)."""

_AXIS = 7
"""Width of the labels of the y axis, in cells."""

_NARROWEST_SCREEN, _LOWEST_SCREEN, _TALL_SCREEN = 20, 22, 30
"""Sizes in cells; the heights are those at which the screen gets the classes `-roomy` and `-tall`."""


class LossChart(Widget):
    """Both curves on the same axes. A spike that would flatten the rest is cut off at the top."""

    def __init__(self) -> None:
        super().__init__()
        self._curves: list[tuple[str, Curve]] = []
        self._drawn: tuple[float | None, ...] = ()
        self._rows: list[list[tuple[str, str]]] | None = None
        self._choice: bool | None = None
        """Whether the user wants to see the chart; None until they say so."""

    def draw(self, run: Run | None) -> None:
        """Show this run's losses."""
        curves = [("train", run.train_loss), ("valid", run.valid_loss)] if run else []
        self._curves = [(name, curve) for name, curve in curves if curve.buckets]
        version = tuple(part for _, curve in self._curves for part in (id(curve), *_version(curve)))
        if version != self._drawn:
            self._drawn = version
            self._rows = None
            self.refresh()

    @property
    def has_point(self) -> bool:
        """At least one loss is known."""
        return bool(self._curves)

    @property
    def has_curve(self) -> bool:
        """A curve has two points or more, so there is a line to draw."""
        return any(len(curve.buckets) > 1 for _, curve in self._curves)

    @property
    def can_be_shown(self) -> bool:
        """There is a curve to draw, and the screen has room for the chart beside everything else."""
        width, height = self.screen.size
        return self.has_curve and width >= _NARROWEST_SCREEN and height >= _LOWEST_SCREEN

    @property
    def is_wanted(self) -> bool:
        """The chart is to be shown: the user wants it, or has not chosen and the screen is tall."""
        is_tall = self.screen.size.height >= _TALL_SCREEN
        return self.can_be_shown and (is_tall if self._choice is None else self._choice)

    def toggle(self) -> None:
        """Choose to show or hide the chart."""
        self._choice = not self.display

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._rows = None

    def render_line(self, y: int) -> Strip:
        """Render one row."""
        width, height = self.size
        if self._rows is None:
            self._rows = chart(self._curves, width, height) if self.has_curve else []
        row = self._rows[y] if y < len(self._rows) else []
        segments = [Segment(text, rich_style(self, look)) for text, look in row]
        return Strip(segments).adjust_cell_length(width, rich_style(self))


def _version(curve: Curve) -> tuple[int, int, float | None]:
    return len(curve.buckets), curve.buckets[-1].step, curve.last


class _Frame(NamedTuple):
    low: float
    high: float
    first_step: int
    last_step: int


def chart(curves: list[tuple[str, Curve]], width: int, height: int) -> list[list[tuple[str, str]]]:
    """Return the rows of a chart as texts with their looks; no rows if `width` or `height` is too small.

    The last row is the x axis. `curves` are pairs of a look and a curve; `width` and `height` are in cells.
    """
    columns, rows = width - _AXIS - 1, height - 1
    if columns < 8 or rows < 2:
        return []
    frame = _frame([curve for _, curve in curves])
    cells: dict[tuple[int, int], tuple[int, str]] = {}
    for name, curve in curves:
        for x, y in _dots(curve.buckets, frame, columns * 2, rows * 4):
            at = y // 4, x // 2
            bits, _ = cells.get(at, (0, ""))
            cells[at] = bits | _DOTS[y % 4][x % 2], name
    labels = {0: figure(frame.high), rows - 1: figure(frame.low)}
    lines = []
    for row in range(rows):
        label = labels.get(row, "")
        line = [(f"{label:>{_AXIS - 1}} ", "muted"), ("┤" if label else "│", "faint")]
        line.extend(_runs([cells.get((row, column), (0, "")) for column in range(columns)]))
        lines.append(line)
    first, last = f"step {count(frame.first_step)}", count(frame.last_step)
    axis = f"{first}{last:>{max(1, columns - len(first))}}"
    lines.append([(" " * (_AXIS + 1), ""), (axis, "muted")])
    return lines


def _frame(curves: list[Curve]) -> _Frame:
    buckets = [bucket for curve in curves for bucket in curve.buckets]
    highs = sorted(bucket.high for bucket in buckets)
    low = min(bucket.low for bucket in buckets)
    # Ignore the highest 2 % of the buckets, because one early spike would take half of the height.
    high = highs[-1 - len(highs) // 50]
    if high <= low:
        high = low + (abs(low) or 1.0)
    return _Frame(low, high, min(bucket.step for bucket in buckets), max(bucket.step for bucket in buckets))


def _dots(buckets: list[Bucket], frame: _Frame, width: int, height: int) -> Iterator[tuple[int, int]]:
    """Yield x and y of the dots of a curve, in a grid of `width` by `height` dots; y grows downwards.

    Each column is filled from its lowest to its highest value, and gaps between buckets are interpolated.
    """
    steps = max(1, frame.last_step - frame.first_step)
    spans: dict[int, tuple[float, float]] = {}
    before: tuple[int, float] | None = None
    for bucket in buckets:
        x = (bucket.step - frame.first_step) * (width - 1) // steps
        if before is not None and x > before[0]:
            last = before[1]
            for between in range(before[0] + 1, x + 1):
                part = (between - before[0]) / (x - before[0])
                value = before[1] + (bucket.last - before[1]) * part
                spans[between] = min(value, last), max(value, last)
                last = value
        low, high = spans.get(x, (bucket.low, bucket.high))
        spans[x] = min(low, bucket.low), max(high, bucket.high)
        before = x, bucket.last
    scale = (height - 1) / (frame.high - frame.low)
    for x, (low, high) in spans.items():
        top = height - 1 - round((min(high, frame.high) - frame.low) * scale)
        bottom = height - 1 - round((min(low, frame.high) - frame.low) * scale)
        for y in range(max(0, top), min(height - 1, bottom) + 1):
            yield x, y


def _runs(cells: list[tuple[int, str]]) -> Iterator[tuple[str, str]]:
    """Join neighbouring cells of the same look into one text."""
    text, look = "", ""
    for bits, name in cells:
        if name != look and text:
            yield text, look
            text = ""
        look = name
        text += chr(0x2800 + bits) if bits else " "
    if text:
        yield text, look
