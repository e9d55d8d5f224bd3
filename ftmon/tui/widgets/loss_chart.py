"""The chart of losses, or of rewards, over steps."""

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from ftmon.model.curve import Curve
from ftmon.model.run import Run
from ftmon.tui.chart import chart
from ftmon.tui.look import rich_style

_NARROWEST_SCREEN, _LOWEST_SCREEN, _TALL_SCREEN = 20, 22, 30
"""Sizes in cells; the heights are those at which the screen gets the classes `-roomy` and `-tall`."""


class LossChart(Widget):
    """Both curves on the same axes."""

    def __init__(self) -> None:
        super().__init__()
        self._curves: list[tuple[str, Curve]] = []
        self._drawn: tuple[int, ...] = ()
        """Identity and number of points of the drawn curves."""
        self._rows: list[list[tuple[str, str]]] | None = None
        self._choice: bool | None = None
        """Whether the user wants to see the chart; None until they say so."""

    def draw(self, run: Run | None) -> None:
        """Show this run's curves."""
        curves = [("train", run.curves.train), ("valid", run.curves.valid)] if run else []
        self._curves = [(name, curve) for name, curve in curves if curve.buckets]
        version = tuple(part for _, curve in self._curves for part in (id(curve), curve.points))
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
