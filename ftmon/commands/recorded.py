"""Opening the history, and finding a run in it by its job's id. No service is asked."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext

from ftmon.errors import HistoryError, UsageError
from ftmon.history.reader import RecordedRun
from ftmon.history.recorder import lost_log
from ftmon.history.store import History
from ftmon.lines.output import say
from ftmon.model.key import LOCAL, typed_job_id
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
    try:
        history = History(path, create=False)
    except FileNotFoundError:
        yield None
        return
    except (sqlite3.Error, HistoryError) as error:
        raise HistoryError(f"The history {path} cannot be used: {error}.") from error
    with closing(history):
        if history.has_lost_log:
            say(f"{lost_log(path)}.")
        try:
            yield history
        except sqlite3.Error as error:
            raise HistoryError(f"The history {path} cannot be used: {error}.") from error


@contextmanager
def recorded_run(job_id: str, base_url: str | None) -> Iterator[tuple[History, RecordedRun]]:
    """Open the history and find the run with this id. Inside the block, one state of it is read.

    What a run that ftmon keeps has told since is recorded first.

    Raises:
        UsageError: when the id is none, or when not exactly one run has it at this service (at any service,
            if `base_url` is None).
        HistoryError: when the history cannot be used.
    """
    job_id = typed_job_id(job_id)
    url = base_url if base_url in (None, LOCAL) else check_base_url(base_url)
    if url in (None, LOCAL):
        from ftmon.commands.local import record_kept

        record_kept(job_id)
    with opened() as history, history.snapshot() if history else nullcontext():
        runs = history.runs(job_id) if history else []
        if url is not None:
            runs = [run for run in runs if run.key.service == url]
        if history is None or not runs:
            raise UsageError("No run with this id is recorded. To list the recorded runs: ftmon history")
        if len(runs) > 1:
            urls = ", ".join(safe(run.key.service) for run in runs)
            raise UsageError(f"Several services had a job of this id; choose one with --base-url: {urls}")
        yield history, runs[0]
