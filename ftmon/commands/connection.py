"""Asking a service something in a command that shows no run."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ftmon.commands.crash import crashed
from ftmon.ending import Ending
from ftmon.errors import TimeoutPassedError

if TYPE_CHECKING:
    from ftmon.settings import Settings
    from ftmon.watch.watcher import Watcher


@contextmanager
def connected(settings: "Settings") -> Iterator["Watcher"]:
    """Start a watcher that follows no job, to ask its service."""
    sys.excepthook = partial(crashed, secrets=settings.secrets)
    from ftmon.watch.watcher import Watcher

    with closing(Watcher(settings)) as watcher:
        watcher.start(lambda: None)
        yield watcher


def install_ending(timeout: float | None, words: str) -> None:
    """Handle signals, and raise a TimeoutPassedError with these words once the timeout has passed."""

    def leave(status: int) -> None:
        if status == TimeoutPassedError.exit_status:
            raise TimeoutPassedError(words)
        sys.exit(status)

    ending = Ending(timeout)
    ending.leave = leave
    ending.install()
