import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from ftmon.history.file import inode
from ftmon.history.recorder import Recorder
from ftmon.history.store import History
from ftmon.model.event import Event
from ftmon.model.key import JobKey
from ftmon.model.update import Connection, Update, Wire
from ftmon.watch.delivery import Delivery
from ftmon.watch.queue import Queue
from tests.records import KEY, NOON, OTHER, counted, job_of, read, record, recorded, told
from tests.servers.fine_tunes import event

EVENTS = counted(read(event(f"Step {number % 700}", number % 700)) for number in range(4000))
CLOSED = Connection(Wire.CLOSED)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ftmon" / "history.sqlite3"


class Handing:
    """A delivery, the queue behind it and a front end that takes only when it is told to."""

    def __init__(self, path: Path, limit: int, retry_every: float) -> None:
        self.queue = Queue(limit)
        self._woken = threading.Event()
        self.queue.wake = self._woken.set
        self.delivery = Delivery(self.queue, lambda: Recorder(path, retry_every=retry_every), 0.01)
        self.room = threading.Event()
        self.delivery.on_room = self.room.set
        self.delivery.start()
        self.session = 0
        self.restored: list[Event] = []

    def begin(self, key: JobKey = KEY) -> None:
        """Show a job, as the watcher does: its past first."""
        self.session = self.queue.begin()
        self.restored = []
        self.delivery.begin(self.session, key, lambda update: self.restored.extend(update.events)).result(10)

    def put(self, *updates: Update) -> None:
        """Put updates in, and wait for room as the watcher does."""
        self.room.clear()
        self.delivery.put(self.session, *updates)
        while self.delivery.is_full:
            assert self.room.wait(10), "the reading is held back for ever"
            self.room.clear()

    def settle(self) -> None:
        """Wait until all that was put in is dealt with."""
        self.delivery.call(lambda recorder: None).result(10)

    def taken(
        self, until: Callable[[Update], bool] = lambda update: update.connection is not None
    ) -> list[Update]:
        """Take updates as a front end that only a wake-up brings, until one of them is the last."""
        updates: list[Update] = []
        while not updates or not until(updates[-1]):
            if (update := self.queue.pop()) is not None:
                updates.append(update)
                continue
            self._woken.clear()
            if (update := self.queue.pop()) is not None:
                updates.append(update)
            else:
                assert self._woken.wait(10), f"stuck after {len(updates)} updates"
        return updates


@contextmanager
def handing(path: Path, limit: int = 20_000, retry_every: float = 0) -> Iterator[Handing]:
    hand = Handing(path, limit, retry_every)
    try:
        yield hand
    finally:
        hand.delivery.close(10)
        assert hand.delivery.crash is None


def events_of(updates: Sequence[Update]) -> list[Event]:
    return [event for update in updates for event in update.events]


def batches(chance: random.Random, events: Sequence[Event] = EVENTS) -> list[Update]:
    """Cut events into updates of some."""
    updates, start = [], 0
    while start < len(events):
        size = chance.randint(0, 9)
        updates.append(told(*events[start : start + size], after=start))
        start += size
    return updates


@pytest.mark.parametrize("limit", [1, 50, 100_000])
@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "not recorded"])
@pytest.mark.parametrize("seed", range(3))
def test_however_fast_each_side_is_everything_comes_once_and_in_order(
    path: Path, limit: int, is_recorded: bool, seed: int
) -> None:
    chance = random.Random(seed)
    if not is_recorded:
        path.parent.write_text("in the way")
    with handing(path, limit, retry_every=0 if is_recorded else 600) as hand:
        hand.begin()

        def produce() -> None:
            for update in [*batches(chance), told(connection=CLOSED)]:
                hand.put(update)

        producer = threading.Thread(target=produce)
        producer.start()
        updates = hand.taken()
        producer.join(10)
    assert events_of(updates) == EVENTS
    if is_recorded:
        assert recorded(path) == [each.fields for each in EVENTS]


