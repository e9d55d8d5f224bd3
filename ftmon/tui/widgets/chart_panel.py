"""One chart or several, each with its title, laid out in a widget."""

from math import log
from typing import NamedTuple

from textual.geometry import Size

from ftmon.model.series import Curves
from ftmon.tui.chart.axis import Course
from ftmon.tui.chart.frame import Frame, Piece, draw
from ftmon.tui.chart.view import View
from ftmon.tui.parts.part import Part, fit
from ftmon.tui.widgets.chart_title import readout, state, summary

PANEL_WIDTH, PANEL_HEIGHT = 56, 9
"""The smallest of several charts, in cells."""

_SHAPE = 4.0
"""Columns for each row. A cell is about twice as high as wide."""

_GAP = "  "


class Panel(NamedTuple):
    """One of the charts, and where it is in the widget."""

    curves: Curves
    frame: Frame | None
    rows: list[list[Piece]]
    x: int
    y: int
    width: int
    height: int

    def cell(self, x: int, y: int) -> int | None:
        """Return the column of the plot at a place in the widget; None outside of the plot."""
        if self.frame is None or not self.y < y < self.y + self.height:
            return None
        cell = x - self.x - self.frame.margin
        return cell if 0 <= cell < self.frame.columns else None


def panels(lines: list[Curves], course: Course, view: View, size: Size, *, is_many: bool) -> list[Panel]:
    """Return the first chart alone, or as many as there is room for."""
    width, height = size
    if not lines or not width or not height:
        return []
    across, down = _grid(len(lines), width, height) if is_many else (1, 1)
    shown, found = lines[: across * down], []
    count = f"{len(shown)} of {len(lines)} figures" if is_many and len(shown) < len(lines) else ""
    for number, curves in enumerate(shown):
        row, column = divmod(number, across)
        x, y = column * width // across, row * height // down
        right, bottom = (column + 1) * width // across, (row + 1) * height // down
        gap = 0 if column == across - 1 else len(_GAP)
        # The last one tells that there are more.
        more = count if number == len(shown) - 1 else ""
        found.append(_panel(curves, course, view, (x, y), (right - x - gap, bottom - y), more))
    return found


def has_room_for_two(size: Size) -> bool:
    """Whether several charts can be shown."""
    across, down = _grid(2, *size)
    return across * down > 1


def _grid(count: int, width: int, height: int) -> tuple[int, int]:
    """Return how many of so many charts stand side by side, and how many above each other.

    Most of them are shown, and each as nearly as possible in the shape in which a curve is read best.
    """
    grids = []
    for across in range(1, min(count, max(1, width // PANEL_WIDTH)) + 1):
        down = min(-(-count // across), max(1, height // PANEL_HEIGHT))
        shape = width / across / (height / down)
        grids.append((min(count, across * down), -abs(log(shape / _SHAPE)), across, down))
    return max(grids)[2:]


def _panel(
    curves: Curves, course: Course, view: View, at: tuple[int, int], size: tuple[int, int], more: str
) -> Panel:
    width, height = size
    frame = draw(curves, course, view, width, height - 1)
    words = summary(curves, width) if view.cursor is None else readout(curves, view, view.cursor)
    about = tuple(state(curves, view, frame, width)) if frame else ()
    if more:
        about = (*about, Part(more, "key", 1))
    left, right = fit(tuple(words), about, width - len(_GAP), _GAP)
    start = [piece for part in left for piece in ((part.text, part.look), (_GAP, ""))]
    end = [piece for part in right for piece in ((_GAP, ""), (part.text, part.look))]
    free = width - sum(len(text) for text, _ in (*start, *end))
    title = [*start, (" " * max(0, free), ""), *end]
    return Panel(curves, frame, [title, *(frame.rows if frame else [])], *at, *size)
