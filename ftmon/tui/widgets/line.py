"""A row of parts, as a widget."""

from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Region
from textual.style import Style
from textual.widget import Widget

from ftmon.tui.parts.part import Part, Piece, laid_out


class Line(Widget):
    """One row with parts on the left and on the right. It repaints only the cells that changed."""

    GAP: ClassVar[str] = "   "
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
        content = _content(self.lay_out(self.content_size.width))
        self._painted = content.plain
        return content

    def lay_out(self, width: int) -> list[Piece]:
        """Return the line for a width, in cells."""
        return laid_out(self._left, self._right, width, self.GAP, self.FILL)

    def _repaint_difference(self) -> None:
        width = self.content_size.width
        old, new = self._painted, "".join(piece.text for piece in self.lay_out(width))
        if len(old) != len(new) or (not new.isascii() and cell_len(new) != len(new)):
            self.refresh()
            return
        changed = [index for index, (was, now) in enumerate(zip(old, new, strict=True)) if was != now]
        if changed:
            self.refresh(Region(changed[0], 0, changed[-1] - changed[0] + 1, self.content_size.height))


def _content(pieces: list[Piece]) -> Content:
    return Content.assemble(*map(_span, pieces))


def _span(piece: Piece) -> tuple[str, str] | Content:
    look = f".{piece.look}" if piece.look else ""
    if piece.link:
        return Content.styled(piece.text, look).stylize(Style(link=piece.link))
    return piece.text, look
