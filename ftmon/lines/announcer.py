"""Tells those who do not look at the lines: by the terminal, if stderr is one, and by a notifier."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

from ftmon.lines.output import say
from ftmon.model.run import Run
from ftmon.model.update import Update
from ftmon.notify import title_sequence
from ftmon.notify.notifier import Notifier
from ftmon.notify.title import title
from ftmon.settings.notification import Notification

_TITLE_EVERY = 1.0
"""Seconds between two titles."""

_LAST_NOTIFICATION = 10.0
"""Seconds that the last notification may take. In a container, it ends with ftmon."""


class Announcer:
    """Is fed the updates of the run that is printed."""

    def __init__(self, ways: Notification, secrets: Iterable[str]) -> None:
        self._notifier = Notifier(ways, ring=_write, report=say, secrets=secrets)
        self._has_title = _is_terminal() and title_sequence.has_title(os.environ)
        self._title = ""
        self._titled_at = 0.0
        if self._has_title:
            _write(title_sequence.SAVE)

    def take(self, update: Update, run: Run) -> None:
        """Tell what is news of an update, which the run has applied already."""
        self._notifier.take(update, run)

    def wait(self, run: Run) -> float | None:
        """Return the seconds until `check` is to be called if nothing comes; None where that is useless."""
        wait = self._notifier.wait(run)
        return min(wait, _TITLE_EVERY) if wait is not None and self._has_title else wait

    def check(self, run: Run) -> None:
        """Tell what is news because nothing came, and show the run in the title."""
        self._notifier.check(run)
        if self._has_title and monotonic() - self._titled_at >= _TITLE_EVERY:
            self._titled_at = monotonic()
            if (shown := title(run, datetime.now(UTC))) != self._title:
                self._title = shown
                _write(title_sequence.shown(shown))

    def close(self) -> None:
        """Restore the title, and wait for the last notification."""
        self.restore()
        self._notifier.finish(_LAST_NOTIFICATION)

    def restore(self) -> None:
        """Restore the title."""
        if self._has_title:
            self._has_title = False
            _write(title_sequence.RESTORE)


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _write(sequence: str) -> None:
    """Write to stderr if it is a terminal."""
    if _is_terminal():
        with suppress(OSError):
            os.write(2, sequence.encode(sys.stderr.encoding, "replace"))
