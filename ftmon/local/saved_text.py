"""Reads the events of a run as text, as `s` saves them and `--plain` prints them."""

import re
from datetime import datetime

from ftmon.local.entry import Entry, Outcome
from ftmon.local.line_time import split_time
from ftmon.model.event import Level
from ftmon.model.message import read_message
from ftmon.model.trainer_lines import TrainerReader

_LINE = re.compile(
    r"(?:~\d{4}-\d\d-\d\d \d\d:\d\d:\d\d |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  )(?=\S)(?![A-Z]{4,}\b)"
)
"""The beginning of an event: its time, in 21 columns. Other logs have their level there."""

_INDENT = " " * 21
"""Stands before the further lines of a message."""

_LEVELS = {f"{level.value}: ": level for level in (Level.WARNING, Level.ERROR)}


def is_saved(line: str) -> bool:
    """Whether the first line of a file is an event as ftmon writes it."""
    return _LINE.match(line) is not None


class SavedTextReader:
    """Reads one file from its beginning, line by line. Each line of a message is an entry."""

    def __init__(self) -> None:
        self._reader = TrainerReader()
        self._at: datetime | None = None
        """The time of the event that the line before is of."""
        self._is_over = False
        """The last event tells the end: behind it `--plain` sums up."""

    def read(self, line: str, after: str = "", *, is_open: bool = False) -> list[Entry]:
        """Read one line without its end."""
        if not _LINE.match(line):
            is_told = line.startswith(_INDENT) or not self._is_over
            return self._entries(line.removeprefix(_INDENT)) if is_told else []
        message, self._at = split_time(line)
        level = next((level for word, level in _LEVELS.items() if message.startswith(word)), Level.INFO)
        if level is not Level.INFO:
            message = message.partition(": ")[2]
        facts = read_message(message)
        self._is_over = facts.claim is not None
        return self._entries(message, level, Outcome(facts.claim, facts.error or "") if facts.claim else None)

    def _entries(
        self, message: str, level: Level = Level.INFO, outcome: Outcome | None = None
    ) -> list[Entry]:
        return [
            Entry(each.text, each.figures, self._at, level, outcome, kind="message")
            for each in self._reader.read(message)
        ]
