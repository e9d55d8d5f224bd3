"""Reads CSV tables of figures: Lightning's `metrics.csv`, Keras' CSVLogger, and one's own (TRAINERS §5).

Columns are found by the header at each reading, because Lightning rewrites the file with other columns when a
figure is new.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress

from ftmon.local.entry import Entry, of_figures
from ftmon.model.event import parse_time
from ftmon.model.figures import NAMES, Figures, read_figures

_DELIMITERS = ",;\t"
_TIMES = frozenset({"timestamp", "time", "created_at", "_timestamp", "logged_at"})
_MOST_COLUMNS = 4096


class TableReader:
    """Reads one table from its header on, line by line."""

    def __init__(self) -> None:
        self._delimiter = ","
        self._header: list[str] | None = None
        self._rows = 0

    @property
    def has_header(self) -> bool:
        """The header was read, and it names figures of a training."""
        return self._header is not None

    def read(self, line: str, after: str = "", *, is_open: bool = False) -> list[Entry]:
        """Read one line without its end. The first one that is no comment is the header."""
        line = line.strip("\ufeff\r\n")
        if not line.strip() or line.startswith("#"):
            return []
        if self._header is None:
            self._read_header(line)
            return []
        cells = _cells(line, self._delimiter)
        if cells == self._header:
            return []
        self._rows += 1
        return list(self._entries(cells))

    def _read_header(self, line: str) -> None:
        """Read the names of the columns.

        Raises:
            ValueError: where none of them is a figure of a training.
        """
        self._delimiter = max(_DELIMITERS, key=line.count)
        names = _cells(line, self._delimiter)
        if len(names) > _MOST_COLUMNS or not any(name.lower() in NAMES for name in names):
            raise ValueError("not a table of a training")
        self._header = names

    def _entries(self, cells: Sequence[str]) -> Iterator[Entry]:
        assert self._header is not None
        row = {name: cell for name, cell in zip(self._header, cells, strict=False) if cell.strip()}
        at = next((parse_time(row.pop(name)) for name in list(row) if name.lower() in _TIMES), None)
        figures = read_figures(row)
        if not figures.keys() - {"step", "epoch"}:
            return
        self._complete(figures)
        yield of_figures(figures, at)

    def _complete(self, figures: Figures) -> None:
        """Give a row without a step its epoch's, as Keras' have one row an epoch, or else its own number."""
        if "step" not in figures:
            figures["step"] = int(figures["epoch"]) + 1 if "epoch" in figures else self._rows


def _cells(line: str, delimiter: str) -> list[str]:
    with suppress(csv.Error):
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    return []
