"""Measures CPU time and terminal output of an idle screen."""

import time

from tests.benchmarks.service import JOB_ID, service
from tests.benchmarks.terminal import FTMON, terminal


def run(seconds: float = 60) -> None:
    with (
        service(backlog=200, is_open=True) as base_url,
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
    print(f"idle     {percent:.2f} % CPU (aim: 0.2), {per_minute:.0f} bytes a minute (aim: 500)")
