"""The line below the log in which something is typed: a search, a filter, a time, the name of a file."""

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from ftmon.errors import UsageError
from ftmon.tui.question import Question

_PAUSE = 0.12
"""Seconds without a key after which what was typed is tried out."""


class _Field(Input):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "accept", tooltip="Take what was typed", id="prompt.take"),
    ]


class Prompt(Vertical):
    """Asks one question. An answer that does not fit is told below it, and can be mended."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", tooltip="Leave everything as it is", id="prompt.cancel"),
    ]

    def __init__(self, question: Question, home: Widget) -> None:
        """`home` takes the keys after the answer."""
        super().__init__()
        self._question = question
        self._home = home
        self._label = Static(Content.styled(question.label, ".key"))
        self._input = _Field(question.value, placeholder=question.hint, select_on_focus=False)
        # A blinking cursor would repaint twice a second.
        self._input.cursor_blink = False
        self._complaint = Static(id="complaint")
        self._tried = question.value
        """The text that was tried out last."""
        self._pause: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the line, and below it the place for a complaint."""
        with Horizontal():
            yield self._label
            yield self._input
        yield self._complaint

    def on_mount(self) -> None:
        """Take the keys, and at once: `focus()` would leave those that are queued to the log."""
        self.screen.set_focus(self._input)

    @on(Input.Changed)
    def _wait(self, event: Input.Changed) -> None:
        event.stop()
        self._complaint.display = False
        self._stop_waiting()
        self._pause = self.set_timer(_PAUSE, partial(self._try_out, event.value.strip()), name="pause")

    def _stop_waiting(self) -> None:
        if self._pause is not None:
            self._pause.stop()

    def _try_out(self, text: str) -> None:
        if text != self._tried:
            self._tried = text
            self._question.preview(text)

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        event.stop()
        self._stop_waiting()
        try:
            self._question.answer(event.value.strip())
        except UsageError as error:
            self._complaint.update(Content.styled(str(error), ".warning"))
            self._complaint.display = True
        else:
            self._close()

    def action_cancel(self) -> None:
        """Undo the preview, and ask no more."""
        self.undo()
        self._close()

    def undo(self) -> None:
        """Undo the preview."""
        self._stop_waiting()
        self._question.undo()

    def _close(self) -> None:
        # Before the next key, as in `on_mount`.
        self.screen.set_focus(self._home)
        self.remove()
