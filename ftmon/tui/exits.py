"""Every way out restores the terminal, also where the terminal has stopped reading."""

import os
import signal
import sys
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

_GRACE = 0.8
"""Seconds that an orderly exit may take after a signal."""

_RESTORE = (
    b"\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?2048l"  # paste, wrap, mouse, size
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"  # keyboard protocol, alternate screen, cursor, focus
)


class Exits:
    """Turns signals into an orderly exit, and into a hard one where that takes too long.

    A handler of asyncio's would not run while the loop waits for a terminal that nobody drains.
    """

    def __init__(self, leave: Callable[[int], None]) -> None:
        self._leave = leave
        self._before: dict[signal.Signals, Any] = {}
        self._terminal: list[Any] | None = None
        self._timer: threading.Timer | None = None

    def guard(self) -> None:
        """Remember the terminal as it is, and handle the signals."""
        with suppress(termios.error, OSError, ValueError):
            self._terminal = termios.tcgetattr(sys.__stdin__ or 0)
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._handle)

    def on_continue(self, resume: Callable[[], None]) -> None:
        """Call `resume` when the process goes on after it was stopped, beside what Textual does then."""
        before = signal.getsignal(signal.SIGCONT)

        def go_on(number: int, frame: FrameType | None) -> None:
            if callable(before):
                before(number, frame)
            resume()

        signal.signal(signal.SIGCONT, go_on)

    def release(self) -> None:
        """Give the signals back; the screen has been left."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        status = 128 + number
        if self._timer is not None:
            self._end(status)
        self._timer = threading.Timer(_GRACE, self._end, (status,))
        self._timer.daemon = True
        self._timer.start()
        self._leave(status)

    def _end(self, status: int) -> None:
        """Restore the terminal without waiting for it, and end."""
        with suppress(termios.error, OSError, ValueError):
            if self._terminal is not None:
                termios.tcflush(0, termios.TCOFLUSH)
                termios.tcsetattr(0, termios.TCSANOW, self._terminal)
        with suppress(OSError):
            os.set_blocking(2, False)
            os.write(2, _RESTORE)
        os._exit(status)
