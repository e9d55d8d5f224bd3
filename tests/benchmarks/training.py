"""Measures what watching costs a training: under `ftmon run`, and by `run.log`."""

import json
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import ftmon
from tests.benchmarks.terminal import FTMON, terminal

# Works for about 100 µs a line, as a trainer that prints 10,000 lines a second does. It tells how long it
# took, which is counted by its own clock.
_TRAINER = """
import sys, time
lines, per_line = int(sys.argv[1]), 2000
began = time.perf_counter()
for number in range(lines):
    for _ in range(per_line):
        pass
    print(f"{{'loss': {3 / (number + 1):.4f}, 'learning_rate': 1e-05, 'epoch': {number / lines:.4f}}}")
sys.stdout.flush()
open(sys.argv[2], "w").write(str(time.perf_counter() - began))
"""
_STAMPS = """
import time
for _ in range({lines}):
    print(f"sent {{time.time():.6f}}", flush=True)
    time.sleep(1 / {per_second})
"""


def run() -> None:
    """Print all of them."""
    _slower()
    _delays()
    _log()


def _slower(lines: int = 50_000, runs: int = 5) -> None:
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        took = Path(folder) / "took"
        trainer = [sys.executable, "-u", "-c", _TRAINER, str(lines), str(took)]
        for _ in range(runs):
            with (Path(folder) / "log").open("wb") as log:
                subprocess.run(trainer, stdout=log, check=True)
            alone = float(took.read_text())
            command = [*FTMON, "run", "--json", "--no-history", "--", *trainer]
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            ratios.append(float(took.read_text()) / alone)
    print(
        f"training {lines / alone:,.0f} lines/s alone; under ftmon run it takes {median(ratios):.3f} of that "
        f"time (aim: under 1.02; {', '.join(f'{ratio:.3f}' for ratio in ratios)})"
    )


def _delays(lines: int = 400, per_second: int = 20) -> None:
    trainer = [sys.executable, "-c", _STAMPS.format(lines=lines, per_second=per_second)]
    delays = []
    command = [*FTMON, "run", "--json", "--no-history", "--", *trainer]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            message = json.loads(line).get("message", "")
            if message.startswith("sent "):
                delays.append(time.time() - float(message.removeprefix("sent ")))
    _print_delays("line", delays)
    shown: dict[bytes, float] = {}
    with terminal(*FTMON, "run", "--no-history", "--", *trainer) as screen:
        seen = b""
        ends_at = time.monotonic() + lines / per_second + 10
        while len(shown) < lines * 0.9 and time.monotonic() < ends_at:
            seen = seen[-64:] + screen.read(1)
            now = time.time()
            for stamp in re.findall(rb"sent (\d{10}\.\d{6})", seen):
                shown.setdefault(stamp, now - float(stamp))
    _print_delays("screen", list(shown.values()))


def _print_delays(where: str, delays: list[float]) -> None:
    # The first ones wait for ftmon to start.
    cuts = quantiles(delays[40:], n=100)
    print(
        f"training from a printed line to the {where}, {len(delays)} lines: p50 {cuts[49] * 1000:.0f} ms, "
        f"p95 {cuts[94] * 1000:.0f} ms (aim: under 150)"
    )


def _log(calls: int = 50_000, runs: int = 5) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="error"):
        times = [_log_and_writes(Path(folder), calls) for _ in range(runs)]
    log, buffered, bare = (median(each) for each in zip(*times, strict=True))
    print(
        f"training run.log {log * 1e6:.1f} µs, file.write {bare * 1e6:.1f} µs: ratio {log / bare:.1f} "
        f"(aim: under 20); into a buffer {buffered * 1e6:.2f} µs: {log / buffered:.1f}"
    )


def _log_and_writes(folder: Path, calls: int) -> tuple[float, float, float]:
    """Return the seconds of `run.log`, of a write into a buffer, and of one that writes."""
    line = '{"step": 1000, "loss": 2.5, "lr": 1e-05, "time": "2026-01-31T12:00:00.123456Z"}\n'
    with (
        (folder / "bare").open("wb", buffering=0) as unbuffered,
        (folder / "buffered").open("w") as buffered,
        ftmon.publish("bench", home=folder / "runs") as published,
    ):
        return (
            _each(lambda: published.log(step=1000, loss=2.5, lr=1e-05), calls),
            _each(lambda: buffered.write(line), calls),
            _each(lambda: unbuffered.write(line.encode()), calls),
        )


def _each(call: Callable[[], object], calls: int) -> float:
    """Return the seconds of one call."""
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - began) / calls
