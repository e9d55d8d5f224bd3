"""The progress of the job in one row."""

from collections.abc import Iterator
from datetime import datetime

from textual.content import Content

from ftmon.model.run import Run
from ftmon.text import age, left, percent, source
from ftmon.tui.widgets.line import Line, Part
from ftmon.tui.widgets.status_line import status_look

_NARROWEST_BAR = 8
"""Smallest width of the bar, in cells."""

_GOOD_BAR = 32
"""Width of the bar that is not given up for a part that matters less."""


class ProgressLine(Line):
    """A bar that fills the row, the percentage, and if there is an estimate, the time left and its source."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = 0.0
        self._look = "faint"

    def draw(self, run: Run | None, now: datetime) -> None:
        """Show the progress of this run."""
        progress = run.progress if run else None
        look, parts = "faint", list[Part]()
        if run and progress is not None:
            look = status_look(run, now)
            parts.append(Part(f"{percent(progress):>3}", look))
        if run:
            # A service may tell the time left and no more.
            parts += _outlook(run, now)
        if (progress or 0.0, look) != (self._progress, self._look):
            self._progress, self._look = progress or 0.0, look
            self.refresh()
        self.show((), parts)

    def lay_out(self, width: int) -> Content:
        """Return the bar and the parts to its right. Parts are dropped before the bar gets too narrow."""
        parts = self._right
        while parts:
            least = _GOOD_BAR if parts[-1].rank > 1 else _NARROWEST_BAR
            if width - self._width_beside(parts) >= least:
                break
            parts = parts[:-1]
        room = width - self._width_beside(parts)
        halves = min(2 * room, int(self._progress * 2 * room))
        full, half = divmod(halves, 2)
        bar = Content.assemble(
            ("━" * full + ("╸" if half else ""), f".{self._look}"), ("─" * (room - full - half), ".faint")
        )
        return Content.assemble(bar, self.GAP if parts else "", self.join(parts))

    def _width_beside(self, parts: tuple[Part, ...]) -> int:
        """Return the cells that the parts take to the right of the bar, with their gaps."""
        return sum(len(self.GAP) + len(part.text) for part in parts)


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
