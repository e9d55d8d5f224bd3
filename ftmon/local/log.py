"""Reads the text that a trainer prints: each line is an entry, and its figures are read out of it."""

from datetime import datetime

from ftmon.local.entry import Entry, Outcome
from ftmon.local.line_time import split_time
from ftmon.model.event import Level
from ftmon.model.job import Status
from ftmon.model.message import read_message
from ftmon.model.progress_bar import has_bar
from ftmon.model.trainer_lines import TrainerReader

_INDENT = " " * 21
"""Stands before the further lines of a message that ftmon has saved as text."""


class LogReader:
    """Reads one output from its beginning, line by line."""

    def __init__(self) -> None:
        self._reader = TrainerReader()
        self._saved_at: datetime | None = None
        """The time of the message that ftmon has saved, and that the line before is of."""

    def read(self, line: str, after: str = "", *, is_open: bool = False) -> list[Entry] | None:
        r"""Read one line without its end. What a `\r` overwrites counts only as progress.

        A line in the place of a bar waits for the bar behind it.
        """
        written = line.split("\r")
        is_in_place_of_a_bar = len(written) > 1 and written[-2].isspace()
        if is_in_place_of_a_bar and is_open and not has_bar(after):
            return None
        *overwritten, last = [part for part in written if part.strip()] or [""]
        for part in overwritten:
            self._reader.read(part)
        timed = split_time(last)
        if timed.is_own and timed.at is not None:
            self._saved_at = timed.at
            return self._saved(timed.text, timed.at)
        if self._saved_at is not None and last.startswith(_INDENT):
            return self._saved(last.removeprefix(_INDENT), self._saved_at)
        self._saved_at = None
        return [
            Entry(
                each.text,
                each.figures,
                timed.at,
                each.level,
                Outcome(Status.SUCCEEDED) if each.is_end else None,
            )
            for each in self._reader.read(timed.text, after if is_in_place_of_a_bar else "")
        ]

    def _saved(self, text: str, at: datetime) -> list[Entry]:
        """Read a line that ftmon has saved: the message of an event, whose level stands before it."""
        word, _, rest = text.partition(": ")
        level = Level(word) if word in (Level.WARNING, Level.ERROR) else Level.INFO
        message = rest if level is not Level.INFO else text
        facts = read_message(message)
        outcome = Outcome(facts.claim, facts.error or "") if facts.claim else None
        return [
            Entry(each.text, each.figures, at, level, outcome, kind="message")
            for each in self._reader.read(message)
        ]
