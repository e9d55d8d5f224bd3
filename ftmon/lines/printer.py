"""Lines, JSON Lines and the closing summary on stdout; notices on stderr."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from time import monotonic
from types import FrameType

from ftmon import json_text, text
from ftmon.errors import TimeoutPassedError
from ftmon.lines.output import encoded, say, write
from ftmon.model.event import Event, event_json
from ftmon.model.job import JobKey, Status, job_json
from ftmon.model.run import Run
from ftmon.model.update import Update, Wire
from ftmon.safe import one_line
from ftmon.watch.watcher import Watcher

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TIME_TO_LEAVE = 0.8


def follow(watcher: Watcher, key: JobKey, *, as_json: bool, timeout: float | None = None) -> int:
    """Print a job's events as they come and its end, and return the exit status: 128 + n after a signal n.

    The watcher has been told to watch or replay the job.

    Raises:
        OutputError: where stdout cannot be written.
        BrokenPipeError: where its reader is gone.
        TimeoutPassedError: when `timeout` seconds passed first; what is known of the job is printed before.
    """
    news: SimpleQueue[int] = SimpleQueue()
    watcher.start(lambda: news.put(0))
    printer = Printer(Run(key, outcome_only=as_json), as_json=as_json)
    deadline = None if timeout is None else monotonic() + timeout
    with _signals_into(news, watcher.resume):
        try:
            while printer.run.exit_status is None:
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    raise TimeoutPassedError(time_passed(printer.run, timeout or 0.0))
                with suppress(Empty):
                    if number := news.get(timeout=left):
                        return 128 + number
                for update in watcher.drain():
                    printer.show(update)
        finally:
            # On every ending, signals included, the job as last known is the last thing said.
            printer.close()
    return printer.run.exit_status


@contextmanager
def _signals_into(news: SimpleQueue[int], resume: Callable[[], None]) -> Iterator[None]:
    """Put the number of a signal that asks to end into the queue, so that no line is cut in two.

    Where that is not heeded in time, because nobody reads stdout any more, and at a second signal, the
    process ends all the same. `resume` is called when the process goes on after it was stopped.
    """

    def end(number: int, frame: FrameType | None) -> None:
        for other in (*_ENDINGS, signal.SIGALRM):
            signal.signal(other, lambda *_: os._exit(128 + number))
        signal.setitimer(signal.ITIMER_REAL, _TIME_TO_LEAVE)
        news.put(number)

    before = {signal.SIGCONT: signal.signal(signal.SIGCONT, lambda *_: resume())}
    for number in _ENDINGS:
        # What nohup and a shell in the background have set to be ignored stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def time_passed(run: Run, timeout: float) -> str:
    """Return what to say where a run was not over within so many seconds."""
    if run.connection.wire is Wire.REPLAYING:
        return f"The replay was not over after {timeout:g} s."
    if run.job is not None or run.events:
        return f"The job was not over after {timeout:g} s; it goes on unharmed."
    return f"Nothing was heard of the job within {timeout:g} s."


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
            if self._as_json:
                write(json_text.encode_lines([event_json(event, job_id) for event in update.events]))
            else:
                write(encoded("".join([text_line(event) for event in update.events])))
        say_news(update)

    def close(self) -> None:
        """Print the job as last known, if it was ever read."""
        run = self.run
        if run.job is None:
            return
        if self._as_json:
            write(json_text.encode_lines([job_json(run.job, run.events, run.failure)]))
        else:
            write(encoded("\n" + "".join(f"{line}\n" for line in summary(run))))


def text_line(event: Event) -> str:
    """Return `2026-01-31 14:02:11  message`, further lines indented, warnings and errors marked by a word."""
    message = event.message.replace("\n", "\n" + " " * 21)
    return f"{text.stamp(event.created_at)}  {text.LEVEL_WORDS[event.level]}{message}\n"


def summary(run: Run) -> list[str]:
    """Return what there is to say of a run at its end, a line each."""
    job = run.job
    if job is None:
        return []
    is_known = not job.status.is_final and job.status is not Status.UNKNOWN
    is_stale = is_known and run.connection.wire in (Wire.RECORDED, Wire.REFUSED)
    when = " when last seen" if is_stale else ""
    lines = [f"{text.STATUS_SIGNS[job.status]} {job.id} {one_line(run.status_word)}{when}"]
    lines += [f"  {name:<7} {one_line(value)}" for name, value in _details(run) if value]
    return lines


def _details(run: Run) -> list[tuple[str, str]]:
    # Of what is only recorded, the service itself was not heard.
    heard_at = run.heard_at or run.last_event_at
    elapsed = run.elapsed(heard_at) if heard_at else None
    losses = [
        f"{name} {text.figure(curve.first)} → {text.figure(curve.last)}"
        for name, curve in (("train", run.train_loss), ("valid", run.valid_loss))
        if curve.first is not None and curve.last is not None
    ]
    return [
        ("error", run.failure or ""),
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
