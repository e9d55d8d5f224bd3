"""What the row of the losses, or the rewards, tells."""

from collections.abc import Iterator

from ftmon import text
from ftmon.model.curve import Curve
from ftmon.model.key import LOCAL
from ftmon.model.run import Run
from ftmon.tui.parts.part import Part

_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 24

_MANY_LINES = 50
"""Lines of a run of this machine after which it is told that no losses are among them."""


def lacks_figures(run: Run) -> bool:
    """Whether a run of this machine has told much, or all, and no figure that could be drawn."""
    has_told = run.events >= _MANY_LINES or (run.is_job_over and run.events > 0)
    return run.key.service == LOCAL and has_told and not run.series.has_values


def loss_parts(run: Run, *, with_sparklines: bool) -> list[Part]:
    """Return first and last value of both curves, each with a sparkline if there is room.

    A run of this machine without any figure is told what ftmon reads.
    """
    if lacks_figures(run):
        words = "ftmon reads lines such as step 10/500: loss=0.85"
        return [Part("no losses found", "warning"), Part(words, "muted", 1)]
    name, train, valid = run.curves
    series = [*_series("train", train, 0, with_sparklines), *_series("valid", valid, 2, with_sparklines)]
    return [Part(name, "muted", 1), *series] if series else []


def _series(name: str, curve: Curve, rank: int, with_sparkline: bool) -> Iterator[Part]:
    if course := text.course(name, curve):
        yield Part(course, "warning" if curve.has_diverged else name, rank)
    if with_sparkline and len(curve.buckets) > 1:
        yield Part(sparkline([bucket.last for bucket in curve.buckets], _SPARK_WIDTH), name, 3 + rank)


def sparkline(values: list[float], width: int) -> str:
    """Return at most `width` block characters. With more values, each block shows the last of its group."""
    shown = (
        values
        if len(values) <= width
        else [values[(column + 1) * len(values) // width - 1] for column in range(width)]
    )
    low, high = min(shown), max(shown)
    # In quarters, because the difference of two large values may be infinite. Divided by the span, because
    # the inverse of a tiny one is infinite too.
    span = high / 4 - low / 4 or 1.0
    return "".join(_BLOCKS[round((value / 4 - low / 4) / span * (len(_BLOCKS) - 1))] for value in shown)
