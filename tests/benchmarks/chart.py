"""Measures how long a frame of the chart takes, and what a point costs, at 10,000 and 1,000,000 points."""

import time
from math import exp, sin

from ftmon.model.curve import Curve
from ftmon.model.series import Curves
from ftmon.tui.chart.axis import Course
from ftmon.tui.chart.frame import draw
from ftmon.tui.chart.view import View

_SIZE = 120, 16
_FRAMES = 50


def run() -> None:
    for points in (10_000, 1_000_000):
        curves = Curves("loss", Curve(), Curve())
        started = time.perf_counter()
        for step in range(points):
            value = 0.4 + 2.5 * exp(-4 * step / points) + sin(step * 7.3) / 9
            curves.train.add(step, value, at=1.7e9 + step)
        each = (time.perf_counter() - started) / points
        for step in range(0, points, points // 100):
            curves.valid.add(step, 0.5 + 2.5 * exp(-4 * step / points), at=1.7e9 + step)
        course = Course(points * 2, 4, [points // 2, points])
        frames = []
        for _ in range(_FRAMES):
            started = time.perf_counter()
            draw(curves, course, View(), *_SIZE)
            frames.append(time.perf_counter() - started)
        middle, late = (sorted(frames)[_FRAMES * share // 100] * 1000 for share in (50, 95))
        print(
            f"chart    {points:,} points: a frame of {_SIZE[0]}×{_SIZE[1]} in {middle:.1f} ms, "
            f"p95 {late:.1f} ms (aim: under 5); a point in {each * 1e6:.1f} µs"
        )
