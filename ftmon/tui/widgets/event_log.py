"""The events of a run: only the visible rows are rendered, however many there are."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import reactive, var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from ftmon.model.event import Event
from ftmon.text import count, stamp
from ftmon.tui.look import overlaid, rich_style
from ftmon.tui.widgets.event_row import FITS_BOTH, Times, columns
from ftmon.tui.widgets.event_rows import EventRows
from ftmon.tui.widgets.rows import wrap


class EventLog(ScrollView, can_focus=True, inherit_bindings=False):
    """A list of events that follows its end until it is scrolled up."""

    ALLOW_SELECT = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f,end,G", "follow", "follow", tooltip="To the last event, and stay there", id="log.follow"),
        Binding("t", "next_times", "time", tooltip="Time of day, age, or both", id="log.times"),
        Binding("up,k", "scroll_up", "up", False, tooltip="Scroll up and leave follow mode", id="log.up"),
        Binding("down,j", "scroll_down", "down", False, tooltip="Scroll down", id="log.down"),
        Binding("pageup,b", "page_up", "page up", False, tooltip="One page up", id="log.page_up"),
        Binding(
            "pagedown,space", "page_down", "page down", False, tooltip="One page down", id="log.page_down"
        ),
        Binding("home,g", "scroll_home", "first", False, tooltip="To the first event", id="log.first"),
        Binding(
            "shift+up,K", "choose(-1)", "mark up", False, tooltip="Mark the event before", id="log.choose_up"
        ),
        Binding(
            "shift+down,J",
            "choose(1)",
            "mark down",
            False,
            tooltip="Mark the next event",
            id="log.choose_down",
        ),
        Binding("escape", "unchoose", "unmark", False, tooltip="Mark no event", id="log.unchoose"),
    ]

    following: var[bool] = var(True)
    """The last event is in sight, and stays so."""
    times: var[Times] = var(Times.BOTH)
    """How times are told."""
    chosen: reactive[int | None] = reactive(None)
    """The index of the marked event."""

    class Changed(Message):
        """Follow mode was left or resumed."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._rows = EventRows()
        self._seen = 0
        self._painted = 0
        self._empty: list[tuple[str, str]] = []
        self._ages: dict[int, str] = {}
        self._look_styles: dict[tuple[str, ...], Style] = {}

    @property
    def event_count(self) -> int:
        """How many events there are."""
        return len(self._rows.events)

    @property
    def _width(self) -> int:
        """Cells beside the scroll bar, which `size` includes."""
        return self.scrollable_content_region.width

    @property
    def unseen(self) -> int:
        """How many events came since follow mode was left."""
        return 0 if self.following else len(self._rows.events) - self._seen

    @property
    def span(self) -> timedelta:
        """The time from the first event to the last one, as far as they tell theirs."""
        return self._rows.span_of_time

    @property
    def marked_text(self) -> str | None:
        """The marked event with its time, whole, or None."""
        if self.chosen is None:
            return None
        event = self._rows.events[self.chosen]
        return f"{stamp(event.created_at)}  {event.message}"

    def clear(self) -> None:
        """Forget all events: another job is shown."""
        self._rows = EventRows()
        self._painted = 0
        self.chosen = None
        self.following = True
        self._lay_out()

    def extend(self, new: Iterable[Event]) -> None:
        """Add events at the end; `paint` shows them."""
        self._rows.extend(new)

    def paint(self) -> None:
        """Show what was added since the last call; scrolled away, only the count of new events changes."""
        if self._rows.becomes_dated(self._now()):
            self._lay_out()
        if self._painted == len(self._rows.events):
            return
        self._painted = len(self._rows.events)
        self._measure()
        if self.following:
            self._go_to_end()
            self.refresh()
        else:
            self.refresh(Region(0, self.size.height - 1, self._width, 1))

    def show_empty(self, lines: list[tuple[str, str]]) -> None:
        """Show these lines, each with its look, in the middle while there is no event."""
        if lines != self._empty:
            self._empty = lines
            if not self._rows.events:
                self.refresh()

    def refresh_ages(self) -> None:
        """Repaint the ages that say something else than what was painted."""
        now, place = self._now(), self._rows.columns
        for y, painted in list(self._ages.items()):
            if self._age(y, now) != painted:
                self.refresh(Region(place.clock, y, place.ago, 1))

    def until_next_age(self, now: datetime) -> float | None:
        """Return in how many seconds the newest age in sight changes, or None where none is in sight."""
        return self._rows.until_next_age(self.scroll_offset.y + self.size.height - 1, now)

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Render one visible row."""
        width = self._width
        row = self.scroll_offset.y + y
        if not self._rows.events:
            return self._centred(y)
        if row >= len(self._rows):
            return Strip.blank(width, self._style())
        self._ages[y] = age = self._age(y, self._now())
        ground = "chosen" if self._rows.index(row) == self.chosen else ""
        segments = [Segment(text, self._style(look, ground)) for text, look in self._rows.pieces(row, age)]
        if (selection := self.text_selection) and (span := selection.get_span(row)):
            segments = overlaid(segments, *span, self._style("screen--selection"))
        strip = Strip(segments).apply_offsets(0, row)
        if y == self.size.height - 1 and not self.following:
            pill = self._pill()
            return Strip.join([strip.adjust_cell_length(width - pill.cell_length, self._style(ground)), pill])
        return strip.adjust_cell_length(width, self._style(ground))

    def _age(self, y: int, now: datetime) -> str:
        return self._rows.age(self.scroll_offset.y + y, now, is_first=y == 0)

    def _pill(self) -> Strip:
        words = f"+{count(self.unseen)} new ↓" if self.unseen else "f follows ↓"
        return Strip([Segment(f" {words} ", self._style("pill"))])

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
        """Repaint in the colours of another theme."""
        super().notify_style_update()
        self._look_styles.clear()
        self.refresh()

    # Where things are

    def _measure(self) -> None:
        """Tell Textual how many rows there are, without the layout that setting `virtual_size` costs."""
        self.set_reactive(Widget.virtual_size, Size(self._width, len(self._rows)))
        self.vertical_scrollbar.window_virtual_size = len(self._rows)

    def _lay_out(self) -> None:
        """Place every event anew, for another width or other columns; what was at the top stays there."""
        top = self._rows.index(self.scroll_offset.y)
        self._rows.place(columns(self._width, self.times, self._rows.is_dated))
        self._ages.clear()
        self.screen.clear_selection()
        self._measure()
        if self.following:
            self._go_to_end()
        else:
            self.scroll_to(y=self._rows.span(top)[0], animate=False)
        self.refresh()

    def _go_to_end(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Leave follow mode where the end goes out of sight, and resume it where it comes back."""
        super().watch_scroll_y(old_value, new_value)
        self._ages.clear()
        self.set_following(new_value >= self.max_scroll_y)

    def set_following(self, following: bool) -> None:
        """Follow the end, or stay."""
        if following != self.following:
            self._seen = len(self._rows.events)
            self.following = following
            self.post_message(self.Changed())
            self.refresh()

    def watch_times(self) -> None:
        """Show other columns."""
        if self.is_mounted:
            self._lay_out()

    def on_resize(self) -> None:
        """Wrap for the new width."""
        if columns(self._width, self.times, self._rows.is_dated) != self._rows.columns:
            self._lay_out()
        elif self.following:
            self._go_to_end()

    # Mouse

    def on_click(self, event: events.Click) -> None:
        """Mark the event under the mouse; on the pill, go to the end; twice, select the whole event."""
        row = self.scroll_offset.y + event.y
        is_last_row = event.y == self.size.height - 1
        if event.chain > 1:
            # Textual would select the whole list, or the whole screen.
            event.prevent_default()
            event.stop()
        if is_last_row and not self.following and event.x >= self._width - self._pill().cell_length:
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

    # Keys: at once, because an animation would hold the answer back

    def action_scroll_up(self) -> None:
        """One row up."""
        self.scroll_up(animate=False)

    def action_scroll_down(self) -> None:
        """One row down."""
        self.scroll_down(animate=False)

    def action_page_up(self) -> None:
        """One page up."""
        self.scroll_page_up(animate=False)

    def action_page_down(self) -> None:
        """One page down."""
        self.scroll_page_down(animate=False)

    def action_scroll_home(self) -> None:
        """To the first event."""
        self.scroll_home(animate=False)

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        self._go_to_end()
        self.set_following(True)

    def action_next_times(self) -> None:
        """Tell the times in the next way that looks different here."""
        ways = [Times.BOTH, Times.ABSOLUTE, Times.RELATIVE]
        if self._width < FITS_BOTH:
            ways.remove(Times.BOTH)
        self.times = ways[(ways.index(self.times) + 1) % len(ways)] if self.times in ways else Times.RELATIVE

    def action_choose(self, step: int) -> None:
        """Mark the event before or after; the first time, the last one in sight."""
        if not self._rows.events:
            raise SkipAction
        last = len(self._rows.events) - 1
        if self.chosen is None:
            index = self._rows.index(self.scroll_offset.y + self.size.height - 1)
        else:
            index = min(last, max(0, self.chosen + step))
        self.set_following(False)
        self.chosen = index
        first, after = self._rows.span(index)
        self.scroll_to_region(Region(0, first, 1, after - first), animate=False)

    def action_unchoose(self) -> None:
        """Mark no event."""
        if self.chosen is None:
            raise SkipAction
        self.chosen = None
