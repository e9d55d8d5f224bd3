"""The list of jobs to pick from: the service's, and those recorded on this machine."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from ftmon.model.job_list import JobList as Jobs
from ftmon.model.job_list import ListedJob
from ftmon.model.key import LOCAL, JobKey
from ftmon.safe import safe
from ftmon.text import STATUS_SIGNS, ago, count, listed_status, place
from ftmon.tui.excerpt import excerpt
from ftmon.tui.parts.part import Part, fit
from ftmon.tui.parts.status_look import STATUS_LOOKS
from ftmon.tui.widgets.pick_list import PickList, PickRow

_LONGEST_STATUS, _LONGEST_ID = 24, 40
"""Characters that the columns have room for. What is longer is shown whole, in place of what follows."""

_SHORTEST_ID, _DETAILS = 24, 15
"""The ids leave room for an age or a short model, where that leaves them so many characters."""

_LONGEST_MODEL = 48
"""Characters of a model's name that are shown."""

_GAP, _DOT = "  ", " · "
"""Stands between columns, and between what follows them."""


class _Widths(NamedTuple):
    status: int = 0
    job_id: int = 0


class JobList(PickList[JobKey]):
    """One job per row, newest first. What was typed can be opened as an id, too."""

    def __init__(self, base_url: str, now: datetime) -> None:
        super().__init__()
        self._base_url = base_url
        self._now = now
        self._jobs = Jobs()
        self._listed: dict[JobKey, ListedJob] = {}
        self._widths = _Widths()
        """Of the columns, in cells."""

    @property
    def keys(self) -> list[JobKey]:
        """All jobs, newest first."""
        return list(self._listed)

    def add(self, jobs: Iterable[ListedJob]) -> None:
        """Add these jobs to the list."""
        self._jobs.add(jobs)
        self._listed = {listed.key: listed for listed in self._jobs}
        self.show(PickRow(listed.key, _words(listed)) for listed in self._jobs)

    def measure(self) -> None:
        """Measure statuses and ids."""
        keys = [row.value for row in self.shown]
        self._widths = _Widths(
            min(_LONGEST_STATUS, max((len(listed_status(self._listed[key])) for key in keys), default=0)),
            min(_LONGEST_ID, max((len(key.job_id) for key in keys), default=0)),
        )

    @property
    def takes_typed(self) -> bool:
        """Whether something was typed."""
        return bool(self.typed)

    def place(self, value: JobKey | None) -> int | None:
        """Return the row of a job, or else of the id that was typed, or else the first one.

        None for an id that only another service is known to have: the typed one is asked for then.
        """
        keys = [row.value for row in self.shown]
        wanted = (value, JobKey(self._base_url, self.typed), JobKey(LOCAL, self.typed))
        found = [keys.index(key) for key in wanted if key in keys]
        if not found and self.typed in (key.job_id for key in keys):
            return None
        return found[0] if found else 0

    def pieces(self, value: JobKey, width: int) -> list[tuple[str, str]]:
        """Return the parts of a row and their looks. What does not fit is left out as a whole."""
        listed = self._listed[value]
        status, look = listed_status(listed), _look(listed)
        if sum(self._widths) + len(_GAP) > width:
            return [(f"{STATUS_SIGNS[listed.job.status]} ", look), (safe(value.job_id), "")]
        status = status.ljust(self._widths.status)
        most = max(_SHORTEST_ID, width - len(status) - _DETAILS - 2 * len(_GAP))
        job_id = safe(value.job_id).ljust(min(self._widths.job_id, most))
        room = width - len(status) - len(job_id) - 2 * len(_GAP)
        details = _DOT.join(part.text for part in fit(tuple(self._details(listed)), (), room, _DOT)[0])
        return [(status + _GAP, look), (job_id + _GAP, ""), (details, "muted")]

    def _details(self, listed: ListedJob) -> Iterable[Part]:
        """Yield what is less important than status and id."""
        if listed.local_time is not None:
            yield Part(ago(listed.local_time, self._now), "", 2)
        if listed.events is not None:
            yield Part(f"{count(listed.events)} recorded", "", 3)
        if listed.job.model:
            yield Part(excerpt(listed.job.model, _LONGEST_MODEL), "", 1)
        if listed.key.service != self._base_url:
            yield Part(f"at {place(listed.key.service)}", "", 4)


def _look(listed: ListedJob) -> str:
    """A status that was only recorded may have changed since then."""
    return STATUS_LOOKS[listed.job.status] if listed.is_listed or listed.job.is_over else "waiting"


def _words(listed: ListedJob) -> str:
    job = listed.job
    names = (listed.key.job_id, excerpt(job.model or ""), excerpt(job.fine_tuned_model or ""))
    return " ".join((*names, listed_status(listed))).casefold()
