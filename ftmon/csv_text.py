"""Rows of CSV that no spreadsheet takes for formulas."""

import csv
import io
import re

_FORMULA = re.compile(r"[=+\-@\t\r]")
"""Characters that begin a formula in a spreadsheet."""

# Python's reader takes no cell of more than 128 KiB, unless that is changed for the whole program.
_CELL = re.compile(r'(?:"([^"]*+(?:""[^"]*+)*+)"|([^",\r\n]*+))(,|\Z)')


def csv_row(*cells: str | float | None) -> bytes:
    """Return one row."""
    row = io.StringIO()
    # A leading quote keeps a spreadsheet from running text that a service wrote.
    guarded = [f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell for cell in cells]
    csv.writer(row, lineterminator="\n").writerow(guarded)
    return row.getvalue().encode()


def read_row(text: str) -> list[str]:
    """Return the cells of a row that `csv_row` has written; none of what is no row."""
    cells: list[str] = []
    text = text.rstrip("\r")
    start, is_last = 0, False
    while not is_last:
        if (match := _CELL.match(text, start)) is None:
            return []
        cell = match[2] if match[1] is None else match[1].replace('""', '"')
        cells.append(cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell)
        start, is_last = match.end(), not match[3]
    return cells
