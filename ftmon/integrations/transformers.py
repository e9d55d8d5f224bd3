"""Publishes the runs of Hugging Face's Trainer, and of what is built on it: TRL, Unsloth, Axolotl.

Trainer(…, callbacks=[FtmonCallback()])
"""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from ftmon import publish
from ftmon.local.publication import Publication


class FtmonCallback(TrainerCallback):
    """Publishes each training of a Trainer, on the first process only.

    Trainer has no hook for an exception. One that ends the process makes the run a failure; Ctrl-C cancels
    it.

    Args:
        name: the beginning of the run's id; else the name that the arguments give it, or their output folder.
        home: where the runs of this machine are kept; None for the usual place.
    """

    def __init__(self, name: str | None = None, home: Path | str | None = None) -> None:
        super().__init__()
        self._name = name
        self._home = home
        self._run: Publication | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin a run."""
        # A training that begins again was stopped by an exception that somebody has caught.
        self._end("failed", "it was begun again")
        if state.is_world_process_zero:
            name = self._name or Path(args.run_name or args.output_dir or "trainer").name
            self._run = publish(name, total_steps=state.max_steps, home=self._home)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Tell the figures of a step, of an evaluation, or of the whole run."""
        if self._run is not None:
            numbers = {name: value for name, value in (logs or {}).items() if not isinstance(value, str)}
            totals = {"total_epochs": state.num_train_epochs, "step": state.global_step}
            self._run.log(**{**numbers, **totals})

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell that a checkpoint was written."""
        if self._run is not None:
            self._run.message(f"Saved checkpoint-{state.global_step}")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the run: a success."""
        self._end("succeeded")

    def _end(self, status: str, error: str = "") -> None:
        if self._run is not None:
            self._run.finish(status, error)
            self._run = None
