"""The dialog that asks for a job."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from ftmon.errors import FtmonError, UsageError
from ftmon.model.job import JobKey, typed_job_id
from ftmon.paths import stylesheet
from ftmon.text import plural
from ftmon.tui.excerpt import excerpt
from ftmon.tui.look import LOOKS
from ftmon.tui.widgets.job_input import JobInput
from ftmon.tui.widgets.job_list import JobList, ListedJob
from ftmon.watch.watcher import Watcher


class OpenJobScreen(ModalScreen[JobKey | None]):
    """Returns a job that the user typed or picked, or None if the user closed the dialog.

    The list offers the service's jobs and the jobs recorded on this machine.
    """

    CSS_PATH = stylesheet("open_job.tcss")
    COMPONENT_CLASSES = LOOKS
    AUTO_FOCUS = "JobInput"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move('down')", "next", tooltip="The next job in the list", id="open.next"),
        Binding("up", "move('up')", "previous", tooltip="The previous job in the list", id="open.before"),
        Binding("pagedown", "move('page_down')", "page down", tooltip="One page down", id="open.page_down"),
        Binding("pageup", "move('page_up')", "page up", tooltip="One page up", id="open.page_up"),
        Binding("escape", "dismiss(None)", "close", tooltip="Close the dialog", id="open.close"),
    ]

    field = getters.query_one(JobInput)
    jobs = getters.query_one(JobList)
    hint = getters.query_one("#hint", Static)

    def __init__(self, watcher: Watcher, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._watcher = watcher
        self._now = now
        self._state = Content.styled("asking the service for its jobs …", ".muted")

    def compose(self) -> ComposeResult:
        """Lay out the service, the input, the hint and the list of jobs."""
        with Vertical(id="dialog"):
            yield Static(
                Content.assemble(
                    ("Watch a job", ".strong"), ("  at ", ".muted"), (self._watcher.base_url, ".muted")
                ),
                id="service",
            )
            yield JobInput()
            yield Static(self._state, id="hint")
            yield JobList(self._watcher.base_url, self._now())
            yield Static(
                _keys(("enter", "open"), ("↑↓", "choose"), ("→", "complete"), ("esc", "close")), id="keys"
            )

    def on_mount(self) -> None:
        """Start listing the jobs."""
        # When the app is exiting, Textual mounts no more widgets, so there is no list to fill.
        if self.is_attached:
            self._list_jobs()

    @work
    async def _list_jobs(self) -> None:
        """List the recorded jobs, which needs no network, and then the service's jobs."""
        runs = await asyncio.wrap_future(self._watcher.runs())
        self._offer({run.key: ListedJob(run.job, run.events, run.last_at) for run in runs})
        recorded = f"{plural(len(runs), 'run')} recorded here" if runs else ""
        if self._watcher.is_offline:
            self._state = Content.styled(recorded, ".muted")
            self._show_state()
            return
        try:
            jobs = await asyncio.wrap_future(self._watcher.jobs())
        except FtmonError as error:
            self._state = Content.assemble(
                (f"The jobs cannot be listed: {excerpt(str(error))}", ".warning"),
                (f" · {recorded}" if recorded else "", ".muted"),
            )
        else:
            self._offer(
                {JobKey(self._watcher.base_url, job.id): ListedJob(job, is_listed=True) for job in jobs}
            )
            words = (
                f"{plural(len(jobs), 'job')} listed by the service" if jobs else "the service lists no jobs"
            )
            self._state = Content.styled(", ".join(filter(None, (words, recorded))), ".muted")
        self._show_state()

    @property
    def _is_open(self) -> bool:
        """False once the dialog was closed, which may be while the jobs are listed."""
        return self.is_attached and self.is_current

    def _show_state(self) -> None:
        if self._is_open:
            self.hint.update(self._state)

    def _offer(self, jobs: dict[JobKey, ListedJob]) -> None:
        if not self._is_open:
            return
        self.jobs.add(jobs)
        self.field.suggest([key.job_id for key in self.jobs.keys if key.service == self._watcher.base_url])

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        found = self.jobs.narrow(event.value)
        result = event.validation_result
        if not event.value.strip():
            self.hint.update(self._state)
        elif result is not None and not result.is_valid:
            self.hint.update(Content.styled(" ".join(result.failure_descriptions), ".warning"))
        else:
            matches = f"; {plural(found, 'job')} listed below" if found else ""
            self.hint.update(Content.styled(f"enter opens this job{matches}", ".muted"))

    @on(Input.Submitted)
    def _open(self, event: Input.Submitted) -> None:
        """Open the highlighted job, or if none is highlighted, the typed one."""
        try:
            key = self.jobs.chosen or JobKey(self._watcher.base_url, typed_job_id(event.value))
            self.dismiss(key)
        except UsageError as error:
            self.hint.update(Content.styled(str(error), ".warning"))

    @on(OptionList.OptionSelected)
    def _pick(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.jobs.chosen)

    def action_move(self, where: str) -> None:
        """Move the list's highlight while the input keeps the focus."""
        move: dict[str, Callable[[], None]] = {
            "down": self.jobs.action_cursor_down,
            "up": self.jobs.action_cursor_up,
            "page_down": self.jobs.action_page_down,
            "page_up": self.jobs.action_page_up,
        }
        move[where]()


def _keys(*keys: tuple[str, str]) -> Content:
    parts: list[tuple[str, str]] = []
    for key, word in keys:
        parts += [(key, ".key"), (f" {word}   ", ".muted")]
    return Content.assemble(*parts)
