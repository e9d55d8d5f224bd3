"""How the chart and the log share their room."""

from typing import NamedTuple

_LEAST, _MOST = 0.2, 0.75
"""Shares of the room that the chart may have: the log never gets too small to read."""


class Split(NamedTuple):
    """The share of the room that the chart has, from 0 to 1; None until the user has chosen one."""

    above: float | None = None
    """Of the rows, where it stands above the log."""
    beside: float | None = None
    """Of the columns, where it stands beside the log."""

    def share(self, *, is_beside: bool) -> float | None:
        """Return the share for the way in which they stand."""
        return self.beside if is_beside else self.above

    def moved(self, cells: int, whole: int, *, is_beside: bool) -> "Split":
        """Give the chart so many cells of the whole, within limits."""
        # A quarter of a cell more, so that rounding gives just these cells.
        share = round(max(_LEAST, min(_MOST, (cells + 0.25) / max(1, whole))), 4)
        return self._replace(beside=share) if is_beside else self._replace(above=share)
