"""A wait that another thread or a signal ends."""

import os
import select
import signal
from contextlib import suppress


class Wakeup:
    """Lets the main thread wait until it is woken.

    No signal is missed. Python's own queues and locks miss one that comes just before they block: its handler
    runs only when they return.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        # Python writes to it as soon as a signal comes, before the handler runs.
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def wake(self) -> None:
        """End the present wait, or else the next one; from any thread and any signal handler."""
        # A full pipe wakes as well.
        with suppress(BlockingIOError):
            os.write(self._write, b"\0")

    def wait(self, seconds: float | None = None) -> None:
        """Wait to be woken, or for so long. The handlers of signals that came meanwhile have run by then."""
        select.select([self._read], [], [], seconds)
        with suppress(BlockingIOError):
            os.read(self._read, 65_536)
