"""Formats one event for the list: time, age, sign and message."""

import re
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from ftmon.model.event import Event
from ftmon.safe import one_line
from ftmon.text import ESTIMATED, ago, clock, count, day_clock
from ftmon.tui.log.brief import brief
from ftmon.tui.log.milestone import LONGEST, sign
from ftmon.tui.log.rows import wrap

_CLOCK = 10
_DAY_CLOCK = 17
_AGO = 16
_SIGN = 2
"""Widths of the columns in cells, including the gap after each."""

FITS_ONE = 34
"""Smallest list width, in cells, with room for a time."""

FITS_WORDS = 56
"""Smallest list width, in cells, in which messages are wrapped. In a narrower one they are shortened."""

FITS_BOTH = 96
"""Smallest list width, in cells, with room for both times."""

_FIGURE = re.compile(r"(train|valid)[^=,]*=\s*([-+.\deE]+)")
"""A loss in a message, such as `training loss=0.48`: the name of its curve, and the number."""


class Times(Enum):
    """Which time columns the list shows: time of day (absolute), age (relative), or both."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    BOTH = "both"


class Columns(NamedTuple):
    """Widths of the columns of the list, in cells; 0 for a column that is not shown."""

    clock: int
    ago: int
    sign: int
    message: int
    is_wrapped: bool = True
    """A long message goes on in further rows, or is shortened; else it can be scrolled sideways."""
    is_brief: bool = False
    """Messages are shortened to one row."""
    left: int = 0
    """Characters of each message that are scrolled out at the left."""

    @property
    def indent(self) -> int:
        """Column in which the message begins."""
        return self.clock + self.ago + self.sign


def columns(width: int, times: Times, is_dated: bool) -> Columns:
    """Return the columns for a list of `width` cells. `is_dated` adds the date to the time of day."""
    if width < FITS_ONE:
        return Columns(0, 0, _SIGN, max(1, width - _SIGN), is_brief=True)
    clock_width = _DAY_CLOCK if is_dated and width >= 60 else _CLOCK
    if times is Times.RELATIVE:
        clock_width = 0
    ago_width = _AGO
    if times is Times.ABSOLUTE or (times is Times.BOTH and width < FITS_BOTH):
        ago_width = 0
    message = width - clock_width - ago_width - _SIGN
    return Columns(clock_width, ago_width, _SIGN, message, is_brief=width < FITS_WORDS)


def shown_text(event: Event, layout: Columns) -> str:
    """Return the message as the list shows it: a single line, with a note if it is truncated."""
    if layout.is_brief:
        return "".join(text for text, _ in brief(event, layout.message))
    message = event.message
    if len(message) > LONGEST:
        rest = len(message) - LONGEST
        message = f"{message[:LONGEST]} … and {count(rest)} more characters; y copies them all"
    return one_line(message)


def ago_text(event: Event, now: datetime, columns: Columns) -> str:
    """Return the age, padded to its column: `3 minutes ago`. Two units are cut to one: `2 years ago`."""
    words = ago(event.created_at, now)
    if "," in words:
        words = f"{words.partition(',')[0]} ago"
    # The time of day beside it is marked already.
    mark = ESTIMATED if event.is_estimated and not columns.clock else ""
    return f"{mark}{words[: columns.ago - 2]}".ljust(columns.ago)


def row_text(event: Event, line: int, layout: Columns) -> tuple[int, str]:
    """Return row number `line` of a message, counted from 0, and how many characters are before it."""
    text, left = shown_text(event, layout), layout.left
    if layout.is_brief:
        return 0, text
    if layout.is_wrapped:
        rows = wrap(text, layout.message)
        return sum(map(len, rows[:line])), rows[line]
    if len(text) - left > layout.message:
        return left, f"{text[left : left + layout.message - 1]}›"
    return left, text[left:]


def row_pieces(
    event: Event, line: int, layout: Columns, age: str, *, has_estimates: bool, is_marked: bool = False
) -> list[tuple[str, str]]:
    """Return row number `line` of an event, counted from 0, as texts with their looks.

    `has_estimates`: some times of the list are marked as estimated, and the others stand below them.
    """
    mark, look = sign(event.level, event.message)
    message = brief(event, layout.message) if layout.is_brief else _message_pieces(event, line, layout, look)
    if line:
        return [(" " * layout.indent, ""), *message]
    time = day_clock(event.created_at) if layout.clock > _CLOCK else clock(event.created_at)
    lead = ESTIMATED if event.is_estimated else " " * has_estimates
    head = [(f"{lead}{time}".ljust(layout.clock), "muted")] if layout.clock else []
    flag = [(mark, look), ("▌", "key")] if is_marked else [(mark.ljust(layout.sign), look)]
    return [*head, (age, "muted"), *flag, *message]


def _message_pieces(event: Event, line: int, layout: Columns, look: str) -> Iterator[tuple[str, str]]:
    """Split a row of a message, so that each loss gets the colour of its curve."""
    _, row = row_text(event, line, layout)
    if look:
        yield row, look
        return
    end = 0
    for match in _FIGURE.finditer(row):
        yield row[end : match.start(2)], ""
        yield match[2], match[1]
        end = match.end()
    yield row[end:], ""
