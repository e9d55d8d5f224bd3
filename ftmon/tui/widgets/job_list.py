"""The list of jobs to pick from: the service's, and those recorded on this machine."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ftmon.model.job import Job, JobKey
from ftmon.safe import safe
from ftmon.text import STATUS_SIGNS, ago, count
from ftmon.tui.excerpt import excerpt
from ftmon.tui.look import STATUS_LOOKS

_STATUS_WIDTH = 12


class ListedJob(NamedTuple):
    """A job, with the extent of its recording."""

    job: Job
    events: int | None = None
    """Number of recorded events; None if nothing is recorded."""
    recorded_at: datetime | None = None
    """When the job was last recorded."""

    @property
    def time(self) -> datetime | None:
        """The time to sort by and to show."""
        return self.job.created_at or self.recorded_at


class JobList(OptionList, can_focus=False):
    """One job per row, newest first, filtered by the typed text."""

    def __init__(self, base_url: str, now: datetime) -> None:
        super().__init__()
        self._base_url = base_url
        self._now = now
        self._jobs: dict[JobKey, ListedJob] = {}
        self._shown: list[JobKey] = []

    @property
    def keys(self) -> list[JobKey]:
        """All jobs, newest first."""
        return list(self._jobs)

    @property
    def chosen(self) -> JobKey | None:
        """The key of the highlighted job, or None."""
        return None if self.highlighted is None else self._shown[self.highlighted]

    def add(self, jobs: Mapping[JobKey, ListedJob]) -> None:
        """Add these jobs. A job that is listed already is updated, and keeps its recording."""
        for key, new in jobs.items():
            before = self._jobs.get(key)
            self._jobs[key] = new if before is None else before._replace(job=new.job)

        def newest(item: tuple[JobKey, ListedJob]) -> float:
            time = item[1].time
            return -time.timestamp() if time else 0.0

        self._jobs = dict(sorted(self._jobs.items(), key=newest))

    def narrow(self, text: str) -> int:
        """Show only jobs whose id or model contains the text, ignoring case. Return their number."""
        text = text.strip().casefold()
        self._shown = [
            key
            for key, listed in self._jobs.items()
            if text in key.job_id.casefold() or text in (listed.job.model or "").casefold()
        ]
        width = max((len(key.job_id) for key in self._shown), default=0)
        self.set_options(Option(self._row(key, self._jobs[key], width)) for key in self._shown)
        return len(self._shown)

    def render_line(self, y: int) -> Strip:
        """Render one visible row. The highlight replaces the colours of its parts, which suit no fill."""
        strip = super().render_line(y)
        cursor = self.get_component_rich_style("option-list--option-highlighted")
        if not any(segment.style and segment.style.bgcolor == cursor.bgcolor for segment in strip):
            return strip
        ink = Style(color=cursor.color)
        return Strip(Segment.apply_style(strip, post_style=ink), strip.cell_length)

    def _row(self, key: JobKey, listed: ListedJob, width: int) -> Content:
        job = listed.job
        look = f".{STATUS_LOOKS[job.status]}"
        word = f"{STATUS_SIGNS[job.status]} {job.status.value}"
        recorded = "" if listed.events is None else f"{count(listed.events)} recorded"
        host = safe(key.service).partition("://")[2].partition("/")[0]
        elsewhere = "" if key.service == self._base_url else f"at {host}"
        details = filter(None, (excerpt(job.model or ""), ago(listed.time, self._now), recorded, elsewhere))
        return Content.assemble(
            (word.ljust(_STATUS_WIDTH + 1), look),
            f"{safe(key.job_id):<{width}}",
            ("   " + " · ".join(details), ".muted"),
        )
