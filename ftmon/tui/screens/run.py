"""The run's page: all that is known of the run, its job and its connection."""

from collections.abc import Callable
from datetime import datetime
from math import inf
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.widgets import Static

from ftmon import json_text
from ftmon.model.run import Run
from ftmon.paths import stylesheet
from ftmon.tui import json_view
from ftmon.tui.breakpoints import classes
from ftmon.tui.clipboard import copy
from ftmon.tui.excerpt import LONGEST_TEXT
from ftmon.tui.look import LOOKS, key_hints
from ftmon.tui.page.sections import json_title, of_the_job, of_the_watching
from ftmon.tui.widgets.checkpoint_table import CheckpointTable
from ftmon.tui.widgets.fact_table import FactSection, PageSection
from ftmon.watch.watcher import Watcher

_EVERY = 1.0
"""Seconds between two looks at the run. Only what has changed is painted again."""

_KEYS = key_hints(("↑↓", "scroll"), ("y", "copy the job's id"), ("Y", "copy JSON"), ("esc", "close"))
_KEYS_OF_CHECKPOINTS = key_hints(
    ("↑↓", "choose a checkpoint"), ("y", "copy name"), ("Y", "copy JSON"), ("esc", "close")
)


class RunScreen(ModalScreen[None]):
    """Shows the sections of a run that have something to tell, one below the other."""

    CSS_PATH = stylesheet("run.tcss")
    COMPONENT_CLASSES = LOOKS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,i", "dismiss", "close", tooltip="Close the run's page", id="run.close"),
        Binding(
            "y", "copy_name", "copy", tooltip="Copy the checkpoint's name, else the job id", id="run.copy"
        ),
        Binding("Y", "copy_json", "copy JSON", tooltip="Copy the job's JSON", id="run.copy_json"),
    ]

    def __init__(self, present: Callable[[], tuple[Run | None, datetime]], watcher: Watcher) -> None:
        """`present` returns the run that the main screen shows, and the time to show its ages by."""
        super().__init__()
        self._present = present
        self._watcher = watcher
        self._keys = Static(id="keys")
        run, now = present()
        self._job_sections = [FactSection() for _ in of_the_job(run, now)]
        self._checkpoints = CheckpointTable()
        self._checkpoint_section = PageSection(self._checkpoints)
        self._watching_sections = [FactSection() for _ in of_the_watching(run, watcher, now)]
        self._json = Static()
        self._json_section = PageSection(self._json)
        self._raw: str | None = None
        """The job object that is shown."""

    def compose(self) -> ComposeResult:
        """Lay out the sections, which scroll."""
        # Before the first paint, which would show the frame of a larger screen.
        self.add_class(*classes(*self.app.size))
        self._look()
        with Vertical(id="dialog"):
            with _Page(self._checkpoints):
                yield Static(Content.assemble(("About this run", ".strong"), ("   esc closes", ".muted")))
                yield from self._job_sections
                yield self._checkpoint_section
                yield from self._watching_sections
                yield self._json_section
            yield self._keys

    def on_mount(self) -> None:
        """Look for changes while the page is open."""
        self.set_interval(_EVERY, self._look)

    def _look(self) -> None:
        run, now = self._present()
        for place, section in zip(self._job_sections, of_the_job(run, now), strict=True):
            place.show(section)
        checkpoints = run.milestones.checkpoints.newest_first if run else []
        self._checkpoints.show(checkpoints)
        keys = _KEYS_OF_CHECKPOINTS if checkpoints else _KEYS
        if self._keys.content is not keys:
            self._keys.update(keys)
        self._checkpoint_section.show_title("Checkpoints", is_empty=not checkpoints)
        for place, section in zip(
            self._watching_sections, of_the_watching(run, self._watcher, now), strict=True
        ):
            place.show(section)
        raw = run.job.raw if run is not None and run.job is not None else ""
        self._json_section.show_title(json_title(run), is_empty=not raw)
        if raw != self._raw:
            self._raw = raw
            self._json.update(json_view.coloured(self._pretty(LONGEST_TEXT)))

    @property
    def _fields(self) -> Any:
        """The job object that is shown; None where there is none."""
        try:
            return json_text.decode(self._raw) if self._raw else None
        except ValueError:
            return None

    def _pretty(self, longest: float) -> str:
        fields = self._fields
        return "" if fields is None else json_view.pretty(fields, self._watcher.settings.secrets, longest)

    def action_copy_name(self) -> None:
        """Copy the name of the chosen checkpoint; where none is chosen, the job's id."""
        (run, _), chosen = self._present(), self._checkpoints.chosen
        if chosen is not None and chosen.name:
            copy(self.app, chosen.name, "the checkpoint's name")
        elif chosen is not None:
            self.notify("The service gives this checkpoint no name.", markup=False, timeout=4)
        elif run is not None:
            copy(self.app, run.key.job_id, "the job id")

    def action_copy_json(self) -> None:
        """Copy the job object."""
        if text := self._pretty(inf):
            copy(self.app, text, "the JSON of the job")


class _Page(VerticalScroll):
    """Scrolls with the arrow keys, which choose among the checkpoints where those are in sight."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "go(-1)", "up", False),
        Binding("down,j", "go(1)", "down", False),
    ]

    def __init__(self, checkpoints: CheckpointTable) -> None:
        super().__init__()
        self._checkpoints = checkpoints

    def action_go(self, step: int) -> None:
        """Choose the next checkpoint, or the one before, if that is in sight or next to it. Else scroll."""
        table, view = self._checkpoints, self.content_region
        row = table.row_beside(step)
        if row is None or not view.y - 1 <= table.region.y + row <= view.bottom:
            self.scroll_relative(y=step, animate=False)
            return
        table.choose(step)
        y = table.region.y - view.y + self.scroll_offset.y + row
        chosen = Region(0, y, 1, table.rows_of_chosen)
        self.call_after_refresh(self.scroll_to_region, chosen, animate=False)
