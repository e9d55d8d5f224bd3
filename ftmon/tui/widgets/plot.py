"""One chart or several, drawn for the size that there is."""

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget

from ftmon.model.run import Run
from ftmon.model.series import Curves
from ftmon.tui.chart.axis import Course
from ftmon.tui.chart.frame import Frame
from ftmon.tui.chart.view import View
from ftmon.tui.look import rich_style
from ftmon.tui.widgets.chart_panel import PANEL_HEIGHT, Panel, has_room_for_two, panels


class Plot(Widget, can_focus=True):
    """Draws one figure or several, each on the training and the validation data. It knows no keys."""

    ALLOW_SELECT = False
    FOCUS_ON_CLICK = False

    view: var[View] = var(View())
    """What the user chose."""

    def __init__(self) -> None:
        super().__init__()
        self._run: Run | None = None
        self._lines: list[Curves] = []
        self._course = Course()
        self._drawn: tuple[object, ...] = ()
        """What was drawn last: the chart is drawn again when this changes."""
        self._panels: list[Panel] | None = None
        self._size_drawn = Size()
        self._styles: dict[str, Style] = {}

    def draw(self, run: Run | None) -> None:
        """Show this run's curves."""
        if run is not self._run:
            # Steps of another run mean nothing here.
            self.view = self.view.whole()._replace(cursor=None)
            self._run = run
        drawn = (run, run.series.changes, run.total_steps, run.total_epochs) if run else ()
        if drawn != self._drawn:
            self._drawn = drawn
            had_several = self.has_several
            self._lines = run.series.lines if run else []
            if self.has_several != had_several and self.is_attached:
                self.refresh_bindings()
            if run:
                series = run.series
                self._course = Course(
                    run.total_steps, run.total_epochs, series.epochs, series.checkpoints, series.per_epoch
                )
            self._redraw()

    @property
    def shown(self) -> Curves | None:
        """The curves of the first chart; None if there is none to draw."""
        if not self._lines:
            return None
        return next((each for each in self._lines if each.name == self.view.metric), self._lines[0])

    @property
    def has_several(self) -> bool:
        """There are several figures to choose from."""
        return len(self._lines) > 1

    def watch_view(self) -> None:
        """Draw what was chosen."""
        self._redraw()

    def _redraw(self) -> None:
        self._panels = None
        self.refresh()

    # Drawing

    @property
    def _shows_many(self) -> bool:
        has_room = self.size.height >= 2 * PANEL_HEIGHT
        return has_room if self.view.is_many is None else self.view.is_many

    @property
    def has_room_for_several(self) -> bool:
        """Several charts can be shown at once."""
        return has_room_for_two(self.size)

    @property
    def _first_frame(self) -> Frame | None:
        laid_out = self._laid_out()
        return laid_out[0].frame if laid_out else None

    def _laid_out(self) -> list[Panel]:
        """Return the charts for the current size, drawn if they are not yet."""
        if self._panels is None or self._size_drawn != self.size:
            self._size_drawn = self.size
            lines, shown = self._lines, self.shown
            index = lines.index(shown) if shown is not None else 0
            ordered = [*lines[index:], *lines[:index]]
            self._panels = panels(ordered, self._course, self.view, self.size, is_many=self._shows_many)
        return self._panels

    def on_focus(self) -> None:
        """Show that the keys go here."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that they do no more."""
        self.refresh()

    def notify_style_update(self) -> None:
        """Repaint with the colours of the new theme."""
        super().notify_style_update()
        self._styles.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Render one row."""
        strips: list[Strip] = []
        for panel in self._laid_out():
            if panel.y <= y < panel.y + panel.height:
                row = panel.rows[y - panel.y] if y - panel.y < len(panel.rows) else []
                # The name of the figure shows that the keys go to the chart.
                focus = {"strong": "chosen"} if self.has_focus else {}
                strip = Strip([Segment(text, self._style(focus.get(look, look))) for text, look in row])
                strips.append(
                    Strip.blank(panel.x - sum(each.cell_length for each in strips), self._style(""))
                )
                strips.append(strip.adjust_cell_length(panel.width, self._style("")))
        return Strip.join(strips).adjust_cell_length(self.size.width, self._style(""))

    def _style(self, look: str) -> Style:
        if look not in self._styles:
            self._styles[look] = rich_style(self, look)
        return self._styles[look]
