"""What a signal means for the terminal: it is restored at the end, and given to the shell at a stop."""

import os
import signal
import termios
import threading
import tty
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from ftmon.notify import title_sequence

if TYPE_CHECKING:
    from textual.driver import Driver

_RESTORE = (
    b"\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?2048l"  # paste, wrap, mouse, size
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"  # keyboard protocol, alternate screen, cursor, focus
    + title_sequence.RESTORE.encode()
)
"""Resets every terminal mode that Textual sets."""


class SavedTerminal:
    """The terminal's settings from before the screen."""

    def __init__(self) -> None:
        self._settings: list[Any] | None = None
        with suppress(termios.error, OSError):
            self._settings = termios.tcgetattr(0)

    def restore(self) -> None:
        """Put the terminal back as it was, without waiting for it: it may take no output."""
        with suppress(termios.error, OSError):
            if self._settings is not None:
                termios.tcflush(0, termios.TCOFLUSH)
                termios.tcsetattr(0, termios.TCSANOW, self._settings)
        with suppress(OSError):
            is_blocking = os.get_blocking(2)
            os.set_blocking(2, False)
            with suppress(OSError):
                os.write(2, _RESTORE)
            # The blocking mode is shared with the shell, so put it back.
            os.set_blocking(2, is_blocking)


class Suspension:
    """Handles SIGTSTP, SIGCONT and SIGWINCH in the event loop instead of in the signal handler.

    Textual acts inside the handler, and so in the middle of whatever the signal interrupted:

    * a write whose lock the handler then waits for, which is a deadlock;
    * the handling of an older size, which then arrives after the newer one.

    Textual also assumes that every SIGCONT follows a SIGTSTP. After a SIGSTOP it would start a second thread
    that reads keys, and would save its own terminal settings as the user's.
    """

    def __init__(
        self,
        driver: "Driver",
        call_soon: Callable[[Callable[[], None]], object],
        resume: Callable[[], None],
    ) -> None:
        """Install the handlers.

        Args:
            driver: Textual's driver, which sets the terminal's modes.
            call_soon: runs a callback in the event loop; signal handlers call it.
            resume: called when the process continues.
        """
        # Not needed before Textual is there, and imported with it.
        import asyncio

        self._driver = driver
        self._call_soon = call_soon
        self._resume = resume
        self._is_stopping = False
        self._is_suspended = False
        signal.signal(signal.SIGTSTP, self._handle_stop)
        signal.signal(signal.SIGCONT, self._handle_continue)
        # A signal without a handler interrupts nothing. With one of the event loop's, every signal wakes the
        # loop. Otherwise the handler of one that comes just before the loop waits runs only after that wait.
        asyncio.get_running_loop().add_signal_handler(signal.SIGURG, lambda: None)
        signal.siginterrupt(signal.SIGURG, True)
        self._defer_resize()

    def _handle_stop(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = True
        self._call_soon(self._stop)

    def _handle_continue(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = False
        self._call_soon(self._continue)

    def _stop(self) -> None:
        self._suspend_driver()
        if self._is_stopping:
            os.kill(os.getpid(), signal.SIGSTOP)

    def _continue(self) -> None:
        if is_in_background():
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        self._suspend_driver()
        self._driver.resume_application_mode()
        self._is_suspended = False
        self._defer_resize()
        self._resume()

    def _defer_resize(self) -> None:
        """Wrap the SIGWINCH handler that Textual's driver has installed."""
        resize = signal.getsignal(signal.SIGWINCH)
        if callable(resize):
            signal.signal(signal.SIGWINCH, lambda number, _: self._call_soon(partial(resize, number, None)))

    def _suspend_driver(self) -> None:
        if not self._is_suspended:
            _interrupt_reading()
            self._driver.suspend_application_mode()
            self._is_suspended = True


def _interrupt_reading() -> None:
    """Make a read of Textual's key thread return, empty if there is no key.

    Textual joins that thread before it leaves the screen. The thread reads once select() has announced a key,
    but the shell may take this key first: after a SIGSTOP both read the same terminal. The read would then
    block until the next key, and the screen with it.
    """
    with suppress(termios.error, OSError):
        attributes = termios.tcgetattr(0)
        attributes[tty.LFLAG] &= ~termios.ICANON
        attributes[tty.CC][termios.VMIN] = attributes[tty.CC][termios.VTIME] = 0
        termios.tcsetattr(0, termios.TCSANOW, attributes)
    for thread in threading.enumerate():
        if thread.name == "textual-input" and thread.ident is not None:
            # A blocked read keeps its old attributes. The signal restarts it.
            signal.pthread_kill(thread.ident, signal.SIGURG)


def is_in_background() -> bool:
    """Whether the shell has put this process into the background."""
    try:
        return os.tcgetpgrp(0) != os.getpgrp()
    except OSError:
        return False
