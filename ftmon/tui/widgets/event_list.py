"""A scrolling list of events that follows the newest one. It renders only the visible rows."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive, var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from ftmon.model.event import Event
from ftmon.tui.emptiness import NOT_SHOWN, centred
from ftmon.tui.log.chip import Chip, place, words
from ftmon.tui.log.event_row import Columns, Times, columns
from ftmon.tui.log.event_rows import EventRows
from ftmon.tui.log.finder import Finder
from ftmon.tui.log.time_limit import time_limit
from ftmon.tui.look import overlaid, rich_style

_LONGEST_LOOK = 0.05
"""Seconds of CPU time that it may take to find what was searched for in a message that is drawn."""

_MOST_STRIPS = 500
"""Rows that are kept as they were drawn: more than a screen has."""


class EventList(ScrollView, can_focus=True, inherit_bindings=False):
    """Draws the events and lays them out. It knows no keys."""

    ALLOW_SELECT = True

    following: var[bool] = var(True)
    """Follow mode: the list scrolls to each new event."""
    times: var[Times] = var(Times.ABSOLUTE)
    """Which time columns are shown."""
    is_wrapped: var[bool] = var(True)
    """Long messages go on in further rows, or are shortened where the list is narrow."""
    left: var[int] = var(0)
    """Characters of each message that are scrolled out at the left, while they are not wrapped."""
    chosen: reactive[int | None] = reactive(None)
    """The index of the event that the user is at."""

    class Changed(Message):
        """The title of the list has something new to tell."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._rows = EventRows()
        self.finder = Finder(self._rows.events)
        self._seen = 0
        """Number of events when follow mode last changed."""
        self._is_over = False
        """No more events follow."""
        self._painted_chip: Chip | None = None
        self._empty: list[tuple[str, str]] = []
        """Lines to show while there are no events, each with its look."""
        self._ages: dict[int, str] = {}
        """The age painted in each visible row, by its y."""
        self._look_styles: dict[tuple[str, ...], Style] = {}
        self._strips: dict[tuple[object, ...], Strip] = {}
        """Rows as they were drawn, by all that they depend on but the events and their columns."""

    @property
    def _width(self) -> int:
        """Width in cells without the scroll bar, which `size` includes."""
        return self.scrollable_content_region.width

    @property
    def is_settled(self) -> bool:
        """Whether the rows are those of the present size, and nothing is about to move."""
        return (self.is_at_end or not self.following) and self._columns == self._rows.columns

    @property
    def is_at_end(self) -> bool:
        """Whether the last row is in sight."""
        return self.scroll_y >= self.max_scroll_y

    @property
    def unseen(self) -> int:
        """Number of events added since follow mode was left, of those that are shown."""
        return 0 if self.following else len(self._rows.shown) - self._rows.place(self._seen)

    @property
    def span(self) -> timedelta:
        """Time from the first event to the last, counting events that have a time."""
        return self._rows.span_of_time

    def clear(self) -> None:
        """Remove all events and follow the end again, to show another run. Filter and search stay."""
        self._rows = EventRows()
        self.finder.begin(self._rows.events)
        self._rows.show(self.finder.coming)
        self.finder.coming = None
        self.chosen = None
        self.following = True
        self._lay_out()

    def extend(self, new: Sequence[Event], first_at: datetime | None = None) -> None:
        """Add events at the end. They appear at the next `paint`. See `EventRows.extend`."""
        self._rows.extend(new, first_at)

    def replace(self, events: Sequence[Event], before: int) -> None:
        """Show these events, of which the present ones are a part that so many others precede.

        Whoever has scrolled stays at their event.
        """
        top = self._rows.index(self.scroll_offset.y) + before if len(self._rows) else 0
        chosen, is_following = self.chosen, self.following
        self.clear()
        self.extend(events)
        if not is_following:
            self._rows.catch_up()
            self.chosen = None if chosen is None else chosen + before
            self.set_following(False)
            self._settle_at(top)

    def paint(self, *, is_over: bool) -> None:
        """Show events added since the last call. While scrolled up, repaint only the count of new ones."""
        if self._rows.update_is_dated(self._now()):
            self._lay_out()
        if is_over != self._is_over:
            self._is_over = is_over
            self.refresh()
            self.refresh_bindings()
        was_empty = not len(self._rows)
        if not self._rows.catch_up():
            return
        self._set_row_count()
        if self.following:
            self._go_to_end()
        if self.following or was_empty:
            self.refresh()
        else:
            for chip in filter(None, (self._painted_chip, self._chip())):
                self.refresh(Region(0, chip.y, self._width, 1))

    def show_empty(self, lines: list[tuple[str, str]]) -> None:
        """Set the lines, each with its look, to show in the middle while there are no events."""
        if lines != self._empty:
            self._empty = lines
            if not self._rows.events:
                self.refresh()

    def refresh_ages(self) -> None:
        """Repaint the visible ages whose text has changed."""
        now, layout = self._now(), self._rows.columns
        for y, painted in list(self._ages.items()):
            if self._age(y, now) != painted:
                self.refresh(Region(layout.clock, y, layout.ago, 1))

    def until_next_age(self, now: datetime) -> float | None:
        """Return the seconds until the newest visible age changes, or None if no age is visible."""
        return self._rows.until_next_age(self.scroll_offset.y + self.size.height - 1, now)

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Render one visible row."""
        width = self._width
        row = self.scroll_offset.y + y
        if not len(self._rows):
            return self._centred(y)
        self._painted_chip = chip = self._chip()
        strip = Strip([])
        if row < len(self._rows):
            self._ages[y] = age = self._age(y, self._now())
            is_brief = self._rows.columns.is_brief
            taken = chip.width + 1 if chip is not None and chip.y == y and is_brief else 0
            strip = self._strip(row, age, taken)
        if chip is None or chip.y != y:
            return strip.adjust_cell_length(width, self._style(""))
        start = strip.adjust_cell_length(width - chip.width, self._style(""))
        return Strip.join([start, Strip([Segment(chip.text, self._style("chip"))])])

    def _strip(self, row: int, age: str, taken: int) -> Strip:
        """Return a row of the log. It is kept, because all rows move up when a line comes.

        `taken` is how many cells at its end a shortened message has no room in.
        """
        index, line = self._rows.find(row)
        is_chosen, is_marked = index == self.chosen, index in self.finder.marks
        key = (row, index, line, age, taken, is_chosen, is_marked, self._rows.events.has_estimates)
        is_plain = self.finder.pattern is None and self.text_selection is None
        if is_plain and key in self._strips:
            return self._strips[key]
        background = "chosen" if is_chosen else ""
        pieces = self._rows.pieces(row, age, is_marked=is_marked, taken=taken)
        segments = [Segment(text, self._style(look, background)) for text, look in pieces]
        for span in self._hits(row, index):
            segments = overlaid(segments, *span, self._style("hit"))
        if (selection := self.text_selection) and (selected := selection.get_span(row)):
            segments = overlaid(segments, *selected, self._style("screen--selection"))
        strip = Strip(segments).apply_offsets(0, row)
        strip = strip.adjust_cell_length(self._width, self._style(background))
        if is_plain:
            if len(self._strips) >= _MOST_STRIPS:
                self._strips.clear()
            self._strips[key] = strip
        return strip

    def _hits(self, row: int, index: int) -> Iterator[tuple[int, int]]:
        """Yield where in a row stands what is searched for, in characters."""
        pattern, hits = self.finder.pattern, self.finder.hits
        # A message that was not looked at yet may take a regex too long.
        if pattern is None or hits is None or index >= hits.done:
            return
        message, start, end = self._rows.message(row)
        spans: list[tuple[int, int]] = []
        try:
            with time_limit(_LONGEST_LOOK):
                spans = list(pattern.spans(message))
        except TimeoutError:
            return
        indent = self._rows.columns.indent
        for first, after in spans:
            if first < end and after > start:
                yield indent + max(first, start) - start, indent + min(after, end) - start

    def _age(self, y: int, now: datetime) -> str:
        return self._rows.age(self.scroll_offset.y + y, now, is_first=y == 0)

    def _chip(self) -> Chip | None:
        if self.following or (self._is_over and self.is_at_end):
            return None
        texts = words(self.unseen, is_over=self._is_over)
        chip = place(texts, self.size.height, self._room)
        if chip is None and self._rows.columns.is_brief and self.size.height:
            # A message that is shortened anyway makes room.
            return Chip(self.size.height - 1, texts[-1])
        return chip

    def _room(self, y: int) -> int:
        """Return the free cells at the end of a visible row."""
        row = self.scroll_offset.y + y
        pieces = self._rows.pieces(row, self._age(y, self._now())) if row < len(self._rows) else []
        return self._width - cell_len("".join(text for text, _ in pieces).rstrip())

    def _centred(self, y: int) -> Strip:
        row = centred(NOT_SHOWN if self._rows.events else self._empty, y, self._width, self.size.height)
        segments = [] if row is None else [Segment(row[0], self._style(row[1]))]
        return Strip(segments).adjust_cell_length(self._width, self._style())

    def _style(self, *looks: str) -> Style:
        if looks not in self._look_styles:
            self._look_styles[looks] = rich_style(self, *looks)
        return self._look_styles[looks]

    def notify_style_update(self) -> None:
        """Repaint with the colours of the new theme."""
        super().notify_style_update()
        self._look_styles.clear()
        self._strips.clear()
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text."""
        text = self._rows.text(selection)
        return (text, "\n") if text else None

    # Layout

    def _set_row_count(self) -> None:
        """Set the number of rows to scroll through. Bypass `virtual_size`, which would trigger a layout."""
        self.set_reactive(Widget.virtual_size, Size(self._width, len(self._rows)))
        self.vertical_scrollbar.window_virtual_size = len(self._rows)

    @property
    def _columns(self) -> Columns:
        """The columns for the present width."""
        fitting = columns(self._width, self.times, self._rows.is_dated)
        if self.is_wrapped:
            return fitting
        return fitting._replace(is_wrapped=False, is_brief=False, left=self.left)

    def _lay_out(self) -> None:
        """Wrap every event again, for a new width or other columns. The event at the top stays there."""
        top = self._rows.index(self.scroll_offset.y) if len(self._rows) else 0
        self._rows.wrap_again(self._columns)
        self._settle_at(top)

    def _settle_at(self, top: int) -> None:
        """Go to the end while following, else put this event at the top."""
        self._ages.clear()
        self._strips.clear()
        self.screen.clear_selection()
        self._set_row_count()
        if self.following:
            self._go_to_end()
        else:
            first = self._rows.span(top)[0]
            self._set_row_count()
            self.scroll_to(y=first, animate=False)
            self._settle()
        self.refresh()

    def _settle(self) -> None:
        """Measure the rows in sight. What is in sight stays, however many rows are found to be above."""
        moved = self._rows.settle(self.scroll_offset.y, self.size.height)
        self._set_row_count()
        if moved:
            self.screen.clear_selection()
            self.scroll_to(y=self.scroll_y + moved, animate=False, force=True)

    def _go_to_end(self) -> None:
        self._rows.settle_end(self.size.height)
        self._set_row_count()
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Leave follow mode when the last row scrolls out of sight, and resume it when it is back."""
        super().watch_scroll_y(old_value, new_value)
        self._ages.clear()
        self._settle()
        self.set_following(self.is_at_end)
        if not self.following:
            self.post_message(self.Changed())

    def set_following(self, following: bool) -> None:
        """Switch follow mode on or off."""
        if following != self.following:
            self._seen = len(self._rows.events)
            self.following = following
            self.post_message(self.Changed())
            self.refresh()

    def _watch_columns(self) -> None:
        if self.is_mounted:
            self._lay_out()

    watch_times = watch_is_wrapped = watch_left = _watch_columns

    def watch_chosen(self) -> None:
        """Tell where the user is now."""
        self.post_message(self.Changed())

    def on_resize(self) -> None:
        """Wrap again if the columns have changed."""
        if self._columns != self._rows.columns:
            self._lay_out()
        elif self.following:
            self._go_to_end()
        else:
            self._settle()
