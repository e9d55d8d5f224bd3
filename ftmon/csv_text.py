"""Writes rows of CSV that no spreadsheet takes for formulas."""

import csv
import io
import re

_FORMULA = re.compile(r"[=+\-@\t\r]")
"""Characters that begin a formula in a spreadsheet."""


def csv_row(*cells: str | float | None) -> bytes:
    """Return one row."""
    row = io.StringIO()
    # A leading quote keeps a spreadsheet from running text that a service wrote.
    guarded = [f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell for cell in cells]
    csv.writer(row, lineterminator="\n").writerow(guarded)
    return row.getvalue().encode()
