"""Measures the time from process start to what the screen shows, in tmux, compared with a bare Textual app.

The service has told its events before, so that the history knows the job.
"""

import subprocess
import sys
from statistics import median

from tests.benchmarks.service import JOB_ID, service
from tests.benchmarks.terminal import FTMON, first_paint

EVENTS = 200

_APP = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("READY")

Bare().run()
"""

BARE = [sys.executable, "-c", _APP]
"""The command that runs a bare Textual app, which paints READY."""

_SIGNS = {
    "first word": rb"ftmon: opening",
    "picture": rb"Step %d/" % (EVENTS - 1),
    "its keys": rb"q.*quit",
    "live": "●".encode(),
}
"""What is drawn first at each stage: the keys are the first that only the screen itself draws."""

_AIMS = {"picture": "under 100 ms", "its keys": "under 1.5 times"}


def run(runs: int = 10) -> None:
    bare: list[float] = []
    stages: dict[str, list[float]] = {name: [] for name in _SIGNS}
    with service(backlog=EVENTS, is_open=True) as base_url:
        command = [*FTMON, JOB_ID, "--base-url", base_url]
        subprocess.run([*command, "--plain", "--timeout", "3"], capture_output=True, check=False)
        # The first start of each may write its byte code.
        first_paint(BARE, rb"READY")
        first_paint(command, _SIGNS["live"])
        for _ in range(runs):
            bare.append(first_paint(BARE, rb"READY"))
            for name, sign in _SIGNS.items():
                stages[name].append(first_paint(command, sign))
    print(f"start    bare Textual {median(bare) * 1000:.0f} ms")
    for name, seconds in stages.items():
        ratio = median(a / b for a, b in zip(seconds, bare, strict=True))
        aim = f" (aim: {_AIMS[name]})" if name in _AIMS else ""
        print(f"start    {name} {median(seconds) * 1000:.0f} ms, ratio {ratio:.2f}{aim}")
