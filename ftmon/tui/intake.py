"""Takes updates from the watcher in short slices, so that keys are handled in between."""

from collections.abc import Callable
from time import monotonic, thread_time

from textual.message import Message
from textual.message_pump import MessagePump

from ftmon.model.update import Update
from ftmon.watch.watcher import Watcher

PAINT_EVERY = 0.06
"""Seconds between paints while updates keep coming. The first update after a pause is painted at once."""

_SHARE = 0.1
"""The part of a core that painting may take. Where it would take more, it is done less often."""

_FLOOD = 30
"""Updates between two paints from which on nobody can read all lines: keys matter more then."""

_PAINT_FLOOD_EVERY = 0.15
"""Seconds between two paints while so many come."""

_LONGEST_PAUSE = 0.5
"""Seconds between paints where all that comes is folded at once."""

_PAINT_BACKLOG_EVERY = 1.5
"""Seconds between paints while more is queued than one slice folds: painting slows that down."""

_SLICE = 0.02
"""Seconds of folding after which the event loop gets a chance to handle keys."""

_YIELD = 0.001
"""Seconds between two slices."""


class News(Message):
    """The watcher has updates in its queue."""


class Intake:
    """Folds updates as they arrive and paints at a limited rate. While none arrive, no timer runs."""

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
        self._every = PAINT_EVERY
        self._folded = 0
        """Updates since the last paint."""
        self._is_scheduled = False
        """A slice is running or has a timer, so further `News` needs no action."""

    def start(self) -> None:
        """Start the watcher. The owner must call `take_news` for each `News` message."""
        self._watcher.start(self._wake)

    def _wake(self) -> None:
        """Post `News`. This runs on the watcher's thread."""
        self._pump.post_message(News())

    def take_news(self) -> None:
        """Process the queue now if the last paint was long enough ago, else when the next paint is due."""
        if self._is_scheduled:
            return
        self._is_scheduled = True
        wait = self._painted_at + self._every - monotonic()
        if wait <= 0:
            self._process_queue()
        else:
            self._pump.set_timer(wait, self._process_queue, name="paint")

    def _process_queue(self) -> None:
        is_empty = self._fold_slice()
        if is_empty or monotonic() - self._painted_at > _PAINT_BACKLOG_EVERY:
            self._painted_at, started = monotonic(), thread_time()
            self._paint()
            self._pump.call_after_refresh(self._note_cost, started)
        if is_empty:
            self._is_scheduled = False
        else:
            # Use a timer. Callbacks run before the next message, so they would delay keys.
            self._pump.set_timer(_YIELD, self._process_queue, name="intake")

    def _note_cost(self, started: float) -> None:
        """Paint less often where it takes long."""
        cost = thread_time() - started
        least = PAINT_EVERY if self._folded < _FLOOD else _PAINT_FLOOD_EVERY
        self._folded = 0
        self._every = max(least, min(_LONGEST_PAUSE, cost / _SHARE))

    def _fold_slice(self) -> bool:
        """Fold updates for one slice. True if the queue is empty, so that the next update wakes again."""
        deadline = monotonic() + _SLICE
        while (update := self._watcher.take()) is not None:
            self._fold(update)
            self._folded += 1
            if monotonic() >= deadline:
                return False
        return True
