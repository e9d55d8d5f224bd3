"""A fact on the run's page."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ftmon.text import age, clock, stamp


class Fact(NamedTuple):
    """One fact."""

    name: str
    text: str
    """Safe text; it may have several lines."""
    look: str = ""
    """One of `LOOKS`."""


class Section(NamedTuple):
    """Facts under a title. One without facts is not shown."""

    title: str
    facts: Sequence[Fact]


def when(time: datetime, now: datetime, day: datetime | None, more: str = "") -> str:
    """Return a time, perhaps something more, and its age: `2026-01-31 14:02:11 · 3m ago`.

    The date is left out on the same `day`.
    """
    is_same = day is not None and time.astimezone().date() == day.astimezone().date()
    return " · ".join(filter(None, (clock(time) if is_same else stamp(time), more, since(time, now))))


def since(time: datetime, now: datetime) -> str:
    """Return an age in coarse steps: `now`, `40s ago`, `3m ago`."""
    words = age((now - time).total_seconds())
    return words if words == "now" else f"{words} ago"
