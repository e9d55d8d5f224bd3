"""The service's own jobs, to pick from."""

from collections.abc import Iterable
from datetime import datetime

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ftmon.model.job import Job
from ftmon.text import STATUS_SIGNS, ago
from ftmon.tui.look import STATUS_LOOKS

_STATUS_WIDTH = 12


class JobList(OptionList, can_focus=False):
    """One job a row, newest first, narrowed down by what is typed."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._now = now
        self._jobs: dict[str, Job] = {}

    @property
    def chosen_id(self) -> str | None:
        """The id of the highlighted job, or None."""
        option = self.highlighted_option
        return option.id if option is not None else None

    def show(self, jobs: Iterable[Job]) -> None:
        """Show these jobs."""
        self._jobs = {job.id: job for job in jobs}
        self.narrow("")

    def narrow(self, text: str) -> int:
        """Show the jobs whose id or model has the text in it, and return how many they are."""
        text = text.strip().casefold()
        found = [
            job
            for job in self._jobs.values()
            if text in job.id.casefold() or text in (job.model or "").casefold()
        ]
        width = max((len(job.id) for job in found), default=0)
        self.set_options(Option(self._row(job, width), id=job.id) for job in found)
        return len(found)

    def _row(self, job: Job, width: int) -> Content:
        look = f".{STATUS_LOOKS[job.status]}"
        word = f"{STATUS_SIGNS[job.status]} {job.status.value}"
        told = [part for part in (job.model, ago(job.created_at, self._now)) if part]
        return Content.assemble(
            (word.ljust(_STATUS_WIDTH + 1), look), f"{job.id:<{width}}", ("   " + " · ".join(told), ".muted")
        )
