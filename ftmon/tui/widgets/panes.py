"""The chart and the log, above each other or side by side, and the keys that work in both."""

from typing import ClassVar

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from ftmon.model.message import step_of
from ftmon.tui.widgets.log_pane import LogPane
from ftmon.tui.widgets.loss_chart import LossChart


class Panes(Container):
    """The cursor of the chart and the mark of the log stand at the same step."""

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
            "escape", "clear", "clear", False, tooltip="Remove the cursor, then zoom out", id="chart.clear"
        ),
    ]

    def __init__(self, chart: LossChart, log_pane: LogPane) -> None:
        super().__init__()
        self.chart = chart
        self._log_pane = log_pane
        self._event_log = log_pane.event_log

    def compose(self) -> ComposeResult:
        """Lay out the chart, then the log under its title."""
        yield self.chart
        yield self._log_pane

    def on_mount(self) -> None:
        """Follow the mark of the log."""
        self.watch(self._event_log, "chosen", self._follow_mark, init=False)

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
        if action in _SEVERAL:
            return self.chart.display and self.chart.has_several
        return action not in _ACTIONS or self.chart.display

    def action_metric(self, by: int) -> None:
        """Chart another figure."""
        self.chart.next_metric(by)

    def action_scale(self) -> None:
        """Switch between a linear and a logarithmic y axis."""
        self.chart.toggle_scale()

    def action_axis(self) -> None:
        """Put something else on the x axis."""
        self.chart.next_axis()

    def action_smooth(self) -> None:
        """Smooth more, or not at all."""
        self.chart.smooth_more()

    def action_many(self) -> None:
        """Show one chart or several."""
        self.chart.toggle_many()

    def action_move(self, cells: int) -> None:
        """Move the cursor by so many columns."""
        self.chart.move(cells)

    def action_zoom(self, factor: float) -> None:
        """Zoom in or out."""
        self.chart.zoom(factor)

    def action_pan(self, share: float) -> None:
        """Pan by a share of what is shown."""
        self.chart.pan(share)

    def action_clear(self) -> None:
        """Remove the cursor, or else zoom out."""
        if not self.chart.clear():
            raise SkipAction


_SEVERAL = {"metric", "many"}
_ACTIONS = {"scale", "axis", "smooth", "move", "zoom", "pan", "clear"}
