"""Reads what tmux captured of a pane as cells."""

from collections.abc import Iterator
from typing import NamedTuple

import pyte

DEFAULT = "default"
"""The colour of whatever was drawn in none."""


class Cell(NamedTuple):
    """A character and how it looks."""

    text: str
    """With the marks that combine with it."""
    width: int
    """In columns, 1 or 2."""
    ink: str
    paper: str
    """Colours: six hexadecimal digits, or `DEFAULT`."""
    is_bold: bool
    is_underlined: bool
    is_struck: bool


def rows(captured: str, columns: int, lines: int) -> Iterator[list[Cell]]:
    """Yield the rows of a pane from what `tmux capture-pane -p -N -e` has printed."""
    screen = pyte.Screen(columns, lines)
    pyte.Stream(screen).feed(captured.rstrip("\n").replace("\n", "\r\n"))
    for y in range(lines):
        row = [screen.buffer[y][x] for x in range(columns)]
        # The second half of a wide character is empty.
        nexts = [*(each.data for each in row[1:]), " "]
        pairs = zip(row, nexts, strict=True)
        yield [_cell(char, 1 if following else 2) for char, following in pairs if char.data]


def _cell(char: pyte.screens.Char, width: int) -> Cell:
    ink, paper = (char.bg, char.fg) if char.reverse else (char.fg, char.bg)
    return Cell(char.data, width, ink, paper, char.bold, char.underscore, char.strikethrough)
