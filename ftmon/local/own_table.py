"""Reads the table of a run's events that `ftmon export --format csv` and `s` write."""

from ftmon import json_text
from ftmon.csv_text import read_row
from ftmon.local.entry import Entry, Outcome
from ftmon.local.own_events import entry_of
from ftmon.model.message import read_message

COLUMNS = ["created_at", "level", "type", "id", "message", "data"]
"""What such a table tells of an event; an export also has when it was received."""

_LONGEST = 8 * 1024 * 1024
"""Characters of one row. A quote that nobody closes makes a row of all that follows."""


def is_own_table(line: str) -> bool:
    """Whether the first line of a file is the header of such a table."""
    return [name for name in read_row(line) if name != "received_at"] == COLUMNS


class OwnTableReader:
    """Reads one file from its beginning, line by line. A row with a message of several lines has as many."""

    def __init__(self) -> None:
        self._header: list[str] | None = None
        self._begun: list[str] = []
        """The lines of a row that is not complete: a quote is open."""
        self._size = 0

    def read(self, line: str, after: str = "", *, is_open: bool = False) -> list[Entry]:
        """Read one line without its end.

        Raises:
            ValueError: where a row does not end.
        """
        self._size += len(line)
        if self._size > _LONGEST:
            raise ValueError("a quote in it is never closed")
        self._begun.append(line)
        # Of two lines with an odd number of quotes, the first opens one and the second closes it.
        if (line.count('"') % 2 == 1) == (len(self._begun) == 1):
            return []
        cells = read_row("\n".join(self._begun))
        self._begun, self._size = [], 0
        if self._header is None:
            self._header = cells
            return []
        return [_entry(dict(zip(self._header, cells, strict=False)))] if any(cells) else []


def _entry(row: dict[str, str]) -> Entry:
    facts = read_message(row.get("message", ""))
    outcome = Outcome(facts.claim, facts.error or "") if facts.claim else None
    return entry_of({**row, "data": _data(row.get("data", ""))}, outcome)


def _data(text: str) -> object:
    try:
        return json_text.decode(text) if text else None
    except ValueError:
        return None
