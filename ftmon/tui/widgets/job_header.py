"""Which job, and how the wire to it is."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from math import inf

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Size

from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.safe import one_line
from ftmon.text import age
from ftmon.tui.widgets.line import Line, Part, fit, width_of

_SIGNS = {
    Wire.CONNECTING: ("◌", "waiting"),
    Wire.LIVE: ("●", "alive"),
    Wire.QUIET: ("◐", "alive"),
    Wire.POLLING: ("◔", "alive"),
    Wire.WAITING: ("↻", "warning"),
    Wire.CLOSED: ("■", "muted"),
    Wire.REFUSED: ("▲", "warning"),
    Wire.REPLAYING: ("▷", "alive"),
    Wire.RECORDED: ("■", "muted"),
}
"""No sign of the wire has the colour of a failed job."""

_SHORTEST_NAME = 8
_USUAL_BADGE = 13
"""As wide as the badge mostly is, so that the line is not laid out anew when the state changes."""


class JobHeader(Horizontal):
    """The job at the left and the badge at the right.

    The badge is a widget of its own, because Textual repaints a line from where its widget begins.
    """

    def compose(self) -> ComposeResult:
        """Name and badge."""
        yield JobName()
        yield Badge()

    def draw(self, run: Run | None, retry_at: datetime | None, now: datetime) -> None:
        """Show this run's job and wire."""
        name, badge = self.query_one(JobName), self.query_one(Badge)
        if run is None:
            name.show([Part("ftmon", "strong"), Part("no job is open", "muted", 1)])
            badge.show(())
            return
        model = [Part(one_line(run.job.model), "muted", 1)] if run.job and run.job.model else []
        name.show([Part(run.key.job_id, "strong"), *model])
        badge.show((), _badge(run, retry_at, now))


class JobName(Line):
    """The job's id, of which the end tells jobs apart where there is no room for all of it, and the model."""

    GAP = " · "

    def lay_out(self, width: int) -> Content:
        """Return what of id and model fits."""
        line = super().lay_out(width)
        if line.cell_length <= width or not self._left:
            return line
        name = self._left[0]
        return Content.styled(f"…{name.text[1 - width :]}" if width > 1 else "", f".{name.look}")


class Badge(Line):
    """The health of the wire, and the age of its last byte."""

    GAP = " · "

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Take what the badge needs, and leave the end of the id its room."""
        room = max(0, container.width - _SHORTEST_NAME)
        _, shown = fit((), self._right, room, self.GAP)
        return min(room, max(_USUAL_BADGE, width_of(shown, self.GAP)))

    @property
    def _needed(self) -> int:
        return max(_USUAL_BADGE, width_of(self._right, self.GAP))

    def show(self, left: Iterable[Part], right: Iterable[Part] = ()) -> None:
        """Show these parts; where they need another width, the name gives or takes it."""
        before = self._needed
        super().show(left, right)
        if self._needed != before:
            self.refresh(layout=True)


def _badge(run: Run, retry_at: datetime | None, now: datetime) -> Iterator[Part]:
    connection = run.connection
    sign, look = _SIGNS[connection.wire]
    if connection.wire is Wire.WAITING:
        wait = max(0, round((retry_at - now).total_seconds())) if retry_at else 0
        yield Part(f"{sign} retrying", look)
        if wait:
            yield Part(f"in {wait}s", look, 1)
        if connection.reason:
            yield Part(connection.reason, look, 2)
        if connection.attempt > 1:
            yield Part(f"attempt {connection.attempt}", "muted", 4)
        yield Part("the job itself may go on", "muted", 3)
        return
    if connection.wire is Wire.REPLAYING and connection.speed == inf:
        yield Part(f"{sign} reading", look)
        return
    if connection.wire is Wire.REPLAYING:
        yield Part(f"{sign} replay", look)
        yield Part(f"{connection.speed:g}×" if connection.speed else "halted", look, 1)
        return
    gave_up = connection.wire is Wire.REFUSED and connection.error and connection.error.exit_status != 4
    yield Part(f"{sign} {'gave up' if gave_up else connection.wire.value}", look)
    if run.heard_at and connection.wire in (Wire.LIVE, Wire.QUIET, Wire.POLLING):
        yield Part(age((now - run.heard_at).total_seconds()), "muted", 1)
