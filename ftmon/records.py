"""The commands on what was recorded: list it, remove the old, write it to files. No service is asked."""

import argparse
import csv
import io
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from pathlib import Path
from secrets import token_hex
from types import FrameType

from ftmon import json_text, text
from ftmon.errors import HistoryError, OutputError, UsageError
from ftmon.history import History, RecordedRun
from ftmon.model.event import event_json, iso, parse_metrics
from ftmon.model.job import JobKey, check_job_id, job_json
from ftmon.model.message import read_message
from ftmon.model.run import Run, read_figures
from ftmon.model.update import Update
from ftmon.output import encoded, say, write
from ftmon.paths import history_file
from ftmon.safe import one_line, safe
from ftmon.settings import check_base_url

_AGE = re.compile(r"([0-9]{1,5})([hdwy])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "y": 365 * 24}

_FORMULA = re.compile(r"[=+\-@\t\r]")
"""What a spreadsheet takes for the beginning of a formula."""

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_Form = Callable[[History, JobKey], Iterator[bytes]]
"""Yields what is exported of a run, in pieces."""


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


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Add what `ftmon export` takes."""
    parser.add_argument("job", metavar="JOB", help="the id of the recorded run")
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="default: jsonl")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default="-",
        help="the file to write, and for csv FILE's name with .metrics.csv beside it; default: stdout",
    )
    parser.add_argument(
        "--metrics", action="store_true", help="to stdout: the table of losses in place of the events"
    )
    parser.add_argument("--force", action="store_true", help="overwrite files")
    parser.add_argument("--base-url", metavar="URL", help="the service, where several had a job of this id")


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
        runs = [run for run in runs if run.key.base_url == url]
    if not runs:
        raise UsageError("Nothing is recorded of a job with this id. To list what is: ftmon history")
    if len(runs) > 1:
        urls = ", ".join(safe(run.key.base_url) for run in runs)
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
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise HistoryError(f"The history {path} cannot be used: {error.strerror}.") from error
    return True


# Listing and removing


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
        say("nothing has been recorded yet.")
    return 0


def _run_json(run: RecordedRun) -> dict[str, object]:
    return {
        **job_json(run.job, run.events, None),
        "base_url": safe(run.key.base_url),
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
        safe(run.key.base_url),
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


# Writing to files


def export(options: argparse.Namespace) -> int:
    """Write a recorded run to a file or stdout, and return the exit status.

    Raises:
        UsageError: where the run is not recorded, or a file is there already.
        OutputError, BrokenPipeError: where it cannot be written.
    """
    if options.metrics and (options.format != "csv" or options.output != "-"):
        raise UsageError("--metrics goes with --format csv and stdout; a file gets that table beside it.")
    key = find(options.job, options.base_url)
    with opened() as history:
        assert history is not None
        if options.output == "-":
            for piece in (_metrics_csv if options.metrics else _FORMATS[options.format])(history, key):
                write(piece)
            return 0
        files = _files(options)
        for file, form in files.items():
            _save(file, form(history, key))
    say(f"wrote {' and '.join(map(str, files))}.")
    return 0


def _files(options: argparse.Namespace) -> dict[Path, _Form]:
    """Return what goes into which file, each of which may be written."""
    try:
        path = Path(options.output).expanduser()
        files = {path: _FORMATS[options.format]}
        if options.format == "csv" and not _is_stream(path):
            files[path.with_suffix(".metrics.csv")] = _metrics_csv
        for file in files:
            _check(file, force=options.force)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{options.output!r} cannot be the name of a file: {error}") from error
    return files


def _check(path: Path, *, force: bool) -> None:
    """Raise a UsageError where a file must not be written."""
    file, own = path.resolve(), history_file().resolve()
    if file.parent == own.parent and file.name.startswith(own.name):
        raise UsageError(f"{path} belongs to the history; give another name.")
    if _is_stream(path):
        return
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is there already and is no file; give another name.")
    if not force and (path.exists() or path.is_symlink()):
        raise UsageError(f"{path} is there already; --force overwrites a file.")


def _is_stream(path: Path) -> bool:
    """Whether there is nothing to replace, because what is written there goes on, as with /dev/stdout."""
    return path.is_fifo() or path.is_char_device()


def _save(path: Path, pieces: Iterator[bytes]) -> None:
    try:
        if _is_stream(path):
            with path.open("wb") as stream:
                stream.writelines(pieces)
        else:
            # What a link leads to is replaced, and not the link.
            _replace(path.resolve(), pieces)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def _replace(path: Path, pieces: Iterator[bytes]) -> None:
    """Write a file, which is there as a whole or not at all, with the mode of the one that was there."""
    mode = path.stat().st_mode & 0o777 if path.exists() else None
    # Nobody may read meanwhile who could not read what was there.
    opener = partial(os.open, mode=0o666 if mode is None else mode)
    with _part_beside(path) as part:
        with open(part, "xb", opener=opener) as file:
            file.writelines(pieces)
        if mode is not None:
            part.chmod(mode)
        part.replace(path)


@contextmanager
def _part_beside(path: Path) -> Iterator[Path]:
    """Name a file that nobody else has, and leave none of it behind, also where a signal ends the process."""
    part = path.with_name(f".ftmon-{token_hex(8)}.part")

    def end(number: int, frame: FrameType | None) -> None:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        os._exit(128 + number)

    # What nohup and a shell in the background have set to be ignored stays ignored.
    heeded = [number for number in _ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heeded}
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        for number, handler in before.items():
            signal.signal(number, handler)


def _json_lines(history: History, key: JobKey) -> Iterator[bytes]:
    """Yield what `--json` would print of the run."""
    run = Run(key, outcome_only=True)
    for batch in history.all_events(key):
        events = tuple([recorded.event for recorded in batch])
        run.apply(Update(key, batch[-1].received_at, events))
        yield json_text.encode_lines([event_json(event, key.job_id) for event in events])
    run.apply(Update(key, datetime.now(UTC), job=history.job(key)))
    if run.job is not None:
        yield json_text.encode_lines([job_json(run.job, run.events, run.failure)])


def _events_csv(history: History, key: JobKey) -> Iterator[bytes]:
    yield _csv_row("created_at", "received_at", "level", "type", "id", "message", "data")
    for batch in history.all_events(key):
        for recorded in batch:
            event = event_json(recorded.event, key.job_id)
            data = "" if event.data is None else json_text.encode_lines([event.data]).decode().rstrip()
            times = event.created_at, iso(recorded.received_at)
            yield _csv_row(*times, event.level, event.type, event.id, event.message, data)


def _metrics_csv(history: History, key: JobKey) -> Iterator[bytes]:
    yield _csv_row("created_at", "step", "total_steps", "epoch", "train_loss", "valid_loss")
    for batch in history.all_events(key):
        for _, _, event in batch:
            facts = read_message(event.message)
            figures = read_figures(facts, parse_metrics(event))
            if figures.step is not None or facts.epoch is not None:
                losses = figures.train_loss, figures.valid_loss
                yield _csv_row(iso(event.created_at), figures.step, figures.total_steps, facts.epoch, *losses)


_FORMATS: dict[str, _Form] = {"jsonl": _json_lines, "csv": _events_csv}


def _csv_row(*cells: str | float | None) -> bytes:
    row = io.StringIO()
    # A quote before it keeps a spreadsheet from running what a service wrote.
    guarded = [f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell for cell in cells]
    csv.writer(row, lineterminator="\n").writerow(guarded)
    return row.getvalue().encode()


def _speed(value: str) -> float:
    with suppress(ValueError):
        if 0 < (speed := float(value)) < inf:
            return speed
    raise argparse.ArgumentTypeError(f"{value!r} is not a number above 0")


def _age(value: str) -> timedelta:
    if (match := _AGE.fullmatch(value)) and (hours := int(match[1]) * _HOURS[match[2]]) <= 1000 * _HOURS["y"]:
        return timedelta(hours=hours)
    raise argparse.ArgumentTypeError(f"{value!r} is no age such as 36h, 90d, 12w or 1y, up to 1000y")
