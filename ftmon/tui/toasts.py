"""Where toasts stand: over the log, and never over its last line, or over the banner below it."""

from textual.geometry import Region
from textual.screen import Screen
from textual.widgets._toast import ToastRack

_FEWEST, _MOST = 2, 5
"""Rows of the toasts: so many at least, and at most, unless the log is long."""

_SHARE = 4
"""A log of so many times as many rows has room for more toasts."""


def are_shown(screen: Screen[None]) -> bool:
    """Whether a screen shows a toast."""
    return any(rack.display for rack in screen.query_children(ToastRack))


def place(screen: Screen[None], log: Region, rows: int) -> None:
    """Place the toasts of a screen over a log, of whose region so many rows are filled."""
    last = log.y + min(rows, log.height) - 1
    below = log.bottom - last - 1
    if below > last - log.y:
        top, room = last + 1, below
    else:
        # Over a log of few rows they begin above it: the status moves out of the way before the last line.
        top = max(0, min(log.y, last - _FEWEST))
        room = last - top
    for rack in screen.query_children(ToastRack):
        rack.styles.margin = (top, 0, 0, 0)
        rack.styles.max_height = max(1, min(room, max(_MOST, log.height // _SHARE)))
