"""Where a key of the log goes: to a step, to a time, some time further."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from ftmon.errors import UsageError
from ftmon.model.event import Event
from ftmon.model.message import step_of

_MOST = 2000
"""Events without a value that are passed over to find one with a value."""


def place_of_step(events: Sequence[Event], shown: Sequence[int], step: int) -> int:
    """Return the first place at this step or a later one; the number of places if there is none."""
    return _first(lambda place: step_of(events[shown[place]]), len(shown), step)


def place_of_time(events: Sequence[Event], shown: Sequence[int], time: datetime) -> int:
    """Return the first place at this time or later; the number of places if there is none."""
    return _first(lambda place: events[shown[place]].created_at, len(shown), time)


def _first(value_of: Callable[[int], Any], places: int, wanted: Any) -> int:
    """Return the first place with at least the wanted value. Values grow, and some places have none."""
    low, high = 0, places
    best = places
    while low < high:
        middle = (low + high) // 2
        end = min(high, middle + _MOST)
        place = next((place for place in range(middle, end) if value_of(place) is not None), None)
        if place is None:
            high = middle
        elif value_of(place) < wanted:
            low = place + 1
        else:
            best, high = place, middle
    return best


def read_time(text: str, near: datetime) -> datetime:
    """Read a time as it is typed, in local time: `14:02`, `14:02:11`, `2026-01-31 14:02`.

    One without a date is that of the day of `near`.

    Raises:
        UsageError: for anything else.
    """
    day = near.astimezone().date().isoformat()
    for whole in (text.strip(), f"{day} {text.strip()}"):
        try:
            return datetime.fromisoformat(whole).astimezone()
        except (ValueError, OverflowError, OSError):
            continue
    raise UsageError("Type a time such as 14:02, 14:02:11 or 2026-01-31 14:02.")
