"""The dialog that asks for a job."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ftmon.errors import FtmonError, UsageError
from ftmon.model.job import Job
from ftmon.model.job_list import ListedJob, kept_here
from ftmon.model.key import LOCAL, JobKey, typed_job_id
from ftmon.paths import stylesheet
from ftmon.text import plural
from ftmon.tui.excerpt import excerpt
from ftmon.tui.look import LOOKS, key_hints
from ftmon.tui.widgets.job_input import JobInput
from ftmon.tui.widgets.job_list import JobList
from ftmon.watch.watcher import Watcher

_MOST = 10_000
"""Jobs that the service is asked for."""


class OpenJobScreen(ModalScreen[JobKey | None]):
    """Returns a job that the user typed or picked, or None if the user closed the dialog.

    The list offers the service's jobs, the runs of this machine, and what is recorded here.
    """

    CSS_PATH = stylesheet("open_job.tcss")
    COMPONENT_CLASSES = LOOKS
    AUTO_FOCUS = "JobInput"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "next", tooltip="The next job in the list", id="open.next"),
        Binding("up", "move(-1)", "previous", tooltip="The previous job in the list", id="open.before"),
        Binding("pagedown", "move_page(1)", "page down", tooltip="One page down", id="open.page_down"),
        Binding("pageup", "move_page(-1)", "page up", tooltip="One page up", id="open.page_up"),
        Binding("escape", "dismiss(None)", "close", tooltip="Close the dialog", id="open.close"),
    ]

    class Listed(Message):
        """The service has listed more jobs."""

        def __init__(self, jobs: list[Job]) -> None:
            super().__init__()
            self.jobs = jobs

    def __init__(self, watcher: Watcher, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._watcher = watcher
        self._now = now
        self._state = Content.styled("listing the jobs …", ".muted")
        self.field = JobInput()
        self.hint = Static(self._state, id="hint")
        self.jobs = JobList(watcher.base_url, now())

    def compose(self) -> ComposeResult:
        """Lay out the service, the input, the hint and the list of jobs."""
        with Vertical(id="dialog"):
            place = self._watcher.base_url
            title = (f"  {'on this machine' if place == LOCAL else f'at {place}'}", ".muted")
            yield Static(Content.assemble(("Watch a job", ".strong"), title), id="service")
            yield self.field
            yield self.hint
            yield self.jobs
            yield Static(
                key_hints(("enter", "open"), ("↑↓", "choose"), ("→", "complete"), ("esc", "close")), id="keys"
            )

    def on_mount(self) -> None:
        """Start listing the jobs."""
        # When the app is exiting, Textual mounts no more widgets, so there is no list to fill.
        if self.is_attached:
            self._list_jobs()

    @work
    async def _list_jobs(self) -> None:
        """List the runs of this machine and the recorded jobs, without the network; then the service's."""
        runs = await asyncio.wrap_future(self._watcher.runs())
        self._offer(ListedJob(run.key, run.job, events=run.events, recorded_at=run.last_at) for run in runs)
        kept = [] if self._watcher.is_offline else await asyncio.to_thread(_kept_jobs)
        self._offer(kept_here(kept))
        here = ", ".join(
            f"{plural(len(found), 'run')} {where}"
            for found, where in ((kept, "on this machine"), (runs, "recorded here"))
            if found
        )
        if self._watcher.is_offline or not self._watcher.services.has_list:
            self._state = Content.styled(here or "no run is kept or recorded here", ".muted")
            self._show_state()
            return
        listed = 0

        def report(jobs: list[Job]) -> bool:
            nonlocal listed
            listed += len(jobs)
            self.post_message(self.Listed(jobs))
            return listed < _MOST

        try:
            has_more = await asyncio.wrap_future(self._watcher.list_jobs(report))
        except FtmonError as error:
            part = f"Only {plural(listed, 'job')}" if listed else "The jobs"
            self._state = Content.assemble(
                (f"{part} can{'' if listed else 'not'} be listed: {excerpt(str(error))}", ".warning"),
                (f" · {here}" if here else "", ".muted"),
            )
        else:
            words = (
                f"{'the newest ' if has_more else ''}{plural(listed, 'job')} listed by the service"
                if listed
                else "the service lists no jobs"
            )
            self._state = Content.styled(", ".join(filter(None, (words, here))), ".muted")
        # After the jobs, which come as messages.
        self.call_later(self._show_state)

    @on(Listed)
    def _add_listed(self, event: Listed) -> None:
        service, skew = self._watcher.base_url, self._watcher.services.skew
        self._offer(ListedJob(JobKey(service, job.id), job, is_listed=True, skew=skew) for job in event.jobs)

    @property
    def _is_open(self) -> bool:
        """False once the dialog was closed, which may be while the jobs are listed."""
        return self.is_attached and self.is_current

    def _show_state(self) -> None:
        if self._is_open:
            self._show_hint(self.field.value)

    def _offer(self, jobs: Iterable[ListedJob]) -> None:
        if not self._is_open:
            return
        self.jobs.add(jobs)
        self.field.suggest([key.job_id for key in self.jobs.keys if key.service == self._watcher.base_url])

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        self.jobs.narrow(event.value)
        self._show_hint(event.value)

    @on(JobList.Highlighted)
    def _show_choice(self) -> None:
        self._show_hint(self.field.value)

    def _show_hint(self, typed: str) -> None:
        """Say what the list holds, or what enter does with the typed text."""
        failures = self.field.failures
        if not typed.strip():
            self.hint.update(self._state)
        elif self.jobs.chosen is not None:
            words = f"{plural(len(self.jobs), 'job')} listed below, enter opens the one chosen"
            other = "" if failures else "; ↑ takes the id as typed"
            self.hint.update(Content.styled(f"{words}{other}", ".muted"))
        elif len(typed.split()) > 1:
            self.hint.update(Content.styled("no job has all of these words", ".warning"))
        elif failures:
            self.hint.update(Content.styled(" ".join(failures), ".warning"))
        else:
            self.hint.update(Content.styled("enter opens the id as typed", ".muted"))

    @on(Input.Submitted)
    def _open(self, event: Input.Submitted) -> None:
        """Open the highlighted job, else the typed one."""
        try:
            self.dismiss(self.jobs.chosen or self._named(typed_job_id(event.value)))
        except UsageError as error:
            self.hint.update(Content.styled(str(error), ".warning"))

    def _named(self, job_id: str) -> JobKey:
        """Return the job of an id: the service's, unless only a run of this machine is known to have it."""
        of_service, here = JobKey(self._watcher.base_url, job_id), JobKey(LOCAL, job_id)
        return here if here in self.jobs.keys and of_service not in self.jobs.keys else of_service

    @on(JobList.Picked)
    def _pick(self) -> None:
        self.dismiss(self.jobs.chosen)

    def action_move(self, rows: int) -> None:
        """Move the list's cursor while the input keeps the focus."""
        self.jobs.move(rows)

    def action_move_page(self, pages: int) -> None:
        """Move the list's cursor by what fits into it."""
        self.jobs.move(pages * max(2, self.jobs.size.height))


def _kept_jobs() -> list[Job]:
    # Its readers of files are of no use before the first paint.
    from ftmon.local.catalog import kept_jobs

    return kept_jobs()
