"""The help: all keys, grouped by task, and the signs used on the screen."""

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ftmon import __version__
from ftmon.paths import stylesheet
from ftmon.tui.look import LOOKS
from ftmon.tui.screens.monitor import MonitorScreen
from ftmon.tui.widgets.event_log import EventLog
from ftmon.tui.widgets.log_pane import LogPane
from ftmon.tui.widgets.loss_chart import LossChart
from ftmon.tui.widgets.panes import Panes

_GROUPS = {
    "The job": ("job.open", "job.info", "job.retry", "job.read", "job.cancel"),
    "Replaying": ("replay", "replay.halt", "replay.faster", "replay.slower"),
    "Reading": ("log.follow", "log.first", "log.up", "log.down", "log.page_up", "log.page_down"),
    "Finding": (
        "log.search",
        "log.next",
        "log.previous",
        "log.filter",
        "log.thin",
        "log.milestone_up",
        "log.milestone_down",
        "log.minute_up",
        "log.minute_down",
        "log.to_time",
        "log.mark",
        "log.next_mark",
        "log.back",
    ),
    "One event": ("log.above", "log.below", "log.open", "copy", "log.copy_json", "log.save"),
    "The chart": (
        "view.chart",
        "chart.next",
        "chart.before",
        "chart.left",
        "chart.right",
        "chart.far_left",
        "chart.far_right",
        "chart.first",
        "chart.last",
        "chart.clear",
        "chart.in",
        "chart.out",
        "chart.pan_left",
        "chart.pan_right",
        "chart.smooth",
        "chart.scale",
        "chart.axis",
        "chart.many",
    ),
    "Display": ("log.times", "log.wrap", "log.left", "log.right", "view.dark"),
    "ftmon": ("palette", "help", "suspend", "quit", "leave"),
}

_SIGNS = (
    ("● live", "connected; with the time since the last data"),
    ("◐ quiet", "connected, but no data for 30 s, which is normal"),
    ("◔ polling", "no stream; ftmon reads the list regularly"),
    ("↻ retrying", "connection lost; the job may still be running"),
    ("▲ refused", "the service refused; ftmon stopped watching"),
    ("▲ gave up", "no connection; ftmon stopped watching"),
    ("■ closed", "every event has been read"),
    ("■ recorded", "read from this machine's history"),
    ("▷ replay", "the recorded run, played back"),
    ("◷ ▶ ⏸", "the job is pending, running, paused"),
    ("✔ ✘ ⊘", "the job succeeded, failed, was cancelled"),
    ("◆ ⬆", "an epoch was completed, a file was uploaded"),
    ("⠤⠤ •", "in the chart: training, and validation"),
    ("◆ ▲ ┊", "an epoch, a checkpoint"),
    ("↑ ↓ ×", "a value that is cut off, one that is no number"),
)
"""Each sign on the screen, and its meaning."""

_KEY_WIDTH = 14


class HelpScreen(ModalScreen[None]):
    """Lists every key with the tooltip of its binding."""

    CSS_PATH = stylesheet("help.tcss")
    COMPONENT_CLASSES = LOOKS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "close", tooltip="Close the help", id="help.close"),
    ]

    def compose(self) -> ComposeResult:
        """Lay out the text, which scrolls."""
        with VerticalScroll(id="dialog"):
            yield Static(Content("\n").join(self._lines()))

    def _lines(self) -> Iterator[Content]:
        tables = (
            EventLog.BINDINGS,
            LogPane.BINDINGS,
            LossChart.BINDINGS,
            Panes.BINDINGS,
            MonitorScreen.BINDINGS,
            self.app.BINDINGS,
        )
        bindings = [binding for table in tables for binding in Binding.make_bindings(table)]
        yield Content.assemble(
            ("ftmon", ".strong"), (f" {__version__}", ".muted"), ("   esc closes", ".muted")
        )
        for title, ids in _GROUPS.items():
            yield Content()
            yield Content.styled(title, ".strong")
            for binding_id in ids:
                same = [binding for binding in bindings if binding.id == binding_id]
                if same:
                    keys = " ".join(dict.fromkeys(self.app.get_key_display(binding) for binding in same))
                    yield Content.assemble((f"  {keys:<{_KEY_WIDTH}}", ".key"), same[0].tooltip)
        yield Content()
        yield Content.styled("Signs", ".strong")
        for sign, meaning in _SIGNS:
            yield Content.assemble(f"  {sign:<{_KEY_WIDTH}}", (meaning, ".muted"))
