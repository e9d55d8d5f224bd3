"""Facts, one below the other: the name, and beside it what is known."""

from collections.abc import Iterator, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from ftmon.tui.page.fact import Fact, Section

_GAP = 2
_NARROWEST = 12
"""Cells of the column of names, at least: facts of several tables then stand in one column."""

_SMALL = 34
"""Cells of a table in which a name stands above its text."""


class PageSection(Vertical):
    """A title, and something below it. It is hidden while that is empty."""

    def __init__(self, body: Widget) -> None:
        super().__init__()
        self._title = Static()
        self._body = body

    def compose(self) -> ComposeResult:
        """Lay out title and body."""
        yield self._title
        yield self._body

    def show_title(self, title: str, *, is_empty: bool) -> None:
        """Show a title, or hide all."""
        self.display = not is_empty
        if str(self._title.content) != title:
            self._title.update(Content.styled(title, ".strong"))


class FactSection(PageSection):
    """Facts under a title."""

    def __init__(self) -> None:
        self._table = FactTable()
        super().__init__(self._table)

    def show(self, section: Section) -> None:
        """Show these facts."""
        self.show_title(section.title, is_empty=not section.facts)
        self._table.show(section.facts)


class FactTable(Widget):
    """Shows facts, and paints them again only if they have changed. Long text is wrapped in its column."""

    def __init__(self) -> None:
        super().__init__()
        self._facts: Sequence[Fact] = ()

    def show(self, facts: Sequence[Fact]) -> None:
        """Show these facts."""
        if facts == self._facts:
            return
        width = self.content_size.width
        rows = len(self._lines(width)) if width else 0
        self._facts = facts
        self.refresh(layout=len(self._lines(width)) != rows if width else True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the rows that the facts take in this width."""
        return len(self._lines(width))

    def render(self) -> Content:
        """Return the rows for the present width."""
        return Content("\n").join(self._lines(self.content_size.width))

    def _lines(self, width: int) -> list[Content]:
        longest = max((len(fact.name) for fact in self._facts), default=0)
        column = max(longest + _GAP, _NARROWEST)
        is_stacked = width < _SMALL or column > width // 2
        return list(self._stacked(width) if is_stacked else self._beside(width, column))

    def _beside(self, width: int, column: int) -> Iterator[Content]:
        for name, text, look in self._facts:
            lines = _wrapped(text, look, width - column)
            yield Content.assemble((name.ljust(column), ".muted"), lines[0])
            yield from (Content.assemble(" " * column, line) for line in lines[1:])

    def _stacked(self, width: int) -> Iterator[Content]:
        for name, text, look in self._facts:
            yield from _wrapped(name, "muted", width)
            yield from (Content.assemble(" ", line) for line in _wrapped(text, look, width - 1))


def _wrapped(text: str, look: str, width: int) -> list[Content]:
    content = Content.styled(text, f".{look}" if look else "")
    return content.wrap(max(width, 2)) or [Content()]
