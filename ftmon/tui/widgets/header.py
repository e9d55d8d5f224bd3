"""The header: which job is shown, and the state of the connection."""

from collections.abc import Iterable
from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.geometry import Size

from ftmon.model.run import Run
from ftmon.tui.parts.header import (
    GAP,
    USUAL_BADGE,
    badge_parts,
    badge_width,
    name_parts,
    name_pieces,
)
from ftmon.tui.parts.part import Part, Piece, width_of
from ftmon.tui.widgets.line import Line


class JobHeader(Horizontal):
    """The job on the left, the badge on the right.

    The badge is a widget of its own, because Textual repaints a row from the left edge of its widget.
    """

    def __init__(self) -> None:
        super().__init__()
        self._job, self._badge = JobName(), Badge()

    def compose(self) -> ComposeResult:
        """Lay out the name and the badge."""
        yield self._job
        yield self._badge

    def draw(self, run: Run | None, now: datetime) -> None:
        """Show the job and the connection of this run."""
        self._job.show(name_parts(run))
        self._badge.show((), badge_parts(run, now) if run else ())


class JobName(Line):
    """The job id and the model."""

    def lay_out(self, width: int) -> list[Piece]:
        """Return the id and model, or the end of the id if they do not fit."""
        return name_pieces(self._left, width)


class Badge(Line):
    """The state of the connection, and the time since its last byte."""

    GAP = GAP

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Return the width of the badge."""
        return badge_width(self._right, container.width)

    @property
    def _needed(self) -> int:
        return max(USUAL_BADGE, width_of(self._right, self.GAP))

    def show(self, left: Iterable[Part], right: Iterable[Part] = ()) -> None:
        """Show these parts. If their width changes, lay out the header again, so that the name adapts."""
        before = self._needed
        super().show(left, right)
        if self._needed != before:
            self.refresh(layout=True)
