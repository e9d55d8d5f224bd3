"""Finds the event of a step among very many."""

from collections.abc import Sequence

from ftmon.model.event import Event, parse_metrics
from ftmon.model.message import read_message

_NEAR = 64
"""So many events that follow one without a step are asked for theirs."""


def step_of(event: Event) -> int | None:
    """Return the step that an event tells of."""
    step = parse_metrics(event).step
    return read_message(event.message).step if step is None else step


def index_of(events: Sequence[Event], step: int) -> int | None:
    """Return the index of the first event of a step, or of a later one; None where there is none.

    Steps ascend, so this looks at few of the events. Those of checkpoints may come late, and do not count.
    """
    low, high = 0, len(events)
    found = None
    while low < high:
        middle = (low + high) // 2
        index = next(
            (each for each in range(middle, min(high, middle + _NEAR)) if _is_placed(events[each])), None
        )
        if index is None:
            high = middle
        elif (step_of(events[index]) or 0) < step:
            low = index + 1
        else:
            found, high = index, middle
    return found


def _is_placed(event: Event) -> bool:
    """Return whether an event has a step, and stands where it happened."""
    return not parse_metrics(event).is_spare and step_of(event) is not None
