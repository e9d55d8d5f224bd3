"""The commands of the palette that are about the run on the screen."""

from collections.abc import Iterator
from functools import partial

from textual.app import SystemCommand

from ftmon.model.action import Action
from ftmon.tui.screens.monitor import MonitorScreen
from ftmon.tui.widgets.job_header import links_of


def commands(monitor: MonitorScreen) -> Iterator[SystemCommand]:
    """Yield what the state of the run allows."""
    yield SystemCommand("Open a job", "Type an id, or pick a job from the list", monitor.action_open)
    run, offer = monitor.run, monitor.offer
    if run is None:
        return
    pane = monitor.log_pane
    yield SystemCommand("Search the log (/)", "A text, a regex, or a step", pane.action_search)
    yield SystemCommand("Filter the log (&)", "By text, regex, level or type", pane.action_filter)
    yield SystemCommand("Thin the steps (h)", "Show few of them, or all", pane.action_thin)
    yield SystemCommand("Go to a time (T)", "That you type", pane.action_go_to_time)
    yield SystemCommand("Show the event (enter)", "All of it, with its JSON", pane.action_open_event)
    yield SystemCommand("Save the log (s)", "As text, JSON Lines or CSV", pane.action_save)
    yield SystemCommand("Information", "The service, its API and why, the clock", monitor.action_info)
    copies = [("Copy the job id", run.key.job_id, "the job id")]
    if run.fine_tuned_model:
        copies.append(("Copy the model's name", run.fine_tuned_model, "the model's name"))
    copies += [(f"Copy the link: {link.name}", link.url, "the link") for link in links_of(run)]
    for title, text, what in copies:
        yield SystemCommand(title, "To the clipboard", partial(monitor.copy, text, what))
    yield from _chart_commands(monitor)
    if offer.cancel_job:
        yield SystemCommand("Cancel the job", "Asks for confirmation first", monitor.action_cancel_job)
    for is_offered, words, action in (
        (offer.pause_job, "Pause the job", Action.PAUSE),
        (offer.resume_job, "Resume the job", Action.RESUME),
    ):
        if is_offered:
            yield SystemCommand(words, "Ask the service for it", partial(monitor.action_ask, action))
    if offer.retry:
        yield SystemCommand("Retry now", "Reconnect now", monitor.action_retry)
    if offer.replay:
        for speed, pace in ((1.0, "At the original speed"), (10.0, "Ten times as fast")):
            yield SystemCommand(f"Replay {speed:g}×", pace, partial(monitor.action_replay, speed))
        yield SystemCommand("Replay in a minute", "At most a minute in all", monitor.action_replay)


def _chart_commands(monitor: MonitorScreen) -> Iterator[SystemCommand]:
    chart = monitor.chart
    if not chart.can_be_shown:
        return
    yield SystemCommand("Show or hide the chart", "c", monitor.action_toggle_chart)
    if chart.display and chart.has_several:
        yield SystemCommand("Chart: next figure", "v", partial(chart.next_metric, 1))
        yield SystemCommand("Chart: one figure or several", "u", chart.toggle_many)
    if chart.display:
        yield SystemCommand("Chart: linear or log scale", "l", chart.toggle_scale)
        yield SystemCommand("Chart: steps, epochs or times", "a", chart.next_axis)
        yield SystemCommand("Chart: smoothing", "e", chart.smooth_more)
        yield SystemCommand("Chart: zoom in", "z", partial(chart.zoom, 0.5))
        yield SystemCommand("Chart: zoom out", "Z", partial(chart.zoom, 2.0))
