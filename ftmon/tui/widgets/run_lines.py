"""The rows that tell of a run: its status, its progress, its losses, and the title of its log."""

from datetime import datetime

from textual.reactive import var

from ftmon.model.run import Run
from ftmon.tui.log.standing import Standing
from ftmon.tui.parts.log_title import title_parts
from ftmon.tui.parts.losses import loss_parts
from ftmon.tui.parts.part import Piece, laid_out
from ftmon.tui.parts.progress import Progress, progress_of, progress_pieces
from ftmon.tui.parts.status import status_gap, status_parts
from ftmon.tui.widgets.line import Line


class StatusLine(Line):
    """Status, phase, queue, epoch, step, pace, cost and time of a run."""

    def draw(
        self,
        run: Run | None,
        now: datetime,
        *,
        with_percent: bool,
        with_losses: bool = False,
        is_unrecorded: bool = False,
    ) -> None:
        """Show the status of this run; the other arguments are those of `status_parts`."""
        parts = (
            status_parts(
                run,
                now,
                self.size.width,
                with_percent=with_percent,
                with_losses=with_losses,
                is_unrecorded=is_unrecorded,
            )
            if run
            else ()
        )
        self.show(parts)

    def lay_out(self, width: int) -> list[Piece]:
        """Return the line, with small gaps where it is narrow."""
        return laid_out(self._left, self._right, width, status_gap(width))


class ProgressLine(Line):
    """A bar that fills the row, the percentage, and if there is an estimate, the time left and its source."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = Progress()

    def draw(self, run: Run | None, now: datetime) -> None:
        """Show the progress of this run."""
        before, self._progress = self._progress, progress_of(run, now)
        if self._progress[:2] != before[:2]:
            self.refresh()
        self.show((), self._progress.parts)

    def lay_out(self, width: int) -> list[Piece]:
        """Return the bar and the parts to its right."""
        return progress_pieces(self._progress, width, self.GAP)


class LossLine(Line):
    """First and last value of both curves, each with a sparkline if there is room."""

    is_wanted: var[bool] = var(True)
    """The user wants to see them."""

    def draw(self, run: Run | None, *, with_sparklines: bool) -> None:
        """Show the losses of this run."""
        self.show(loss_parts(run, with_sparklines=with_sparklines) if run else ())


class LogTitle(Line):
    """A horizontal rule with the counts in it. Below the chart it is the border that the mouse moves."""

    FILL = "─"
    ALLOW_SELECT = False

    def draw(self, run: Run | None, standing: Standing) -> None:
        """Show the counts of this run, and how the log stands."""
        # In small terminals the title is hidden, but never while events are.
        self.set_class(standing.is_finding, "-finding")
        self.show(*title_parts(run, standing))
