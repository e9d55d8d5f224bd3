"""Aligned columns of text, on a terminal no wider than it is."""

import unicodedata
from collections.abc import Iterator, Sequence

_GAP = "  "


def aligned(rows: Sequence[Sequence[str]], width: int | None = None) -> Iterator[str]:
    """Yield each row as one line. What does not fit into `width` cells is cut from the last column."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        *cut, last = row
        start = "".join(padded(cell, size) + _GAP for cell, size in zip(cut, widths, strict=False))
        yield (start + (last if width is None else fitted(last, width - cells(start)))).rstrip()


def total(rows: Sequence[Sequence[str]]) -> int:
    """Return the width of these rows in cells, once they are aligned."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    return sum(widths) + len(_GAP) * max(0, len(widths) - 1)


def cells(text: str) -> int:
    """Return the cells that safe text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, width: int) -> str:
    """Return text with blanks up to a width in cells."""
    return text + " " * (width - cells(text))


def fitted(text: str, width: int) -> str:
    """Return text of at most `width` cells; `…` ends one that is cut."""
    used = end = 0
    for position, character in enumerate(text):
        if used < width:
            end = position
        used += _cells(character)
        if used > width:
            return f"{text[:end]}…" if width > 0 else ""
    return text
