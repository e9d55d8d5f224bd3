import asyncio
import random
import threading
from collections.abc import Callable

import pytest

from ftmon.history.store import EventName, name_of
from ftmon.model.event import Event
from ftmon.model.job import JobKey
from ftmon.model.update import Connection, Update, Wire
from ftmon.watch.handover import Handover, Recall
from tests.records import KEY, NOON, read
from tests.servers.fine_tunes import event

EVENTS = [read(event(f"Step {number}", number)) for number in range(6000)]
BY_NAME = {name_of(each): each for each in EVENTS}
CLOSED = Connection(Wire.CLOSED)


def recall(key: JobKey, names: list[EventName]) -> list[Event]:
    return [BY_NAME[name] for name in names]


class Watcher:
    """A thread whose loop hands over."""

    def __init__(self, limit: int, recall: Recall = recall) -> None:
        self.loop = asyncio.new_event_loop()
        self.handover = Handover(self.loop, recall, limit, recall_again=0.001)
        self.woken = threading.Event()
        self.handover.wake = self.woken.set
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def taken(self, pause: Callable[[], None] = lambda: None) -> list[Update]:
        """Take what comes until the connection is closed."""
        updates: list[Update] = []
        while not updates or updates[-1].connection is None:
            if (update := self.handover.pop()) is not None:
                updates.append(update)
                pause()
                continue
            self.woken.clear()
            if (update := self.handover.pop()) is not None:
                updates.append(update)
            else:
                assert self.woken.wait(10), f"stuck after {len(updates)} updates"
        return updates

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def batches(chance: random.Random) -> list[Update]:
    """Cut the events into updates of some."""
    updates, start = [], 0
    while start < len(EVENTS):
        size = chance.randint(0, 5)
        updates.append(Update(KEY, NOON, tuple(EVENTS[start : start + size])))
        start += size
    return updates


@pytest.mark.parametrize("limit", [1, 20, 100_000])
@pytest.mark.parametrize("recorded", ["all", "some", "none"])
@pytest.mark.parametrize("seed", range(4))
def test_however_fast_each_side_is_everything_comes_once_and_in_order(
    limit: int, recorded: str, seed: int
) -> None:
    chance = random.Random(seed)
    watcher = Watcher(limit)
    number = watcher.handover.begin()

    async def produce() -> None:
        for update in [*batches(chance), Update(KEY, NOON, connection=CLOSED)]:
            is_recorded = recorded == "all" or (recorded == "some" and chance.random() < 0.7)
            watcher.handover.put(number, update, is_recorded=is_recorded)
            if not is_recorded:
                await watcher.handover.room(number)
            if chance.random() < 0.2:
                await asyncio.sleep(0)

    jitter, never = random.Random(seed), threading.Event()

    def pause() -> None:
        # A wait that ends at once gives the other thread its turn.
        if jitter.random() < 0.05:
            never.wait(0.0001)

    try:
        produced = asyncio.run_coroutine_threadsafe(produce(), watcher.loop)
        updates = watcher.taken(pause)
        produced.result(10)
    finally:
        watcher.close()
    assert [each for update in updates for each in update.events] == EVENTS
    assert watcher.handover.pop() is None


def test_what_is_kept_aside_is_one_update_of_all_that_is_no_event() -> None:
    watcher = Watcher(1)
    number = watcher.handover.begin()

    async def produce() -> None:
        for update in (
            Update(KEY, NOON, tuple(EVENTS[:1])),
            Update(KEY, NOON, tuple(EVENTS[1:3]), notice="one", heard=True),
            Update(KEY, NOON, connection=Connection(Wire.LIVE), unrecorded=7),
            Update(KEY, NOON, tuple(EVENTS[3:4]), notice="two"),
            Update(KEY, NOON, notice="two", connection=CLOSED),
        ):
            watcher.handover.put(number, update, is_recorded=True)

    try:
        asyncio.run_coroutine_threadsafe(produce(), watcher.loop).result(10)
        updates = watcher.taken()
    finally:
        watcher.close()
    assert [len(update.events) for update in updates] == [1, 3, 0]
    last = updates[-1]
    assert (last.notice, last.connection, last.unrecorded, last.heard) == ("one two", CLOSED, 7, True)


@pytest.mark.parametrize("fails", [lambda asked: asked < 4, lambda asked: asked % 3], ids=["first", "often"])
@pytest.mark.parametrize("limit", [1, 20])
def test_what_cannot_be_read_again_now_is_read_later(fails: Callable[[int], bool], limit: int) -> None:
    asked = 0

    def recall_at_times(key: JobKey, names: list[EventName]) -> list[Event] | None:
        nonlocal asked
        asked += 1
        return None if fails(asked) else [BY_NAME[name] for name in names if name != name_of(EVENTS[5000])]

    watcher = Watcher(limit, recall_at_times)
    number = watcher.handover.begin()

    async def produce() -> None:
        for update in [*batches(random.Random(1)), Update(KEY, NOON, connection=CLOSED)]:
            watcher.handover.put(number, update, is_recorded=True)

    try:
        asyncio.run_coroutine_threadsafe(produce(), watcher.loop).result(10)
        updates = watcher.taken()
    finally:
        watcher.close()
    assert [each for update in updates for each in update.events] == [*EVENTS[:5000], *EVENTS[5001:]]
    notices = [update.notice for update in updates if update.notice]
    assert "cannot be read from the history now" in notices[0]
    assert [notice for notice in notices if "are not shown" in notice] == [
        "Of what was recorded, 1 cannot be read again and are not shown."
    ]


def test_nothing_of_a_former_following_is_handed_over() -> None:
    watcher = Watcher(1)
    former = watcher.handover.begin()

    async def produce(number: int, update: Update) -> None:
        watcher.handover.put(number, update, is_recorded=True)

    try:
        for start in range(3):
            update = Update(KEY, NOON, (EVENTS[start],))
            asyncio.run_coroutine_threadsafe(produce(former, update), watcher.loop).result(10)
        number = watcher.handover.begin()
        for each in (former, number):
            update = Update(KEY, NOON, (EVENTS[each],), connection=CLOSED)
            asyncio.run_coroutine_threadsafe(produce(each, update), watcher.loop).result(10)
        assert [update.events for update in watcher.taken()] == [(EVENTS[number],)]
    finally:
        watcher.close()
