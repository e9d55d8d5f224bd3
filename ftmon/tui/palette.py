"""The commands of the palette: all that keys do now, and what has no key; and the themes."""

from collections.abc import Callable, Iterator
from functools import partial

from ftmon.model.action import Action
from ftmon.tui.keys import keys_of
from ftmon.tui.parts.header import links_of
from ftmon.tui.screens.choose import Choice
from ftmon.tui.screens.monitor import MonitorScreen
from ftmon.tui.theme import THEMES


def commands(monitor: MonitorScreen) -> Iterator[Choice]:
    """Yield what the state of the run allows, first what is about the job."""
    groups = keys_of(monitor.app, monitor.key_holders)
    # What only moves comes last.
    for group in sorted(groups, key=lambda group: (group != "Job", group == "Watch")):
        for key in groups[group]:
            if key.is_available and key.action != "command_palette":
                yield Choice(key.does, key.keys, partial(monitor.app.run_action, key.action, key.node))
        if group == "Job":
            yield from _of_the_job(monitor)
        elif group == "Replay" and monitor.offer.replay:
            for speed, pace in ((1.0, "at the original speed"), (10.0, "ten times as fast")):
                yield Choice(f"Replay {pace}", "", partial(monitor.action_replay, speed))


def _of_the_job(monitor: MonitorScreen) -> Iterator[Choice]:
    run, offer = monitor.run, monitor.offer
    if run is None:
        return
    if offer.pause_job:
        yield Choice("Pause the job", "", partial(monitor.action_ask, Action.PAUSE))
    if offer.resume_job:
        yield Choice("Resume the job", "", partial(monitor.action_ask, Action.RESUME))
    copies = [("Copy the job id", run.key.job_id, "the job id")]
    if run.fine_tuned_model:
        copies.append(("Copy the model's name", run.fine_tuned_model, "the model's name"))
    copies += [(f"Copy the link: {link.name}", link.url, "the link") for link in links_of(run)]
    for title, text, what in copies:
        yield Choice(title, "", partial(monitor.copy, text, what))


def themes(present: str, show: Callable[[str], None]) -> list[Choice]:
    """Return the themes to choose from, with a sign at the one in use."""
    return [
        Choice(f"{words}{' ✓' if theme.name == present else ''}", "", partial(show, theme.name))
        for words, theme in THEMES.items()
    ]
