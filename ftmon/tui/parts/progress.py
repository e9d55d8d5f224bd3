"""What the row of the progress tells: a bar, the percentage, and the time left."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from rich.cells import cell_len

from ftmon.model.run import Run
from ftmon.text import age, left, percent, source
from ftmon.tui.parts.part import Part, Piece, joined
from ftmon.tui.parts.status import status_look

_NARROWEST_BAR = 8
"""Smallest width of the bar, in cells."""

_GOOD_BAR = 32
"""Width of the bar that is not given up for a part that matters less."""


class Progress(NamedTuple):
    """A bar, and the parts to its right."""

    share: float = 0.0
    """The part of the bar that is full."""
    look: str = "faint"
    """The look of that part."""
    parts: tuple[Part, ...] = ()


def progress_of(run: Run | None, now: datetime) -> Progress:
    """Return the progress of a run, and if there is an estimate, the time left and its source."""
    if run is None:
        return Progress()
    # A service may tell the time left and no more.
    outlook = tuple(_outlook(run, now))
    if run.progress is None:
        return Progress(parts=outlook)
    look = status_look(run, now)
    return Progress(run.progress, look, (Part(f"{percent(run.progress):>3}", look), *outlook))


def progress_pieces(progress: Progress, width: int, gap: str) -> list[Piece]:
    """Return a row of a width, in cells. Parts are dropped before the bar gets too narrow."""
    parts = progress.parts
    while parts:
        least = _GOOD_BAR if parts[-1].rank > 1 else _NARROWEST_BAR
        if width - _width_of(parts, gap) >= least:
            break
        parts = parts[:-1]
    room = width - _width_of(parts, gap)
    full, half = divmod(min(2 * room, int(progress.share * 2 * room)), 2)
    bar = Piece("━" * full + ("╸" if half else ""), progress.look)
    return [bar, Piece("─" * (room - full - half), "faint"), Piece(gap if parts else ""), *joined(parts, gap)]


def _width_of(parts: tuple[Part, ...], gap: str) -> int:
    """Return the cells that the parts take to the right of the bar, with their gaps."""
    return sum(len(gap) + cell_len(part.text) for part in parts)


def _outlook(run: Run, now: datetime) -> Iterator[Part]:
    """Yield how long it will take, or why nobody knows."""
    remaining, silence = run.remaining(now), run.silence(now)
    if remaining is not None:
        is_told = run.told_remaining(now) is not None
        yield Part(left(remaining), "muted", 1)
        yield Part(source(run.key.service, is_told=is_told), "muted", 2)
    elif silence is not None:
        yield Part(f"no progress for {age(silence)}", "waiting", 1)
    elif run.is_trained and run.connection.is_in_touch and not run.status.is_final:
        yield Part("trained, not over yet", "muted", 1)
