"""The chip in the list of events while it does not follow: how many are new, and how to get to them."""

from collections.abc import Callable
from typing import NamedTuple

from rich.cells import cell_len

from ftmon.text import count


class Chip(NamedTuple):
    """A chip in one row of the list, at its right end."""

    y: int
    text: str

    @property
    def width(self) -> int:
        """Width in cells."""
        return cell_len(self.text)


def words(unseen: int, *, is_over: bool) -> tuple[str, ...]:
    """Return the text of the chip, in full and in short. A run that is over has nothing to follow."""
    if unseen:
        return f" +{count(unseen)} new ↓ ", f" +{count(unseen)} ↓ "
    return (" f to the end ↓ " if is_over else " f follows ↓ "), " f ↓ "


def place(texts: tuple[str, ...], height: int, room: Callable[[int], int]) -> Chip | None:
    """Return the chip in the lowest row with room for one of the texts, or None if no row has room.

    `room` returns how many cells of a row are free. A chip never covers text, and keeps a cell away from it.
    """
    for y in reversed(range(height)):
        free = room(y) - 1
        for text in texts:
            if cell_len(text) <= free:
                return Chip(y, text)
    return None
