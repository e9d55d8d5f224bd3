"""ftmon watches a fine-tuning job from the terminal until it is over."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ftmon.local.publication import Publication

__version__ = "0.1.0"


def publish(name: str, *, total_steps: int | None = None, home: "Path | str | None" = None) -> "Publication":
    """Publish a training run of this process, so that `ftmon` can watch it.

    Use it as a context manager: leaving the block ends the run, an exception makes it a failure. Without a
    block, call its `finish`; an exception that ends the process makes the run a failure, too. Inside
    `ftmon run` it joins that run. It never raises, and never waits for anything but one write to a file.

    Args:
        name: the beginning of the run's id.
        total_steps: how many steps the training has.
        home: where the runs of this machine are kept; None for the usual place.
    """
    # Imported here, because every command of ftmon imports this module.
    from ftmon.local.publication import Publication

    return Publication(name, home, total_steps)
