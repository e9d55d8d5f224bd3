"""Measures the time from process start to the first paint in tmux, compared with a bare Textual app."""

import sys
from statistics import median

from tests.benchmarks.service import JOB_ID, service
from tests.benchmarks.terminal import FTMON, first_paint

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


def run(runs: int = 10) -> None:
    bare, ftmon, feedback = [], [], []
    with service(is_open=True) as base_url:
        command = [*FTMON, JOB_ID, "--base-url", base_url]
        for _ in range(runs):
            bare.append(first_paint(BARE, rb"READY"))
            ftmon.append(first_paint(command, "◌|●".encode()))
            feedback.append(first_paint(command, rb"ftmon: opening"))
    print(
        f"start    first paint {median(ftmon) * 1000:.0f} ms, bare Textual {median(bare) * 1000:.0f} ms, "
        f"first word {median(feedback) * 1000:.0f} ms"
    )
    print(f"start    ratio {median(a / b for a, b in zip(ftmon, bare, strict=True)):.2f} (aim: under 1.15)")
