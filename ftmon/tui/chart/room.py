"""On which screens there is room for the chart. The sizes are those at which a screen gets a class."""

from ftmon.tui.chart.view import View

_NARROWEST, _LOWEST = 20, 22
"""Columns, and rows from which the chart stands above the log (class `-roomy`)."""

_LOWEST_ALONE = 9
"""Rows that it needs in place of the log (class `-short`)."""

_TALL = 30
"""Rows from which it is shown above the log by itself (class `-tall`)."""

_BESIDE, _LOWEST_BESIDE = 160, 12
"""Columns from which it stands beside the log (class `-vast`), and rows that it needs there."""


def is_beside(width: int) -> bool:
    """Whether the chart stands beside the log, not above it."""
    return width >= _BESIDE


def can_be_shown(width: int, height: int) -> bool:
    """Whether a screen has room for the chart besides everything else."""
    return width >= _NARROWEST and height >= (_LOWEST_BESIDE if is_beside(width) else _LOWEST)


def can_be_alone(width: int, height: int) -> bool:
    """Whether a screen has room for the chart in place of the log."""
    return width >= _NARROWEST and height >= _LOWEST_ALONE


def is_wanted(view: View, width: int, height: int) -> bool:
    """Whether the chart is to be shown: the user wants it, or has not chosen and there is much room."""
    if view.is_alone:
        return can_be_alone(width, height)
    has_much = height >= _TALL or is_beside(width)
    return can_be_shown(width, height) and (has_much if view.is_shown is None else view.is_shown)
