"""Following a job in lines, until it is over or ftmon is to end."""

import signal
from collections import deque
from typing import TYPE_CHECKING

from ftmon.ending import Ending
from ftmon.errors import HUNG_UP, TimeoutPassedError
from ftmon.lines.news import time_passed
from ftmon.lines.output import call_when_gone
from ftmon.lines.printer import Printer
from ftmon.lines.wakeup import Wakeup
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.watch.watcher import Watcher

if TYPE_CHECKING:
    from ftmon.lines.announcer import Announcer


def follow(
    watcher: Watcher,
    key: JobKey,
    ending: Ending,
    announcer: "Announcer | None" = None,
    *,
    as_json: bool,
    tail: int | None = None,
) -> int:
    """Print the events of a job as they come, then how it ended, and return the exit status.

    The watcher was told to watch or replay the job. Where `ending` begins first, the job as last known is
    printed, and the status of that end is returned. `tail` is how many events of the past are printed. The
    announcer tells those who do not look, where that is wanted.

    Raises:
        OutputError: when stdout cannot be written.
        HungUpError: when it is a terminal that is gone.
        BrokenPipeError: when the reader of stdout is gone.
        TimeoutPassedError: when the timeout passed first.
    """
    wakeup = Wakeup()
    endings: deque[int] = deque()

    def leave(status: int) -> None:
        # Only noted here, so that no line is cut in two.
        endings.append(status)
        wakeup.wake()

    ending.leave = leave
    call_when_gone(lambda: leave(HUNG_UP))
    signal.signal(signal.SIGCONT, lambda number, frame: watcher.resume())
    watcher.start(wakeup.wake)
    # What is news is told by the losses too.
    run = Run(key, outcome_only=as_json and announcer is None)
    printer = Printer(run, as_json=as_json, tail=tail)
    if announcer is not None:
        ending.restore = announcer.restore
    try:
        while not endings and run.exit_status is None:
            waits = (printer.until_past_ends, announcer.wait(run) if announcer else None)
            wakeup.wait(min((wait for wait in waits if wait is not None), default=None))
            for update in watcher.drain():
                printer.show(update)
                if announcer is not None:
                    announcer.take(update, run)
                if endings:
                    break
            printer.end_past()
            if announcer is not None:
                announcer.check(run)
        if run.exit_status is not None:
            return run.exit_status
        status = endings[0]
    finally:
        # The job as last known comes last on every ending, signals included.
        printer.close()
        if announcer is not None:
            announcer.close()
    if status == TimeoutPassedError.exit_status:
        raise TimeoutPassedError(time_passed(run, ending.timeout))
    return status
