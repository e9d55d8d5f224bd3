"""A row of parts that gives way where there is no room."""

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget


class Part(NamedTuple):
    """A piece of a line."""

    text: str
    look: str = ""
    """One of `LOOKS`."""
    rank: int = 0
    """Where there is no room the highest rank goes first; 0 stays."""


class Line(Widget):
    """One row, parts at the left and parts at the right, that repaints only the cells that changed."""

    GAP: ClassVar[str] = "   "
    """Stands between two parts."""
    FILL: ClassVar[str] = " "
    """Stands between the left and the right."""

    def __init__(self) -> None:
        super().__init__()
        self._left: tuple[Part, ...] = ()
        self._right: tuple[Part, ...] = ()
        self._painted = ""

    def show(self, left: Iterable[Part], right: Iterable[Part] = ()) -> None:
        """Show these parts."""
        parts = tuple(left), tuple(right)
        if parts == (self._left, self._right):
            return
        looks = [part.look for part in (*self._left, *self._right)]
        self._left, self._right = parts
        if looks == [part.look for part in (*self._left, *self._right)]:
            self._repaint_difference()
        else:
            self.refresh()

    def render(self) -> Content:
        """Lay the parts out in the width there is."""
        content = self.lay_out(self.content_size.width)
        self._painted = content.plain
        return content

    def lay_out(self, width: int) -> Content:
        """Return the line for a width, in cells."""
        left, right = fit(self._left, self._right, width, self.GAP)
        start, end = self.join(left), self.join(right)
        fill = max(0, width - start.cell_length - end.cell_length)
        if self.FILL == " " or fill < 3:
            return Content.assemble(start, " " * fill, end)
        return Content.assemble(
            start, (f" {self.FILL * (fill - (2 if right else 1))}{' ' if right else ''}", ".faint"), end
        )

    def join(self, parts: Iterable[Part]) -> Content:
        """Return the parts as one piece."""
        pieces: list[tuple[str, str]] = []
        for part in parts:
            gap = self.GAP if pieces else ""
            if part.look == "muted":
                # One piece of one look is a third less to write than two.
                pieces.append((gap + part.text, ".muted"))
            else:
                pieces += [(gap, ".muted"), (part.text, f".{part.look}" if part.look else "")]
        return Content.assemble(*pieces)

    def _repaint_difference(self) -> None:
        width = self.content_size.width
        old, new = self._painted, self.lay_out(width).plain
        if len(old) != len(new) or (not new.isascii() and cell_len(new) != len(new)):
            self.refresh()
            return
        changed = [index for index, (was, now) in enumerate(zip(old, new, strict=True)) if was != now]
        if changed:
            self.refresh(Region(changed[0], 0, changed[-1] - changed[0] + 1, self.content_size.height))


def width_of(parts: tuple[Part, ...], gap: str) -> int:
    """Return how many cells the parts take with a gap between two of them."""
    return sum(cell_len(part.text) for part in parts) + cell_len(gap) * max(0, len(parts) - 1)


def fit(
    left: tuple[Part, ...], right: tuple[Part, ...], width: int, gap: str
) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Return what of both ends fits a width, in cells, with `gap` between two parts."""
    while width_of((*left, *right), gap) > width:
        worst = max((*left, *right), key=lambda part: part.rank, default=None)
        if worst is None or not worst.rank:
            break
        left = tuple(part for part in left if part is not worst)
        right = tuple(part for part in right if part is not worst)
    return left, right
