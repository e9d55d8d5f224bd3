"""Tells those who do not look at the screen: by the title of the terminal, and by a notifier."""

from collections.abc import Callable
from datetime import datetime
from time import monotonic

from textual.message_pump import MessagePump
from textual.timer import Timer

from ftmon.model.run import Run
from ftmon.model.update import Update
from ftmon.notify.notifier import Notifier
from ftmon.notify.title import title

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
        self._show_title = show_title
        self._titled_at = 0.0
        self._title = ""
        """As it should be. Until `_title_timer` fires, an older one is shown."""
        self._title_timer: Timer | None = None
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
        if self._title_timer is None:
            wait = self._titled_at + _TITLE_EVERY - monotonic()
            if wait <= 0:
                self._paint_title()
            else:
                self._title_timer = self._pump.set_timer(wait, self._paint_title, name="title")

    def _paint_title(self) -> None:
        self._title_timer = None
        self._titled_at = monotonic()
        self._show_title(self._title)

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
