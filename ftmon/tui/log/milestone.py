"""What an event is in the course of a run: a milestone, or not."""

from collections.abc import Iterable

from ftmon.model.event import Level
from ftmon.model.events import Events
from ftmon.model.job import Status
from ftmon.model.message import read_message, step_at_start
from ftmon.text import STATUS_SIGNS
from ftmon.tui.parts.status_look import STATUS_LOOKS

LONGEST = 4096
"""Characters of a message that the list shows. Copying the event copies the whole message."""

_LEVEL_SIGNS = {Level.WARNING: ("▲", "warning"), Level.ERROR: ("✘", "bad")}


def sign(level: Level, message: str) -> tuple[str, str]:
    """Return the sign and the look of an event: warnings, errors and milestones of a run stand out."""
    if level in _LEVEL_SIGNS:
        return _LEVEL_SIGNS[level]
    facts = read_message(message[:LONGEST])
    if facts.error is not None:
        return _LEVEL_SIGNS[Level.ERROR]
    if facts.claim is not None:
        return STATUS_SIGNS[facts.claim], STATUS_LOOKS[facts.claim]
    if facts.started:
        return STATUS_SIGNS[Status.RUNNING], "alive"
    # A trainer's line tells a loss and the share of epochs behind it: `{'loss': 2.1, 'epoch': 0.7}`.
    if facts.epoch is not None and facts.train_loss is None and facts.valid_loss is None:
        return "◆", "strong"
    if facts.fine_tuned_model or facts.result_file:
        return "⬆", "strong"
    return " ", ""


def is_milestone(level: Level, message: str) -> bool:
    """Whether this is a warning, an error, a start, an epoch, a checkpoint, an upload or an end."""
    if "heckpoint" in message[:LONGEST] or level is not Level.INFO:
        return True
    return step_at_start(message) is None and sign(level, message)[0] != " "


def milestones(events: Events, indices: Iterable[int]) -> list[int]:
    """Return which of these events are milestones."""
    levels, messages = events.levels, events.messages
    return [index for index in indices if is_milestone(levels[index], messages[index])]