def test_what_is_recorded_is_read_on_while_the_front_end_stands_still(path: Path) -> None:
    with handing(path, limit=100) as hand:
        hand.begin()
        for update in batches(random.Random(1)):
            hand.put(update)
        hand.put(told(job=job_of("succeeded"), notice="one"), told(connection=CLOSED, notice="two"))
        hand.settle()
        assert recorded(path) == [each.fields for each in EVENTS]
        # At most the bound and one batch of rows wait.
        assert hand.queue._weight <= 100 + 1001
        assert hand.delivery._weight == 0
        updates = hand.taken()
    assert events_of(updates) == EVENTS
    assert (updates[-1].notice, updates[-1].job) == ("one two", job_of("succeeded"))


def test_what_cannot_be_recorded_holds_the_reading_back(path: Path) -> None:
    path.parent.write_text("in the way")
    with handing(path, limit=100, retry_every=600) as hand:
        hand.begin()
        while not hand.delivery.is_full:
            hand.delivery.put(hand.session, told(EVENTS[0]))
        waiting = hand.queue._weight + hand.delivery._weight
        assert waiting <= 2 * 100 + 10
        assert not hand.room.is_set()
        while hand.queue.pop() or hand.delivery.is_full:
            pass


def test_the_past_comes_in_order_and_then_the_news(path: Path) -> None:
    record(path, *batches(random.Random(2), EVENTS[:3000]), told(job=job_of()))
    with handing(path, limit=100) as hand:
        hand.begin()
        assert hand.restored == EVENTS[:3000]
        for update in batches(random.Random(3), EVENTS[3000:]):
            hand.put(update)
        hand.put(told(connection=CLOSED))
        first, *_ = updates = hand.taken()
    assert first.job == job_of()
    assert events_of(updates) == EVENTS


@pytest.mark.parametrize("limit", [1, 100, 100_000])
@pytest.mark.parametrize("seed", range(6))
def test_what_another_process_records_of_the_job_is_shown_once(path: Path, limit: int, seed: int) -> None:
    chance = random.Random(seed)
    theirs, ours = batches(chance), batches(chance)
    with handing(path, limit) as hand, closing(History(path)) as other:
        hand.begin()
        taken: list[Update] = []
        while theirs or ours:
            which = chance.random()
            if theirs and which < 0.45:
                count = chance.randint(1, 20)
                other.record(theirs[:count])
                del theirs[:count]
            elif ours and which < 0.9:
                hand.put(ours.pop(0))
            elif update := hand.queue.pop():
                taken.append(update)
        hand.put(told(connection=CLOSED))
        updates = [*taken, *hand.taken()]
    shown = events_of(updates)
    assert sorted(map(str, shown)) == sorted(map(str, EVENTS))
    assert shown == [each for each in shown if each in EVENTS]


@pytest.mark.parametrize("limit", [1, 100_000])
@pytest.mark.parametrize("is_alone", [True, False])
def test_what_is_recorded_late_is_not_shown_again(path: Path, limit: int, is_alone: bool) -> None:
    with handing(path, limit, retry_every=0) as hand:
        hand.begin()
        hand.put(told(*EVENTS[:5]))
        hand.settle()
        taken = [hand.queue.pop()]
        # Nothing can be recorded for a while.
        away = path.parent.rename(path.parent.with_name("away"))
        path.parent.write_text("in the way")
        hand.put(told(*EVENTS[5:9]))
        while len(events_of([each for each in taken if each])) < 9:
            taken.append(hand.queue.pop())
        path.parent.unlink()
        away.rename(path.parent)
        if not is_alone:
            record(path, told(*EVENTS[7:12]))
        hand.put(told(*EVENTS[9:14]), told(connection=CLOSED))
        updates = [*[each for each in taken if each], *hand.taken()]
    assert events_of(updates) == EVENTS[:14]
    assert sorted(map(str, recorded(path))) == sorted(str(each.fields) for each in EVENTS[:14])


def test_a_history_that_is_set_aside_while_the_front_end_is_behind_is_told(path: Path) -> None:
    with handing(path, limit=10) as hand:
        hand.begin()
        for update in batches(random.Random(1), EVENTS[:2500]):
            hand.put(update)
        hand.settle()
        hand.delivery.call(lambda recorder: recorder.set_aside(inode(path))).result(10)
        hand.put(told(*EVENTS[2500:2510]), told(connection=CLOSED))
        updates = hand.taken()
    shown = events_of(updates)
    assert [each.raw for each in shown[-10:]] == [each.raw for each in EVENTS[2500:2510]]
    assert shown[:-10] == EVENTS[: len(shown) - 10]
    notices = " ".join(each.notice for each in updates)
    assert "The history is damaged" in notices
    assert "Some of what was recorded cannot be read again" in notices


