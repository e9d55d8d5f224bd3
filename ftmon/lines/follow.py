"""Following a job in lines, until it is over or ftmon is to end."""

import signal
from collections import deque

from ftmon.ending import Ending
from ftmon.errors import HUNG_UP, TimeoutPassedError
from ftmon.lines.news import time_passed
from ftmon.lines.output import call_when_gone
from ftmon.lines.printer import Printer
from ftmon.lines.wakeup import Wakeup
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.watch.watcher import Watcher


def follow(watcher: Watcher, key: JobKey, ending: Ending, *, as_json: bool, tail: int | None = None) -> int:
    """Print the events of a job as they come, then how it ended, and return the exit status.

    The watcher was told to watch or replay the job. Where `ending` begins first, the job as last known is
    printed, and the status of that end is returned. `tail` is how many events of the past are printed.

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
    printer = Printer(Run(key, outcome_only=as_json), as_json=as_json, tail=tail)
    try:
        while not endings and printer.run.exit_status is None:
            wakeup.wait(printer.until_past_ends)
            for update in watcher.drain():
                printer.show(update)
                if endings:
                    break
            printer.end_past()
        if printer.run.exit_status is not None:
            return printer.run.exit_status
        status = endings[0]
    finally:
        # The job as last known comes last on every ending, signals included.
        printer.close()
    if status == TimeoutPassedError.exit_status:
        raise TimeoutPassedError(time_passed(printer.run, ending.timeout))
    return status
