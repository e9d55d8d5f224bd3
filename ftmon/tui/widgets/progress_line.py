"""How far the job is."""

from datetime import datetime

from textual.content import Content

from ftmon.model.run import Run
from ftmon.text import left, percent
from ftmon.tui.look import STATUS_LOOKS
from ftmon.tui.widgets.line import Line, Part

_NARROWEST_BAR = 8


class ProgressLine(Line):
    """A bar as wide as there is room, the percentage and what is left."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = 0.0
        self._look = "faint"

    def draw(self, run: Run | None, now: datetime) -> None:
        """Show this run."""
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
        """Return the bar and what stands beside it."""
        parts = self._right
        while parts and width - self._beside(parts) < _NARROWEST_BAR:
            parts = parts[:-1]
        room = width - self._beside(parts)
        halves = min(2 * room, int(self._progress * 2 * room))
        full, half = divmod(halves, 2)
        bar = Content.assemble(
            ("━" * full + ("╸" if half else ""), f".{self._look}"), ("─" * (room - full - half), ".faint")
        )
        return Content.assemble(bar, self.GAP if parts else "", self.join(parts))

    def _beside(self, parts: tuple[Part, ...]) -> int:
        return sum(len(self.GAP) + len(part.text) for part in parts)
