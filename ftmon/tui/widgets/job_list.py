"""The list of jobs to pick from: the service's, and those recorded on this machine."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ftmon.model.job_list import JobList as Jobs
from ftmon.model.job_list import ListedJob
from ftmon.model.key import JobKey
from ftmon.safe import safe
from ftmon.text import ago, count, listed_status, place
from ftmon.tui.excerpt import excerpt
from ftmon.tui.look import STATUS_LOOKS, rich_style


class _Row(NamedTuple):
    listed: ListedJob
    status: str
    words: str
    """What a filter is looked for in."""


class JobList(ScrollView, can_focus=False):
    """One job per row, newest first, filtered by the typed words.

    Only visible rows are rendered, so that thousands of jobs cost no more than a few.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"job-list--highlighted"}

    highlighted: reactive[int | None] = reactive(None)
    """The row under the cursor, or None."""

    class Picked(Message):
        """A job was clicked."""

    def __init__(self, base_url: str, now: datetime) -> None:
        super().__init__()
        self._base_url = base_url
        self._now = now
        self._jobs = Jobs()
        self._rows: list[_Row] = []
        self._shown: list[_Row] = []
        self._widths = 0, 0
        """Of the status and of the id, in cells."""
        self._wanted: list[str] = []

    def __len__(self) -> int:
        """Return how many jobs are shown."""
        return len(self._shown)

    @property
    def keys(self) -> list[JobKey]:
        """All jobs, newest first."""
        return [row.listed.key for row in self._rows]

    @property
    def chosen(self) -> JobKey | None:
        """The key of the highlighted job, or None."""
        return None if self.highlighted is None else self._shown[self.highlighted].listed.key

    def add(self, jobs: Iterable[ListedJob]) -> None:
        """Add these jobs to the list. The highlighted job stays highlighted."""
        chosen = self.chosen
        self._jobs.add(jobs)
        self._rows = [_row(listed) for listed in self._jobs]
        self._show_matches()
        if chosen is not None:
            self.highlighted = [row.listed.key for row in self._shown].index(chosen)

    def narrow(self, text: str) -> None:
        """Show only jobs that have every word of the text in their id, model or status.

        No job is highlighted then, because the text may be an id of its own.
        """
        self._wanted = text.casefold().split()
        self._show_matches()

    def _show_matches(self) -> None:
        self._shown = [row for row in self._rows if all(word in row.words for word in self._wanted)]
        self._widths = (
            max((len(row.status) for row in self._shown), default=0),
            max((len(row.listed.key.job_id) for row in self._shown), default=0),
        )
        self.highlighted = None
        self.virtual_size = Size(0, len(self._shown))
        self.scroll_to(y=0, animate=False, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Render one visible row."""
        width, number = self.scrollable_content_region.width, self.scroll_offset.y + y
        if number >= len(self._shown):
            return Strip.blank(width, rich_style(self))
        pieces = self._pieces(self._shown[number])
        if number == self.highlighted:
            # The colours of the parts suit no fill.
            cursor = self.get_component_rich_style("job-list--highlighted")
            strip, fill = Strip([Segment(text, cursor) for text, _ in pieces]), cursor
        else:
            strip, fill = Strip([Segment(text, rich_style(self, look)) for text, look in pieces]), Style()
        if strip.cell_length > width > 0:
            strip = Strip([*strip.crop(0, width - 1), Segment("…", fill or rich_style(self, "muted"))])
        return strip.adjust_cell_length(width, fill or rich_style(self))

    def _pieces(self, row: _Row) -> list[tuple[str, str]]:
        """Return the parts of a row and their looks. What may be long comes last."""
        (key, job, is_listed, recorded, *_), (status_width, id_width) = row.listed, self._widths
        details = (
            ago(row.listed.local_time, self._now),
            "" if recorded is None else f"{count(recorded)} recorded",
            excerpt(job.model or ""),
            "" if key.service == self._base_url else f"at {place(key.service)}",
        )
        look = STATUS_LOOKS[job.status] if is_listed or job.is_over else "waiting"
        return [
            (row.status.ljust(status_width + 2), look),
            (safe(key.job_id).ljust(id_width + 3), ""),
            (" · ".join(filter(None, details)), "muted"),
        ]

    def notify_style_update(self) -> None:
        """Repaint with the colours of the new theme."""
        super().notify_style_update()
        self.refresh()

    # The cursor

    def watch_highlighted(self, before: int | None, now: int | None) -> None:
        """Repaint the two rows, and scroll to the new one."""
        if now is not None:
            self.scroll_to_region(Region(0, now, 1, 1), animate=False, force=True)
        for number in (before, now):
            if number is not None:
                self.refresh(Region(0, number - self.scroll_offset.y, self.size.width, 1))

    def move(self, rows: int) -> None:
        """Move the cursor. Beyond an end, a single step goes to the other end."""
        last = len(self._shown) - 1
        if last < 0:
            return
        if self.highlighted is None:
            self.highlighted = 0 if rows > 0 else last
        elif abs(rows) == 1:
            self.highlighted = (self.highlighted + rows) % (last + 1)
        else:
            self.highlighted = min(last, max(0, self.highlighted + rows))

    def on_click(self, event: events.Click) -> None:
        """Pick the job under the mouse."""
        number = self.scroll_offset.y + event.y
        if number < len(self._shown):
            self.highlighted = number
            self.post_message(self.Picked())


def _row(listed: ListedJob) -> _Row:
    status = listed_status(listed)
    job = listed.job
    names = (listed.key.job_id, excerpt(job.model or ""), excerpt(job.fine_tuned_model or ""), status)
    return _Row(listed, status, " ".join(names).casefold())
