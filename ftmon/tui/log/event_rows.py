"""The events of a run, those that are shown of them, and how they are wrapped to the width of the list."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ftmon.model.event import Event
from ftmon.model.events import Events
from ftmon.text import until_next_step
from ftmon.tui.log.event_row import Columns, Times, ago_text, columns, row_pieces, row_text, shown_text
from ftmon.tui.log.rows import Rows, wrap

# Not imported, because the picture at the start is drawn before Textual is there.
if TYPE_CHECKING:
    from textual.selection import Selection

    from ftmon.tui.log.scan import Scan

_DATED_AFTER = timedelta(hours=12)


class EventRows:
    """Holds the events, and which of them are shown. It formats a row only when asked for it.

    An index counts all events from 0, a place only those that are shown.
    """

    def __init__(self) -> None:
        self.events = Events()
        self.columns = columns(80, Times.ABSOLUTE, False)
        self.is_dated = False
        """The run has events of another day, so the time of day alone would be ambiguous."""
        self._first_at: datetime | None = None
        """The time of the first event of the run."""
        self._shown: Scan | None = None
        """Finds the events that are shown; None while all are."""
        self._rows = Rows(self._heights)
        self._places = 0

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    @property
    def shown(self) -> Sequence[int]:
        """The indices of the events that are shown."""
        return range(self._places) if self._shown is None else self._shown.found

    @property
    def span_of_time(self) -> timedelta:
        """Time from the first event to the last, counting events that have a time."""
        first = next((event.created_at for event in self.events if event.created_at), None)
        last = next((event.created_at for event in reversed(self.events) if event.created_at), None)
        return max(timedelta(0), last - first) if first and last else timedelta(0)

    def extend(self, new: Sequence[Event], first_at: datetime | None = None) -> None:
        """Add events at the end. They have rows after the next `catch_up`.

        `first_at` is the time of the run's first event, where that is not among them.
        """
        if not self.events:
            self._first_at = first_at or (new[0].created_at if new else None)
        self.events.extend(new)

    def catch_up(self) -> bool:
        """Give rows to events that were added. Return whether any of them is shown.

        Raises:
            TimeoutError: if a regex of the filter takes far too long for some event.
        """
        if self._shown is not None:
            self._shown.run()
        before = self._places
        self._grow()
        return self._places > before

    def show(self, shown: "Scan | None") -> None:
        """Show the events that a scan finds, or all."""
        self._shown = shown
        self.wrap_again(self.columns)

    def wrap_again(self, columns: Columns) -> None:
        """Wrap the events for other columns."""
        self.columns = columns
        self._rows = Rows(self._heights)
        self._grow()

    def _grow(self) -> None:
        self._places = len(self.events if self._shown is None else self._shown.found)
        self._rows.grow(self._places)

    def settle(self, row: int, height: int) -> int:
        """Measure the rows in sight. Return by how many rows the first of them has moved down."""
        return self._rows.settle(row, height) if self._places else 0

    def settle_end(self, height: int) -> None:
        """Measure the last rows."""
        self._rows.settle_end(height)

    def update_is_dated(self, now: datetime) -> bool:
        """Set `is_dated` if the first event is over 12 hours old. Return whether that changed it."""
        if self.is_dated or self._first_at is None:
            return False
        self.is_dated = self._first_at < now - _DATED_AFTER
        return self.is_dated

    def index(self, row: int) -> int:
        """Return the index of the event in a row. Below the last row this is the last event shown."""
        return self.shown[self._rows.find(min(max(0, row), len(self) - 1))[0]]

    def find(self, row: int) -> tuple[int, int]:
        """Return the index of the event in a row, and the number of that row within the event, from 0."""
        place, line = self._rows.find(row)
        return self.shown[place], line

    def place(self, index: int) -> int:
        """Return the place of an event, or where it would be if it were shown."""
        return bisect_left(self.shown, index)

    def span(self, index: int) -> tuple[int, int]:
        """Return the first row of an event, and the row after its last. One not shown has no row."""
        place = self.place(index)
        first = self._rows.first_row(place)
        is_shown = place < self._places and self.shown[place] == index
        return first, self._rows.first_row(place + 1) if is_shown else first

    def pieces(self, row: int, age: str, *, is_marked: bool = False, taken: int = 0) -> list[tuple[str, str]]:
        """Return a row as texts with their looks. A shortened message leaves out the cells that are taken."""
        event, line = self._event(row)
        layout = self.columns._replace(message=self.columns.message - taken) if taken else self.columns
        return row_pieces(
            event, line, layout, age, has_estimates=self.events.has_estimates, is_marked=is_marked
        )

    def message(self, row: int) -> tuple[str, int, int]:
        """Return the message in a row as shown, and where in it the row begins and ends."""
        event, line = self._event(row)
        start, text = row_text(event, line, self.columns)
        return shown_text(event, self.columns), start, start + len(text)

    def age(self, row: int, now: datetime, *, is_first: bool) -> str:
        """Return the age to show in a row, padded. An age equal to the one above is left out.

        `is_first` marks the first visible row, which always shows its age.
        """
        width = self.columns.ago
        if not width:
            return ""
        place, line = self._rows.find(row)
        if line:
            return " " * width
        text = ago_text(self.events[self.shown[place]], now, self.columns)
        if not is_first and place and text == ago_text(self.events[self.shown[place - 1]], now, self.columns):
            return " " * width
        return text

    def until_next_age(self, row: int, now: datetime) -> float | None:
        """Return the seconds until the age of the event in a row changes, or None if it has no age."""
        if not self.columns.ago or not len(self):
            return None
        created_at = self.events[self.index(row)].created_at
        return until_next_step(max(0.0, (now - created_at).total_seconds())) if created_at else None

    def text(self, selection: "Selection") -> str:
        """Return the selected text as shown, without ages, with each event on its own line."""
        first = selection.start.y if selection.start else 0
        last = min(selection.end.y if selection.end else len(self), len(self) - 1)
        lines: list[str] = []
        for row in range(first, last + 1):
            start, end = selection.get_span(row) or (0, 0)
            # Leave ages out of the copy, because they go out of date. NUL keeps their place in the columns.
            pieces = self.pieces(row, "\0" * self.columns.ago)
            text = "".join(text for text, _ in pieces)[start : None if end == -1 else end].replace("\0", "")
            is_continued = self._rows.find(row)[1] > 0
            if is_continued and lines:
                lines[-1] += text[max(0, self.columns.indent - self.columns.ago - start) :]
            else:
                lines.append(text)
        return "\n".join(line.rstrip() for line in lines)

    def _event(self, row: int) -> tuple[Event, int]:
        index, line = self.find(row)
        return self.events[index], line

    def _heights(self, first: int, after: int) -> Iterator[int]:
        """Yield how many rows each place takes."""
        layout, events = self.columns, self.events
        width, is_wrapped = layout.message, layout.is_wrapped and not layout.is_brief
        for index in self.shown[first:after]:
            message = events.messages[index]
            is_one_row = len(message) <= width and message.isascii() and "\n" not in message
            yield 1 if is_one_row or not is_wrapped else len(wrap(shown_text(events[index], layout), width))
