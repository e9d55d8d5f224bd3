"""A recorded run as JSON Lines or tables, written to files or stdout. No service is asked."""

import argparse
import csv
import io
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from types import FrameType

from ftmon import json_text
from ftmon.commands.history import find, opened
from ftmon.errors import OutputError, UsageError
from ftmon.history.store import History
from ftmon.lines.output import say, write
from ftmon.model.event import event_json, iso, parse_metrics
from ftmon.model.job import JobKey, job_json
from ftmon.model.message import read_message
from ftmon.model.run import Run, read_figures
from ftmon.model.update import Update
from ftmon.paths import history_file

_FORMULA = re.compile(r"[=+\-@\t\r]")
"""What a spreadsheet takes for the beginning of a formula."""

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_Form = Callable[[History, JobKey], Iterator[bytes]]
"""Yields what is exported of a run, in pieces."""


def add_options(parser: argparse.ArgumentParser) -> None:
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
    with suppress(FileNotFoundError, NotADirectoryError):
        # A link that somebody else has laid in /tmp the system may refuse to follow. Python 3.14 would tell
        # that only here, and not with the questions below.
        path.stat()
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
