"""Measures `ftmon watch` of a large file of JSON Lines, on the screen."""

import os
import tempfile
import time
from pathlib import Path

from tests.benchmarks.terminal import FTMON, Terminal, terminal

_END = rb"succeeded"


def write_lines(path: Path, count: int) -> None:
    """Write a training of so many steps, and its end."""
    with path.open("w") as file:
        for step in range(1, count + 1):
            loss, rate, epoch = 1 + 1000 / (step + 500), 2e-5 * (1 - step / count), 3 * step / count
            file.write(
                f'{{"step": {step}, "total_steps": {count}, "loss": {loss:.4f}, '
                f'"lr": {rate:.6g}, "epoch": {epoch:.4f}}}\n'
            )
        file.write('{"status": "finished"}\n')


def _watch(count: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder
        path = Path(folder) / "log.jsonl"
        write_lines(path, count)
        with terminal(*FTMON, "watch", str(path)) as screen:
            began = screen.wait_for(rb"Step \d", 60) - screen.started
            slowest = _slowest_key(screen) if count > 500_000 else None
            ended = screen.wait_for(_END, 600) - screen.started
            screen.drain(10)
            cpu, started = _cpu(screen.pid), time.monotonic()
            screen.drain(seconds)
            idle = (_cpu(screen.pid) - cpu) / (time.monotonic() - started) * 100
    keys = "" if slowest is None else f", a key waited at most {slowest * 1000:.0f} ms"
    print(
        f"watch    {count:,} lines: the first on the screen after {began:.2f} s, the end after {ended:.2f} s"
        f"{keys}; idle {idle:.2f} % CPU of both processes (aim: 0.2)"
    )


def _slowest_key(screen: Terminal, presses: int = 10) -> float:
    """Open and close the help while events come, and return the longest time until it was drawn."""
    slowest = 0.0
    for _ in range(presses):
        pressed = time.time()
        screen.type("?")
        slowest = max(slowest, screen.wait_for(rb"leave") - pressed)
        screen.type("\x1b")
        screen.drain(0.3)
    return slowest


def _cpu(pid: int) -> float:
    """Return the CPU seconds of a process and of its children, those that run among them."""
    total = 0.0
    for process in (pid, *_children(pid)):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def run(counts: tuple[int, ...] = (100_000, 1_000_000), seconds: float = 30) -> None:
    """Print the times (aim for 100,000: 3 s)."""
    for count in counts:
        _watch(count, seconds)
