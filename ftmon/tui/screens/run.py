"""The information: the service of the run, how it is watched, and why so."""

from collections.abc import Callable, Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ftmon.checks import facts
from ftmon.checks.check import SIGNS, Check, Mark
from ftmon.model.key import LOCAL
from ftmon.model.run import Run
from ftmon.paths import stylesheet
from ftmon.safe import one_line, safe
from ftmon.tui.look import LOOKS
from ftmon.watch.watcher import Watcher

_EVERY = 1.0
"""Seconds between two looks at the facts. Only what has changed is painted again."""

_MARK_LOOKS = {Mark.GOOD: "", Mark.DOUBT: "warning", Mark.BAD: "bad"}


def facts_of(run: Run | None, watcher: Watcher) -> Iterator[Check]:
    """Yield what `ftmon doctor` tells of a service, for the run on the screen."""
    is_asked = not watcher.is_offline if run is None else watcher.can_watch(run.key)
    service = run.key.service if run else watcher.base_url
    yield facts.service(service)
    if run is None or not run.dialect:
        yield facts.unasked_api("no answer was read" if is_asked else "the service is not asked")
    else:
        yield facts.api(run.dialect, run.why)
    if run is not None:
        yield facts.connection(run.connection)
        if is_asked and run.dialect:
            yield facts.events(run.dialect, run.connection)
    if is_asked and service != LOCAL:
        yield facts.key(watcher.settings)
        yield facts.proxy(watcher.settings)
        yield facts.clock(run.skew if run else None)
    if run is not None and run.has_estimated_times:
        yield facts.estimated_times()
    obstacle = watcher.unrecordable or ("nothing is recorded in it now" if watcher.is_unrecorded else "")
    yield facts.record(watcher.history, obstacle)
    if run is not None and watcher.history is not None and not obstacle:
        yield facts.recorded(run.events, run.unrecorded)


class InfoScreen(ModalScreen[None]):
    """Lists facts, one in each row. The name stands before the text, or above it in a narrow terminal."""

    CSS_PATH = stylesheet("run.tcss")
    COMPONENT_CLASSES = LOOKS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,i", "dismiss", "close", tooltip="Close the information", id="info.close"),
    ]

    def __init__(self, tell: Callable[[], list[Check]]) -> None:
        super().__init__()
        self._tell = tell
        self._told: list[Check] = []

    def compose(self) -> ComposeResult:
        """Lay out the facts, which scroll."""
        with VerticalScroll(id="dialog"):
            yield Static(Content.assemble(("About this run", ".strong"), ("   esc closes", ".muted")))
            self._told = self._tell()
            yield from map(_Fact, self._told)

    def on_mount(self) -> None:
        """Look for changes while the screen is open."""
        self.set_interval(_EVERY, self._look)

    async def _look(self) -> None:
        before, self._told = self._told, self._tell()
        if [check.name for check in before] != [check.name for check in self._told]:
            await self.recompose()
            return
        for old, new, shown in zip(before, self._told, self.query(_Fact), strict=True):
            if old != new:
                shown.show(new)


class _Fact(Horizontal):
    """One fact: its name, and what was found."""

    def __init__(self, check: Check) -> None:
        super().__init__()
        self._label = Static(Content.styled(check.name, ".muted"), classes="name")
        self._text = Static(_text(check))

    def compose(self) -> ComposeResult:
        """Lay out name and text."""
        yield self._label
        yield self._text

    def show(self, check: Check) -> None:
        """Show the fact as it is now."""
        self._text.update(_text(check))


def _text(check: Check) -> Content:
    advice = f" → {check.advice}" if check.advice else ""
    text = one_line(safe(f"{check.text}{advice}"))
    if check.mark is Mark.GOOD:
        return Content(text)
    return Content.styled(f"{SIGNS[check.mark]} {text}", f".{_MARK_LOOKS[check.mark]}")
