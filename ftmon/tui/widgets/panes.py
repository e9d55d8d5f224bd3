"""The chart and the log, above each other or side by side, and the keys that work in both."""

from typing import ClassVar

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.reactive import var

from ftmon.model.message import step_of
from ftmon.tui.chart.room import is_beside
from ftmon.tui.split import Split
from ftmon.tui.widgets.log_pane import LogPane
from ftmon.tui.widgets.loss_chart import LossChart


class Panes(Container):
    """The cursor of the chart and the mark of the log stand at the same step.

    The border between them can be moved. It is the title of the log, or the line beside it.
    """

    split: var[Split] = var(Split())
    """How chart and log share the room."""
    is_dragged: var[bool] = var(False, toggle_class="-dragged")
    """The mouse holds the border."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "metric(1)", "value", tooltip="Chart the next figure", id="chart.next"),
        Binding("V", "metric(-1)", "value", False, tooltip="Chart the figure before", id="chart.before"),
        Binding("l", "scale", "log scale", tooltip="Linear or logarithmic y axis", id="chart.scale"),
        Binding("a", "axis", "x axis", tooltip="Steps, epochs or times on the x axis", id="chart.axis"),
        Binding("e", "smooth", "smooth", tooltip="How much the curve is smoothed", id="chart.smooth"),
        Binding("u", "many", "one/many", tooltip="One chart, or several figures", id="chart.many"),
        Binding("left", "move(-1)", "cursor", tooltip="Move the cursor left", id="chart.left"),
        Binding("right", "move(1)", "cursor", False, tooltip="Move the cursor right", id="chart.right"),
        Binding("shift+left", "move(-10)", "left", False, tooltip="Ten columns left", id="chart.far_left"),
        Binding("shift+right", "move(10)", "right", False, tooltip="Ten columns right", id="chart.far_right"),
        Binding("z", "zoom(0.5)", "zoom", tooltip="Zoom in at the cursor, or at the end", id="chart.in"),
        Binding("Z", "zoom(2.0)", "zoom out", False, tooltip="Zoom out", id="chart.out"),
        Binding("less_than_sign", "pan(-0.5)", "pan", False, tooltip="Pan left", id="chart.pan_left"),
        Binding("greater_than_sign", "pan(0.5)", "pan", False, tooltip="Pan right", id="chart.pan_right"),
        Binding(
            "right_parenthesis",
            "resize(1)",
            "larger",
            False,
            tooltip="More room for the chart",
            id="chart.larger",
        ),
        Binding(
            "left_parenthesis",
            "resize(-1)",
            "smaller",
            False,
            tooltip="Less room for the chart",
            id="chart.smaller",
        ),
        Binding(
            "escape", "clear", "clear", False, tooltip="Remove the cursor, then zoom out", id="chart.clear"
        ),
    ]

    def __init__(self, chart: LossChart, log_pane: LogPane) -> None:
        super().__init__()
        self.chart = chart
        self._log_pane = log_pane
        self._placed: tuple[str | None, str | None] = None, None
        """The width and the height that the chart has by the user's choice."""
        self._event_log = log_pane.event_log

    def compose(self) -> ComposeResult:
        """Lay out the chart, then the log under its title."""
        yield self.chart
        yield self._log_pane

    def on_mount(self) -> None:
        """Follow the mark of the log."""
        self.watch(self._event_log, "chosen", self._follow_mark, init=False)
        self.watch(self.chart, "view", self.show_split)

    # The border

    @property
    def _is_beside(self) -> bool:
        return is_beside(self.app.size.width)

    @property
    def _is_split(self) -> bool:
        return self.chart.display and not self.chart.view.is_alone

    def show_split(self) -> None:
        """Give the chart its share of the room. The stylesheet says what it has by default, and alone."""
        share = None if self.chart.view.is_alone else self.split.share(is_beside=self._is_beside)
        size = None if share is None else f"{share:.4%}"
        placed = (size, None) if self._is_beside else (None, size)
        # Textual lays out the screen again at each assignment.
        if placed != self._placed:
            self._placed = placed
            self.chart.styles.width, self.chart.styles.height = placed
            self.set_class(share is not None, "-split")

    watch_split = on_resize = show_split

    def _is_border(self, x: int, y: int) -> bool:
        """Whether a place of the screen is on the border, or on the empty row above the title."""
        log, title = self._log_pane.region, self._log_pane.title.region
        return x == log.x if self._is_beside else log.y <= y < title.bottom

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Hold the border."""
        if self._is_split and self._is_border(event.screen_x, event.screen_y):
            self.capture_mouse()
            self.is_dragged = True

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move the border with the mouse."""
        if self.is_dragged:
            chart, title = self.chart.region, self._log_pane.title.region
            rows, columns = chart.height + event.screen_y - title.y, event.screen_x - chart.x
            self._resize(columns if self._is_beside else rows)

    def on_mouse_up(self) -> None:
        """Leave the border where it is."""
        if self.is_dragged:
            self.release_mouse()

    def on_mouse_release(self) -> None:
        """Hold it no more, also where a dialog took the mouse."""
        self.is_dragged = False

    @property
    def _whole(self) -> int:
        return self.content_size.width if self._is_beside else self.content_size.height

    def _resize(self, cells: int) -> None:
        """Give the chart so many columns, or rows."""
        self.split = self.split.moved(cells, self._whole, is_beside=self._is_beside)

    def action_resize(self, step: int) -> None:
        """Give the chart more room, or less."""
        share, region = self.split.share(is_beside=self._is_beside), self.chart.region
        default = region.width if self._is_beside else region.height
        # A key may come before the chart has the size that the one before gave it.
        cells = default if share is None else int(share * self._whole)
        self._resize(cells + (4 * step if self._is_beside else step))

    # Cursor and mark

    @on(LossChart.CursorMoved)
    def _mark_event(self, message: LossChart.CursorMoved) -> None:
        """Mark the event of the step. The cursor stays at its step where the log has no such event."""
        log = self._event_log
        index = -1 if message.number is None else message.number - self._hidden
        if 0 <= index < len(log.all_events) and log.finder.shows(index):
            log.go_to(index)
        else:
            log.chosen = None
        self.chart.move_to(message.step)

    def _follow_mark(self, index: int | None) -> None:
        """Move the cursor to the step of the marked event."""
        if index is None:
            self.chart.move_to(None)
        else:
            self.chart.move_to_event(index + self._hidden, step_of(self._event_log.all_events[index]))

    @property
    def _hidden(self) -> int:
        """How many events of the run are older than what the log holds."""
        return self.chart.event_count - len(self._event_log.all_events)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable the keys of a chart that is not shown, and those for several figures where there is one."""
        if action == "resize":
            return self._is_split
        if action in _SEVERAL:
            return self.chart.display and self.chart.has_several
        return action not in _ACTIONS or self.chart.display

    def action_metric(self, by: int) -> None:
        """Chart another figure."""
        self.chart.next_metric(by)

    def action_scale(self) -> None:
        """Switch between a linear and a logarithmic y axis."""
        self._need(self.chart.toggle_scale())

    def action_axis(self) -> None:
        """Put something else on the x axis."""
        self._need(self.chart.next_axis())

    def action_smooth(self) -> None:
        """Smooth more, or not at all."""
        self._need(self.chart.smooth_more())

    def action_many(self) -> None:
        """Show one chart or several."""
        self._need(self.chart.toggle_many())

    def action_move(self, cells: int) -> None:
        """Move the cursor by so many columns."""
        self.chart.move(cells)

    def action_zoom(self, factor: float) -> None:
        """Zoom in or out."""
        self._need(self.chart.zoom(factor))

    def action_pan(self, share: float) -> None:
        """Pan by a share of what is shown."""
        self._need(self.chart.pan(share))

    def action_clear(self) -> None:
        """Remove the cursor, or else zoom out."""
        self._need(self.chart.clear())

    def _need(self, has_done: bool) -> None:
        """Leave the key to others where there was nothing to do."""
        if not has_done:
            raise SkipAction


_SEVERAL = {"metric", "many"}
_ACTIONS = {"scale", "axis", "smooth", "move", "zoom", "pan", "clear"}
