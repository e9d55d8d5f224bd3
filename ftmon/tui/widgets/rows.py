"""Where each event's rows stand in a list of wrapped events."""

from array import array
from bisect import bisect_right

from rich.cells import cell_len, chop_cells


class Rows:
    """Maps rows of the list to events and back: eight bytes an event, and no text."""

    def __init__(self) -> None:
        self._ends = array("Q")

    def __len__(self) -> int:
        """How many rows there are."""
        return self._ends[-1] if self._ends else 0

    def add(self, rows: int) -> None:
        """Add the next event, which takes this many rows."""
        self._ends.append(len(self) + rows)

    def find(self, row: int) -> tuple[int, int]:
        """Return the event that a row belongs to, and which of its rows it is."""
        event = bisect_right(self._ends, row)
        return event, row - self.first_row(event)

    def first_row(self, event: int) -> int:
        """Return the first row of an event, or of what follows the last one."""
        return self._ends[event - 1] if event else 0


def wrap(text: str, width: int) -> list[str]:
    """Cut a line into rows of at most `width` cells, at spaces where it can.

    Joined again they are the text: the space at a cut stays at the end of its row, perhaps out by a cell.
    """
    if len(text) <= width and text.isascii():
        return [text]
    rows = []
    start = 0
    while start < len(text):
        end = start + _fitting(text[start : start + width], width)
        cut = end
        if end < len(text):
            space = text.rfind(" ", start, end + 1) + 1
            # A long word is cut rather than left alone on a row of its own.
            cut = space if space > start + width // 3 else end
        rows.append(text[start:cut])
        start = cut
    return rows or [""]


def _fitting(piece: str, width: int) -> int:
    """Return how many characters at the start of a piece fit, one at least."""
    if piece.isascii() or cell_len(piece) <= width:
        return len(piece)
    return max(1, len(chop_cells(piece, width)[0]))
