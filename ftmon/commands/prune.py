"""Removing old runs from the history."""

import signal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

from ftmon import text
from ftmon.commands.listing import with_kept
from ftmon.commands.question import agrees
from ftmon.commands.recorded import opened
from ftmon.errors import HistoryError
from ftmon.history.damage import lacks_room
from ftmon.history.reader import RecordedRun
from ftmon.history.store import NO_ROOM, History
from ftmon.lines.output import say
from ftmon.local.catalog import kept_jobs
from ftmon.model.key import LOCAL, JobKey

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)


def prune(age: timedelta, *, ask: bool) -> int:
    """Remove the runs of which nothing was recorded for this long, and return the exit status.

    Raises:
        UsageError: when it shall ask first and stdin is no terminal.
    """
    with opened() as history:
        before = datetime.now(UTC) - age
        recorded = [run for run in history.runs() if run.last_at < before] if history else []
        unwatched = _unwatched(history, before)
        old = [*recorded, *unwatched]
        if not old:
            say("no run is that old; nothing was removed.")
            return 0
        since = f"of which nothing came since {text.stamp(before)}"
        question = f"Remove {_amount(old)}, {since}?"
        if ask and not agrees(question, without="--yes removes them without asking"):
            say("nothing was removed.")
            return 0
        gone, trouble = list[RecordedRun](), ""
        if history and recorded:
            gone, trouble = _remove(history, [run.key for run in recorded], before)
        gone += unwatched
        _remove_kept(gone)
        changed = "" if len(gone) == len(old) else "; the others have changed meanwhile"
        say(f"removed {_amount(gone)}{changed}.")
        if trouble:
            say(f"the disk space could not be freed: {trouble}.")
    return 0


def _unwatched(history: History | None, before: datetime) -> list[RecordedRun]:
    """Return runs of this machine that nobody has watched, and that have been over since a time."""
    recorded = history.runs() if history else []
    known = {run.key for run in recorded}
    runs = with_kept(recorded, kept_jobs())
    return [run for run in runs if run.key not in known and run.job.is_over and run.last_at < before]


def _remove_kept(gone: Sequence[RecordedRun]) -> None:
    """Remove the directories of runs of this machine that go, and are over."""
    from shutil import rmtree

    from ftmon.commands.local import kept_run

    for run in gone:
        kept = kept_run(run.key.job_id) if run.key.service == LOCAL else None
        if kept is not None and not kept.is_running:
            rmtree(kept.path, ignore_errors=True)


def _remove(history: History, keys: list[JobKey], before: datetime) -> tuple[list[RecordedRun], str]:
    """Remove runs and give their space back, also where the disk is full.

    Returns what was removed, and why its space could not be freed, or an empty text.
    """
    gone = None
    try:
        gone = history.remove(keys, before)
        history.shrink()
        return gone, ""
    except sqlite3.OperationalError as error:
        is_full = lacks_room(error) or history.obstacle == NO_ROOM
        if gone is None and not is_full:
            raise
        trouble = str(error)
    if is_full:
        try:
            with _in_place(history) as own:
                gone = own.remove(keys, before) if gone is None else gone
                own.shrink()
            trouble = ""
        except (sqlite3.OperationalError, HistoryError) as error:
            if gone is None:
                raise
            trouble = str(error).rstrip(".")
    return gone or [], trouble


@contextmanager
def _in_place(history: History) -> Iterator[History]:
    """Close a history whose disk is full, and open it so that changes take no room."""
    history.close()
    # The file would be damaged if the process ended in the middle of a change.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    try:
        with closing(History(history.path, create=False, in_place=True)) as own:
            yield own
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        raise HistoryError(
            "The disk is full, and another ftmon uses the history. End that one, or make some room first."
        ) from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _amount(runs: Sequence[RecordedRun]) -> str:
    return f"{text.plural(len(runs), 'run')} with {text.plural(sum(run.events for run in runs), 'event')}"
