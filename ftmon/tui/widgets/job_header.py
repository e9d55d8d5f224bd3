"""The header: which job is shown, and the state of the connection."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from math import inf
from urllib.parse import urlsplit

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Size

from ftmon.errors import FtmonError, GaveUpError, RefusedError
from ftmon.model.link import Link, links
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.providers import page_at
from ftmon.text import age, next_reading
from ftmon.tui.excerpt import excerpt
from ftmon.tui.widgets.line import Line, Part, fit, width_of

_SIGNS = {
    Wire.CONNECTING: ("◌", "waiting"),
    Wire.LIVE: ("●", "alive"),
    Wire.QUIET: ("◐", "waiting"),
    Wire.POLLING: ("◔", "alive"),
    Wire.WAITING: ("↻", "warning"),
    Wire.CLOSED: ("■", "muted"),
    Wire.REFUSED: ("▲", "warning"),
    Wire.REPLAYING: ("▷", "alive"),
    Wire.RECORDED: ("■", "muted"),
}
"""Sign and look of each connection state. None uses the colour of a failed job."""

_ENDS: dict[type[FtmonError], str] = {RefusedError: "refused", GaveUpError: "gave up"}
"""How the watching ended, by its error. With any other error, the service was not even asked."""

_SHORTEST_NAME = 8
"""Cells reserved for the end of the job id."""

_USUAL_BADGE = 13
"""Smallest width of the badge, in cells. Most states fit it, so a change of state needs no layout."""


class JobHeader(Horizontal):
    """The job on the left, the badge on the right.

    The badge is a widget of its own, because Textual repaints a row from the left edge of its widget.
    """

    def compose(self) -> ComposeResult:
        """Lay out the name and the badge."""
        yield JobName()
        yield Badge()

    def draw(self, run: Run | None, now: datetime) -> None:
        """Show the job and the connection of this run."""
        name, badge = self.query_one(JobName), self.query_one(Badge)
        if run is None:
            name.show([Part("ftmon", "strong"), Part("no job is open", "muted", 1)])
            badge.show(())
            return
        model = [Part(excerpt(run.job.model), "muted", 1)] if run.job and run.job.model else []
        pages = [Part(f"{link.name} ↗", "muted", 2, link.url) for link in links_of(run)]
        name.show([Part(run.key.job_id, "strong"), *model, *pages])
        badge.show((), _badge(run, now))


def links_of(run: Run) -> tuple[Link, ...]:
    """Return the web pages of the job: those that its service tells, and its page at a known provider."""
    told = run.job.links if run.job else ()
    page = page_at(urlsplit(run.key.service).hostname or "", run.key.job_id)
    return (*links(page=page), *told)


class JobName(Line):
    """The job id and the model. An id that does not fit keeps its end, which differs most between jobs."""

    GAP = " · "

    def lay_out(self, width: int) -> Content:
        """Return the id and model, or the end of the id if they do not fit."""
        line = super().lay_out(width)
        if line.cell_length <= width or not self._left:
            return line
        name = self._left[0]
        return Content.styled(f"…{name.text[1 - width :]}" if width > 1 else "", f".{name.look}")


class Badge(Line):
    """The state of the connection, and the time since its last byte."""

    GAP = " · "

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Return the width of the badge, leaving room for the end of the job id."""
        room = max(0, container.width - _SHORTEST_NAME)
        _, shown = fit((), self._right, room, self.GAP)
        return min(room, max(_USUAL_BADGE, width_of(shown, self.GAP)))

    @property
    def _needed(self) -> int:
        return max(_USUAL_BADGE, width_of(self._right, self.GAP))

    def show(self, left: Iterable[Part], right: Iterable[Part] = ()) -> None:
        """Show these parts. If their width changes, lay out the header again, so that the name adapts."""
        before = self._needed
        super().show(left, right)
        if self._needed != before:
            self.refresh(layout=True)


def _badge(run: Run, now: datetime) -> Iterator[Part]:
    connection = run.connection
    sign, look = _SIGNS[connection.wire]
    wait = (run.next_at - now).total_seconds() if run.next_at else None
    if connection.wire is Wire.WAITING:
        yield Part(f"{sign} retrying", look)
        if wait is not None and (seconds := round(wait)) > 0:
            yield Part(f"in {seconds}s", look, 1)
        if connection.reason:
            yield Part(excerpt(connection.reason), look, 2)
        if connection.attempt > 1:
            yield Part(f"attempt {connection.attempt}", "muted", 4)
        news = "its last events are awaited" if run.status.is_final else "the job may still be running"
        yield Part(news, "muted", 3)
        return
    if connection.wire is Wire.REPLAYING and connection.speed == inf:
        yield Part(f"{sign} reading", look)
        return
    if connection.wire is Wire.REPLAYING:
        yield Part(f"{sign} replay", look)
        yield Part(f"{connection.speed:g}×" if connection.speed else "paused", look, 1)
        return
    word = connection.wire.value
    if connection.error is not None:
        word = _ENDS.get(type(connection.error), "not watching")
    yield Part(f"{sign} {word}", look)
    if connection.wire is Wire.POLLING and wait is not None:
        yield Part(next_reading(wait), "muted", 1)
    elif run.heard_at and connection.is_in_touch:
        yield Part(age((now - run.heard_at).total_seconds()), "muted", 1)
    if connection.wire is Wire.POLLING and connection.reason:
        yield Part(f"no stream: {excerpt(connection.reason)}", "warning", 2)
