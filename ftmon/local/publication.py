"""What a training run tells ftmon from inside its own process: it only appends lines to a file.

It never waits for a lock or a network, and never raises into the training: what cannot be written is dropped,
with one warning. `ftmon watch` and `ftmon serve` read the file.
"""

import os
import sys
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import time
from types import TracebackType
from typing import Any

from ftmon import json_text
from ftmon.errors import FtmonError
from ftmon.local.run_directory import EVENTS, RUN_VARIABLE, RunDirectory, now
from ftmon.paths import runs_directory

_RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")
"""Variables that number the processes of one training: torchrun's, Open MPI's, MPICH's, Slurm's."""

_PLAIN = frozenset({int, float})
"""The types of nearly all figures, and those that need no look at each of them."""


class Publication:
    """One run, from its beginning to its end; a context manager."""

    def __init__(self, name: str, home: Path | str | None, total_steps: int | None) -> None:
        self.id = ""
        """The run's id; empty where nothing is written."""
        self._descriptor: int | None = None
        self._is_over = False
        self._has_warned = False
        self._totals = {} if total_steps is None else self._numbers({"total_steps": total_steps})
        self._is_cut = False
        """A full disk has taken only a part of the last line."""
        if _rank() == 0:
            self._open(name, home)
            _open_runs.append(self)
            _watch_for_exceptions()
            _watch_for_forks()

    def log(self, /, **figures: Any) -> None:
        """Tell the figures of a step: `step`, `loss`, `valid_loss`, and any others by their own names.

        A figure may be anything that `float` takes, such as a tensor of one element.
        """
        self._write({**self._totals, **self._numbers(figures)})

    def message(self, text: str, level: str = "info") -> None:
        """Tell a sentence; `level` is `info`, `warning` or `error`."""
        self._write({"message": str(text), "level": level})

    def finish(self, status: str = "succeeded", error: str = "") -> None:
        """Tell how the run ended: `succeeded`, `failed` or `cancelled`. Only the first call counts."""
        if self._is_over:
            return
        self._write({"status": status, **({"error": error} if error else {})})
        self._is_over = True
        with suppress(ValueError):
            _open_runs.remove(self)
        self.close()

    def close(self) -> None:
        """Write no more."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def leave(self, error: BaseException | None) -> None:
        """End the run as what it was left by says: a success, unless that is an exception."""
        match error:
            case None:
                self.finish()
            case SystemExit(code=None | 0):
                self.finish()
            case SystemExit(code=int() as code):
                self.finish("failed", f"exit status {code}")
            case KeyboardInterrupt():
                self.finish("cancelled")
            case _:
                self.finish("failed", f"{type(error).__name__}: {error}".removesuffix(": "))

    def __enter__(self) -> "Publication":
        """Begin the run."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run, as `leave` does."""
        self.leave(error)

    def _open(self, name: str, home: Path | str | None) -> None:
        try:
            # Its file is locked as long as this process lives, which tells the others that the run goes on.
            if joined := os.environ.get(RUN_VARIABLE):
                run = RunDirectory(Path(joined))
                self._descriptor = run.open_locked(EVENTS)
            else:
                folder = runs_directory() if home is None else Path(home)
                run, self._descriptor = RunDirectory.create(folder, name, now(), EVENTS)
            self.id = run.id
        except (OSError, FtmonError) as error:
            self._warn(f"nothing is published: {error}")

    def _numbers(self, figures: dict[str, Any]) -> dict[str, int | float]:
        """Return the figures that are numbers, as JSON has them."""
        if _PLAIN.issuperset(map(type, figures.values())):
            return figures
        numbers: dict[str, int | float] = {}
        for name, value in figures.items():
            try:
                numbers[name] = value if isinstance(value, int) else float(value)
            except (TypeError, ValueError, OverflowError, RuntimeError):
                self._warn(f"{name} is no number, and is left out")
        return numbers

    def _write(self, fields: dict[str, Any]) -> None:
        if self._descriptor is None:
            return
        fields["time"] = time()
        line = json_text.encode_exactly(fields) + b"\n"
        if self._is_cut:
            line = b"\n" + line
        try:
            self._is_cut = os.write(self._descriptor, line) < len(line)
            if self._is_cut:
                self._warn("an entry is lost: the disk is full")
        except OSError as error:
            self._warn(f"an entry is lost: {error.strerror}")

    def _warn(self, words: str) -> None:
        """Warn of the first fault; where warnings are errors, that does not reach the training either."""
        if self._has_warned:
            return
        self._has_warned = True
        with suppress(Warning):
            warnings.warn(f"ftmon: {words}", RuntimeWarning, stacklevel=3)


_open_runs: list[Publication] = []
"""The runs of this process that have not ended."""


@cache
def _watch_for_exceptions() -> None:
    """End the open runs by an exception that ends the process, from now on.

    A run that is no context manager has no other way to hear of one; a framework's callback has none.
    """
    report = sys.excepthook

    def end_runs(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        for run in _open_runs.copy():
            run.leave(error)
        report(kind, error, trace)

    sys.excepthook = end_runs


@cache
def _watch_for_forks() -> None:
    """Close the open runs in each process that is forked, such as a loader of data: it is not the run."""

    def close_runs() -> None:
        for run in _open_runs:
            run.close()

    os.register_at_fork(after_in_child=close_runs)


def _rank() -> int:
    for name in _RANKS:
        if (text := os.environ.get(name, "")).isdecimal():
            return int(text)
    return 0
