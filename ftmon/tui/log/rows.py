"""Maps rows to wrapped events, and wraps text."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from rich.cells import cell_len, chop_cells

_BLOCK = 512
"""Places that are measured together."""


class Rows:
    """Maps rows of the list to the places of its events, and back. It holds no text.

    A block of places is measured when one of its rows is needed. Until then each place counts as one row,
    the least that it takes. So a new width costs nothing for what is out of sight.
    """

    def __init__(self, measure: Callable[[int, int], Iterable[int]]) -> None:
        """`measure` returns how many rows each place takes, for a range of places."""
        self._measure = measure
        self._places = 0
        self._ends: list[array[int]] = []
        """For each block, the row after each place measured so far, counted from the block's first row."""
        self._tops = [0]
        """The first row of each block, and last the number of rows."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._tops[-1]

    def grow(self, places: int) -> None:
        """Add places at the end, up to this number."""
        added, self._places = places - self._places, places
        if self._ends:
            room = min(added, len(self._ends) * _BLOCK - (places - added))
            self._tops[-1] += room
            added -= room
        while added > 0:
            self._ends.append(array("I"))
            self._tops.append(self._tops[-1] + min(added, _BLOCK))
            added -= _BLOCK

    def find(self, row: int) -> tuple[int, int]:
        """Return the place in a row, and the number of that row within the event, from 0."""
        block = self._block(row)
        ends = self._measured(block)
        row -= self._tops[block]
        place = bisect_right(ends, row)
        return block * _BLOCK + place, row - (ends[place - 1] if place else 0)

    def first_row(self, place: int) -> int:
        """Return the first row of a place. The place after the last gives the number of rows."""
        if place >= self._places:
            return len(self)
        block, place = divmod(place, _BLOCK)
        ends = self._measured(block)
        return self._tops[block] + (ends[place - 1] if place else 0)

    def settle(self, row: int, height: int) -> int:
        """Measure the rows from `row` on, and the block above, so that scrolling finds it measured.

        Return by how many rows the first of them has moved down, because there are more above than counted.
        """
        block = self._block(row)
        for visible in range(block, len(self._ends)):
            if self._tops[visible] >= row + height:
                break
            self._measured(visible)
        if not block:
            return 0
        top = self._tops[block]
        self._measured(block - 1)
        return self._tops[block] - top

    def settle_end(self, height: int) -> None:
        """Measure the last rows."""
        for block in reversed(range(len(self._ends))):
            self._measured(block)
            if len(self) - self._tops[block] >= height:
                break

    def _block(self, row: int) -> int:
        return min(bisect_right(self._tops, row), len(self._ends)) - 1

    def _measured(self, block: int) -> Sequence[int]:
        """Return the ends of a block, after measuring what is new in it."""
        ends = self._ends[block]
        first, after = block * _BLOCK + len(ends), min((block + 1) * _BLOCK, self._places)
        if first < after:
            end = ends[-1] if ends else 0
            for rows in self._measure(first, after):
                end += rows
                ends.append(end)
            more = self._tops[block] + end - self._tops[block + 1]
            if more:
                self._tops[block + 1 :] = [top + more for top in self._tops[block + 1 :]]
        return ends


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
        end = start + fitting(text[start : start + width], width)
        cut = end
        if end < len(text):
            space = text.rfind(" ", start, end + 1) + 1
            # If the only space is in the first third, cut the long word, or the row would be mostly empty.
            cut = space if space > start + width // 3 else end
        rows.append(text[start:cut])
        start = cut
    return rows or [""]


def fitting(text: str, width: int) -> int:
    """Return how many characters at the start of `text` fit into `width` cells; at least one."""
    piece = text[:width]
    if piece.isascii() or cell_len(piece) <= width:
        return len(piece)
    return max(1, len(chop_cells(piece, width)[0]))
