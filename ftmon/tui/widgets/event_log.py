"""The list of a run's events. It renders only the visible rows."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.reactive import reactive, var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from ftmon.model.event import Event
from ftmon.text import stamp
from ftmon.tui.log.chip import Chip, place, words
from ftmon.tui.log.event_row import FITS_BOTH, FITS_ONE, Times, columns
from ftmon.tui.log.event_rows import EventRows
from ftmon.tui.log.rows import wrap
from ftmon.tui.look import overlaid, rich_style


class EventLog(ScrollView, can_focus=True, inherit_bindings=False):
    """A scrolling list of events. It follows the newest event until the user scrolls up."""

    ALLOW_SELECT = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f,end,G", "follow", "newest", tooltip="Go to the last event and follow", id="log.follow"),
        Binding("t", "next_times", "time", tooltip="Show time of day, age, or both", id="log.times"),
        Binding("up,k", "scroll_up", "up", False, tooltip="Scroll up and leave follow mode", id="log.up"),
        Binding("down,j", "scroll_down", "down", False, tooltip="Scroll down", id="log.down"),
        Binding("pageup,b", "page_up", "page up", False, tooltip="One page up", id="log.page_up"),
        Binding(
            "pagedown,space", "page_down", "page down", False, tooltip="One page down", id="log.page_down"
        ),
        Binding("home,g", "scroll_home", "first", False, tooltip="Go to the first event", id="log.first"),
        Binding(
            "shift+up,K", "choose(-1)", "mark up", False, tooltip="Mark the event above", id="log.mark_up"
        ),
        Binding(
            "shift+down,J", "choose(1)", "mark", False, tooltip="Mark the event below", id="log.mark_down"
        ),
        Binding("escape", "unchoose", "unmark", False, tooltip="Remove the mark", id="log.unmark"),
    ]

    following: var[bool] = var(True)
    """Follow mode: the list scrolls to each new event."""
    times: var[Times] = var(Times.BOTH)
    """Which time columns are shown."""
    chosen: reactive[int | None] = reactive(None)
    """The index of the marked event."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._rows = EventRows()
        self._seen = 0
        """Number of events when follow mode last changed."""
        self._painted = 0
        """Number of events at the last paint."""
        self._is_over = False
        """No more events follow."""
        self._painted_chip: Chip | None = None
        self._empty: list[tuple[str, str]] = []
        """Lines to show while there are no events, each with its look."""
        self._ages: dict[int, str] = {}
        """The age painted in each visible row, by its y."""
        self._look_styles: dict[tuple[str, ...], Style] = {}

    @property
    def all_events(self) -> Sequence[Event]:
        """All events, visible or not."""
        return self._rows.events

    @property
    def _width(self) -> int:
        """Width in cells without the scroll bar, which `size` includes."""
        return self.scrollable_content_region.width

    @property
    def unseen(self) -> int:
        """Number of events added since follow mode was left."""
        return 0 if self.following else len(self._rows.events) - self._seen

    @property
    def span(self) -> timedelta:
        """Time from the first event to the last, counting events that have a time."""
        return self._rows.span_of_time

    @property
    def marked_text(self) -> str | None:
        """Time and full message of the marked event, or None."""
        if self.chosen is None:
            return None
        event = self._rows.events[self.chosen]
        return f"{stamp(event.created_at)}  {event.message}"

    def clear(self) -> None:
        """Remove all events and follow the end again, to show another run."""
        self._rows = EventRows()
        self._painted = 0
        self.chosen = None
        self.following = True
        self._lay_out()

    def extend(self, new: Iterable[Event]) -> None:
        """Add events at the end. They appear at the next `paint`."""
        self._rows.extend(new)

    def paint(self, *, is_over: bool) -> None:
        """Show events added since the last call. While scrolled up, repaint only the count of new ones."""
        if self._rows.update_is_dated(self._now()):
            self._lay_out()
        if is_over != self._is_over:
            self._is_over = is_over
            self.refresh()
        if self._painted == len(self._rows.events):
            return
        self._painted = len(self._rows.events)
        self._set_row_count()
        if self.following:
            self._go_to_end()
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
        if not self._rows.events:
            return self._centred(y)
        self._painted_chip = chip = self._chip()
        background, strip = "", Strip([])
        if row < len(self._rows):
            self._ages[y] = age = self._age(y, self._now())
            background = "chosen" if self._rows.index(row) == self.chosen else ""
            segments = [
                Segment(text, self._style(look, background)) for text, look in self._rows.pieces(row, age)
            ]
            if (selection := self.text_selection) and (span := selection.get_span(row)):
                segments = overlaid(segments, *span, self._style("screen--selection"))
            strip = Strip(segments).apply_offsets(0, row)
        if chip is None or chip.y != y:
            return strip.adjust_cell_length(width, self._style(background))
        start = strip.adjust_cell_length(width - chip.width, self._style(background))
        return Strip.join([start, Strip([Segment(chip.text, self._style("chip"))])])

    def _age(self, y: int, now: datetime) -> str:
        return self._rows.age(self.scroll_offset.y + y, now, is_first=y == 0)

    def _chip(self) -> Chip | None:
        if self.following:
            return None
        return place(words(self.unseen, is_over=self._is_over), self.size.height, self._room)

    def _room(self, y: int) -> int:
        """Return the free cells at the end of a visible row."""
        row = self.scroll_offset.y + y
        pieces = self._rows.pieces(row, self._age(y, self._now())) if row < len(self._rows) else []
        return self._width - cell_len("".join(text for text, _ in pieces).rstrip())

    def _centred(self, y: int) -> Strip:
        width, height = self._width, self.size.height
        line = y - max(0, (height - len(self._empty)) // 2)
        if not 0 <= line < len(self._empty) or not width:
            return Strip.blank(width, self._style())
        text, look = self._empty[line]
        strip = Strip([Segment(wrap(text, width)[0], self._style(look))])
        left = (width - strip.cell_length) // 2
        return Strip.join([Strip.blank(left, self._style()), strip]).adjust_cell_length(width, self._style())

    def _style(self, *looks: str) -> Style:
        if looks not in self._look_styles:
            self._look_styles[looks] = rich_style(self, *looks)
        return self._look_styles[looks]

    def notify_style_update(self) -> None:
        """Repaint with the colours of the new theme."""
        super().notify_style_update()
        self._look_styles.clear()
        self.refresh()

    # Layout

    def _set_row_count(self) -> None:
        """Set the number of rows to scroll through. Bypass `virtual_size`, which would trigger a layout."""
        self.set_reactive(Widget.virtual_size, Size(self._width, len(self._rows)))
        self.vertical_scrollbar.window_virtual_size = len(self._rows)

    def _lay_out(self) -> None:
        """Wrap every event again, for a new width or other columns. The event at the top stays there."""
        top = self._rows.index(self.scroll_offset.y)
        self._rows.wrap_again(columns(self._width, self.times, self._rows.is_dated))
        self._ages.clear()
        self.screen.clear_selection()
        self._set_row_count()
        if self.following:
            self._go_to_end()
        else:
            self.scroll_to(y=self._rows.span(top)[0], animate=False)
        self.refresh()

    def _go_to_end(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Leave follow mode when the last row scrolls out of sight, and resume it when it is back."""
        super().watch_scroll_y(old_value, new_value)
        self._ages.clear()
        self.set_following(new_value >= self.max_scroll_y)

    def set_following(self, following: bool) -> None:
        """Switch follow mode on or off."""
        if following != self.following:
            self._seen = len(self._rows.events)
            self.following = following
            self.refresh()

    def watch_times(self) -> None:
        """Lay out for the new time columns."""
        if self.is_mounted:
            self._lay_out()

    def on_resize(self) -> None:
        """Wrap again if the columns have changed."""
        if columns(self._width, self.times, self._rows.is_dated) != self._rows.columns:
            self._lay_out()
        elif self.following:
            self._go_to_end()

    # Mouse

    def on_click(self, event: events.Click) -> None:
        """Mark the event under the mouse. A double click selects its text; a click on the chip follows."""
        row, chip = self.scroll_offset.y + event.y, self._chip()
        if event.chain > 1:
            # Textual's default would select the whole list, or on a triple click the whole screen.
            event.prevent_default()
            event.stop()
        if chip is not None and event.y == chip.y and event.x >= self._width - chip.width:
            self.action_follow()
        elif row < len(self._rows):
            index = self._rows.index(row)
            if event.chain > 1:
                first, after = self._rows.span(index)
                whole = Selection(Offset(0, first), Offset(self._width, after - 1))
                self.screen.selections = {self: whole}
            elif self.text_selection is None:
                self.chosen = None if index == self.chosen else index

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text."""
        text = self._rows.text(selection)
        return (text, "\n") if text else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable the switch of times in a list that is too narrow for any."""
        return action != "next_times" or self._width >= FITS_ONE

    # Keys: without animation, which would delay the response

    def action_scroll_up(self) -> None:
        """Scroll up one row."""
        self.scroll_up(animate=False)

    def action_scroll_down(self) -> None:
        """Scroll down one row."""
        self.scroll_down(animate=False)

    def action_page_up(self) -> None:
        """Scroll up one page."""
        self.scroll_page_up(animate=False)

    def action_page_down(self) -> None:
        """Scroll down one page."""
        self.scroll_page_down(animate=False)

    def action_scroll_home(self) -> None:
        """Scroll to the first event."""
        self.scroll_home(animate=False)

    def action_follow(self) -> None:
        """Scroll to the last event and follow."""
        self._go_to_end()
        self.set_following(True)

    def action_next_times(self) -> None:
        """Switch to the next time columns. Skip BOTH in a list that is too narrow for it."""
        choices = list(Times) if self._width >= FITS_BOTH else [Times.ABSOLUTE, Times.RELATIVE]
        # A list that is too narrow for both shows the time of day.
        present = choices.index(self.times) if self.times in choices else 0
        self.times = choices[(present + 1) % len(choices)]

    def action_choose(self, step: int) -> None:
        """Move the mark by `step` events. If no event is marked, mark the last visible one."""
        if not self._rows.events:
            raise SkipAction
        last = len(self._rows.events) - 1
        if self.chosen is None:
            index = self._rows.index(self.scroll_offset.y + self.size.height - 1)
        else:
            index = min(last, max(0, self.chosen + step))
        self.mark(index)

    def mark(self, index: int) -> None:
        """Mark an event, and scroll to it."""
        self.set_following(False)
        self.chosen = index
        first, after = self._rows.span(index)
        self.scroll_to_region(Region(0, first, 1, after - first), animate=False)

    def action_unchoose(self) -> None:
        """Remove the mark."""
        if self.chosen is None:
            raise SkipAction
        self.chosen = None
