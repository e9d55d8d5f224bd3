"""Why a key does nothing now, in a sentence."""

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from ftmon.model.key import LOCAL
from ftmon.tui.excerpt import excerpt
from ftmon.tui.key_order import OrderedApp

if TYPE_CHECKING:
    from ftmon.model.run import Run
    from ftmon.tui.screens.monitor import MonitorScreen
    from ftmon.tui.widgets.loss_chart import LossChart

_KEYS = {
    "metric": "v,V",
    "many": "u",
    "scale": "l",
    "axis": "a",
    "smooth": "e",
    "zoom": "z,Z",
    "pan": "less_than_sign,greater_than_sign",
    "toggle_chart": "c",
    "toggle_alone": "C",
    "toggle_losses": "L",
    "next_times": "t",
    "next_hit": "n,N",
    "retry": "r",
    "replay": "p",
    "change_speed": "plus,equals_sign,minus",
    "cancel_job": "x",
}
"""The actions that are possible only at times, with their keys."""

_ALL_SHOWN = "All of the x axis is shown: z zooms in."
_NOT_SHOWN = "The chart is not shown: c shows it."
_NOT_OVER = "A run can be replayed once it is over."
_NOT_OWN = "This run is only read from the history."


class RefusingApp(OrderedApp):
    """Says why a key does nothing. The app is the last one to be asked, after all that may take a key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, f"refuse('{name}')", show=False) for name, keys in _KEYS.items()
    ]

    monitor: "MonitorScreen | None" = None
    """None until its module is imported."""

    def action_refuse(self, name: str) -> None:
        """Say why this action is not possible now."""
        if self.monitor is not None and (sentence := why_not(name, self.monitor)):
            self.notify(sentence, markup=False, timeout=4)


def why_not(name: str, monitor: "MonitorScreen") -> str:
    """Return why an action is not possible; empty where there is nothing to say."""
    run, chart = monitor.run, monitor.chart
    if run is None:
        return "No job is open: o opens one."
    match name:
        case "next_hit":
            return "Nothing is searched for: / searches."
        case "next_times":
            return "The log is too narrow for times."
        case "retry":
            return _why_no_retry(run, is_own=monitor.is_own)
        case "replay" if run.is_over:
            return "There is nothing recorded to replay."
        case "replay":
            return _NOT_OVER
        case "change_speed":
            return "Nothing is replayed now."
        case "cancel_job":
            return _why_no_cancel(run, is_own=monitor.is_own)
        case "toggle_losses":
            return _why_no_losses(chart)
    return _why_no_chart(name, chart)


def _why_no_retry(run: "Run", *, is_own: bool) -> str:
    if not is_own:
        return _NOT_OWN
    return "The job is over, and all of it was read." if run.is_over else "There is nothing to retry."


def _why_no_cancel(run: "Run", *, is_own: bool) -> str:
    if run.is_over or run.status.is_final:
        return "The job is over."
    if not is_own:
        return _NOT_OWN
    if run.key.service == LOCAL:
        return "ftmon did not start this run, so it cannot cancel it."
    return "The job was not read yet."


def _why_no_losses(chart: "LossChart") -> str:
    if not chart.has_values:
        return "No loss is told yet."
    return "The chart tells the losses." if chart.display else "There is no room for the losses here."


def _why_no_chart(name: str, chart: "LossChart") -> str:
    shown = chart.shown
    if shown is None:
        return "There is no figure to chart yet."
    if not chart.display:
        if chart.can_be_shown:
            return _NOT_SHOWN
        if chart.can_be_alone:
            return "There is no room for chart and log: C shows the chart alone."
        return "There is no room for the chart here."
    match name:
        case "metric" | "many" if not chart.has_several:
            return f"There is only one figure: {excerpt(shown.name, 40)}."
        case "many":
            return "There is room for one chart only."
        case "scale":
            return "No value is above 0, so there is no log scale."
        case "axis":
            return "Only steps are known, no epochs and no times."
        case "smooth":
            return "There are too few points to smooth."
        case "zoom" | "pan":
            return _ALL_SHOWN
    return ""
