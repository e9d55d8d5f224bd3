"""What the header tells: which job is shown, and the state of the connection."""

from collections.abc import Iterator
from datetime import datetime
from math import inf
from urllib.parse import urlsplit

from rich.cells import cell_len

from ftmon.errors import FtmonError, GaveUpError, RefusedError
from ftmon.model.link import Link, links
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.providers import page_at
from ftmon.text import brief_ago, next_reading
from ftmon.tui.excerpt import excerpt
from ftmon.tui.parts.part import Part, Piece, fit, laid_out, width_of

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

USUAL_BADGE = 17
"""Smallest width of the badge, in cells. Most states fit it, so a change of state needs no layout."""


GAP = " · "
"""Separates two parts of the header."""


def name_parts(run: Run | None) -> list[Part]:
    """Return the job, its model and its web pages."""
    if run is None:
        return [Part("ftmon", "strong"), Part("no job is open", "muted", 1)]
    model = [Part(excerpt(run.job.model), "muted", 1)] if run.job and run.job.model else []
    pages = [Part(f"{link.name} ↗", "muted", 2, link.url) for link in links_of(run)]
    return [Part(run.key.job_id, "strong"), *model, *pages]


def links_of(run: Run) -> tuple[Link, ...]:
    """Return the web pages of the job: those that its service tells, and its page at a known provider."""
    told = run.job.links if run.job else ()
    page = page_at(urlsplit(run.key.service).hostname or "", run.key.job_id)
    return (*links(page=page), *told)


def name_pieces(parts: tuple[Part, ...], width: int) -> list[Piece]:
    """Return the name for a width, in cells. An id that does not fit keeps its end, which differs most."""
    pieces = laid_out(parts, (), width, GAP)
    if not parts or sum(cell_len(piece.text) for piece in pieces) <= width:
        return pieces
    name = parts[0]
    return [Piece(f"…{name.text[1 - width :]}" if width > 1 else "", name.look)]


def badge_width(parts: tuple[Part, ...], header: int) -> int:
    """Return the width of the badge in a header, in cells, leaving room for the end of the job id."""
    room = max(0, header - _SHORTEST_NAME)
    _, shown = fit((), parts, room, GAP)
    return min(room, max(USUAL_BADGE, width_of(shown, GAP)))


def badge_parts(run: Run, now: datetime) -> Iterator[Part]:
    """Yield the state of the connection, and the time since its last byte."""
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
        yield Part(brief_ago((now - run.heard_at).total_seconds()), "muted", 1)
    if connection.wire is Wire.POLLING and connection.reason:
        yield Part(f"no stream: {excerpt(connection.reason)}", "warning", 2)
