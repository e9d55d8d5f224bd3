"""The title of a chart: its last and its best values, or what the cursor reads, and how it is shown."""

from collections.abc import Iterator

from ftmon.model.series import Curves
from ftmon.text import clock, count, figure
from ftmon.tui.chart.cursor import read
from ftmon.tui.chart.frame import MARK, Frame
from ftmon.tui.chart.line import furthest, smoothing
from ftmon.tui.chart.view import View
from ftmon.tui.parts.part import Part

_LINE = "⠤⠤"
"""The sign of the curve that is drawn as a line."""

_NARROW, _WIDE = 24, 52
"""Cells in which words have room beside the last values, and the first values too."""


def summary(curves: Curves, width: int) -> Iterator[Part]:
    """Yield the first, last and least value of both curves, or only the last where there is little room."""
    yield Part(curves.name, "strong", 1)
    for look, curve, rank in (("train", curves.train, 0), ("valid", curves.valid, 2)):
        if curve.newest is None:
            continue
        first = f"{figure(curve.first)} → " if width >= _WIDE and curve.first is not None else ""
        word = f"{look} " if width >= _NARROW else ""
        yield Part(f"{_sign(curves, look)} {word}{first}{figure(curve.newest)}", look, rank)
        if curve.has_diverged:
            yield Part(f"× no number at step {count(curve.gaps[-1].last)}", "warning", 1)
        best = curve.greatest if curves.is_better_greater else curve.least
        if best is not None and len(curve) > 1:
            word = "max" if curves.is_better_greater else "min"
            yield Part(f"{word} {figure(best[0])} at {count(best[1])}", "muted", rank + 4)


def readout(curves: Curves, view: View, step: int) -> Iterator[Part]:
    """Yield what the curves say at the cursor."""
    reading = read(curves, view, step)
    about = "" if reading.is_exact else "~"
    yield Part(curves.name, "strong", 3)
    yield Part(f"step {about}{count(step)}", "key", 0)
    if reading.train is not None:
        yield Part(f"{_LINE} train {figure(reading.train)}", "train", 1)
    if reading.average is not None:
        yield Part(f"smooth {figure(reading.average)}", "train", 2)
    if reading.valid is not None:
        where = "" if reading.valid_step == step else f" at {count(reading.valid_step or 0)}"
        yield Part(f"{_sign(curves, 'valid')} valid {figure(reading.valid)}{where}", "valid", 2)
    if reading.at is not None:
        yield Part(clock(reading.at), "muted", 4)


def state(curves: Curves, view: View, frame: Frame, width: int) -> Iterator[Part]:
    """Yield how the chart is shown: what is cut off, the scale, the smoothing, the part that is seen.

    A logarithmic scale is always told: without that word a curve is misread.
    """
    shown = [curve for curve in (curves.train, curves.valid) if len(curve)]
    cut = [found for curve in shown if (found := furthest(curve, frame.axis, frame.height))]
    if cut:
        value, step = max(cut, key=lambda each: abs(each[0]))
        sign = "↑" if value > frame.height.high else "↓"
        about = "" if all(curve.is_exact for curve in shown) else "~"
        yield Part(f"{sign} {figure(value)} at step {about}{count(step)}", "warning", 1)
    if frame.height.is_logarithmic:
        yield Part("log scale" if width >= _WIDE else "log", "muted", 0)
    if factor := smoothing(curves, shown[0], view):
        yield Part(f"ema {factor:g}", "muted", 5)
    if view.is_zoomed:
        yield Part(f"zoom {1 / (view.end - view.start):.3g}×", "key", 4)


def _sign(curves: Curves, look: str) -> str:
    """Return how a curve is drawn: the validation as marks beside the training, and as a line without it."""
    return MARK if look == "valid" and len(curves.train) else _LINE
