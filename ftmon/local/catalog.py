"""Lists the runs that ftmon keeps on this machine as jobs, without reading all that they have told."""

from collections.abc import Iterator
from pathlib import Path

from ftmon.errors import HistoryError
from ftmon.local.kept import Signs
from ftmon.local.run_directory import EVENTS, OUTPUT, RunDirectory
from ftmon.local.source import JSON_LINES, LOG
from ftmon.model.job import Job, Status
from ftmon.paths import runs_directory


def kept_jobs(home: Path | None = None) -> list[Job]:
    """Return the runs in this directory, or in the user's own, as they stand now, in no order."""
    try:
        return list(_jobs(home or runs_directory()))
    except HistoryError:
        return []


def _jobs(home: Path) -> Iterator[Job]:
    for directory in RunDirectory.all(home):
        if (job := kept_job(directory)) is not None:
            yield job


def kept_job(directory: RunDirectory) -> Job | None:
    """Return a run as it stands now; None where it has not begun, or is none."""
    started_at = directory.started_at
    if started_at is None:
        return None
    # Asked first: the end is recorded before a run is no longer seen to go on.
    is_running, end = directory.is_running, directory.end
    written_at = directory.written_at
    if end is None and is_running:
        return Job(directory.id, Status.RUNNING, "running", created_at=started_at, updated_at=written_at)
    outcome = _signs(directory).outcome(end)
    finished_at = end.at if end is not None else written_at or started_at
    return Job(
        directory.id,
        outcome.status if outcome else Status.UNKNOWN,
        outcome.status.value if outcome else None,
        created_at=started_at,
        updated_at=finished_at,
        finished_at=finished_at,
        error=(outcome.reason if outcome else "") or None,
        has_ended=outcome is None,
    )


def _signs(directory: RunDirectory) -> Signs:
    """Return what the last lines of a run tell of its end."""
    signs = Signs()
    for name, kind in ((OUTPUT, LOG), (EVENTS, JSON_LINES)):
        signs.note(kind.reader().feed(directory.tail(name).encode()))
    return signs
