"""The command on what was recorded: find a run, list them, remove the old. No service is asked."""

import argparse
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path

from ftmon import json_text, text
from ftmon.errors import HistoryError, UsageError
from ftmon.history.store import History, RecordedRun
from ftmon.lines.output import encoded, say, write
from ftmon.model.event import iso
from ftmon.model.job import JobKey, check_job_id, job_json
from ftmon.paths import history_file
from ftmon.safe import one_line, safe
from ftmon.settings import check_base_url

_AGE = re.compile(r"([0-9]{1,5})([hdwy])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "y": 365 * 24}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what `ftmon history` takes beside the ways to show a run."""
    parser.add_argument("job", metavar="JOB", nargs="?", help="show this run")
    parser.add_argument("--base-url", metavar="URL", help="the service, where several had a job of this id")
    parser.add_argument(
        "--replay",
        metavar="N",
        nargs="?",
        type=_speed,
        const=1.0,
        default=inf,
        help="tell the run again in its own rhythm, or N times as fast",
    )
    parser.add_argument(
        "--prune", metavar="AGE", type=_age, help="remove the runs of which nothing came for 90d, 12w, 1y …"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before that")


def find(job_id: str, base_url: str | None) -> JobKey:
    """Return the key of the one recorded run with this id.

    Raises:
        UsageError: for no job's id; where there is none, or several and no base URL tells which is meant.
    """
    check_job_id(job_id)
    with opened() as history:
        runs = history.runs(job_id) if history else []
    if base_url is not None:
        url = check_base_url(base_url)
        runs = [run for run in runs if run.key.service == url]
    if not runs:
        raise UsageError("Nothing is recorded of a job with this id. To list what is: ftmon history")
    if len(runs) > 1:
        urls = ", ".join(safe(run.key.service) for run in runs)
        raise UsageError(f"Several services had a job of this id; say which with --base-url: {urls}")
    return runs[0].key


@contextmanager
def opened() -> Iterator[History | None]:
    """Open the history; None where nothing was ever recorded.

    Raises:
        HistoryError: where it cannot be read.
    """
    path = history_file()
    if not _is_there(path):
        yield None
        return
    try:
        with closing(History(path)) as history:
            yield history
    except sqlite3.Error as error:
        raise HistoryError(f"The history {path} cannot be used: {error}.") from error


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise HistoryError(f"The history {path} cannot be used: {error.strerror}.") from error
    return True


def list_runs(options: argparse.Namespace) -> int:
    """List the runs, or remove the old ones, and return the exit status."""
    if options.replay < inf:
        raise UsageError("Which run shall be replayed? Give its id: ftmon history JOB --replay")
    if options.prune is not None:
        return _prune(options.prune, is_sure=options.yes)
    with opened() as history:
        runs = history.runs() if history else []
    if options.json:
        write(json_text.encode_lines([_run_json(run) for run in runs]))
    elif runs:
        write(encoded("".join(f"{line}\n" for line in _table(runs))))
    else:
        say("nothing is recorded.")
    return 0


def _run_json(run: RecordedRun) -> dict[str, object]:
    return {
        **job_json(run.job, run.events, None),
        "base_url": safe(run.key.service),
        "organization": safe(str(run.organization)) if run.organization else None,
        "first_recorded_at": iso(run.first_at),
        "last_recorded_at": iso(run.last_at),
    }


def _table(runs: list[RecordedRun]) -> Iterator[str]:
    rows = [_row(run) for run in runs]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        # What a service said may be wider than it is long, and is last.
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(run: RecordedRun) -> tuple[str, ...]:
    job = run.job
    end = job.finished_at if job.status.is_final else run.last_at
    lasted = (end - job.created_at).total_seconds() if end and job.created_at else None
    return (
        f"{text.STATUS_SIGNS[job.status]} {job.status.value}",
        safe(run.key.job_id),
        text.stamp(job.created_at or run.first_at)[:-3],
        text.duration(max(0.0, lasted)) if lasted is not None else "–",
        text.plural(run.events, "event"),
        safe(run.key.service),
        one_line(job.fine_tuned_model or job.model or ""),
    )


def _prune(age: timedelta, *, is_sure: bool) -> int:
    with opened() as history:
        before = datetime.now(UTC) - age
        old = [run for run in history.runs() if run.last_at < before] if history else []
        if history is None or not old:
            say("nothing is as old as that; nothing was removed.")
            return 0
        since = f"of which nothing came since {text.stamp(before)}"
        if not is_sure and not _agrees(f"Remove {_amount(old)}, {since}?"):
            say("nothing was removed.")
            return 0
        gone = history.remove([run.key for run in old], before)
        changed = "" if len(gone) == len(old) else "; the others have changed meanwhile"
        say(f"removed {_amount(gone)}{changed}.")
        try:
            history.shrink()
        except sqlite3.Error as error:
            say(f"the room was not given back to the disk: {error}.")
    return 0


def _amount(runs: list[RecordedRun]) -> str:
    return f"{text.plural(len(runs), 'run')} with {text.plural(sum(run.events for run in runs), 'event')}"


def _agrees(question: str) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"{question} There is nobody to ask; --yes removes them without asking.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    return answer.strip().lower() in ("y", "yes")


def _speed(value: str) -> float:
    with suppress(ValueError):
        if 0 < (speed := float(value)) < inf:
            return speed
    raise argparse.ArgumentTypeError(f"{value!r} is not a number above 0")


def _age(value: str) -> timedelta:
    if (match := _AGE.fullmatch(value)) and (hours := int(match[1]) * _HOURS[match[2]]) <= 1000 * _HOURS["y"]:
        return timedelta(hours=hours)
    raise argparse.ArgumentTypeError(f"{value!r} is no age such as 36h, 90d, 12w or 1y, up to 1000y")
