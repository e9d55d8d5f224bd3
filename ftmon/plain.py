"""Lines, JSON Lines and the closing summary on stdout; notices on stderr."""

import json
import os
import sys
import threading
from contextlib import suppress
from time import monotonic
from typing import Any

from ftmon import text
from ftmon.errors import OutputError, TimeoutPassedError
from ftmon.model.event import Event, event_json
from ftmon.model.job import Status, job_json
from ftmon.model.run import Run
from ftmon.model.update import Update, Wire
from ftmon.watch import Watcher


def follow(watcher: Watcher, job_id: str, *, as_json: bool, timeout: float | None = None) -> int:
    """Print a job's events as they come and its end, and return the exit status.

    Raises:
        OutputError: where stdout cannot be written.
        BrokenPipeError: where its reader is gone.
        TimeoutPassedError: when `timeout` seconds passed first; what is known of the job is printed before.
    """
    news = threading.Event()
    watcher.start(news.set)
    printer = Printer(Run(watcher.watch(job_id)), as_json=as_json)
    deadline = None if timeout is None else monotonic() + timeout
    try:
        while printer.run.exit_status is None:
            if not news.wait(None if deadline is None else max(0.0, deadline - monotonic())):
                raise TimeoutPassedError(f"The job was not over after {timeout:g} s; it goes on unharmed.")
            news.clear()
            for update in watcher.drain():
                printer.show(update)
    finally:
        # On every ending, Ctrl-C and signals included, the job as last known is the last thing said.
        printer.close()
    return printer.run.exit_status


class Printer:
    """Prints what updates bring, and at the end what became of the job."""

    def __init__(self, run: Run, *, as_json: bool) -> None:
        self.run = run
        self._as_json = as_json

    def show(self, update: Update) -> None:
        """Print the events of one update on stdout, and the news of the wire on stderr."""
        self.run.apply(update)
        if update.events:
            job_id = self.run.key.job_id
            write(
                "".join(
                    [_json_line(event_json(event, job_id)) for event in update.events]
                    if self._as_json
                    else [text_line(event) for event in update.events]
                )
            )
        say_news(update)

    def close(self) -> None:
        """Print the job as last known, if it was ever read."""
        run = self.run
        if run.job is None:
            return
        if self._as_json:
            write(_json_line(job_json(run.job, run.events, run.error)))
        else:
            write("\n" + "".join(f"{line}\n" for line in summary(run)))


def text_line(event: Event) -> str:
    """Return `2026-01-31 14:02:11  message`, further lines indented, warnings and errors marked by a word."""
    message = event.message.replace("\n", "\n" + " " * 21)
    return f"{text.stamp(event.created_at)}  {text.LEVEL_WORDS[event.level]}{message}\n"


def summary(run: Run) -> list[str]:
    """Return what there is to say of a run at its end, a line each."""
    job = run.job
    if job is None:
        return []
    word = job.status.value if job.status is not Status.UNKNOWN else job.provider_status or job.status.value
    lines = [f"{text.STATUS_SIGNS[job.status]} {job.id} {word}"]
    lines += [f"  {name:<7} {value}" for name, value in _details(run) if value]
    return lines


def _details(run: Run) -> list[tuple[str, str]]:
    elapsed = run.elapsed(run.heard_at) if run.heard_at else None
    losses = [
        f"{name} {text.figure(curve.first)} → {text.figure(curve.last)}"
        for name, curve in (("train", run.train_loss), ("valid", run.valid_loss))
        if curve.first is not None and curve.last is not None
    ]
    error = (run.job.error if run.job else None) or run.error
    return [
        ("error", error or "" if run.status is Status.FAILED else ""),
        ("model", run.fine_tuned_model or (run.job.model if run.job else None) or ""),
        ("result", run.result_file or ""),
        ("loss", "   ".join(losses)),
        ("cost", "" if run.cost is None else text.money(run.cost)),
        ("time", "" if elapsed is None else text.duration(elapsed)),
        ("events", text.count(run.events)),
    ]


def say_news(update: Update) -> None:
    """Say on stderr what changed on the wire, one sentence per change."""
    if update.notice:
        say(update.notice)
    connection = update.connection
    if connection is not None and connection.wire is Wire.WAITING:
        tries = f" (attempt {connection.attempt})" if connection.attempt > 1 else ""
        say(f"reconnecting in {max(1, round(connection.delay))} s: {connection.reason}{tries}")
    if connection is not None and connection.wire is Wire.POLLING:
        say("the service has no stream; asking every few seconds")
    if connection is not None and connection.error is not None:
        say(str(connection.error))


def say(sentence: str) -> None:
    """Write a sentence to stderr, if there is one that takes it."""
    with suppress(OSError, ValueError, AttributeError):
        print(f"ftmon: {sentence}", file=sys.stderr, flush=True)


def write(lines: str) -> None:
    """Write to stdout at once, in its own encoding; what that cannot hold is escaped.

    Raises:
        OutputError, BrokenPipeError: where it cannot be written.
    """
    try:
        encoding = sys.stdout.encoding
        sys.stdout.buffer.write(lines.encode(encoding, "backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except (OSError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or "it is closed"
        raise OutputError(f"Standard output cannot be written: {reason}.") from error


def discard_stdout() -> None:
    """Let what Python still wants to write to a broken stdout go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _json_line(value: dict[str, Any]) -> str:
    return json.dumps(value) + "\n"
