"""Finds the event of a step among very many."""

from collections.abc import Sequence

from ftmon.model.event import Event, parse_metrics
from ftmon.model.message import read_message

_NEAR = 64
"""So many neighbours of an event without a step are looked at for one."""


def step_of(event: Event) -> int | None:
    """Return the step that an event tells of."""
    step = parse_metrics(event).step
    return read_message(event.message).step if step is None else step


def index_of(events: Sequence[Event], step: int) -> int | None:
    """Return the index of the first event of a step; None where no event tells of it, or of one near it.

    Steps ascend, so this looks at few of the events. The event after the step will do where there is none.
    """
    low, high = 0, len(events)
    found = None
    while low < high:
        middle = (low + high) // 2
        near = _with_step(events, middle, high)
        if near is None:
            high = middle
        elif near[1] < step:
            low = near[0] + 1
        else:
            found = near[0]
            high = middle
    return found


def _with_step(events: Sequence[Event], start: int, end: int) -> tuple[int, int] | None:
    """Return the first event with a step, and the step."""
    for index in range(start, min(end, start + _NEAR)):
        if (step := step_of(events[index])) is not None:
            return index, step
    return None
