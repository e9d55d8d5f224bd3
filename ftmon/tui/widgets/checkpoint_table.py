"""The checkpoints of a run with what was measured, of which one can be chosen."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from ftmon.model.checkpoint import Checkpoint
from ftmon.safe import one_line, safe
from ftmon.text import clock, count, figure
from ftmon.tui.excerpt import excerpt
from ftmon.tui.look import whole_style

_MOST_FIGURES = 8
_LONGEST_TITLE = 24
_LONGEST_NAME = 200
_GAP = 2
_WIDE = 60
"""Cells from which the names stand beside the figures, else that of the chosen one below its row."""

_SHORTEST_NAME = 32
"""Cells that are kept for the names."""


class CheckpointTable(Widget):
    """A row for each checkpoint, the newest first, with the columns that fit."""

    def __init__(self) -> None:
        super().__init__()
        self._checkpoints: Sequence[Checkpoint] = ()
        self._columns: list[list[str]] = []
        """The title of each column, then its cells; the name is not among them."""
        self._key: int | str | None = None
        """That of the chosen one."""

    def show(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Show these checkpoints, the newest first. What is chosen stays so."""
        if list(checkpoints) != list(self._checkpoints):
            self._checkpoints = checkpoints
            self._columns = list(_columns(checkpoints))
            self.refresh(layout=True)

    @property
    def chosen(self) -> Checkpoint | None:
        """The checkpoint that is chosen."""
        return next((each for each in self._checkpoints if each.key == self._key), None)

    @property
    def _place(self) -> int | None:
        return next((place for place, each in enumerate(self._checkpoints) if each.key == self._key), None)

    def row_beside(self, step: int) -> int | None:
        """Return the row that `choose` would go to; None at an end. Row 0 has the titles: none is chosen."""
        place = self._place
        if not self._checkpoints or (place is None and step < 0):
            return None
        row = 1 if place is None else place + 1 + step
        return row if row <= len(self._checkpoints) else None

    @property
    def rows_of_chosen(self) -> int:
        """How many rows the chosen one takes: its name may stand below it."""
        return len(self._lines(self.content_size.width)) - len(self._checkpoints)

    def choose(self, step: int) -> None:
        """Choose the next checkpoint, or the one before; from the first one up, none."""
        if (row := self.row_beside(step)) is not None:
            self._choose(row - 1)

    def _choose(self, place: int) -> None:
        self._key = self._checkpoints[place].key if place >= 0 else None
        self.refresh(layout=True)

    def on_click(self, event: events.Click) -> None:
        """Choose the checkpoint that was clicked."""
        chosen, place = self._place, event.y - 1
        if chosen is not None and place > chosen:
            # The name of the chosen one may stand below it.
            place = max(chosen, place - (self.size.height - len(self._checkpoints) - 1))
        if 0 <= place < len(self._checkpoints):
            self._choose(place)

    # Drawing

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the rows that the checkpoints take in this width."""
        return len(self._lines(width))

    def render(self) -> Content:
        """Return the rows for the present width."""
        return Content("\n").join(self._lines(self.content_size.width))

    def _lines(self, width: int) -> list[Content]:
        columns, room = self._fitting(width)
        widths = [max(map(cell_len, column)) for column in columns]
        chosen = self._place
        lines = []
        for row, name in enumerate(["name", *map(_name, self._checkpoints)]):
            cells = [
                column[row] + " " * (size - cell_len(column[row]))
                for column, size in zip(columns, widths, strict=True)
            ]
            shown = [_cut(name, room)] if room else []
            text = (" " * _GAP).join([*cells, *shown])
            is_chosen = row > 0 and chosen == row - 1
            if is_chosen:
                lines.append(Content.styled(text.ljust(width), whole_style(self, "chosen")))
            else:
                lines.append(Content.styled(text.rstrip(), "" if row else ".muted"))
            if is_chosen and shown != [name] and name:
                lines += [Content.assemble(" ", line) for line in Content(name).wrap(max(2, width - 1))]
        return lines

    def _fitting(self, width: int) -> tuple[list[list[str]], int]:
        """Return the columns for a width, and how many cells there are for the names beside them."""
        longest = max((cell_len(_name(each)) for each in self._checkpoints), default=0)
        reserved = min(longest, _SHORTEST_NAME) + _GAP if longest and width >= _WIDE else 0
        columns, room = list[list[str]](), width - reserved
        for column in self._columns:
            room -= max(map(cell_len, column)) + (_GAP if columns else 0)
            if room < 0 and columns:
                room += max(map(cell_len, column)) + _GAP
                break
            columns.append(column)
        return columns, min(longest, max(0, room) + reserved - _GAP) if reserved else 0


def _columns(checkpoints: Sequence[Checkpoint]) -> Iterator[list[str]]:
    """Yield the columns, the most important first."""
    yield ["step", *("–" if each.step is None else count(each.step) for each in checkpoints)]
    names = dict.fromkeys(name for each in checkpoints for name in each.figures)
    order = {"full_valid_loss": 0, "valid_loss": 1, "train_loss": 2}
    figures = sorted(names, key=lambda name: order.get(name, len(order)))[:_MOST_FIGURES]
    for name in figures[:2]:
        yield _figures(checkpoints, name)
    yield ["made", *(clock(each.at) if each.at else "" for each in checkpoints)]
    for name in figures[2:]:
        yield _figures(checkpoints, name)


def _figures(checkpoints: Sequence[Checkpoint], name: str) -> list[str]:
    title = excerpt(one_line(safe(name)).replace("_", " "), _LONGEST_TITLE)
    values = (each.figures.get(name) for each in checkpoints)
    return [title, *("" if value is None else figure(value) for value in values)]


def _cut(name: str, width: int) -> str:
    """Return the end of a name that is too long: the ends of names differ most."""
    return name if cell_len(name) <= width else f"…{name[1 - width :]}"


def _name(checkpoint: Checkpoint) -> str:
    return excerpt(checkpoint.name, _LONGEST_NAME)
