"""Measures the CPU time and memory of a process, as reported by the operating system."""

import os
import subprocess
import time
from collections.abc import Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """Cost of one process, from start to end."""

    cpu: float
    """CPU seconds, user and system."""
    wall: float
    """Elapsed seconds."""
    peak: float
    """Peak memory in MiB."""
    status: int
    """Exit status."""


def cost(command: Sequence[str]) -> Cost:
    """Run a command, discard its output, and return its cost."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, process.returncode)
