"""Runs programs on a terminal for benchmarks: in tmux, or on a pty whose output is read here."""

import contextlib
import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

FTMON = [sys.executable, "-m", "ftmon"]


class Terminal:
    """A program on a pty of 120 columns by 40 lines."""

    def __init__(self, command: Sequence[str]) -> None:
        self.started = time.time()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execvp(command[0], list(command))
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.received = 0

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def read(self, timeout: float) -> bytes:
        """Return output as soon as there is some; empty after `timeout` seconds or at the program's end."""
        if not select.select([self._fd], [], [], max(0.0, timeout))[0]:
            return b""
        with contextlib.suppress(OSError):
            data = os.read(self._fd, 1 << 20)
            self.received += len(data)
            return data
        return b""

    def wait_for(self, pattern: bytes, timeout: float = 30) -> float:
        """Return the time (seconds since the epoch) at which output first matched the pattern.

        Raises:
            TimeoutError: if nothing matched within `timeout` seconds.
        """
        seen = b""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            seen = seen[-4096:] + self.read(end - time.monotonic())
            if re.search(pattern, seen):
                return time.time()
        raise TimeoutError(f"{pattern!r} was not drawn")

    def drain(self, seconds: float) -> None:
        """Read and discard output for `seconds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(end - time.monotonic())

    def cpu(self) -> float:
        """Return the CPU seconds that the program has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def terminal(*command: str) -> Iterator[Terminal]:
    program = Terminal(command)
    try:
        yield program
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(program.pid, signal.SIGKILL)
        os.waitpid(program.pid, 0)


def first_paint(command: Sequence[str], pattern: bytes) -> float:
    """Return the seconds from a program's start in tmux, at 120 by 40, to the first output that matches.

    Raises:
        EOFError: if the program ended before any output matched.
    """
    with tempfile.TemporaryDirectory() as folder:
        fifo = Path(folder) / "output"
        stamp = Path(folder) / "stamp"
        os.mkfifo(fifo)
        tmux = ["tmux", "-S", f"{folder}/socket", "-f", "/dev/null"]
        script = Path(folder) / "script"
        script.write_text(f"date +%s.%N > {stamp}\nexec {shlex.join(command)}\n")
        subprocess.run([*tmux, "new-session", "-d", "-x", "120", "-y", "40", "sh"], check=True)
        try:
            subprocess.run([*tmux, "pipe-pane", "-O", f"exec cat > {fifo}"], check=True)
            with fifo.open("rb", buffering=0) as output:
                subprocess.run([*tmux, "send-keys", f"exec sh {script}", "Enter"], check=True)
                seen = b""
                while not re.search(pattern, seen):
                    data = output.read(1 << 16)
                    if not data:
                        raise EOFError("the program ended before it painted")
                    seen = seen[-4096:] + data
                painted = time.time()
            return painted - float(stamp.read_text())
        finally:
            subprocess.run([*tmux, "kill-server"], check=False)
