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
from ftmon.safe import one_line, safe
from ftmon.text import STATUS_SIGNS, ago, count, last_seen
from ftmon.tui.excerpt import excerpt
from ftmon.tui.look import STATUS_LOOKS

_LONGEST_STATUS = 32
"""Characters of a status. A service may send any word."""


class ListedJob(NamedTuple):
    """A job, with the extent of its recording."""

    job: Job
    events: int | None = None
    """Number of recorded events; None if nothing is recorded."""
    recorded_at: datetime | None = None
    """When the job was last recorded."""
    is_listed: bool = False
    """The service has just listed the job, so its status is that of now."""

    @property
    def status(self) -> str:
        """The sign and the words of the status."""
        status = self.job.status
        if self.is_listed:
            return f"{STATUS_SIGNS[status]} {one_line(self.job.status_word)[:_LONGEST_STATUS]}"
        return last_seen(self.job)[:_LONGEST_STATUS]

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
        self._text = ""

    @property
    def keys(self) -> list[JobKey]:
        """All jobs, newest first."""
        return list(self._jobs)

    @property
    def chosen(self) -> JobKey | None:
        """The key of the highlighted job, or None."""
        return None if self.highlighted is None else self._shown[self.highlighted]

    def add(self, jobs: Mapping[JobKey, ListedJob]) -> None:
        """Add these jobs to the list. The highlighted job stays highlighted.

        A job that is listed already is updated, and keeps its recording.
        """
        for key, new in jobs.items():
            before = self._jobs.get(key)
            self._jobs[key] = new if before is None else before._replace(job=new.job, is_listed=new.is_listed)

        def newest(item: tuple[JobKey, ListedJob]) -> float:
            time = item[1].time
            return -time.timestamp() if time else 0.0

        chosen = self.chosen
        self._jobs = dict(sorted(self._jobs.items(), key=newest))
        self._show_matches()
        if chosen is not None:
            self.highlighted = self._shown.index(chosen)

    def narrow(self, text: str) -> int:
        """Show only jobs whose id or model contains the text, ignoring case. Return their number.

        No job is highlighted then, because the text may be an id of its own.
        """
        self._text = text.strip().casefold()
        self._show_matches()
        return len(self._shown)

    def _show_matches(self) -> None:
        text = self._text
        self._shown = [
            key
            for key, listed in self._jobs.items()
            if text in key.job_id.casefold() or text in (listed.job.model or "").casefold()
        ]
        widths = (
            max((len(self._jobs[key].status) for key in self._shown), default=0),
            max((len(key.job_id) for key in self._shown), default=0),
        )
        self.set_options(Option(self._row(key, self._jobs[key], *widths)) for key in self._shown)

    def render_line(self, y: int) -> Strip:
        """Render one visible row. The highlight replaces the colours of its parts, which suit no fill."""
        strip = super().render_line(y)
        cursor = self.get_component_rich_style("option-list--option-highlighted")
        if not any(segment.style and segment.style.bgcolor == cursor.bgcolor for segment in strip):
            return strip
        ink = Style(color=cursor.color)
        return Strip(Segment.apply_style(strip, post_style=ink), strip.cell_length)

    def _row(self, key: JobKey, listed: ListedJob, status_width: int, id_width: int) -> Content:
        job = listed.job
        look = STATUS_LOOKS[job.status] if listed.is_listed or job.status.is_final else "waiting"
        recorded = "" if listed.events is None else f"{count(listed.events)} recorded"
        host = safe(key.service).partition("://")[2].partition("/")[0]
        elsewhere = "" if key.service == self._base_url else f"at {host}"
        details = filter(None, (excerpt(job.model or ""), ago(listed.time, self._now), recorded, elsewhere))
        return Content.assemble(
            (listed.status.ljust(status_width + 2), f".{look}"),
            f"{safe(key.job_id):<{id_width}}",
            ("   " + " · ".join(details), ".muted"),
        )