@pytest.mark.parametrize("shown", [0, 1200])
def test_a_run_that_is_removed_while_the_front_end_is_behind_is_told(path: Path, shown: int) -> None:
    with handing(path, limit=10) as hand:
        if shown:
            record(path, told(*EVENTS[:shown]))
        hand.begin()
        for update in batches(random.Random(1), EVENTS[shown:2500]):
            hand.put(update)
        hand.settle()
        with closing(History(path)) as history:
            history.remove([KEY], NOON + timedelta(days=1))
        hand.put(told(*EVENTS[2500:2510]), told(connection=CLOSED))
        updates = hand.taken()
    raw = [each.raw for each in events_of(updates)]
    assert raw[-10:] == [each.raw for each in EVENTS[2500:2510]]
    assert raw[:-10] == [each.raw for each in EVENTS[: len(raw) - 10]]
    assert len(raw) < 2510
    notices = " ".join(each.notice for each in updates)
    assert "Some of what was recorded cannot be read again, and is not shown." in notices


@pytest.mark.parametrize("limit", [10, 20_000])
def test_a_run_that_is_removed_while_its_past_is_read_is_told(path: Path, limit: int) -> None:
    record(path, told(*EVENTS))

    def remove(update: Update) -> None:
        with closing(History(path)) as history:
            history.remove([KEY], NOON + timedelta(days=1))

    with handing(path, limit=limit) as hand:
        hand.session = hand.queue.begin()
        # Called with the first page, while the second one is still to be read.
        hand.delivery.begin(hand.session, KEY, remove).result(10)
        hand.put(told(connection=CLOSED))
        updates = hand.taken()
    assert events_of(updates) == EVENTS[:1000]
    notices = " ".join(each.notice for each in updates)
    assert "Some of what was recorded cannot be read again, and is not shown." in notices


def test_a_new_session_drops_what_is_queued_and_records_it(path: Path) -> None:
    with handing(path, limit=10) as hand:
        hand.begin()
        for update in batches(random.Random(1), EVENTS[:500]):
            hand.put(update)
        hand.begin(OTHER)
        hand.delivery.put(hand.session - 1, told(*EVENTS[500:510]))
        hand.put(told(EVENTS[0], key=OTHER), told(connection=CLOSED, key=OTHER))
        updates = hand.taken()
        assert events_of(updates) == EVENTS[:1]
        assert recorded(path) == [each.fields for each in EVENTS[:510]]


def test_the_same_job_watched_again_is_shown_once(path: Path) -> None:
    with handing(path, limit=10) as hand:
        hand.begin()
        hand.put(*batches(random.Random(1), EVENTS[:500]))
        hand.begin()
        assert hand.restored == EVENTS[:500]
        # The old session still brings something.
        hand.delivery.put(hand.session - 1, told(*EVENTS[500:510]))
        hand.put(told(*EVENTS[500:520]), told(connection=CLOSED))
        updates = hand.taken()
    assert events_of(updates) == EVENTS[:520]


def test_closing_records_what_was_put_in(path: Path) -> None:
    with handing(path, limit=10) as hand:
        hand.begin()
        hand.delivery.put(hand.session, *batches(random.Random(1), EVENTS[:800]))
    assert recorded(path) == [each.fields for each in EVENTS[:800]]


def test_what_could_not_be_recorded_is_counted_and_told(path: Path) -> None:
    with handing(path, retry_every=0) as hand:
        hand.begin()
        hand.put(told(EVENTS[0]))
        hand.settle()
        away = path.parent.rename(path.parent.with_name("away"))
        path.parent.write_text("in the way")
        hand.put(told(*EVENTS[1:4]))
        updates = hand.taken(lambda update: update.unrecorded == 3)
        assert "The history cannot be used" in " ".join(each.notice for each in updates)
        path.parent.unlink()
        away.rename(path.parent)
        updates = hand.taken(lambda update: update.unrecorded == 0)
        assert "nothing is missing in it" in updates[-1].notice
    assert recorded(path) == [each.fields for each in EVENTS[:4]]
