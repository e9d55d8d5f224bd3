"""A list from which one row is picked. Typed words narrow it."""

from collections.abc import Iterable
from typing import ClassVar, Generic, NamedTuple, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ftmon.tui.look import rich_style

T = TypeVar("T")


class PickRow(NamedTuple, Generic[T]):
    """A row of the list."""

    value: T
    words: str
    """Where typed words are looked for, in lower case."""


class PickList(ScrollView, Generic[T], can_focus=False):
    """One value per row. The first row is highlighted until the user moves to another one.

    Only visible rows are rendered, so that thousands cost no more than a few.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"pick-list--highlighted"}

    highlighted: reactive[int | None] = reactive(None)
    """The row under the cursor, or None."""

    class Picked(Message):
        """A row was clicked."""

    class Highlighted(Message):
        """Another row is under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[PickRow[T]] = []
        """All rows, also those that are not shown."""
        self.shown: list[PickRow[T]] = []
        self.typed = ""
        self._own: T | None = None
        """Where the user has moved to; None before that."""

    def __len__(self) -> int:
        """Return how many rows are shown."""
        return len(self.shown)

    @property
    def chosen(self) -> T | None:
        """The value of the highlighted row, or None."""
        return None if self.highlighted is None else self.shown[self.highlighted].value

    def show(self, rows: Iterable[PickRow[T]]) -> None:
        """Show these rows. The user's own choice stays highlighted."""
        self.rows = list(rows)
        self._show_matches()

    def narrow(self, typed: str) -> None:
        """Show only rows that have every typed word."""
        self.typed = typed.strip()
        self._own = None
        self._show_matches()

    def _show_matches(self) -> None:
        wanted = self.typed.casefold().split()
        found = [row for row in self.rows if all(word in row.words for word in wanted)]
        self.shown = sorted(found, key=lambda row: self.rank(row.value)) if wanted else found
        self.measure()
        # The row of that number may be another one by now.
        self.set_reactive(PickList.highlighted, None)
        self.virtual_size = Size(0, len(self.shown))
        self.scroll_to(y=0, animate=False, force=True)
        self.highlighted = self.place(self._own) if self.shown else None
        self.refresh()

    def measure(self) -> None:
        """Measure the columns of the rows that are shown, before they are drawn."""

    def rank(self, value: T) -> int:
        """Return how far behind the other rows a row stands that has the typed words."""
        return 0

    def place(self, value: T | None) -> int | None:
        """Return the row to highlight: that of a value, or else the first one."""
        return next((place for place, row in enumerate(self.shown) if row.value == value), 0)

    def pieces(self, value: T, width: int) -> list[tuple[str, str]]:
        """Return the parts of a row and their looks."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Render one visible row."""
        width, number = self.scrollable_content_region.width, self.scroll_offset.y + y
        if number >= len(self.shown):
            return Strip.blank(width, rich_style(self))
        pieces = self.pieces(self.shown[number].value, width)
        if number == self.highlighted:
            # The colours of the parts suit no fill.
            cursor = self.get_component_rich_style("pick-list--highlighted")
            strip, fill = Strip([Segment(text, cursor) for text, _ in pieces]), cursor
        else:
            strip, fill = Strip([Segment(text, rich_style(self, look)) for text, look in pieces]), Style()
        if strip.cell_length > width > 0:
            strip = Strip([*strip.crop(0, width - 1), Segment("…", fill or rich_style(self, "muted"))])
        return strip.adjust_cell_length(width, fill or rich_style(self))

    def notify_style_update(self) -> None:
        """Repaint with the colours of the new theme."""
        super().notify_style_update()
        self.refresh()

    # The cursor

    def watch_highlighted(self, before: int | None, now: int | None) -> None:
        """Repaint the two rows, and scroll to the new one."""
        if now is not None:
            self.scroll_to_region(Region(0, now, 1, 1), animate=False, force=True)
        for number in (before, now):
            if number is not None:
                self.refresh(Region(0, number - self.scroll_offset.y, self.size.width, 1))
        self.post_message(self.Highlighted())

    @property
    def takes_typed(self) -> bool:
        """Whether what was typed can be chosen too. Then no row is highlighted after the last one."""
        return False

    def move(self, rows: int) -> None:
        """Move the cursor. Beyond an end, a single step goes to the other end."""
        count = len(self.shown)
        stops = count + self.takes_typed
        if not count:
            return
        here = count if self.highlighted is None else self.highlighted
        place = (here + rows) % stops if abs(rows) == 1 else min(count - 1, max(0, here + rows))
        self.highlighted = place if place < count else None
        self._own = self.chosen

    def on_click(self, event: events.Click) -> None:
        """Pick the row under the mouse."""
        number = self.scroll_offset.y + event.y
        if number < len(self.shown):
            self.highlighted = number
            self.post_message(self.Picked())
