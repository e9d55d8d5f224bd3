"""The past of a run, of which only the last events are shown."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from math import inf

from ftmon.model.event import Event
from ftmon.model.events import Events
from ftmon.model.update import Update, Wire

_PAUSE = 0.5
"""Seconds without news after which the service has told the past."""

_LONGEST = 5.0
"""Seconds that the past may take, from the service's first answer on. What comes later is shown."""


class Tail:
    """Holds back the events of the past, to show its last `size`. `None` shows all of them.

    Where `recorded` events are known to come from the history, all of them are held back until then.

    No service says where the past ends. Here it ends with an event that is newer than the watching, with a
    pause, or where the service cannot be reached.
    """

    def __init__(self, size: int | None, recorded: int = 0) -> None:
        self.hidden = 0
        """Events that are not shown, once the past is over."""
        self.is_over = size is None and not recorded
        """The past is over: every event is shown."""
        self._recorded = recorded if size is None else 0
        self._held = _room(size)
        self._taken = 0
        self._heard_at: float | None = None
        """When the service told of the past first, by the monotonic clock; None before that."""
        self._last_at = 0.0

    def take(self, update: Update, since: datetime, now: float) -> Sequence[Event]:
        """Take an update and return the events to show.

        Args:
            update: the news; its events are held back, or shown with those held before.
            since: when the watching began, by the service's clock.
            now: by the monotonic clock.
        """
        if self.is_over:
            return update.events
        self._last_at = now
        if update.heard and self._heard_at is None:
            self._heard_at = now
        for number, event in enumerate(update.events):
            if event.created_at is not None and event.created_at >= since:
                self._hold(update.events[:number])
                shown = self.end()
                shown.extend(update.events[number:])
                return shown
        self._hold(update.events)
        connection = update.connection
        is_told = connection is not None and (connection.is_over or connection.wire is Wire.WAITING)
        # What the service says follows what is recorded, which is read at infinite speed.
        is_reading = connection is None or connection.wire is Wire.CONNECTING or connection.speed == inf
        is_read = self._taken >= self._recorded or not is_reading
        return self.end() if is_told or (self._recorded and is_read) else ()

    def wait(self, now: float) -> float | None:
        """Return the seconds until the past is over if nothing comes; None where that is not known."""
        if self.is_over or self._heard_at is None:
            return None
        return max(0.0, min(self._last_at + _PAUSE, self._heard_at + _LONGEST) - now)

    def _hold(self, events: Sequence[Event]) -> None:
        self._held.extend(events)
        self._taken += len(events)

    def end(self) -> Events:
        """End the past and return its last events."""
        self.is_over = True
        self.hidden = self._taken - len(self._held)
        held, self._held = self._held, _room(0)
        return held if isinstance(held, Events) else Events(held)


def _room(size: int | None) -> "deque[Event] | Events":
    """Return a place for the last events; for all of them one that takes less memory."""
    return Events() if size is None else deque(maxlen=size)
