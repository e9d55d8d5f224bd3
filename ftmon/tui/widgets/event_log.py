"""The log of a run's events: the keys and the mouse that move in it."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.message import Message
from textual.selection import Selection

from ftmon.model.event import Event
from ftmon.model.events import Events
from ftmon.text import stamp
from ftmon.tui.log.event_row import FITS_BOTH, FITS_ONE, Times
from ftmon.tui.log.scan import Scan
from ftmon.tui.widgets.event_list import EventList


def line_of(event: Event) -> str:
    """Return time and full message of an event, as it is copied."""
    return f"{stamp(event.created_at)}  {event.message}"


class Spot(NamedTuple):
    """Where the user is in the log."""

    following: bool
    top: int | None
    """The index of the event in the first visible row."""
    chosen: int | None


class EventLog(EventList, inherit_bindings=False):
    """A list of events, with the keys to move in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f,end,G", "follow", "follow", tooltip="Go to the last event and follow", id="log.follow"),
        Binding("f,end,G", "go_to_end", "end", False, tooltip="Go to the last event", id="log.follow"),
        Binding("t", "next_times", "time", tooltip="Show time of day, age, or both", id="log.times"),
        Binding("w", "toggle_wrap", "wrap", False, tooltip="Wrap long messages, or not", id="log.wrap"),
        Binding("up,k", "scroll_up", "up", False, tooltip="Scroll up and leave follow mode", id="log.up"),
        Binding("down,j", "scroll_down", "down", False, tooltip="Scroll down", id="log.down"),
        Binding("pageup,b", "page_up", "page up", False, tooltip="One page up", id="log.page_up"),
        Binding(
            "pagedown,space", "page_down", "page down", False, tooltip="One page down", id="log.page_down"
        ),
        Binding("home,g", "scroll_home", "first", False, tooltip="Go to the first event", id="log.first"),
        Binding("left", "scroll_text(-1)", "left", False, tooltip="Scroll long lines back", id="log.left"),
        Binding(
            "right", "scroll_text(1)", "right", False, tooltip="Scroll lines not wrapped", id="log.right"
        ),
        Binding("shift+up,K", "choose(-1)", "above", False, tooltip="Choose the event above", id="log.above"),
        Binding(
            "shift+down,J", "choose(1)", "below", False, tooltip="Choose the event below", id="log.below"
        ),
    ]

    class Opened(Message):
        """The user wants to see all of the chosen event."""

    @property
    def all_events(self) -> Events:
        """All events, shown or not."""
        return self._rows.events

    @property
    def shown(self) -> Sequence[int]:
        """The indices of the events that are shown."""
        return self._rows.shown

    @property
    def top(self) -> int | None:
        """The index of the event in the first visible row; None if no event is shown."""
        return self._rows.index(self.scroll_offset.y) if len(self._rows) else None

    @property
    def here(self) -> int | None:
        """The index of the chosen event, else of the last visible one; None if no event is shown."""
        return self._lowest if self.chosen is None else self.chosen

    @property
    def _lowest(self) -> int | None:
        return self._rows.index(self.scroll_offset.y + self.size.height - 1) if len(self._rows) else None

    @property
    def place(self) -> int:
        """Which of the shown events the user is at, counted from 1; 0 if no event is shown."""
        return self._place(self.here)

    @property
    def in_sight(self) -> tuple[int, int]:
        """The first and the last of the shown events that are in sight, counted as in `place`."""
        return self._place(self.top), self._place(self._lowest)

    def _place(self, index: int | None) -> int:
        return 0 if index is None else min(self._rows.place(index) + 1, len(self._rows.shown))

    @property
    def chosen_event(self) -> Event | None:
        """The chosen event, or None."""
        return None if self.chosen is None else self._rows.events[self.chosen]

    @property
    def chosen_text(self) -> str | None:
        """Time and full message of the chosen event, or None."""
        event = self.chosen_event
        return line_of(event) if event else None

    @property
    def spot(self) -> Spot:
        """Where the user is, to return to."""
        return Spot(self.following, self.top, self.chosen)

    def return_to(self, spot: Spot) -> None:
        """Go back to where the user was, unless another run is shown by now."""
        total = len(self.all_events)
        self.chosen = spot.chosen if spot.chosen is not None and spot.chosen < total else None
        if spot.following:
            self.action_follow()
        elif spot.top is not None and spot.top < total:
            self.set_following(False)
            self._settle_at(spot.top)
            self.set_following(False)

    def show(self, shown: Scan | None) -> None:
        """Show the events that a scan has found, or all. Whoever follows goes on to follow.

        Else the top stays at its event, or at the next one that is shown.
        """
        top = self._rows.index(self.scroll_offset.y) if len(self._rows) else 0
        if self.chosen is not None and not self.finder.shows(self.chosen):
            self.chosen = None
        self._rows.show(shown)
        self._settle_at(top)
        if not self.following and self.chosen is not None:
            self.go_to(self.chosen)

    def go_to(self, index: int) -> None:
        """Choose an event, and scroll to it if it is not in sight."""
        self.chosen = index
        first, after = self._rows.span(index)
        self._set_row_count()
        if not self.scroll_offset.y <= first <= after <= self.scroll_offset.y + self.size.height:
            # Rows before it show what it follows.
            self.scroll_to(y=max(0, first - self.size.height // 3), animate=False)
        # Also at the end, so that the event stays in sight.
        self.set_following(False)

    def go_to_place(self, place: int) -> None:
        """Choose the event at a place, or the nearest one."""
        shown = self._rows.shown
        if shown:
            self.go_to(shown[min(max(0, place), len(shown) - 1)])

    # Mouse

    def on_click(self, event: events.Click) -> None:
        """Choose the event under the mouse, or open the chosen one.

        A double click selects its text; a click on the chip follows.
        """
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
                if index == self.chosen:
                    self.post_message(self.Opened())
                self.chosen = index

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable what can do nothing: times in a list too narrow for any, following where all was told."""
        if action in ("follow", "go_to_end"):
            return self._is_over is (action == "go_to_end")
        if action == "scroll_text":
            return not self.is_wrapped
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

    def action_go_to_end(self) -> None:
        """Scroll to the last event of a run that is over."""
        self.action_follow()

    def action_follow(self) -> None:
        """Scroll to the last event and follow."""
        self._go_to_end()
        self.set_following(True)

    def follow_at_end(self) -> None:
        """Follow, if the last row is in sight."""
        self.set_following(self.is_at_end)

    def action_next_times(self) -> None:
        """Switch to the next time columns. Skip BOTH in a list that is too narrow for it."""
        choices = list(Times) if self._width >= FITS_BOTH else [Times.ABSOLUTE, Times.RELATIVE]
        # A list that is too narrow for both shows the time of day.
        present = choices.index(self.times) if self.times in choices else 0
        self.times = choices[(present + 1) % len(choices)]

    def action_toggle_wrap(self) -> None:
        """Wrap long messages, or show each in one row, which scrolls sideways."""
        self.left = 0
        self.is_wrapped = not self.is_wrapped

    def action_scroll_text(self, step: int) -> None:
        """Scroll lines that are not wrapped sideways, a third of the width at a time.

        Where none is longer than that, the key is the chart's.
        """
        rows = range(self.scroll_offset.y, min(self.scroll_offset.y + self.size.height, len(self._rows)))
        longest = max((len(self._rows.message(row)[0]) for row in rows), default=0)
        width = self._rows.columns.message
        farthest = max(0, longest - width)
        if not farthest and not self.left:
            raise SkipAction
        self.left = max(0, min(self.left + step * max(1, width // 3), max(farthest, self.left)))

    def action_choose(self, step: int) -> None:
        """Choose the event `step` further. If none is chosen, choose the last visible one."""
        here = self.here
        if here is None:
            raise SkipAction
        self.go_to_place(self._rows.place(here) + (0 if self.chosen is None else step))
