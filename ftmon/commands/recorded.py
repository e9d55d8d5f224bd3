"""Opening the history, and finding a run in it by its job's id. No service is asked."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ftmon.errors import HistoryError, UsageError
from ftmon.history.store import History
from ftmon.model.job import JobKey, check_job_id
from ftmon.paths import history_file
from ftmon.safe import safe
from ftmon.settings import check_base_url


@contextmanager
def opened() -> Iterator[History | None]:
    """Open the history; None if nothing was ever recorded.

    Raises:
        HistoryError: when it cannot be used.
    """
    path = history_file()
    if not _exists(path):
        yield None
        return
    try:
        with closing(History(path)) as history:
            yield history
    except sqlite3.Error as error:
        raise HistoryError(f"The history {path} cannot be used: {error}.") from error


def find(job_id: str, base_url: str | None) -> JobKey:
    """Return the key of the recorded run with this id.

    Raises:
        UsageError: when the id is none, or when not exactly one run has it at this service (at any service,
            if `base_url` is None).
    """
    check_job_id(job_id)
    with opened() as history:
        runs = history.runs(job_id) if history else []
    if base_url is not None:
        url = check_base_url(base_url)
        runs = [run for run in runs if run.key.service == url]
    if not runs:
        raise UsageError("No run with this id is recorded. To list the recorded runs: ftmon history")
    if len(runs) > 1:
        urls = ", ".join(safe(run.key.service) for run in runs)
        raise UsageError(f"Several services had a job of this id; choose one with --base-url: {urls}")
    return runs[0].key


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise HistoryError(f"The history {path} cannot be used: {error.strerror}.") from error
    return True
