import threading

import pytest

from ftmon.model.update import Update
from ftmon.watch.queue import Queue
from tests.records import KEY, NOON, read
from tests.servers.fine_tunes import event

pytestmark = pytest.mark.skips_waits

EVENTS = [read(event(f"Step {number}", number)) for number in range(100)]


def update(start: int, end: int) -> Update:
    return Update(KEY, NOON, tuple(EVENTS[start:end]))


def test_updates_come_in_order_and_only_the_first_one_wakes() -> None:
    queue, woken = Queue(), []
    queue.wake = lambda: woken.append(1)
    session = queue.begin()
    queue.put(session, update(0, 1), update(1, 2))
    queue.put(session, update(2, 3))
    assert len(woken) == 1
    assert [queue.pop() for _ in range(4)] == [update(0, 1), update(1, 2), update(2, 3), None]
    queue.put(session, update(3, 4))
    assert len(woken) == 2


def test_a_new_session_drops_the_updates_of_the_old_one_and_those_that_come_late() -> None:
    queue = Queue(limit=1)
    old = queue.begin()
    queue.put(old, update(0, 5))
    assert queue.is_full
    new = queue.begin()
    assert not queue.is_full
    queue.put(old, update(5, 6))
    assert queue.pop() is None
    queue.put(new, update(6, 7))
    assert queue.pop() == update(6, 7)


def test_a_full_queue_takes_everything_and_says_when_half_of_it_is_free() -> None:
    queue, rooms = Queue(limit=20), []
    queue.on_room = lambda: rooms.append(queue._weight)
    session = queue.begin()
    rooms.clear()
    for start in range(0, 30, 3):
        queue.put(session, update(start, start + 3))
    assert queue.is_full
    taken = [queue.pop() for _ in range(10)]
    assert [each.events for each in taken if each] == [tuple(EVENTS[n : n + 3]) for n in range(0, 30, 3)]
    assert rooms == [8]


@pytest.mark.parametrize("how", ["a pop", "a new session"])
def test_a_producer_that_waits_for_room_goes_on_after(how: str) -> None:
    queue = Queue(limit=2)
    session = queue.begin()
    queue.put(session, update(0, 2))
    waiting = threading.Thread(target=queue.wait_for_room, args=(session,))
    waiting.start()
    assert waiting.is_alive()
    if how == "a pop":
        queue.pop()
    else:
        queue.begin()
    waiting.join(10)
    assert not waiting.is_alive()
