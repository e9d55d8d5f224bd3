"""Reads the text that a trainer prints: each line is an entry, and its figures are read out of it."""

from ftmon.local.entry import Entry, Outcome
from ftmon.local.line_time import split_time
from ftmon.model.job import Status
from ftmon.model.progress_bar import has_bar
from ftmon.model.trainer_lines import TrainerReader


class LogReader:
    """Reads one output from its beginning, line by line."""

    def __init__(self) -> None:
        self._reader = TrainerReader()

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
        text, at = split_time(last)
        return [
            Entry(
                each.text,
                each.figures,
                at,
                each.level,
                Outcome(Status.SUCCEEDED) if each.is_end else None,
            )
            for each in self._reader.read(text, after if is_in_place_of_a_bar else "")
        ]
