"""The progress of the job in one row."""

from datetime import datetime

from textual.content import Content

from ftmon.model.run import Run
from ftmon.text import left, percent
from ftmon.tui.look import STATUS_LOOKS
from ftmon.tui.widgets.line import Line, Part

_NARROWEST_BAR = 8
"""Smallest width of the bar, in cells."""


class ProgressLine(Line):
    """A bar that fills the row, the percentage, and the estimated time left."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = 0.0
        self._look = "faint"

    def draw(self, run: Run | None, now: datetime) -> None:
        """Show the progress of this run."""
        progress = run.progress if run else None
        look = STATUS_LOOKS[run.status] if run and progress is not None else "faint"
        parts = []
        if run and progress is not None:
            parts.append(Part(f"{percent(progress):>3}", look))
            remaining = run.remaining(now)
            if remaining is not None and progress < 1:
                parts.append(Part(left(remaining), "muted", 1))
        if (progress or 0.0, look) != (self._progress, self._look):
            self._progress, self._look = progress or 0.0, look
            self.refresh()
        self.show((), parts)

    def lay_out(self, width: int) -> Content:
        """Return the bar and the parts to its right. Parts are dropped before the bar gets too narrow."""
        parts = self._right
        while parts and width - self._width_beside(parts) < _NARROWEST_BAR:
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
