"""Following a job in lines, until it is over or a signal comes."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from time import monotonic
from types import FrameType

from ftmon.errors import TimeoutPassedError
from ftmon.lines.news import time_passed
from ftmon.lines.printer import Printer
from ftmon.model.job import JobKey
from ftmon.model.run import Run
from ftmon.watch.watcher import Watcher

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TIME_TO_LEAVE = 0.8
"""Seconds that an orderly end may take after a signal."""


def follow(watcher: Watcher, key: JobKey, *, as_json: bool, timeout: float | None = None) -> int:
    """Print the events of a job as they come, then how it ended, and return the exit status.

    The watcher was told to watch or replay the job. The exit status after signal n is 128 + n.

    Raises:
        OutputError: when stdout cannot be written.
        BrokenPipeError: when the reader of stdout is gone.
        TimeoutPassedError: when `timeout` seconds passed first. The job as last known is printed before.
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
            # The job as last known comes last on every ending, signals included.
            printer.close()
    return printer.run.exit_status


@contextmanager
def _signals_into(news: SimpleQueue[int], resume: Callable[[], None]) -> Iterator[None]:
    """Put the number of a signal that ends the process into the queue, so that no line is cut in two.

    A second signal ends the process at once. So does a timer, if the first is not handled in time because
    nobody reads stdout. `resume` is called when the process continues after a stop.
    """

    def end(number: int, frame: FrameType | None) -> None:
        for other in (*_ENDINGS, signal.SIGALRM):
            signal.signal(other, lambda *_: os._exit(128 + number))
        signal.setitimer(signal.ITIMER_REAL, _TIME_TO_LEAVE)
        news.put(number)

    before = {signal.SIGCONT: signal.signal(signal.SIGCONT, lambda *_: resume())}
    for number in _ENDINGS:
        # Signals that nohup or a background shell ignore stay ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
