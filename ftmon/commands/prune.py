"""Removing old runs from the history."""

import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ftmon import text
from ftmon.commands.recorded import opened
from ftmon.errors import UsageError
from ftmon.history.reader import RecordedRun
from ftmon.lines.output import say


def prune(age: timedelta, *, ask: bool) -> int:
    """Remove the runs of which nothing was recorded for this long, and return the exit status.

    Raises:
        UsageError: when it shall ask first and stdin is no terminal.
    """
    with opened() as history:
        before = datetime.now(UTC) - age
        old = [run for run in history.runs() if run.last_at < before] if history else []
        if history is None or not old:
            say("no run is that old; nothing was removed.")
            return 0
        since = f"of which nothing came since {text.stamp(before)}"
        if ask and not _agrees(f"Remove {_amount(old)}, {since}?"):
            say("nothing was removed.")
            return 0
        gone = history.remove([run.key for run in old], before)
        changed = "" if len(gone) == len(old) else "; the others have changed meanwhile"
        say(f"removed {_amount(gone)}{changed}.")
        try:
            history.shrink()
        except sqlite3.Error as error:
            say(f"the disk space could not be freed: {error}.")
    return 0


def _amount(runs: Sequence[RecordedRun]) -> str:
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
