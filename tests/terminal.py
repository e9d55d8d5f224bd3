"""Runs a command on a pty, with a terminal emulator that shows what a user would see."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pyte

from tests.command import PATIENCE, environment

_ALTERNATE = re.compile(rb"(\x1b\[\?1049[hl])")
_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_USUAL = {7, 25}
"""The modes that are on at the start: line wrapping, and a visible cursor."""
_MARK = b"\x1b[?9999$p"
"""A question for a mode that does not exist: it shows nothing, and no program sends it."""


class Terminal:
    """Runs a command on its own pty and emulates the terminal."""

    def __init__(self, command: Sequence[str], columns: int, lines: int, **env: str) -> None:
        self.written = b""
        """All bytes that the command has written."""
        self._main = pyte.Screen(columns, lines)
        self._alternate = pyte.Screen(columns, lines)
        self._screen = self._main
        self._stream = pyte.ByteStream(self._screen)
        self._unread = b""
        self._ours, self._theirs = os.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))
        self.before = termios.tcgetattr(self._theirs)
        self.process = subprocess.Popen(
            command,
            env=environment(TERM="xterm-256color", **env),
            preexec_fn=lambda: os.login_tty(os.dup(self._theirs)),
        )

    @property
    def is_alternate(self) -> bool:
        """Whether the alternate screen is active, as opposed to the shell's."""
        return self._screen is self._alternate

    @property
    def text(self) -> str:
        """The text on the screen now, one line per row."""
        return "\n".join(self._screen.display)

    @property
    def modes(self) -> set[int]:
        """The private terminal modes (DECSET numbers) that are on now."""
        modes = set(_USUAL)
        for numbers, switch in _MODE.findall(self.written):
            changed = set(map(int, numbers.split(b";")))
            modes = modes | changed if switch == b"h" else modes - changed
        return modes

    def press(self, keys: str) -> None:
        """Type keys."""
        self.type(keys.encode())

    def type(self, data: bytes) -> None:
        """Send bytes as they are, as a terminal with another encoding or protocol does."""
        os.write(self._ours, data)

    def take_over(self, words: str) -> None:
        """Reset the terminal settings and write, as a shell does when its job was stopped."""
        termios.tcsetattr(self._theirs, termios.TCSANOW, self.before)
        os.write(self._theirs, words.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Resize the terminal, as when the user drags a corner of the window."""
        for screen in (self._main, self._alternate):
            screen.resize(lines, columns)
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))

    def until(self, condition: Callable[[], bool]) -> None:
        """Process the output until the condition holds; fail after `PATIENCE` seconds.

        It must hold of a whole frame: a part of one lacks words that the rest brings.
        """
        deadline = time.monotonic() + PATIENCE
        while not (condition() and (self._is_whole() or condition())):
            assert time.monotonic() < deadline, self.text
            self._process_output(0.05)

    def _is_whole(self) -> bool:
        """Process the output that follows at once, and return whether there was none."""
        pieces = 0
        while self._ours >= 0 and pieces < 20 and self._process_output(0.01):
            pieces += 1
        return pieces == 0

    def until_shown(self, words: str) -> None:
        """Process the output until the words are on the screen."""
        self.until(lambda: words in self.text)

    def wait(self) -> int:
        """Process the output until the command has ended. Return its exit status."""
        self.until(lambda: self.process.poll() is not None)
        self._process_rest()
        return self.process.returncode

    def assert_restored(self) -> None:
        """Check that the terminal is in the state from before the command."""
        self._process_rest()
        self.assert_settings_restored()
        assert self.modes == _USUAL
        assert not self.is_alternate
        assert self.written.count(b"\x1b[22;0t") == self.written.count(b"\x1b[23;0t"), "title"
        assert self.written.count(b"\x1b[>") == self.written.count(b"\x1b[<"), "keyboard protocol"

    def assert_settings_restored(self) -> None:
        """Check only the terminal's settings, where what it shows can no longer be known."""
        assert termios.tcgetattr(self._theirs) == self.before
        assert os.get_blocking(self._theirs)

    def halt_output(self) -> None:
        """Take no more output, as after Ctrl-S or behind a line that is down: who writes waits."""
        termios.tcflow(self._theirs, termios.TCOOFF)

    def hang_up(self) -> None:
        """Close the terminal, as when its window is closed."""
        os.close(self._theirs)
        os.close(self._ours)
        self._ours = self._theirs = -1

    def close(self) -> None:
        """Kill the command and close the terminal."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self._ours >= 0:
            self.hang_up()

    def _process_rest(self) -> None:
        """Process everything that was written so far.

        The kernel passes output on a moment later, in order: once the mark has come, the rest has too.
        """
        os.write(self._theirs, _MARK)
        self.until(lambda: _MARK in self.written)
        self.written = self.written.replace(_MARK, b"")

    def _process_output(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        data = os.read(self._ours, 65536)
        self.written += data
        data = self._unread + data
        # Keep a partial switch sequence at the end until the rest of it arrives.
        partial = next((size for size in range(7, 0, -1) if data.endswith(b"\x1b[?1049"[:size])), 0)
        self._unread = data[len(data) - partial :]
        for part in _ALTERNATE.split(data[: len(data) - partial]):
            if _ALTERNATE.fullmatch(part):
                self._switch(to_alternate=part.endswith(b"h"))
            else:
                self._stream.feed(part)
        return True

    def _switch(self, *, to_alternate: bool) -> None:
        self._stream.detach(self._screen)
        if to_alternate:
            self._alternate.reset()
        self._screen = self._alternate if to_alternate else self._main
        self._stream.attach(self._screen)


@contextmanager
def terminal(command: Sequence[str], columns: int = 100, lines: int = 30, **env: str) -> Iterator[Terminal]:
    """Run a command on a terminal until the block ends."""
    shown = Terminal(command, columns, lines, **env)
    try:
        yield shown
    finally:
        shown.close()
