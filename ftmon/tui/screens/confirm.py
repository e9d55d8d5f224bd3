"""The dialog that asks for confirmation before a job is cancelled."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from ftmon.model.key import LOCAL, JobKey
from ftmon.paths import stylesheet
from ftmon.tui.look import LOOKS

_THERE = "The service stops the training. This cannot be undone."
_HERE = "It is sent SIGINT, the second time SIGTERM, the third time SIGKILL."


class ConfirmScreen(ModalScreen[bool]):
    """Returns True only if the user chooses to cancel. Every other way to close it keeps the job running."""

    CSS_PATH = stylesheet("confirm.tcss")
    COMPONENT_CLASSES = LOOKS
    AUTO_FOCUS = "#keep"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "cancel the job", tooltip="Cancel the job", id="confirm.yes"),
        Binding("n,escape,q", "dismiss(False)", "keep it", tooltip="Keep the job running", id="confirm.no"),
        Binding(
            "left,right,up,down",
            "app.focus_next",
            "other",
            False,
            tooltip="The other answer",
            id="confirm.other",
        ),
    ]

    def __init__(self, key: JobKey) -> None:
        super().__init__()
        self._key = key

    def compose(self) -> ComposeResult:
        """Lay out the question and its two answers."""
        with Vertical(id="dialog"):
            yield Static(Content.styled("Cancel this job?", ".strong"))
            yield Static(Content(self._key.job_id), id="job")
            yield Static(Content.styled(_HERE if self._key.service == LOCAL else _THERE, ".muted"), id="why")
            with Horizontal():
                yield Button(Content("Keep it (n)"), id="keep", variant="primary", compact=True)
                yield Button(Content("Cancel it (y)"), id="cancel", variant="error", compact=True)

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "cancel")
