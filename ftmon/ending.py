"""The end of the process before the job's: a signal or `--timeout` asks for it, and a timer enforces it."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from ftmon.errors import TimeoutPassedError

_GRACE = 0.8
"""Seconds that an orderly end may take after a signal or a timeout, before the process is ended."""

_UNASKED_GRACE = 5.0
"""The same for an end that nobody asked for in a hurry, such as that of a terminal behind a slow line."""

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Ending:
    """Starts an orderly end for a signal or a timeout, and ends the process if that takes too long.

    Nothing that ftmon waits for can outlast it: no reader of stdout, no terminal, no thread.

    It uses `signal.signal`, because a handler set with asyncio does not run while the event loop is blocked,
    and Python's KeyboardInterrupt can get lost, for example when it is raised during an import.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self.timeout = timeout
        """Seconds after which the process ends with 124; None for no limit."""
        self.leave: Callable[[int], None] = self._unwind
        """Starts the orderly end. It is called from a signal handler, with the exit status."""
        self.is_timeout_due: Callable[[], bool] = lambda: True
        """Whether the timeout ends the process. It is called when the timeout has passed."""
        self.restore: Callable[[], None] = lambda: None
        """Called before the process is ended without an orderly end. It must not block."""
        self._status: int | None = None
        """The exit status, once the end has begun."""
        self._grace = _UNASKED_GRACE

    def install(self) -> None:
        """Handle signals and start the timeout. Both last as long as the process."""
        for number in _SIGNALS:
            # Signals that nohup or a background shell ignore stay ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)
        signal.signal(signal.SIGALRM, self._handle)
        if self.timeout is not None:
            signal.setitimer(signal.ITIMER_REAL, self.timeout)

    def begin(self, status: int) -> None:
        """End the process with this status if it does not end by itself. Only the first call counts."""
        if self._status is None:
            self._status = status
            self.renew()

    def renew(self) -> None:
        """Allow as much time once more, for the rest of an end that has begun."""
        if self._status is not None:
            signal.setitimer(signal.ITIMER_REAL, self._grace)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._status is not None:
            # A shell repeats the SIGHUP of the kernel. Any other second signal is an impatient user's.
            if number != signal.SIGHUP:
                self.restore()
                os._exit(self._status)
        elif number != signal.SIGALRM:
            self._leave(128 + number)
        elif self.is_timeout_due():
            self._leave(TimeoutPassedError.exit_status)

    def _leave(self, status: int) -> None:
        self._grace = _GRACE
        self.begin(status)
        self.leave(status)

    def _unwind(self, status: int) -> None:
        """End by an exception: nothing runs yet that could be told to end, or nothing does any more."""
        if status == TimeoutPassedError.exit_status:
            raise TimeoutPassedError(f"Nothing was known of the job after {self.timeout:g} s.")
        sys.exit(status)
