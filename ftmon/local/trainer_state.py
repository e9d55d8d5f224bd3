"""Reads `trainer_state.json`, which Hugging Face's Trainer writes with each checkpoint (TRAINERS §4).

The file holds the whole history of the run and is written anew each time, so a reader may meet half of it. It
tells no times.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ftmon import json_text
from ftmon.local.entry import Entry, Outcome, of_figures
from ftmon.model.figures import Figures, count, read_figures, sums_up
from ftmon.model.job import Status

_LARGEST = 256 << 20
"""Bytes of a file that is read: a million entries have 150 MB."""

_BLANK = 16
"""Bytes at the end of a file that may be blank, but for the last brace."""


def read_trainer_state(body: bytes) -> list[Entry]:
    """Return the history in a trainer's state, oldest first.

    Raises:
        ValueError: for half a file, and for anything else that is no trainer's state.
    """
    state = json_text.decode(body)
    history = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(history, list):
        raise ValueError("not a trainer's state")
    totals: Mapping[str, int | None] = {
        "total_steps": count(state.get("max_steps")),
        "total_epochs": count(state.get("num_train_epochs")),
    }
    known: Figures = {name: total for name, total in totals.items() if total}
    return [_entry(row, known) for row in history if isinstance(row, dict)]


class TrainerStateReader:
    """Reads the file as it comes; half of it brings nothing yet."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._told = 0

    def feed(self, data: bytes) -> Iterable[Entry]:
        """Return the entries that were not told, once the file is whole.

        Raises:
            ValueError: where it is too large.
        """
        self._body += data
        if len(self._body) > _LARGEST:
            raise ValueError("it is too large for a trainer's state")
        if not self._body[-_BLANK:].rstrip().endswith(b"}"):
            return []
        try:
            entries = read_trainer_state(bytes(self._body))
        except ValueError:
            return []
        self._body.clear()
        new, self._told = entries[self._told :], len(entries)
        return new

    def flush(self, silence: float) -> Iterable[Entry]:
        """Return nothing: half a file is read again when it changes."""
        return ()


def _entry(row: dict[str, Any], totals: Figures) -> Entry:
    # The last step is no end of the run: only the row that sums up is.
    return of_figures(
        {**read_figures(row), **totals}, outcome=Outcome(Status.SUCCEEDED) if sums_up(row) else None
    )
