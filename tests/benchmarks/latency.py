"""Measures two delays: from a byte sent to its line on the screen, and from a key to its effect."""

import re
import time
from statistics import quantiles

from tests.benchmarks.service import JOB_ID, service
from tests.benchmarks.terminal import FTMON, terminal

_HOME, _END = "\x1b[H", "\x1b[F"


def run() -> None:
    _bytes_to_line()
    _key_to_paint()


def _bytes_to_line(per_second: float = 50, seconds: float = 20) -> None:
    delays: dict[bytes, float] = {}
    with (
        service(backlog=50, per_second=per_second, seconds=seconds, is_open=True) as base_url,
        terminal(*FTMON, JOB_ID, "--base-url", base_url) as screen,
    ):
        seen, cpu, started = b"", 0.0, time.monotonic()
        end = started + seconds + 3
        while time.monotonic() < end:
            seen = seen[-64:] + screen.read(end - time.monotonic())
            now = time.time()
            for stamp in re.findall(rb"sent (\d{10}\.\d{6})", seen):
                if not delays:
                    cpu, started = screen.cpu(), time.monotonic()
                    end = started + seconds - 1
                delays.setdefault(stamp, now - float(stamp))
        percent = (screen.cpu() - cpu) / (time.monotonic() - started) * 100
    cuts = quantiles(delays.values(), n=100)
    print(
        f"latency  byte to line at {per_second:.0f} events/s, {len(delays)} lines: "
        f"p50 {cuts[49] * 1000:.0f} ms (aim: under 45), p99 {cuts[98] * 1000:.0f} ms (aim: under 95), "
        f"{percent:.1f} % CPU"
    )


def _key_to_paint(per_second: float = 1000, presses: int = 100) -> None:
    delays = []
    with (
        service(backlog=1000, per_second=per_second, seconds=presses * 0.4 + 10, is_open=True) as base_url,
        terminal(*FTMON, JOB_ID, "--base-url", base_url) as screen,
    ):
        screen.wait_for(rb"sent \d")
        for number in range(presses):
            screen.type(_END)
            screen.drain(0.15 + (number % 10) * 0.013)
            pressed = time.time()
            screen.type(_HOME)
            delays.append(screen.wait_for(rb"Step 0/") - pressed)
    cuts = quantiles(delays, n=100)
    print(
        f"latency  key to paint at {per_second:.0f} events/s: p50 {cuts[49] * 1000:.0f} ms, "
        f"p95 {cuts[94] * 1000:.0f} ms (aim: under 40)"
    )
