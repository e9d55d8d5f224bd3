"""Reads the text that a trainer prints: each line is an entry, and its figures are read out of it."""

from ftmon.local.entry import Entry, Outcome
from ftmon.model.job import Status
from ftmon.model.trainer_lines import TrainerReader


class LogReader:
    """Reads one output from its beginning, line by line."""

    def __init__(self) -> None:
        self._reader = TrainerReader()

    def read(self, line: str) -> list[Entry]:
        r"""Read one line without its end. What a `\r` overwrites counts only as progress."""
        *overwritten, last = [part for part in line.split("\r") if part.strip()] or [""]
        for part in overwritten:
            self._reader.read(part)
        return [
            Entry(
                each.text,
                each.figures,
                level=each.level,
                outcome=Outcome(Status.SUCCEEDED) if each.is_end else None,
            )
            for each in self._reader.read(last)
        ]
