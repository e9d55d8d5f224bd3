"""Every way out restores the terminal, also one for a while, and where the terminal has stopped reading."""

import os
import signal
import sys
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.driver import Driver

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

_GRACE = 0.8
"""Seconds that an orderly exit may take after a signal."""

_RESTORE = (
    b"\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?2048l"  # paste, wrap, mouse, size
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"  # keyboard protocol, alternate screen, cursor, focus
)


class Exits:
    """Turns signals into an orderly exit, and into a hard one where that takes too long, while a block runs.

    A handler of asyncio's would not run while the loop waits for a terminal that nobody drains, and the
    KeyboardInterrupt that Python raises may be lost, as amid an import.
    """

    def __init__(self) -> None:
        self.leave: Callable[[int], None] = sys.exit
        """Called with the exit status, where the signal is handled."""
        self._before: dict[signal.Signals, Any] = {}
        self._terminal: list[Any] | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "Exits":
        """Remember the terminal as it is, and handle the signals."""
        with suppress(termios.error, OSError, ValueError):
            self._terminal = termios.tcgetattr(sys.__stdin__ or 0)
        # Of the latter two, the driver and `Interruptions` take hold later.
        for number in (*SIGNALS, signal.SIGTSTP, signal.SIGCONT):
            self._before[number] = signal.getsignal(number)
        for number in SIGNALS:
            signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back; the screen has been left."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._timer is not None:
            self._timer.cancel()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        status = 128 + number
        if self._timer is not None:
            self._end(status)
        self._timer = threading.Timer(_GRACE, self._end, (status,))
        self._timer.daemon = True
        self._timer.start()
        self.leave(status)

    def _end(self, status: int) -> None:
        """Restore the terminal without waiting for it, and end."""
        with suppress(termios.error, OSError, ValueError):
            if self._terminal is not None:
                termios.tcflush(0, termios.TCOFLUSH)
                termios.tcsetattr(0, termios.TCSANOW, self._terminal)
        with suppress(OSError):
            is_blocking = os.get_blocking(2)
            os.set_blocking(2, False)
            with suppress(OSError):
                os.write(2, _RESTORE)
            # The shell has this terminal too, and expects it to be as it was.
            os.set_blocking(2, is_blocking)
        os._exit(status)


class Interruptions:
    """Handles in the loop that the process is stopped, that it goes on, and that the terminal has a new size.

    Textual does so where the signal is handled, amid what it has interrupted: a write for whose lock it then
    waits, or the reading of an older size, which is told after the newer one. And it takes every SIGCONT for
    the end of a pause that it knows of: after a SIGSTOP it would read the keys with two threads, and take the
    terminal as it has made it for the user's.
    """

    def __init__(
        self,
        driver: "Driver",
        soon: Callable[[Callable[[], None]], object],
        resume: Callable[[], None],
    ) -> None:
        """Handle the signals; `soon` calls in the loop, and `resume` is called when the process goes on."""
        self._driver = driver
        self._soon = soon
        self._resume = resume
        self._is_stopping = False
        self._is_left = False
        signal.signal(signal.SIGTSTP, self._handle_stop)
        signal.signal(signal.SIGCONT, self._handle_continue)
        self._take_sizes()

    def _handle_stop(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = True
        self._soon(self._stop)

    def _handle_continue(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = False
        self._soon(self._go_on)

    def _stop(self) -> None:
        self._leave_screen()
        if self._is_stopping:
            os.kill(os.getpid(), signal.SIGSTOP)

    def _go_on(self) -> None:
        if _is_in_background():
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        self._leave_screen()
        self._driver.resume_application_mode()
        self._is_left = False
        self._take_sizes()
        self._resume()

    def _take_sizes(self) -> None:
        take = signal.getsignal(signal.SIGWINCH)
        if callable(take):
            signal.signal(signal.SIGWINCH, lambda number, _: self._soon(partial(take, number, None)))

    def _leave_screen(self) -> None:
        if not self._is_left:
            self._driver.suspend_application_mode()
            self._is_left = True


def _is_in_background() -> bool:
    try:
        return os.tcgetpgrp(0) != os.getpgrp()
    except OSError:
        return False
