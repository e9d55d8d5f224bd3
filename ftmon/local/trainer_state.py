"""Reads `trainer_state.json`, which Hugging Face's Trainer writes with each checkpoint (TRAINERS §4).

The file holds the whole history of the run and is written anew each time, so a reader may meet half of it. It
tells no times.
"""

from dataclasses import dataclass
from typing import Any

from ftmon import json_text
from ftmon.local.entry import Entry, Outcome, of_figures
from ftmon.model.figures import count, read_figures, sums_up
from ftmon.model.job import Status


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
