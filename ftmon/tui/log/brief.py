"""Shortens an event to one row, for a list that has no room for its words."""

from collections.abc import Iterator
from math import isfinite

from rich.cells import cell_len

from ftmon.model.event import Event
from ftmon.model.message import checkpoint_step, event_figures, read_message, reason, tells_no_number
from ftmon.model.metrics import Metrics, parse_metrics
from ftmon.safe import one_line
from ftmon.text import count, figure, money
from ftmon.tui.log.milestone import LONGEST, is_milestone, sign
from ftmon.tui.log.rows import fitting

Pieces = list[tuple[str, str]]
"""Texts with their looks."""

_STEP, _LOSS = 4, 5
"""Cells of the columns of figures, where their values need no more."""

_WIDE = 20
"""Cells from which the columns stand further apart."""


def brief(event: Event, width: int) -> Pieces:
    """Return an event in at most `width` cells: the figures of a step, or the important part of a message."""
    look = sign(event.level, event.message)[1]
    figures = _figures(event)
    if figures is None:
        return [(_shortened(event, look, width), look)]
    pieces: Pieces = []
    for column in _columns(event, figures, "  " if width >= _WIDE else " "):
        # A figure is left out rather than cut, because a part of it looks like another one.
        if sum(len(text) for text, _ in (*pieces, *column)) > width:
            break
        pieces += column
    return pieces


def _figures(event: Event) -> Metrics | None:
    """Return the figures of an event that tells how a step went; None for any other event."""
    if is_milestone(event.level, event.message):
        return None
    metrics = parse_metrics(event)
    figures = event_figures(read_message(event.message[:LONGEST]), metrics)
    losses = figures.train_loss, figures.valid_loss
    if losses == (None, None):
        figures = figures._replace(train_loss=figures.train_reward, valid_loss=figures.valid_reward)
        losses = figures.train_loss, figures.valid_loss
    if losses == (None, None) and not tells_no_number(event.message[:LONGEST]):
        return None
    # Other messages that come with a loss, such as one of a file, say more than their figures.
    is_step = figures.step is not None or event.type == "metrics" or event.message.startswith("{'")
    return figures if is_step else None


def _columns(event: Event, figures: Metrics, gap: str) -> Iterator[Pieces]:
    """Yield the step, the training loss and the validation loss, each with what sets it off."""
    step, total = figures.step, figures.total_steps
    losses = figures.train_loss, figures.valid_loss
    train, valid = (None if each is None or not isfinite(each) else each for each in losses)
    number = "" if step is None else str(step)
    yield [(number.rjust(len(str(total)) if total else _STEP), "")]
    if train is not None:
        yield [(gap, ""), (figure(train), "train")]
    if valid is not None:
        empty = _LOSS - len(figure(train)) if train is not None else _LOSS + len(gap)
        yield [(gap + " " * empty, ""), (f"v{figure(valid)}", "valid")]
    if tells_no_number(event.message[:LONGEST]):
        yield [(gap, ""), ("no number", "warning")]


def _shortened(event: Event, look: str, width: int) -> str:
    """Return a message, or what is important of it where it is too long."""
    message = event.message[:LONGEST]
    text = one_line(message)
    if cell_len(text) <= width:
        return text
    facts = read_message(message)
    name = facts.fine_tuned_model or facts.result_file
    step = checkpoint_step(message)
    if look in ("bad", "warning"):
        text = one_line(reason(message))
    elif facts.claim is not None:
        text = facts.claim.value
    elif facts.started:
        text = "started"
    elif facts.queue is not None:
        text = f"queue number {count(facts.queue)}"
    elif facts.cost is not None:
        text = f"costs {money(facts.cost)}"
    elif facts.epoch is not None:
        text = f"epoch {count(facts.epoch)}" + (f"/{count(facts.total_epochs)}" if facts.total_epochs else "")
    elif step is not None:
        text = f"checkpoint {count(step)}"
    elif name:
        return _ends(one_line(name), width)
    return text if cell_len(text) <= width else f"{text[: fitting(text, width - 1)].rstrip()}…"


def _ends(name: str, width: int) -> str:
    """Return both ends of a name that is too long: names of one run differ most at their end."""
    if cell_len(name) <= width:
        return name
    end = fitting(name[::-1], max(1, (width - 1) * 2 // 3))
    start = fitting(name, max(1, width - 1 - cell_len(name[-end:])))
    return f"{name[:start]}…{name[-end:]}"
