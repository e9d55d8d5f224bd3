"""What is shown until the past is read, and of the past only the last events, where that is wanted."""

from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic

from textual.message_pump import MessagePump

from ftmon.model.event import Event
from ftmon.model.tail import Tail
from ftmon.model.update import Update
from ftmon.text import hidden
from ftmon.tui.opening import Opening


class Past:
    """The past of the job on the screen.

    `show` takes its last events, how many of them are before those of the opening, and a notice about others.

    Until the past is read, its end stands on the screen, as far as it was known at the start.
    """

    def __init__(
        self,
        pump: MessagePump,
        show: Callable[[Sequence[Event], int, str], None],
        now: Callable[[], datetime],
        size: int | None,
        opening: Opening | None = None,
    ) -> None:
        self._pump = pump
        self._show = show
        self._size = size
        self._now = now
        self._began_at = now()
        self.opening = opening if opening is not None and opening.is_known else None
        """What is shown instead of the run until the past is over; None after that."""
        self._tail = Tail(size, self.opening.recorded if self.opening else 0)

    def begin(self) -> None:
        """Begin again, for another job."""
        self.opening = None
        self._tail = Tail(self._size)
        self._began_at = self._now()

    def take(self, update: Update, service_time: Callable[[datetime], datetime]) -> Sequence[Event]:
        """Take an update, and return its events if the past is over."""
        tail = self._tail
        if tail.is_over:
            # A job that has no event so far is shown as recorded until its reading comes.
            self.opening = None
            return update.events
        events = tail.take(update, service_time(self._began_at), monotonic())
        if tail.is_over:
            self._end(events, tail)
        elif (wait := tail.wait(monotonic())) is not None:
            self._pump.set_timer(wait, lambda: self._end_after(tail), name="past")
        return ()

    def _end_after(self, tail: Tail) -> None:
        """End the past after a pause, if it is still that of this job and nothing came meanwhile."""
        if tail is self._tail and tail.wait(monotonic()) == 0:
            self._end(tail.end(), tail)

    def _end(self, events: Sequence[Event], tail: Tail) -> None:
        before = max(0, self.opening.skipped - tail.hidden) if self.opening else 0
        self.opening = None
        self._show(events, before, hidden(tail.hidden))
