"""Why a command failed, as far as its output tells: its last error, or that of the rank that failed first."""

import re

from ftmon.model.rank import split_rank

_HEADING = "Traceback (most recent call last):"
_ROOT_CAUSE = "Root Cause (first observed failure):"
_RANK = re.compile(r"\s+rank\s*: (\d{1,6}) \(local_rank: ")
"""How torchrun goes on behind that: `  rank      : 2 (local_rank: 2)`."""


class Reason:
    """Follows the lines of one output."""

    def __init__(self) -> None:
        self.text = ""
        """A part of a sentence; empty where no error was printed."""
        self._by_rank: dict[int, str] = {}
        """The last error of each rank: those of the others follow from that of the first one to fail."""
        self._names_root = False

    def note(self, line: str, *, is_error: bool) -> None:
        """Take the next line."""
        rank, text = split_rank(line)
        if self._names_root and (match := _RANK.match(line)):
            self._names_root = False
            self.text = self._by_rank.get(int(match[1]), self.text)
        elif text.strip() == _ROOT_CAUSE:
            self._names_root = True
        elif is_error and text.strip() != _HEADING:
            self.text = text.strip()
            if rank is not None:
                self._by_rank[rank] = self.text
