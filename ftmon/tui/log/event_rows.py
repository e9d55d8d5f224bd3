"""All events of a run, wrapped to the width of the list."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from textual.selection import Selection

from ftmon.model.event import Event
from ftmon.text import until_next_step
from ftmon.tui.log.event_row import Columns, Times, ago_text, columns, row_pieces, shown_text
from ftmon.tui.log.rows import Rows, wrap

_DATED_AFTER = timedelta(hours=12)


class EventRows:
    """Holds the events and how many rows each takes. It formats a row only when asked for it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.columns = columns(80, Times.BOTH, False)
        self.is_dated = False
        """The run has events of another day, so the time of day alone would be ambiguous."""
        self.has_estimates = False
        """The times of some events are estimated."""
        self._rows = Rows()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def extend(self, new: Iterable[Event]) -> None:
        """Add events at the end."""
        width = self.columns.message
        for event in new:
            self.events.append(event)
            self.has_estimates = self.has_estimates or event.is_estimated
            message = event.message
            is_one_row = len(message) <= width and message.isascii() and "\n" not in message
            self._rows.add(1 if is_one_row else len(wrap(shown_text(event), width)))

    @property
    def span_of_time(self) -> timedelta:
        """Time from the first event to the last, counting events that have a time."""
        first = next((event.created_at for event in self.events if event.created_at), None)
        last = next((event.created_at for event in reversed(self.events) if event.created_at), None)
        return max(timedelta(0), last - first) if first and last else timedelta(0)

    def wrap_again(self, columns: Columns) -> None:
        """Wrap every event for other columns."""
        self.columns = columns
        self._rows = Rows()
        present, self.events = self.events, []
        self.extend(present)

    def update_is_dated(self, now: datetime) -> bool:
        """Set `is_dated` if the first event is over 12 hours old. Return whether that changed it."""
        if self.is_dated or not self.events or self.events[0].created_at is None:
            return False
        self.is_dated = self.events[0].created_at < now - _DATED_AFTER
        return self.is_dated

    def index(self, row: int) -> int:
        """Return the index of the event in a row. Below the last row this is the last event."""
        return self._rows.find(min(max(0, row), len(self) - 1))[0]

    def span(self, index: int) -> tuple[int, int]:
        """Return the first row of an event, and the row after its last."""
        return self._rows.first_row(index), self._rows.first_row(index + 1)

    def pieces(self, row: int, age: str) -> list[tuple[str, str]]:
        """Return a row as texts with their looks."""
        index, line = self._rows.find(row)
        return row_pieces(self.events[index], line, self.columns, age, has_estimates=self.has_estimates)

    def age(self, row: int, now: datetime, *, is_first: bool) -> str:
        """Return the age to show in a row, padded. An age equal to the one above is left out.

        `is_first` marks the first visible row, which always shows its age.
        """
        width = self.columns.ago
        index, line = self._rows.find(row)
        if not width or line:
            return " " * width
        text = ago_text(self.events[index], now, self.columns)
        if not is_first and index and text == ago_text(self.events[index - 1], now, self.columns):
            return " " * width
        return text

    def until_next_age(self, row: int, now: datetime) -> float | None:
        """Return the seconds until the age of the event in a row changes, or None if it has no age."""
        if not self.columns.ago or not self.events:
            return None
        created_at = self.events[self.index(row)].created_at
        return until_next_step(max(0.0, (now - created_at).total_seconds())) if created_at else None

    def text(self, selection: Selection) -> str:
        """Return the selected text as shown, without ages, with each event on its own line."""
        if not self.events:
            return ""
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
