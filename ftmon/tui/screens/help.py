"""The help: all keys, grouped by task, and the signs used on the screen. Typed words narrow it."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ftmon import __version__
from ftmon.paths import stylesheet
from ftmon.tui.breakpoints import classes
from ftmon.tui.keys import keys_of
from ftmon.tui.log.rows import wrap
from ftmon.tui.look import LOOKS

_SIGNS = (
    ("● live", "connected; with the time since the last data"),
    ("◐ quiet", "connected, but no data for 30 s, which is normal"),
    ("◔ polling", "no stream; ftmon reads the list regularly"),
    ("↻ retrying", "connection lost; the job may still be running"),
    ("▲ refused", "the service refused; ftmon stopped watching"),
    ("▲ gave up", "no connection; ftmon stopped watching"),
    ("■ closed", "every event has been read"),
    ("■ recorded", "read from this machine's history"),
    ("▷ replay", "the recorded run, played back"),
    ("◷ ▶ ⏸", "the job is pending, running, paused"),
    ("✔ ✘ ⊘", "the job succeeded, failed, was cancelled"),
    ("▲ no rec", "in a small pane: what comes is not recorded"),
    ("◆ ⬆", "an epoch was completed, a file was uploaded"),
    ("⠤⠤ •", "in the chart: training, and validation"),
    ("◆ ▲ ┊", "an epoch, a checkpoint"),
    ("↑ ↓ ×", "a value that is cut off, one that is no number"),
    ("✓", "beside a key: it is switched on"),
)
"""Each sign on the screen, and its meaning."""

_NOTIFICATIONS = (
    ("^p notif ⏎", "tries the notification that tells you how the run ends"),
    ("ftmon notify", "in a shell, says how you are told, and how to change that"),
)

_KEY_WIDTH = 13

_TWO_COLUMNS = 120
"""Width of a screen that has room for two columns, in cells."""

_TINY = 34
"""Width of a screen below which what a key does stands right after it."""


class _Line(NamedTuple):
    keys: str
    does: str


class _Group(NamedTuple):
    title: str
    lines: Sequence[_Line]


class HelpScreen(ModalScreen[None]):
    """Lists every key with the tooltip of its binding."""

    CSS_PATH = stylesheet("help.tcss")
    COMPONENT_CLASSES = LOOKS
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear_or_close", "close", tooltip="Clear the field, or close", id="help.close"),
        Binding("up", "scroll(-1)", "up", tooltip="Scroll up", id="help.up"),
        Binding("down", "scroll(1)", "down", tooltip="Scroll down", id="help.down"),
        Binding("pageup", "scroll_page(-1)", "page up", tooltip="One page up", id="help.page_up"),
        Binding("pagedown", "scroll_page(1)", "page down", tooltip="One page down", id="help.page_down"),
    ]

    def __init__(self, key_holders: Sequence[DOMNode]) -> None:
        """`key_holders` are the widgets and screens whose keys are listed."""
        super().__init__()
        self._key_holders = key_holders
        self._columns = Static(), Static()
        self.text = VerticalScroll(Horizontal(*self._columns), can_focus=False)
        self.field = Input(placeholder="Search for a key, or for what it does")
        # A blinking cursor would repaint twice a second.
        self.field.cursor_blink = False

    def compose(self) -> ComposeResult:
        """Lay out the title, the field and the text, which scrolls."""
        # Before the first paint, which would show the frame of a larger screen.
        self.add_class(*classes(*self.app.size))
        with Vertical(id="dialog"):
            yield Static(
                Content.assemble(
                    ("Help", ".strong"), (f"   ftmon {__version__}   esc closes   ↑↓ scroll", ".muted")
                ),
                id="title",
            )
            yield self.field
            yield self.text

    @on(Input.Changed)
    def _draw(self) -> None:
        """Show what has every typed word, in as many columns as there is room for."""
        words = self.field.value.casefold().split()
        groups = [narrowed for group in self._groups() if (narrowed := _narrowed(group, words)).lines]
        is_wide = self._is_wide
        halves = _halves(groups) if is_wide else (groups, [])
        width = self.text.scrollable_content_region.width // (2 if is_wide else 1)
        for column, half in zip(self._columns, halves, strict=True):
            column.update(Content("\n").join(_rows(half, width)))
        self._columns[1].display = is_wide
        if not groups:
            self._columns[0].update(Content.styled("Nothing has these words.", ".warning"))
        self.text.scroll_home(animate=False)

    def on_resize(self) -> None:
        """Wrap again, once the dialog has its new size."""
        self.set_class(self._is_wide, "-two-columns")
        self.call_after_refresh(self._draw)

    @property
    def _is_wide(self) -> bool:
        return self.size.width >= _TWO_COLUMNS

    def _groups(self) -> Iterator[_Group]:
        for title, keys in keys_of(self.app, self._key_holders).items():
            yield _Group(title, [_Line(key.keys, key.does) for key in keys])
        yield _Group("Notifications", [_Line(*way) for way in _NOTIFICATIONS])
        yield _Group("Signs", [_Line(*sign) for sign in _SIGNS])

    def action_clear_or_close(self) -> None:
        """Clear the field; close the help if it is empty."""
        if self.field.value:
            self.field.clear()
        else:
            self.dismiss(None)

    def action_scroll(self, rows: int) -> None:
        """Scroll the text while the field keeps the focus."""
        self.text.scroll_relative(y=rows, animate=False)

    def action_scroll_page(self, pages: int) -> None:
        """Scroll by what fits."""
        self.text.scroll_relative(y=pages * max(1, self.text.size.height - 1), animate=False)


def _narrowed(group: _Group, words: Sequence[str]) -> _Group:
    """Return a group with only the lines that have every word, or whose title begins with it."""
    return group._replace(
        lines=[
            line
            for line in group.lines
            if all(
                word in f"{line.keys} {line.does}".casefold() or group.title.casefold().startswith(word)
                for word in words
            )
        ]
    )


def _halves(groups: Sequence[_Group]) -> tuple[Sequence[_Group], Sequence[_Group]]:
    """Return the groups of the left and of the right column, so that both are about as long."""
    sizes = [len(group.lines) + 2 for group in groups]
    cuts = range(1, len(groups) + 1)
    cut = min(cuts, key=lambda cut: max(sum(sizes[:cut]), sum(sizes[cut:])), default=0)
    return groups[:cut], groups[cut:]


def _rows(groups: Sequence[_Group], width: int) -> Iterator[Content]:
    """Yield the rows of a column of some width."""
    for number, group in enumerate(groups):
        if number:
            yield Content()
        yield Content.styled(group.title, ".strong")
        for line in group.lines:
            if width < _TINY:
                yield Content.assemble((f"{line.keys} ", ".key"), line.does)
                continue
            keys = f"{line.keys:<{_KEY_WIDTH}} "
            indent = len(keys)
            for place, piece in enumerate(wrap(line.does, max(1, width - indent - 2))):
                yield Content.assemble((" " * indent, "") if place else (keys, ".key"), piece)
