"""Shows only the last events of the past, where that is wanted."""

from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic

from textual.message_pump import MessagePump

from ftmon.model.event import Event
from ftmon.model.tail import Tail
from ftmon.model.update import Update
from ftmon.text import hidden


class Past:
    """The past of the job on the screen. `show` takes its last events and a notice about the others."""

    def __init__(
        self,
        pump: MessagePump,
        show: Callable[[Sequence[Event], str], None],
        now: Callable[[], datetime],
        size: int | None,
    ) -> None:
        self._pump = pump
        self._show = show
        self._size = size
        self._now = now
        self._began_at = now()
        self._tail = Tail(size)

    def begin(self) -> None:
        """Begin again, for another job."""
        self._tail = Tail(self._size)
        self._began_at = self._now()

    def take(self, update: Update, service_time: Callable[[datetime], datetime]) -> Sequence[Event]:
        """Take an update, and return its events if the past is over."""
        tail = self._tail
        if tail.is_over:
            return update.events
        events = tail.take(update, service_time(self._began_at), monotonic())
        if tail.is_over:
            self._show(events, hidden(tail.hidden))
        elif (wait := tail.wait(monotonic())) is not None:
            self._pump.set_timer(wait, lambda: self._end(tail), name="past")
        return ()

    def _end(self, tail: Tail) -> None:
        """End the past, if it is still that of this job and nothing came meanwhile."""
        if tail is self._tail and tail.wait(monotonic()) == 0:
            self._show(tail.end(), hidden(tail.hidden))
