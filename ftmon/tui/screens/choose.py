"""The dialog in which one of several things is chosen: a command, or a theme."""

from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ftmon.paths import stylesheet
from ftmon.tui.look import LOOKS, key_hints
from ftmon.tui.widgets.pick_list import PickList, PickRow

_NARROW, _WIDE = 24, 50
"""Widths of a list, in cells, from which one key has room beside a name, and from which all have it."""

_FEW = 8
"""Rows of a list that makes the dialog no taller than it must be."""


class Choice(NamedTuple):
    """Something to choose."""

    name: str
    keys: str
    """The keys that do the same; empty if there are none."""
    do: Callable[[], object]

    @property
    def first_key(self) -> str:
        """One of the keys."""
        return self.keys.partition(" ")[0]


class ChoiceList(PickList[Choice]):
    """One choice per row, after its keys."""

    def __init__(self) -> None:
        super().__init__()
        self._key_width = self._first_key_width = 0

    def measure(self) -> None:
        """Measure the keys, so that the names stand below each other."""
        choices = [row.value for row in self.rows]
        self._key_width = max((len(choice.keys) for choice in choices), default=0)
        self._first_key_width = max((len(choice.first_key) for choice in choices), default=0)

    def rank(self, value: Choice) -> int:
        """Put what has the typed key first, then what begins with the typed text."""
        if self.typed in value.keys.split():
            return 0
        return 1 if value.name.casefold().startswith(self.typed.casefold()) else 2

    def pieces(self, value: Choice, width: int) -> list[tuple[str, str]]:
        """Return keys and name; in a narrow list, one key or none."""
        if not self._key_width or width < _NARROW:
            return [(value.name, "")]
        if width < _WIDE:
            return [(f"{value.first_key:<{self._first_key_width}}  ", "key"), (value.name, "")]
        return [(f"{value.keys:<{self._key_width}}  ", "key"), (value.name, "")]


class ChooseScreen(ModalScreen[Choice | None]):
    """Returns what the user chose, or None if the user closed the dialog."""

    CSS_PATH = stylesheet("choose.tcss")
    COMPONENT_CLASSES = LOOKS
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "next", tooltip="The next row", id="choose.next"),
        Binding("up", "move(-1)", "previous", tooltip="The previous row", id="choose.before"),
        Binding("pagedown", "move_page(1)", "page down", tooltip="One page down", id="choose.page_down"),
        Binding("pageup", "move_page(-1)", "page up", tooltip="One page up", id="choose.page_up"),
        Binding("escape", "dismiss(None)", "close", tooltip="Close the dialog", id="choose.close"),
    ]

    def __init__(
        self,
        title: str,
        hint: str,
        choices: Iterable[Choice],
        first: int = 0,
        preview: Callable[[Choice], object] = lambda choice: None,
    ) -> None:
        """`first` is the row to begin at; `preview` is given each choice that the cursor comes to."""
        super().__init__()
        self.choices = ChoiceList()
        self._title = title
        self._hint = hint
        self._choices = [PickRow(choice, f"{choice.keys} {choice.name}".casefold()) for choice in choices]
        self._first = first
        self._preview = preview

    def compose(self) -> ComposeResult:
        """Lay out the title, the field and the list."""
        with Vertical(id="dialog"):
            yield Static(Content.styled(self._title, ".strong"), id="title")
            field = Input(placeholder=self._hint)
            # A blinking cursor would repaint twice a second.
            field.cursor_blink = False
            yield field
            yield self.choices
            yield Static(Content.styled("Nothing has these words.", ".warning"), id="nothing")
            yield Static(key_hints(("enter", "choose"), ("↑↓", "move"), ("esc", "close")), id="keys")

    def on_mount(self) -> None:
        """Fill the list."""
        self.set_class(len(self._choices) > _FEW, "-long")
        self.choices.show(self._choices)
        self.choices.move(self._first)

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        self.choices.narrow(event.value)
        self.set_class(not len(self.choices), "-nothing")

    @on(Input.Submitted)
    @on(ChoiceList.Picked)
    def _choose(self) -> None:
        if self.choices.chosen is not None:
            self.dismiss(self.choices.chosen)

    @on(ChoiceList.Highlighted)
    def _show_preview(self) -> None:
        if self.choices.chosen is not None:
            self._preview(self.choices.chosen)

    def action_move(self, rows: int) -> None:
        """Move the list's cursor while the field keeps the focus."""
        self.choices.move(rows)

    def action_move_page(self, pages: int) -> None:
        """Move the list's cursor by what fits into it."""
        self.choices.move(pages * max(2, self.choices.size.height))
