"""The queue between the watcher's thread and the front end's, which a slow front end does not stop."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ftmon.model.event import Event
from ftmon.model.job import JobKey
from ftmon.model.update import Update

# SQLite is imported when it is needed: the first paint does not wait for it.
if TYPE_CHECKING:
    from ftmon.history.store import EventName

MAX_WAITING = 50_000
"""Events and other news that may wait for the front end, usually about 25 MB of them."""

_AT_ONCE = 1000

Recall = Callable[[JobKey, "list[EventName]"], list[Event] | None]
"""Reads events of a job from the history; None where it cannot be read now."""


class Handover:
    """Takes updates on one thread and gives them out on another.

    Where a front end stands still (a stopped terminal, a full pipe) and too much waits, further events are
    only noted by name, some 120 bytes each, and read again from the history when there is room. What no
    history holds is not brought until there is.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        recall: Recall,
        limit: int = MAX_WAITING,
        *,
        recall_again: float = 5.0,
    ) -> None:
        self.wake: Callable[[], None] = lambda: None
        """Called when there is news after there was none."""
        self._loop = loop
        self._recall = recall
        self._limit = limit
        self._recall_again = recall_again
        """Seconds after which a history that could not be read is tried again."""
        self._is_resting = False
        """It is not that time yet."""
        self._is_stuck = False
        """It could not be read the last time."""
        self._lock = threading.Lock()
        self._updates: deque[Update] = deque()
        self._waiting = 0
        self._room = asyncio.Event()
        self._is_held = False
        """Something waits for room."""
        self._following = 0
        self._aside: deque[EventName | Update] = deque()
        """Waits for room: events by name, and whole updates where they are not recorded."""
        self._whole = 0
        """The weight of the latter."""
        self._rest: Update | None = None
        """What comes after these: all that is no event, as one update; None where nothing is kept aside."""

    # On the front end's thread

    def begin(self) -> int:
        """Forget what waits, because something else is followed now, and return the number of that following.

        What the former following still brings would come twice where it is of the same job.
        """
        with self._lock:
            self._updates.clear()
            self._aside.clear()
            self._whole = 0
            self._rest = None
            self._waiting = 0
            self._following += 1
            number = self._following
        self._loop.call_soon_threadsafe(self._room.set)
        return number

    def pop(self) -> Update | None:
        """Return the next update, or None where there is none now."""
        with self._lock:
            if not self._updates:
                return None
            update = self._updates.popleft()
            self._waiting -= _weight(update)
            has_room = (self._is_held or self._rest is not None) and self._waiting <= self._limit // 2
        if has_room:
            self._loop.call_soon_threadsafe(self._use_room)
        return update

    # On the watcher's thread

    def put(self, following: int, update: Update, *, is_recorded: bool) -> None:
        """Hand over an update, unless something else is followed by now."""
        if not self._keep_aside(following, update, is_recorded=is_recorded):
            self._append(following, update)

    async def room(self, following: int) -> None:
        """Wait while so much waits that nothing more should be brought which could not be read again."""
        # Said first, so that no room that is made meanwhile goes unheard.
        self._is_held = True
        self._room.clear()
        while following == self._following and self._waiting + self._whole >= self._limit:
            await self._room.wait()
            self._room.clear()
        self._is_held = False

    def _append(self, following: int, update: Update) -> None:
        with self._lock:
            if following != self._following:
                return
            is_first = not self._updates
            self._updates.append(update)
            self._waiting += _weight(update)
        if is_first:
            self.wake()

    def _keep_aside(self, following: int, update: Update, *, is_recorded: bool) -> bool:
        """Keep an update aside where too much waits already; False where there is room.

        What is not recorded is kept whole, and only behind what is kept aside before it.
        """
        with self._lock:
            is_full = is_recorded and self._waiting >= self._limit
            if following != self._following or (self._rest is None and not is_full):
                return False
            rest = _merged(self._rest, update)
            if is_recorded:
                from ftmon.history.store import name_of

                self._aside.extend(map(name_of, update.events))
                self._rest = rest
            else:
                self._aside.append(replace(rest, events=update.events))
                self._whole += _weight(update)
                self._rest = Update(update.job_key, update.at)
            return True

    def _use_room(self) -> None:
        """Hand over what was kept aside, as long as there is room."""
        if self._is_resting:
            return
        with self._lock:
            following, rest = self._following, self._rest
            first = self._take_aside()
        if first is None or rest is None:
            self._room.set()
            return
        update = first if isinstance(first, Update) else self._recalled(following, rest, first)
        if update is None:
            return
        self._append(following, update)
        if self._waiting < self._limit:
            self._loop.call_soon(self._use_room)

    def _end_resting(self) -> None:
        self._is_resting = False
        self._use_room()

    def _take_aside(self) -> "Update | list[EventName] | None":
        """Take what was kept aside first: names of some events, or an update, the last one without events."""
        names: list[EventName] = []
        while self._aside and len(names) < _AT_ONCE:
            first = self._aside[0]
            if isinstance(first, Update):
                break
            names.append(first)
            self._aside.popleft()
        if names:
            return names
        if self._aside and isinstance(first := self._aside.popleft(), Update):
            self._whole -= _weight(first)
            return first
        rest, self._rest = self._rest, None
        return rest

    def _recalled(self, following: int, rest: Update, names: "list[EventName]") -> Update | None:
        """Read these events from the history; None where that has to wait, and they are kept aside again."""
        events = self._recall(rest.job_key, names)
        if events is None:
            self._rest_before(following, rest, names)
            return None
        self._is_stuck = False
        lost = len(names) - len(events)
        notice = f"Of what was recorded, {lost} cannot be read again and are not shown." if lost else ""
        return Update(rest.job_key, rest.at, tuple(events), notice=notice)

    def _rest_before(self, following: int, rest: Update, names: "list[EventName]") -> None:
        with self._lock:
            if following == self._following:
                self._aside.extendleft(reversed(names))
        if not self._is_stuck:
            self._is_stuck = True
            notice = "What comes next cannot be read from the history now; it is shown as soon as it can be."
            self._append(following, Update(rest.job_key, rest.at, notice=notice))
        self._is_resting = True
        self._loop.call_later(self._recall_again, self._end_resting)


def _merged(rest: Update | None, update: Update) -> Update:
    """Return an update, without its events, and what was kept of those before it."""
    if rest is None:
        return replace(update, events=())
    return replace(
        update,
        events=(),
        job=update.job or rest.job,
        connection=update.connection or rest.connection,
        heard=update.heard or rest.heard,
        unrecorded=rest.unrecorded if update.unrecorded is None else update.unrecorded,
        # The same sentence twice says no more than once.
        notice=rest.notice if update.notice in rest.notice else f"{rest.notice} {update.notice}".strip(),
    )


def _weight(update: Update) -> int:
    return 1 + len(update.events)
