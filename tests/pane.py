"""Runs a command in a pane of tmux, whose server is its own."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import pytest

from tests.command import PATIENCE, environment

needs_tmux = pytest.mark.skipif(not shutil.which("tmux"), reason="there is no tmux here")


class Pane:
    """A shell in the only pane of a tmux server of its own, which tells how the command there ended."""

    def __init__(self, socket: str, command: Sequence[str], columns: int, lines: int, **env: str) -> None:
        self._tmux = ["tmux", "-S", socket, "-f", os.devnull]
        self._env = environment(TERM="xterm-256color", TMUX="", **env)
        script = f"{shlex.join(command)}; echo left with $?; stty -a; exec sleep 60"
        self.do("new-session", "-d", "-x", str(columns), "-y", str(lines), shlex.join(["sh", "-c", script]))

    @property
    def attaching(self) -> list[str]:
        """The command that shows the pane on a terminal."""
        return [*self._tmux, "attach"]

    def do(self, *arguments: str) -> str:
        """Run a command of tmux, and return what it prints."""
        return subprocess.run(
            [*self._tmux, *arguments],
            env=self._env,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        ).stdout

    def press(self, *keys: str) -> None:
        """Press keys by the names that tmux has for them."""
        self.do("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type a text as it is."""
        self.do("send-keys", "-l", text)

    @property
    def text(self) -> str:
        """What is shown, and what has been scrolled away."""
        return self.do("capture-pane", "-p", "-J", "-S", "-")

    def told(self, what: str) -> str:
        """Return what tmux tells for one of its formats."""
        return self.do("display-message", "-p", what).strip()

    def until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait until the condition holds; fail after `patience` seconds."""
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)

    def until_shown(self, words: str, patience: float = PATIENCE) -> None:
        """Wait until the words are shown."""
        self.until(lambda: words in self.text, patience)


@contextmanager
def pane(command: Sequence[str], columns: int, lines: int, **env: str) -> Iterator[Pane]:
    """Run a command in a pane until the block ends."""
    with TemporaryDirectory() as directory:
        shown = Pane(f"{directory}/socket", command, columns, lines, **env)
        try:
            yield shown
        finally:
            shown.do("kill-server")
