"""Reads the text that a trainer prints: each line is an entry, and its figures are read out of it."""

from ftmon.local.entry import Entry, Outcome
from ftmon.model.job import Status
from ftmon.model.trainer_lines import TrainerReader


class LogReader:
    """Reads one output from its beginning, line by line."""

    def __init__(self) -> None:
        self._reader = TrainerReader()

    def read(self, line: str, after: str = "") -> list[Entry]:
        r"""Read one line without its end. What a `\r` overwrites counts only as progress."""
        written = line.split("\r")
        *overwritten, last = [part for part in written if part.strip()] or [""]
        is_in_place_of_a_bar = len(written) > 1 and written[-2].isspace()
        for part in overwritten:
            self._reader.read(part)
        return [
            Entry(
                each.text,
                each.figures,
                level=each.level,
                outcome=Outcome(Status.SUCCEEDED) if each.is_end else None,
            )
            for each in self._reader.read(last, after if is_in_place_of_a_bar else "")
        ]
