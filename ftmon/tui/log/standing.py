"""What the title of the log tells: where the user is, and what is looked for."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ftmon.text import count, percent
from ftmon.tui.excerpt import excerpt

if TYPE_CHECKING:
    from ftmon.tui.log.finder import Finder
    from ftmon.tui.log.scan import Scan

_LONGEST = 24
"""Characters of a filter or a search that the title shows."""


class Words(NamedTuple):
    """What is looked for, and how much of it is there."""

    name: str
    found: str


class Standing(NamedTuple):
    """Where the user is in the log, and what is looked for in it."""

    following: bool = True
    unseen: int = 0
    """Events added since follow mode was left."""
    step: int | None = None
    """The step of the event that the user is at."""
    first: int = 0
    last: int = 0
    """The shown events that are in sight, counted from 1."""
    shown: int = 0
    filter: Words | None = None
    """`filter: loss`, `12 of 340`; None while all events are shown."""
    search: Words | None = None
    """`search: loss`, `3 of 12`; None while nothing is searched for."""
    marks: int = 0

    @property
    def is_at_end(self) -> bool:
        """Whether the last event is in sight."""
        return self.last == self.shown

    @property
    def is_finding(self) -> bool:
        """Whether something is filtered, searched for or marked."""
        return self.filter is not None or self.search is not None or self.marks > 0


def filter_words(finder: "Finder", shown: int, total: int) -> Words | None:
    """Return the filter, and how many events pass it, or how many were looked at so far."""
    text = excerpt(finder.filter.text, _LONGEST)
    names = [name for name in (text and f"filter: {text}", finder.filter.steps) if name]
    if not names:
        return None
    return Words(" · ".join(names), _progress(finder.coming) or f"{count(shown)} of {count(total)}")


def search_words(finder: "Finder", chosen: int | None) -> Words | None:
    """Return what is searched for, and how many events have it."""
    if finder.pattern is None or finder.hits is None:
        return None
    found: Sequence[int] = finder.hits.found
    place = len(found) if chosen is None else bisect_left(found, chosen)
    number = f"{count(place + 1)} of " if place < len(found) and found[place] == chosen else ""
    tail = "" if number else " found"
    if number and chosen == finder.round_to and len(found) > 1:
        tail = ", from the end" if place else ", from the top"
    progress = _progress(finder.hits)
    words = f"{number}{count(len(found))}{tail}{' · ' if progress else ''}{progress}"
    return Words(f"search: {excerpt(finder.pattern.text, _LONGEST)}", words)


def _progress(scan: "Scan | None") -> str:
    return "" if scan is None or scan.is_done else percent(scan.share)
