"""A row of parts that drops the less important ones when they do not fit."""

from collections.abc import Iterable
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size


class Part(NamedTuple):
    """A piece of a line."""

    text: str
    look: str = ""
    """One of `LOOKS`."""
    rank: int = 0
    """Parts with the highest rank are dropped first; a part of rank 0 always stays."""
    link: str = ""
    """A web page that a click opens, where the terminal can (OSC 8)."""


class Piece(NamedTuple):
    """A text of a row that is laid out."""

    text: str
    look: str = ""
    link: str = ""


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


def joined(parts: Iterable[Part], gap: str) -> list[Piece]:
    """Return the parts with gaps between them."""
    pieces: list[Piece] = []
    for part in parts:
        before = gap if pieces else ""
        if part.look == "muted" and not part.link:
            # A gap and a part in one piece take a third fewer bytes to write than two pieces.
            pieces.append(Piece(before + part.text, "muted"))
        else:
            pieces += [Piece(before, "muted"), Piece(part.text, part.look, part.link)]
    return pieces


def laid_out(
    left: tuple[Part, ...], right: tuple[Part, ...], width: int, gap: str, fill: str = " "
) -> list[Piece]:
    """Return the parts that fit into a width, with `fill` in the space between left and right."""
    left, right = fit(left, right, width, gap)
    start, end = joined(left, gap), joined(right, gap)
    room = max(0, width - _length(start) - _length(end))
    if fill == " " or room < 3:
        return [*start, Piece(" " * room), *end]
    space = " " if right else ""
    return [*start, Piece(f" {fill * (room - 1 - len(space))}{space}", "faint"), *end]


def filled(pieces: Iterable[Piece], width: int) -> list[Piece]:
    """Return the pieces in exactly `width` cells: cut off, or with space after them."""
    row = []
    for piece in pieces:
        text = piece.text if cell_len(piece.text) <= width else set_cell_size(piece.text, width)
        width -= cell_len(text)
        row.append(piece._replace(text=text))
    return [*row, Piece(" " * width)]


def _length(pieces: list[Piece]) -> int:
    return sum(cell_len(piece.text) for piece in pieces)
