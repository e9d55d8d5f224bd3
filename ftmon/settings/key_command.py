"""Running a command whose first line of output is the key."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence

from ftmon.errors import UsageError

_LONGEST = 10.0
"""Seconds that the command may take."""
_MAX_LINE = 8192


def first_line(words: Sequence[str], source: str, longest: float = _LONGEST) -> str:
    """Run a command without a shell, and return the first line of its output.

    Neither its words nor what it prints is told to anybody. It has no terminal, so it cannot ask for
    anything.

    Raises:
        UsageError: where it cannot be run, fails, or takes too long.
    """
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # A group of its own, to be ended with all that it has started.
            start_new_session=True,
        )
    except OSError as error:
        raise UsageError(f"{source} cannot be run: {error.strerror}.") from None
    try:
        line = _first_line(process, time.monotonic() + longest)
    except (TimeoutError, subprocess.TimeoutExpired):
        raise UsageError(f"{source} was not done after {longest:g} s.") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout:
            process.stdout.close()
    if process.returncode:
        raise UsageError(f"{source} failed with exit status {process.returncode}; run it to see why.")
    return line.decode(errors="replace")


def _first_line(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """Read to the end of the output, also where something that goes on running holds it open."""
    assert process.stdout is not None
    file = process.stdout.fileno()
    read = b""
    while True:
        if time.monotonic() > deadline:
            raise TimeoutError
        if select.select([file], [], [], 0.02)[0]:
            piece = os.read(file, 65536)
            read = (read + piece)[:_MAX_LINE]
            if not piece:
                process.wait(max(0.0, deadline - time.monotonic()))
                break
        elif process.poll() is not None:
            break
    return read.partition(b"\n")[0]
