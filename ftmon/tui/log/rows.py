"""Maps rows to wrapped events, and wraps text."""

from array import array
from bisect import bisect_right

from rich.cells import cell_len, chop_cells


class Rows:
    """Maps rows of the list to events and back. It takes eight bytes per event and holds no text."""

    def __init__(self) -> None:
        self._ends = array("Q")
        """For each event, the row after its last."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._ends[-1] if self._ends else 0

    def add(self, rows: int) -> None:
        """Add the next event, which takes `rows` rows."""
        self._ends.append(len(self) + rows)

    def find(self, row: int) -> tuple[int, int]:
        """Return the index of the event in a row, and the number of that row within the event, from 0."""
        event = bisect_right(self._ends, row)
        return event, row - self.first_row(event)

    def first_row(self, event: int) -> int:
        """Return the first row of an event. The index after the last gives the number of rows."""
        return self._ends[event - 1] if event else 0


def wrap(text: str, width: int) -> list[str]:
    """Cut a line into rows of at most `width` cells, at spaces if possible.

    The rows joined are the original text. The space at a cut stays at the end of its row, where it may be one
    cell too many.
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
            # If the only space is in the first third, cut the long word, or the row would be mostly empty.
            cut = space if space > start + width // 3 else end
        rows.append(text[start:cut])
        start = cut
    return rows or [""]


def _fitting(piece: str, width: int) -> int:
    """Return how many characters at the start of `piece` fit into `width` cells; at least one."""
    if piece.isascii() or cell_len(piece) <= width:
        return len(piece)
    return max(1, len(chop_cells(piece, width)[0]))
