"""Reads `trainer_state.json`, which Hugging Face's Trainer writes with each checkpoint (TRAINERS §4).

The file holds the whole history of the run and is written anew each time, so a reader may meet half of it. It
tells no times.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ftmon import json_text
from ftmon.local.entry import Entry, Outcome, of_figures
from ftmon.model.figures import count, read_figures, sums_up
from ftmon.model.job import Status

_LARGEST = 256 << 20
"""Bytes of a file that is read: a million entries have 150 MB."""


@dataclass(frozen=True, slots=True)
class TrainerState:
    """One reading of the file."""

    entries: tuple[Entry, ...]
    """The history, oldest first."""
    step: int
    total_steps: int | None
    is_trained: bool
    """The last step was reached, or the training was stopped early: it is over, however the job ended."""


def read_trainer_state(body: bytes) -> TrainerState:
    """Read the file.

    Raises:
        ValueError: for half a file, and for anything else that is no trainer's state.
    """
    state = json_text.decode(body)
    history = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(history, list):
        raise ValueError("not a trainer's state")
    total, epochs = count(state.get("max_steps")) or None, count(state.get("num_train_epochs")) or None
    step = count(state.get("global_step")) or 0
    entries = [_entry(row, total, epochs) for row in history if isinstance(row, dict)]
    return TrainerState(
        tuple(entries), step, total, (total is not None and step >= total) or _is_stopped(state)
    )


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
        try:
            entries = read_trainer_state(bytes(self._body)).entries
        except ValueError:
            return []
        new, self._told = entries[self._told :], len(entries)
        return new

    def flush(self) -> Iterable[Entry]:
        """Return nothing: half a file is read again when it changes."""
        return ()


def _entry(row: dict[str, Any], total: int | None, epochs: int | None) -> Entry:
    figures = read_figures(row)
    if total:
        figures["total_steps"] = total
    if epochs:
        figures["total_epochs"] = epochs
    return of_figures(figures, outcome=Outcome(Status.SUCCEEDED) if sums_up(row) else None)


def _is_stopped(state: dict[str, Any]) -> bool:
    """Whether a callback has stopped the training early, which `TrainerControl` keeps."""
    callbacks = state.get("stateful_callbacks")
    control = callbacks.get("TrainerControl") if isinstance(callbacks, dict) else None
    arguments = control.get("args") if isinstance(control, dict) else None
    return isinstance(arguments, dict) and arguments.get("should_training_stop") is True
