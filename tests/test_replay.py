from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from time import monotonic

import pytest

from ftmon.errors import HistoryError
from ftmon.history.replay import Replay
from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.model.update import Update, Wire
from tests.records import KEY, STORED, counted, damage, job_of, read, record, told
from tests.servers.fine_tunes import START, STORY, event

SPAN = 180.0
"""Seconds from the first event of the story to its last."""

BEGIN = datetime.fromtimestamp(START, UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ftmon" / "history.sqlite3"


def is_over(update: Update) -> bool:
    return update.connection is not None and update.connection.is_over


class Told(Queue[Update]):
    """The updates of a replay, which runs on a thread of its own."""

    def __init__(self, path: Path, speed: float) -> None:
        super().__init__()
        self.replay = Replay(path, KEY, self.put, speed)
        self.thread = Thread(target=self.replay.run, daemon=True)

    def started(self) -> "Told":
        self.thread.start()
        return self

    def until(self, is_last: Callable[[Update], bool]) -> list[Update]:
        updates = [self.get(timeout=20)]
        while not is_last(updates[-1]):
            updates.append(self.get(timeout=20))
        return updates

    def join(self) -> None:
        self.thread.join(20)
        assert not self.thread.is_alive()


def replayed(
    path: Path, speed: float, react: Callable[[Update, Replay], None] = lambda update, replay: None
) -> list[Update]:
    told = Told(path, speed).started()
    updates: list[Update] = []
    while not updates or not is_over(updates[-1]):
        updates.append(told.get(timeout=20))
        react(updates[-1], told.replay)
    told.join()
    assert told.empty()
    assert updates[-1].connection is not None
    assert updates[-1].connection.wire is Wire.RECORDED
    return updates


def messages(updates: list[Update]) -> list[str]:
    return [each.message for update in updates for each in update.events]


SAID = [str(fields["message"]) for fields in STORY]


def test_at_once_all_is_told_and_the_end_last(path: Path) -> None:
    record(path, told(job=job_of("succeeded")), told(*STORED))
    updates = replayed(path, inf)
    assert messages(updates) == SAID
    assert [update.job.status for update in updates if update.job] == [Status.SUCCEEDED]
    assert updates[-1].job is not None


def test_the_rhythm_is_that_of_the_events_times_the_speed(path: Path) -> None:
    record(path, told(*STORED))
    heard: list[tuple[float, str]] = []

    def hear(update: Update, replay: Replay) -> None:
        heard.extend((monotonic(), each.message) for each in update.events)

    started = monotonic()
    updates = replayed(path, 200, hear)
    assert [message for _, message in heard] == SAID
    frame = 0.05 * 200
    for (at, _), stored in zip(heard, STORED, strict=True):
        assert stored.created_at is not None
        assert (at - started) * 200 >= (stored.created_at - BEGIN).total_seconds() - 2 * frame
    times = [update.at for update in updates if update.events]
    assert times == sorted(times)
    assert times[-1] - BEGIN >= timedelta(seconds=SPAN - 2 * frame)


def test_the_job_is_told_as_it_was_read_between_the_events(path: Path) -> None:
    record(
        path,
        told(job=job_of("pending")),
        told(*STORED[:3], after=1),
        told(after=2, job=job_of("running")),
        told(*STORED[3:], after=3),
        told(after=4, job=job_of("failed")),
    )
    updates = replayed(path, inf)
    run, seen = Run(KEY), []
    for update in updates:
        run.apply(update)
        seen.append((run.events, run.status))
    assert (0, Status.PENDING) in seen
    assert (3, Status.RUNNING) in seen
    assert seen[-1] == (10, Status.FAILED)


def test_a_replay_can_be_halted_and_hurried(path: Path) -> None:
    record(path, told(*STORED, job=job_of("succeeded")))
    speeds: list[float] = []

    def steer(update: Update, replay: Replay) -> None:
        if update.connection is not None and update.connection.wire is Wire.REPLAYING:
            speeds.append(update.connection.speed)
            # At its own pace it would take three minutes.
            if len(speeds) < 4:
                replay.set_speed([0, 1, inf][len(speeds) - 1])

    updates = replayed(path, 1, steer)
    assert speeds == [1, 0, 1, inf]
    assert messages(updates) == SAID


def test_events_without_a_time_come_with_those_before_them(path: Path) -> None:
    odd = [event("no time", created_at=None), *STORY[:2], event("odd", created_at="?"), *STORY[2:]]
    record(path, told(*counted(map(read, odd))))
    updates = replayed(path, 10_000)
    assert messages(updates) == [str(fields["message"]) for fields in odd]


def test_times_that_go_backwards_hold_nothing_up(path: Path) -> None:
    story = [event("first", 1000), event("earlier", 0), event("last", 1001)]
    record(path, told(*map(read, story)))
    assert messages(replayed(path, 100)) == ["first", "earlier", "last"]


def test_a_long_run_comes_in_pieces(path: Path) -> None:
    record(path, told(*[read(event(f"Step {step}", step)) for step in range(2500)], job=job_of()))
    updates = replayed(path, inf)
    assert max(len(update.events) for update in updates) == 1000
    assert sum(len(update.events) for update in updates) == 2500


def test_a_time_at_the_end_of_the_calendar_ends_no_replay(path: Path) -> None:
    late = [event("first"), event("last", created_at="9998-12-31T23:59:59Z"), event("after", 5)]
    record(path, told(*map(read, late)))

    def hurry(update: Update, replay: Replay) -> None:
        if update.events:
            replay.set_speed(inf)

    assert messages(replayed(path, 1e14, hurry)) == ["first", "last", "after"]


@pytest.mark.parametrize("speed", [0.0, 1.0])
def test_a_replay_that_waits_can_be_stopped(path: Path, speed: float) -> None:
    record(path, told(*STORED))
    told_so_far = Told(path, 1).started()
    told_so_far.until(lambda update: update.events != ())
    told_so_far.replay.set_speed(speed)
    told_so_far.until(lambda update: update.connection is not None)
    told_so_far.replay.stop()
    told_so_far.join()
    assert told_so_far.empty()


def test_a_replay_that_was_stopped_before_it_began_tells_nothing(path: Path) -> None:
    record(path, told(*STORED))
    nothing = Told(path, inf)
    nothing.replay.stop()
    nothing.started().join()
    assert nothing.empty()


def test_a_replay_waits_for_a_slow_report_and_can_be_stopped_meanwhile(path: Path) -> None:
    record(path, told(*[read(event(f"Step {step}", step)) for step in range(2500)]))
    updates: list[Update] = []
    is_full, has_room = Event(), Event()

    def report(update: Update) -> None:
        updates.append(update)
        if update.events:
            is_full.set()
            has_room.wait(20)

    replay = Replay(path, KEY, report, inf)
    thread = Thread(target=replay.run, daemon=True)
    thread.start()
    assert is_full.wait(20)
    replay.stop()
    has_room.set()
    thread.join(20)
    assert not thread.is_alive()
    assert [len(update.events) for update in updates] == [0, 1000]


def test_a_speed_set_between_two_events_is_told_without_a_wait(path: Path) -> None:
    record(path, told(*[read(event(f"Step {step}", step)) for step in range(2500)]))
    speeds: list[float] = []

    def report(update: Update) -> None:
        updates.append(update)
        if len(update.events) == 1000:
            replay.set_speed(1e9)
        if update.connection is not None and update.connection.wire is Wire.REPLAYING:
            speeds.append(update.connection.speed)

    updates: list[Update] = []
    replay = Replay(path, KEY, report, inf)
    replay.run()
    assert speeds == [inf, 1e9, 1e9]
    assert messages(updates) == [f"Step {step}" for step in range(2500)]


def failure(path: Path) -> HistoryError:
    last = Told(path, inf).started().until(is_over)[-1].connection
    assert last is not None
    assert last.wire is Wire.REFUSED
    assert isinstance(last.error, HistoryError)
    return last.error


def test_a_history_that_cannot_be_read_ends_the_replay_with_the_reason(path: Path) -> None:
    record(path, told(*STORED))
    damage(path)
    assert str(failure(path)) == f"The history {path} cannot be used: database disk image is malformed."
    path.write_text("no database " * 1000)
    assert str(failure(path)) == f"The history {path} cannot be used: file is not a database."


def test_a_history_that_is_gone_ends_the_replay_with_the_reason(path: Path) -> None:
    assert str(failure(path)) == f"The history {path} is no longer there."
    assert not path.exists()


def test_a_history_that_cannot_be_opened_ends_the_replay_with_the_reason(path: Path) -> None:
    path.parent.write_text("in the way")
    assert f"The history {path} cannot be used: " in str(failure(path))
