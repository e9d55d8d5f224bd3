"""One event in full: its message, its figures, and its JSON as the service sent it."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ftmon.model.event import Event, Level, safe_json
from ftmon.model.figures import read_figures
from ftmon.model.message import event_figures, read_message
from ftmon.model.metrics import parse_metrics
from ftmon.paths import stylesheet
from ftmon.safe import one_line, redact
from ftmon.text import stamp
from ftmon.tui import json_view
from ftmon.tui.breakpoints import classes
from ftmon.tui.clipboard import copy
from ftmon.tui.excerpt import LONGEST_TEXT, bounded, excerpt
from ftmon.tui.look import LOOKS
from ftmon.tui.widgets.event_log import line_of

_MOST_FIGURES = 60

_LEVEL_LOOKS = {Level.INFO: "muted", Level.WARNING: "warning", Level.ERROR: "bad"}


def event_text(event: Event, secrets: Sequence[str]) -> str:
    """Return the object that the service sent, over several lines, made safe and without secrets."""
    return json_view.pretty(event.fields, secrets)


class EventScreen(ModalScreen[None]):
    """Shows one event over the log."""

    CSS_PATH = stylesheet("event.tcss")
    COMPONENT_CLASSES = LOOKS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "close", tooltip="Close the event", id="event.close"),
        Binding("y", "copy_line", "copy", tooltip="Copy time and message", id="event.copy"),
        Binding("Y", "copy_json", "copy JSON", tooltip="Copy the JSON", id="event.copy_json"),
    ]

    def __init__(self, event: Event, secrets: Sequence[str]) -> None:
        super().__init__()
        self._event = event
        self._secrets = secrets

    def compose(self) -> ComposeResult:
        """Lay out the parts, which scroll."""
        # Before the first paint, which would show the frame of a larger screen.
        self.add_class(*classes(*self.app.size))
        event = self._event
        with VerticalScroll(id="dialog"):
            kind = f"   {excerpt(event.type)}" if event.type else ""
            yield Static(
                Content.assemble(
                    (stamp(event.created_at), ".strong"),
                    (f"   {event.level}", f".{_LEVEL_LOOKS[event.level]}"),
                    (kind, ".muted"),
                ),
            )
            yield Static(Content.styled("esc closes   y copies the line   Y the JSON", ".muted"), id="keys")
            yield Static(Content(bounded(redact(event.message, self._secrets))), classes="part")
            if figures := list(_figures(event)):
                width = max(len(name) for name, _ in figures)
                rows = [Content.assemble((f"{name:<{width}}  ", ".muted"), value) for name, value in figures]
                yield Static(Content("\n").join(rows), classes="part")
            shown = json_view.pretty(event.fields, self._secrets, LONGEST_TEXT)
            yield Static(json_view.coloured(shown), classes="part")

    def action_copy_line(self) -> None:
        """Copy time and message."""
        copy(self.app, redact(line_of(self._event), self._secrets), "the event")

    def action_copy_json(self) -> None:
        """Copy the JSON."""
        copy(self.app, event_text(self._event, self._secrets), "the JSON of the event")


def _figures(event: Event) -> Iterator[tuple[str, str]]:
    """Yield the figures of an event by name: those in its data, else those in its message."""
    data: Any = event.fields.get("data")
    found: dict[str, float] = read_figures(safe_json(data)) if isinstance(data, dict) else {}
    if not found:
        told = event_figures(read_message(event.message[:LONGEST_TEXT]), parse_metrics(event))
        found = {
            name: value
            for name, value in told._asdict().items()
            if value is not None and not isinstance(value, bool)
        }
    for name, value in list(found.items())[:_MOST_FIGURES]:
        yield excerpt(one_line(name).replace("_", " "), 40), f"{value:.10g}"
