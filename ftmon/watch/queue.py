"""A bounded queue of updates between the thread that makes them and the front end's."""

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftmon.model.update import Update

MAX_WAITING = 20_000
"""Events and updates that may wait for a front end, usually about 10 MB of them."""


class Queue:
    """Passes on the updates of one session at a time; a new session drops what is queued.

    `put` never blocks and drops nothing of the present session. A producer stops while the queue is full, and
    goes on when half of it is free again.
    """

    def __init__(self, limit: int = MAX_WAITING) -> None:
        self.wake: Callable[[], None] = lambda: None
        """Called when there is an update after there was none."""
        self.on_room: Callable[[], None] = lambda: None
        """Called when the queue is no longer full."""
        self.limit = limit
        """Events and updates that may wait."""
        self._room = threading.Condition()
        """Notified when the queue becomes full, or is no longer."""
        self._updates: deque[Update] = deque()
        self._weight = 0
        self._is_full = False
        self.session = 0
        """The number of the present session."""

    @property
    def is_full(self) -> bool:
        """No more events should be put in now."""
        return self._is_full

    def begin(self) -> int:
        """Start a new session and return its number. Late updates of the old one are discarded by theirs."""
        with self._room:
            self._updates.clear()
            self._weight = 0
            self._is_full = False
            self.session += 1
            session = self.session
            self._room.notify_all()
        self.on_room()
        return session

    def put(self, session: int, *updates: "Update") -> None:
        """Queue updates of a session."""
        with self._room:
            if session != self.session or not updates:
                return
            is_first = not self._updates
            self._updates.extend(updates)
            self._weight += sum(map(weight, updates))
            if self._weight >= self.limit and not self._is_full:
                self._is_full = True
                self._room.notify_all()
        if is_first:
            self.wake()

    def pop(self) -> "Update | None":
        """Return the next update, or None where there is none now."""
        with self._room:
            if not self._updates:
                return None
            update = self._updates.popleft()
            self._weight -= weight(update)
            has_room = self._is_full and self._weight <= self.limit // 2
            if has_room:
                self._is_full = False
                self._room.notify_all()
        if has_room:
            self.on_room()
        return update

    def wait_for_room(self, session: int) -> None:
        """Block while the queue is full and the session lasts."""
        with self._room:
            self._room.wait_for(lambda: not self._is_full or session != self.session)


def weight(update: "Update") -> int:
    """Return how much of a queue's bound an update takes."""
    return 1 + len(update.events)
