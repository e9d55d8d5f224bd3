"""Aligned columns of text, on a terminal no wider than it is."""

import os
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

_GAP = "  "

_LEAST_LAST = 8
"""Cells that the last column, which may be cut, has at least."""


def terminal_width() -> int | None:
    """Return the columns of the terminal that stdout is, or None where it is none."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return os.get_terminal_size(sys.stdout.fileno()).columns or 80


def fitting(
    rows: Sequence[Mapping[str, str]], names: Sequence[str], spare: Sequence[str], width: int
) -> list[str]:
    """Return the names of the columns that fit into a width. Of `spare`, the last ones are the dearest."""
    last = names[-1]
    least = [{**row, last: fitted(row[last], _LEAST_LAST)} for row in rows]
    shown = [name for name in names if name not in spare]
    for name in reversed(spare):
        more = [each for each in names if each in shown or each == name]
        if total([[row[each] for each in more] for row in least]) <= width:
            shown = more
    return shown


def wrapped(line: str, indent: int) -> str:
    """Return a line as it is, on a terminal broken between words, with the further rows indented."""
    width = terminal_width()
    if width is None or width < 2 * indent or cells(line) <= width:
        return line
    from textwrap import fill

    return fill(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


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
