import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from time import monotonic

import pytest

from ftmon.history.replay import Replay
from ftmon.history.store import History
from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.model.update import Update, Wire
from tests.records import KEY, STORED, counted, job_of, read, record, told
from tests.servers.fine_tunes import START, STORY, event

SPAN = 180.0
"""Seconds from the first event of the story to its last."""

BEGIN = datetime.fromtimestamp(START, UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ftmon" / "history.sqlite3"


async def replayed(
    path: Path, speed: float, react: Callable[[Update, Replay], None] = lambda update, replay: None
) -> list[Update]:
    updates: list[Update] = []

    async def report(update: Update) -> None:
        updates.append(update)
        react(update, replay)

    with closing(History(path)) as history:
        replay = Replay(history, KEY, report, speed)
        async with asyncio.timeout(20):
            await replay.run()
    assert updates[-1].connection is not None
    assert updates[-1].connection.wire is Wire.RECORDED
    return updates


def messages(updates: list[Update]) -> list[str]:
    return [each.message for update in updates for each in update.events]


SAID = [str(fields["message"]) for fields in STORY]


async def test_at_once_all_is_told_and_the_end_last(path: Path) -> None:
    record(path, told(job=job_of("succeeded")), told(*STORED))
    updates = await replayed(path, inf)
    assert messages(updates) == SAID
    assert [update.job.status for update in updates if update.job] == [Status.SUCCEEDED]
    assert updates[-1].job is not None


async def test_the_rhythm_is_that_of_the_events_times_the_speed(path: Path) -> None:
    record(path, told(*STORED))
    heard: list[tuple[float, str]] = []

    def hear(update: Update, replay: Replay) -> None:
        heard.extend((monotonic(), each.message) for each in update.events)

    started = monotonic()
    updates = await replayed(path, 200, hear)
    assert [message for _, message in heard] == SAID
    frame = 0.05 * 200
    for (at, _), stored in zip(heard, STORED, strict=True):
        assert stored.created_at is not None
        assert (at - started) * 200 >= (stored.created_at - BEGIN).total_seconds() - 2 * frame
    times = [update.at for update in updates if update.events]
    assert times == sorted(times)
    assert times[-1] - BEGIN >= timedelta(seconds=SPAN - 2 * frame)


async def test_the_job_is_told_as_it_was_read_between_the_events(path: Path) -> None:
    record(
        path,
        told(job=job_of("pending")),
        told(*STORED[:3], after=1),
        told(after=2, job=job_of("running")),
        told(*STORED[3:], after=3),
        told(after=4, job=job_of("failed")),
    )
    updates = await replayed(path, inf)
    run, seen = Run(KEY), []
    for update in updates:
        run.apply(update)
        seen.append((run.events, run.status))
    assert (0, Status.PENDING) in seen
    assert (3, Status.RUNNING) in seen
    assert seen[-1] == (10, Status.FAILED)


async def test_a_replay_can_be_halted_and_hurried(path: Path) -> None:
    record(path, told(*STORED, job=job_of("succeeded")))
    speeds: list[float] = []

    def steer(update: Update, replay: Replay) -> None:
        if update.connection is not None and update.connection.wire is Wire.REPLAYING:
            speeds.append(update.connection.speed)
            # At its own rhythm it would take three minutes.
            if len(speeds) < 4:
                asyncio.get_running_loop().call_later(0.01, replay.set_speed, [0, 1, inf][len(speeds) - 1])

    updates = await replayed(path, 1, steer)
    assert speeds == [1, 0, 1, inf]
    assert messages(updates) == SAID


async def test_events_without_a_time_come_with_those_before_them(path: Path) -> None:
    odd = [event("no time", created_at=None), *STORY[:2], event("odd", created_at="?"), *STORY[2:]]
    record(path, told(*counted(map(read, odd))))
    updates = await replayed(path, 10_000)
    assert messages(updates) == [str(fields["message"]) for fields in odd]


async def test_times_that_go_backwards_hold_nothing_up(path: Path) -> None:
    story = [event("first", 1000), event("earlier", 0), event("last", 1001)]
    record(path, told(*map(read, story)))
    assert messages(await replayed(path, 100)) == ["first", "earlier", "last"]


async def test_a_long_run_comes_in_pieces(path: Path) -> None:
    record(path, told(*[read(event(f"Step {step}", step)) for step in range(2500)], job=job_of()))
    updates = await replayed(path, inf)
    assert max(len(update.events) for update in updates) == 1000
    assert sum(len(update.events) for update in updates) == 2500


async def test_a_run_of_which_nothing_is_known_is_over_at_once(path: Path) -> None:
    updates = await replayed(path, 1)
    assert messages(updates) == []


async def test_a_time_at_the_end_of_the_calendar_ends_no_replay(path: Path) -> None:
    late = [event("first"), event("last", created_at="9998-12-31T23:59:59Z"), event("after", 5)]
    record(path, told(*map(read, late)))

    def hurry(update: Update, replay: Replay) -> None:
        if update.events:
            asyncio.get_running_loop().call_later(0.01, replay.set_speed, inf)

    assert messages(await replayed(path, 1e14, hurry)) == ["first", "last", "after"]
