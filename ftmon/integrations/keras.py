"""Publishes the runs of Keras.

model.fit(…, callbacks=[FtmonCallback()])
"""

from pathlib import Path
from typing import Any

from keras.callbacks import Callback

from ftmon import publish
from ftmon.local.publication import Publication


class FtmonCallback(Callback):
    """Publishes each `fit` of a model. Its steps are epochs, as in what Keras itself writes.

    Keras has no hook for an exception. One that ends the process makes the run a failure; Ctrl-C cancels it.

    Args:
        name: the beginning of the run's id; else the model's name.
        home: where the runs of this machine are kept; None for the usual place.
    """

    def __init__(self, name: str | None = None, home: Path | str | None = None) -> None:
        super().__init__()
        self._name = name
        self._home = home
        self._run: Publication | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin a run."""
        # A training that begins again was stopped by an exception that somebody has caught.
        self._end("failed", "it was begun again")
        epochs = self.params.get("epochs")
        self._run = publish(self._name or self.model.name, total_steps=epochs, home=self._home)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Tell the figures of an epoch."""
        if self._run is not None:
            rate = getattr(self.model.optimizer, "learning_rate", None)
            figures = {} if rate is None else {"learning_rate": rate}
            self._run.log(**{**figures, **(logs or {}), "step": epoch + 1, "epoch": epoch + 1})

    def on_train_end(self, logs: Any = None) -> None:
        """End the run: a success."""
        self._end("succeeded")

    def _end(self, status: str, error: str = "") -> None:
        if self._run is not None:
            self._run.finish(status, error)
            self._run = None
