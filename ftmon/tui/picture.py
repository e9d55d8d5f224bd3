"""The picture at the start: the rows of the main screen, before Textual is there to lay them out.

Each row has its final place. What is costly to draw so early is left empty: the chart, the keys, the scroll
bar. `tests/tui/test_opening.py` compares it with the screen, whose stylesheet has the same rules.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.tui.breakpoints import FLAT, HUGE, MEDIUM, NARROW, ROOMY, SHORT, TALL
from ftmon.tui.chart.room import is_beside, is_wanted
from ftmon.tui.emptiness import centred, emptiness
from ftmon.tui.layout import Layout
from ftmon.tui.log.event_row import columns
from ftmon.tui.log.event_rows import EventRows
from ftmon.tui.log.standing import Standing
from ftmon.tui.opening import Opening
from ftmon.tui.parts.header import GAP as BADGE_GAP
from ftmon.tui.parts.header import badge_parts, badge_width, name_parts, name_pieces
from ftmon.tui.parts.log_title import title_parts
from ftmon.tui.parts.losses import loss_parts
from ftmon.tui.parts.part import Piece, filled, laid_out
from ftmon.tui.parts.progress import progress_of, progress_pieces
from ftmon.tui.parts.status import status_gap, status_parts

_GAP = "   "

_NARROWEST_LOG = 80
"""The smallest width of the log beside the chart, in cells."""

_MOST_OF_ALL = 0.75
"""The share of the room that the chart has at most."""


class Row(NamedTuple):
    """A row of the picture."""

    pieces: Sequence[Piece] = ()
    background: str = "background"
    """One of the colours of a theme."""


class Size(NamedTuple):
    """A size in cells."""

    width: int
    height: int


class Picture:
    """Lays out what is known of a job as a screen of a size does, which the user has arranged so."""

    def __init__(self, opening: Opening, layout: Layout, size: Size, now: datetime) -> None:
        self._opening = opening
        self._layout = layout
        self._size = size
        self._now = now
        run = opening.run
        self._is_charted = run is not None and bool(run.series.lines) and is_wanted(layout.view, *size)

    def rows(self) -> list[Row]:
        """Return the rows from top to bottom."""
        width, height = self._size
        above = list(self._above())
        keys = [Row(background="panel")] if height >= SHORT else []
        room = height - len(above) - len(keys)
        padding = 1 if self._is_charted and height >= (ROOMY if is_beside(width) else TALL) else 0
        below = list(self._panes(Size(width, room - padding)))
        return [*above, *[Row()] * padding, *below, *keys]

    def _above(self) -> Iterator[Row]:
        """Yield the rows above the chart and the log."""
        run, (width, height) = self._opening.run, self._size
        inner = max(0, width - 2)
        if height >= FLAT:
            yield Row(self._header(), "panel")
        if height >= ROOMY:
            yield Row()
        losses: Sequence[Piece] = ()
        if run is not None and height >= MEDIUM and self._layout.has_losses and not self._is_charted:
            losses = laid_out(tuple(loss_parts(run, with_sparklines=True)), (), inner, _GAP)
        yield self._status(with_losses=not any(piece.look for piece in losses) and not self._is_charted)
        if height >= SHORT:
            yield _padded(progress_pieces(progress_of(run, self._now), inner, _GAP))
        if any(piece.look for piece in losses):
            if height >= TALL:
                yield Row()
            yield _padded(losses if self._opening.is_whole else ())

    def _header(self) -> list[Piece]:
        run, inner = self._opening.run, max(0, self._size.width - 2)
        badge = tuple(badge_parts(run, self._now)) if run else ()
        beside = badge_width(badge, inner)
        room = max(0, inner - beside)
        name = name_pieces(tuple(name_parts(run)), max(0, room - 2))
        return [Piece(" "), *filled(name, room), *filled(laid_out((), badge, beside, BADGE_GAP), beside)]

    def _status(self, *, with_losses: bool) -> Row:
        run, (width, height) = self._opening.run, self._size
        padding = 1 if width >= NARROW else 0
        inner = width - 2 * padding
        if run is None:
            return Row()
        parts = status_parts(run, self._now, inner, with_percent=height < SHORT, with_losses=with_losses)
        return Row((Piece(" " * padding), *laid_out(tuple(parts), (), inner, status_gap(inner))))

    def _panes(self, room: Size) -> Iterator[Row]:
        """Yield the rows of the log, and the empty place of the chart beside or above it."""
        if not self._is_charted:
            yield from self._log(room)
            return
        share = self._layout.split.share(is_beside=is_beside(room.width))
        if is_beside(room.width):
            log = max(_NARROWEST_LOG, room.width - room.width * 3 // 5)
            chart = room.width - log if share is None else int(room.width * share)
            empty = Piece(" " * chart), Piece("│", "faint")
            for row in self._log(Size(room.width - chart - 1, room.height)):
                yield Row((*empty, *row.pieces))
        else:
            height = self._size.height
            usual = 14 if height >= HUGE else 9 if height >= TALL else 7
            chart = int(min(usual if share is None else room.height * share, room.height * _MOST_OF_ALL))
            yield from [Row()] * chart
            yield from self._log(Size(room.width, room.height - chart))

    def _log(self, room: Size) -> Iterator[Row]:
        """Yield the rows of the log, with its title."""
        width, height = self._size
        title = [Row()] if height >= ROOMY and not (self._is_charted and is_beside(width)) else []
        if height >= MEDIUM:
            left, right = title_parts(self._opening.run, Standing())
            parts = laid_out(tuple(left), tuple(right), max(0, room.width - 2), _GAP, "─")
            title.append(_padded(parts))
        yield from title
        padding = 1 if width >= NARROW else 0
        inside = Size(room.width - padding - 1, room.height - len(title))
        for pieces in self._events(inside) if self._opening.events else self._words(inside):
            yield Row((Piece(" " * padding), *(Piece(*piece) for piece in pieces)))

    def _events(self, room: Size) -> Iterator[list[tuple[str, str]]]:
        layout, rows = self._layout, EventRows()
        rows.extend(self._opening.events, self._opening.first_at)
        rows.update_is_dated(self._now)
        rows.catch_up()
        fitting = columns(room.width, layout.times, rows.is_dated)
        rows.wrap_again(fitting if layout.is_wrapped else fitting._replace(is_wrapped=False, is_brief=False))
        rows.settle_end(room.height)
        first = max(0, len(rows) - room.height)
        for row in range(first, first + room.height):
            is_there = row < len(rows)
            yield rows.pieces(row, rows.age(row, self._now, is_first=row == first)) if is_there else []

    def _words(self, room: Size) -> Iterator[list[tuple[str, str]]]:
        words = _waiting(self._opening.run)
        for y in range(room.height):
            row = centred(words, y, *room)
            yield [row] if row else []


def _waiting(run: Run | None) -> list[tuple[str, str]]:
    if run is None or run.connection.wire is not Wire.CONNECTING:
        return list(emptiness(run))
    return [("opening …", "strong"), (run.key.service, "muted")]


def _padded(pieces: Sequence[Piece]) -> Row:
    return Row((Piece(" "), *pieces))
