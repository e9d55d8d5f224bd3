"""The line below the log in which something is typed: a search, a filter, a time, the name of a file."""

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from ftmon.errors import UsageError


class Prompt(Vertical):
    """Asks one question. An answer that does not fit is told below it, and can be mended."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "cancel", tooltip="Leave everything as it is", id="prompt.cancel"),
    ]

    class Closed(Message):
        """The question was answered, or cancelled."""

    def __init__(self, label: str, hint: str, answer: Callable[[str], None], value: str = "") -> None:
        """`answer` takes the text, or raises a UsageError whose sentence is shown."""
        super().__init__()
        self._label = Static(Content.styled(label, ".key"))
        self._input = Input(value, placeholder=hint, select_on_focus=False)
        # A blinking cursor would repaint twice a second.
        self._input.cursor_blink = False
        self._complaint = Static(id="complaint")
        self._answer = answer

    def compose(self) -> ComposeResult:
        """Lay out the line, and below it the place for a complaint."""
        with Horizontal():
            yield self._label
            yield self._input
        yield self._complaint

    def on_mount(self) -> None:
        """Take the keys."""
        self._input.focus()

    @on(Input.Changed)
    def _forget_complaint(self, event: Input.Changed) -> None:
        event.stop()
        self._complaint.display = False

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self._answer(event.value.strip())
        except UsageError as error:
            self._complaint.update(Content.styled(str(error), ".warning"))
            self._complaint.display = True
        else:
            self.action_close()

    def action_close(self) -> None:
        """Ask no more."""
        self.post_message(self.Closed())
        self.remove()
