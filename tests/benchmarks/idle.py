"""Measures CPU time and terminal output of a screen on which nothing or little happens."""

import time

from tests.benchmarks.service import JOB_ID, service
from tests.benchmarks.terminal import FTMON, terminal


def run(seconds: float = 60) -> None:
    _idle("silent", 0, seconds, "0.2 % CPU, 500 bytes a minute")
    _idle("a chart and an event a second", 1, seconds, "1.5 % CPU")


def _idle(name: str, per_second: float, seconds: float, aim: str) -> None:
    with (
        service(backlog=200, per_second=per_second, seconds=seconds + 30, is_open=True) as base_url,
        terminal(*FTMON, JOB_ID, "--base-url", base_url) as screen,
    ):
        screen.wait_for(b"Step 199")
        # Wait until ages change slowly, as they do in a pane that has been idle for a while.
        screen.drain(15)
        cpu, received, started = screen.cpu(), screen.received, time.monotonic()
        screen.drain(seconds)
        elapsed = time.monotonic() - started
        percent = (screen.cpu() - cpu) / elapsed * 100
        per_minute = (screen.received - received) / elapsed * 60
    print(f"idle     {name}: {percent:.2f} % CPU, {per_minute:.0f} bytes a minute (aim: {aim})")
