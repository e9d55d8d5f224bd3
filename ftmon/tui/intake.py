"""Takes in what the watcher reports, in pieces that leave the keys their turn."""

from collections.abc import Callable
from time import monotonic

from textual.message import Message
from textual.message_pump import MessagePump

from ftmon.model.update import Update
from ftmon.watch.watcher import Watcher

PAINT_EVERY = 0.09
"""Seconds between two paints of a steady flow; the first news after a pause is painted at once."""

_SLICE = 0.02
"""Seconds that folding may take before keys get their turn."""

_BREATH = 0.001


class News(Message):
    """The watcher has something to report."""


class Intake:
    """Folds updates as they come and paints at a bounded rate, with no timer while nothing comes."""

    def __init__(
        self,
        watcher: Watcher,
        pump: MessagePump,
        fold: Callable[[Update], None],
        paint: Callable[[], None],
    ) -> None:
        self._watcher = watcher
        self._pump = pump
        self._fold = fold
        self._paint = paint
        self._painted_at = 0.0
        self._is_due = False

    def start(self) -> None:
        """Start the watcher; `take_news` is to be called for each `News`."""
        self._watcher.start(self._wake)

    def _wake(self) -> None:
        """Called on the watcher's thread."""
        self._pump.post_message(News())

    def take_news(self) -> None:
        """Take in at once after a pause, otherwise when the next paint is due."""
        if self._is_due:
            return
        self._is_due = True
        wait = self._painted_at + PAINT_EVERY - monotonic()
        if wait <= 0:
            self._take_in()
        else:
            self._pump.set_timer(wait, self._take_in, name="paint")

    def _take_in(self) -> None:
        deadline = monotonic() + _SLICE
        update: Update | None = None
        while monotonic() < deadline and (update := self._watcher.take()) is not None:
            self._fold(update)
        if update is None or monotonic() - self._painted_at > PAINT_EVERY:
            self._painted_at = monotonic()
            self._paint()
        if update is None:
            self._is_due = False
        else:
            # A timer, because a callback would come before the keys: a pump with messages never waits.
            self._pump.set_timer(_BREATH, self._take_in, name="take in")
