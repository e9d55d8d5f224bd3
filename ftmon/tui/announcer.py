"""Tells those who do not look at the screen: by the title of the terminal, and by a notifier."""

from collections.abc import Callable
from datetime import datetime

from textual.message_pump import MessagePump
from textual.timer import Timer

from ftmon.model.run import Run
from ftmon.model.update import Update
from ftmon.notify.notifier import Notifier
from ftmon.notify.title import title
from ftmon.tui.paced import Paced

_TITLE_EVERY = 1.0
"""Seconds between two titles: a window manager redraws for each."""


class Announcer:
    """Is fed the updates of the run on the screen, and told when it is drawn."""

    def __init__(
        self, pump: MessagePump, notifier: Notifier | None, show_title: Callable[[str], None]
    ) -> None:
        """With no notifier there is only the title."""
        self._pump = pump
        self._notifier = notifier
        self._title = ""
        """As it should be. An older one may be shown for a second."""
        self._paced_title = Paced(pump, _TITLE_EVERY, lambda: show_title(self._title))
        self._check_timer: Timer | None = None

    def take(self, update: Update, run: Run) -> None:
        """Tell what is news of an update, which the run has applied already."""
        if self._notifier is not None:
            self._notifier.take(update, run)
            if self._check_timer is None or update.job is not None:
                self._schedule(run)

    def draw(self, run: Run | None, now: datetime) -> None:
        """Show the run in the title, at the latest after a second."""
        self._title = title(run, now)
        self._paced_title()

    def _schedule(self, run: Run) -> None:
        """Look again at the run when the notifier wants to."""
        if self._check_timer is not None:
            self._check_timer.stop()
            self._check_timer = None
        wait = self._notifier.wait(run) if self._notifier is not None else None
        if wait is not None:
            self._check_timer = self._pump.set_timer(wait, lambda: self._check(run), name="notifier")

    def _check(self, run: Run) -> None:
        self._check_timer = None
        if self._notifier is not None:
            self._notifier.check(run)
            self._schedule(run)
