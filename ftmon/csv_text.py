"""Rows of CSV that no spreadsheet takes for formulas."""

import csv
import io
import re

_FORMULA = re.compile(r"[=+\-@\t\r]")
"""Characters that begin a formula in a spreadsheet."""


# A message may be longer than the 128 KiB that Python allows a cell.
csv.field_size_limit(8 * 1024 * 1024)


def csv_row(*cells: str | float | None) -> bytes:
    """Return one row."""
    row = io.StringIO()
    # A leading quote keeps a spreadsheet from running text that a service wrote.
    guarded = [f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell for cell in cells]
    csv.writer(row, lineterminator="\n").writerow(guarded)
    return row.getvalue().encode()


def read_row(text: str) -> list[str]:
    """Return the cells of a row that `csv_row` has written; none of what is no row."""
    try:
        cells = next(csv.reader(io.StringIO(text, newline="")), [])
    except csv.Error:
        return []
    return [cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell for cell in cells]
