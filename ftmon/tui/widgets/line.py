"""A row of parts that drops the less important ones when they do not fit."""

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Region
from textual.style import Style
from textual.widget import Widget


class Part(NamedTuple):
    """A piece of a line."""

    text: str
    look: str = ""
    """One of `LOOKS`."""
    rank: int = 0
    """Parts with the highest rank are dropped first; a part of rank 0 always stays."""
    link: str = ""
    """A web page that a click opens, where the terminal can (OSC 8)."""


class Line(Widget):
    """One row with parts on the left and on the right. It repaints only the cells that changed."""

    GAP: str = "   "
    """Separates two parts."""
    FILL: ClassVar[str] = " "
    """Fills the space between left and right."""

    def __init__(self) -> None:
        super().__init__()
        self._left: tuple[Part, ...] = ()
        self._right: tuple[Part, ...] = ()
        self._painted = ""

    def show(self, left: Iterable[Part], right: Iterable[Part] = ()) -> None:
        """Show these parts. Repaint everything only if a look has changed."""
        parts = tuple(left), tuple(right)
        if parts == (self._left, self._right):
            return
        looks = [(part.look, part.link) for part in (*self._left, *self._right)]
        self._left, self._right = parts
        if looks == [(part.look, part.link) for part in (*self._left, *self._right)]:
            self._repaint_difference()
        else:
            self.refresh()

    def render(self) -> Content:
        """Lay out the parts for the current width."""
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
        gap = " " if right else ""
        return Content.assemble(start, (f" {self.FILL * (fill - 1 - len(gap))}{gap}", ".faint"), end)

    def join(self, parts: Iterable[Part]) -> Content:
        """Return the parts with gaps between them."""
        pieces: list[tuple[str, str] | Content] = []
        for part in parts:
            gap = self.GAP if pieces else ""
            if part.link:
                linked = Content.styled(part.text, f".{part.look}" if part.look else "")
                pieces += [(gap, ".muted"), linked.stylize(Style(link=part.link))]
            elif part.look == "muted":
                # A gap and a part in one span take a third fewer bytes to write than two spans.
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
    """Return the width of the parts in cells, with a gap between each two."""
    return sum(cell_len(part.text) for part in parts) + cell_len(gap) * max(0, len(parts) - 1)


def fit(
    left: tuple[Part, ...], right: tuple[Part, ...], width: int, gap: str
) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Return the left and right parts that fit into `width` cells, with `gap` between each two."""
    while width_of((*left, *right), gap) > width:
        worst = max((*left, *right), key=lambda part: part.rank, default=None)
        if worst is None or not worst.rank:
            break
        left = tuple(part for part in left if part is not worst)
        right = tuple(part for part in right if part is not worst)
    return left, right
