"""Publishes the runs of Lightning's Trainer.

Trainer(…, callbacks=[FtmonCallback()])
"""

from pathlib import Path
from typing import Any

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback

from ftmon import publish
from ftmon.local.publication import Publication


class FtmonCallback(Callback):
    """Publishes each fit of a Trainer, on the first process only.

    It tells what the module logs, as often as Trainer gives that to its loggers.

    Args:
        name: the beginning of the run's id; else the module's class.
        home: where the runs of this machine are kept; None for the usual place.
    """

    def __init__(self, name: str | None = None, home: Path | str | None = None) -> None:
        super().__init__()
        self._name = name
        self._home = home
        self._run: Publication | None = None
        self._rate: Any = None
        self._told: dict[str, Any] = {}
        """The metrics that were told last: Lightning keeps each one until it is logged again."""
        self._step = 0
        """The step that was told last."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin a run."""
        self._told, self._step = {}, 0
        if trainer.is_global_zero:
            name = self._name or type(pl_module).__name__
            self._run = publish(name, total_steps=_total_steps(trainer), home=self._home)

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        """Note the learning rate of a step, which a scheduler changes after it."""
        self._rate = optimizer.param_groups[0].get("lr")

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Tell the metrics of a step."""
        step, every = trainer.global_step, trainer.log_every_n_steps
        # Where gradients are accumulated, several batches are one step.
        if every and step % every == 0 and step != self._step:
            self._step = step
            self._tell(trainer, **({} if self._rate is None else {"learning_rate": self._rate}))

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Tell the metrics of a validation."""
        self._tell(trainer)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Tell the metrics of an epoch."""
        self._tell(trainer)

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Any) -> None:
        """Tell that a checkpoint is written."""
        if self._run is not None:
            self._run.message(f"Saving a checkpoint of step {trainer.global_step}")

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """End the run: a failure, or cancelled by Ctrl-C."""
        self._end(exception)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """End the run: a success."""
        self._end(None)

    def _tell(self, trainer: Any, **figures: Any) -> None:
        """Tell the metrics that are new. They are asked for on every process, because that may join them."""
        metrics = dict(trainer.callback_metrics)
        new = {name: value for name, value in metrics.items() if value is not self._told.get(name)}
        self._told = metrics
        if self._run is not None and new:
            place = {"step": trainer.global_step, "epoch": trainer.current_epoch}
            self._run.log(**{**figures, **new, **place})

    def _end(self, error: BaseException | None) -> None:
        if self._run is not None:
            self._run.leave(error)
            self._run = None


def _total_steps(trainer: Any) -> int | None:
    """Return how many steps there will be; None where nobody knows."""
    try:
        total = trainer.estimated_stepping_batches
    except Exception:
        # Lightning refuses where the accumulation of gradients changes. No training ends because of that.
        return None
    # It is -1 or infinite where the training has no end of its own.
    return int(total) if 0 < total < float("inf") else None
