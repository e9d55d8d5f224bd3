"""Runs of which the history has lost a part while they were watched."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ftmon.history.reader import PARTIAL
from ftmon.history.recorder import Recorder
from ftmon.history.store import History
from ftmon.model.key import JobKey
from ftmon.model.update import Wire
from ftmon.wire.pace import Pace
from tests.front_end import FrontEnd, settings_of, watching
from tests.records import KEY, STORED, job_of, record, recorded, told
from tests.servers.fine_tunes import (
    DONE,
    JOB,
    JOB_ID,
    LIST,
    STORY,
    STREAM,
    answer,
    job,
    page,
    refusal,
    stream,
)
from tests.servers.scripted import End, Script, Server

RUNNING, OVER = answer(job()), answer(job("succeeded"))
WHOLE = stream(*STORY, DONE)
AGAIN = f"{PARTIAL} It is read from the service again."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ftmon" / "history.sqlite3"


def remove(path: Path) -> None:
    """Remove all runs, as `--prune 0h` does."""
    with closing(History(path)) as history:
        history.remove([run.key for run in history.runs()], datetime.now(UTC) + timedelta(days=1))


def is_partial(path: Path) -> bool:
    with closing(History(path)) as history:
        (run,) = history.runs()
        return run.is_partial


def delete(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


def move(path: Path) -> None:
    path.parent.rename(path.parent.with_name("away"))


LOSSES = {"pruned": remove, "deleted": delete, "moved": move}


async def watch_and_lose(path: Path, lose: Callable[[Path], None]) -> None:
    """Watch a job of which the history loses the first four events, until it has seven."""
    go_on = asyncio.Event()
    server = Server({JOB: [RUNNING], STREAM: [stream(*STORY[:4], go_on, *STORY[4:7], End.HANG)]})
    async with server.running(), watching(settings_of(server), history=path) as front_end:
        key = front_end.watch(JOB_ID)
        await front_end.until_events(4)
        await front_end.until_recorded()
        lose(path)
        go_on.set()
        await front_end.until_events(7)
        await front_end.until_recorded()
        assert front_end.fields == STORY[:7]
        assert recorded(path, key) == STORY[4:7]
    assert is_partial(path)
    # It is the job of the next server too.
    with closing(History(path)) as history:
        history._database.execute("UPDATE jobs SET base_url = ?", (KEY.service,))


async def watch_again(path: Path, server: Server, events: int | None = None) -> FrontEnd:
    """Watch the partial run again, at another server, to its end or until some events were shown."""
    async with server.running():
        with closing(History(path)) as history:
            history._database.execute("UPDATE jobs SET base_url = ?", (f"{server.origin}/v1",))
        async with watching(settings_of(server), history=path, pace=Pace(poll=0.01)) as front_end:
            front_end.watch(JOB_ID)
            await (front_end.until_over() if events is None else front_end.until_events(events))
            await front_end.until_recorded()
    with closing(History(path)) as history:
        history._database.execute("UPDATE jobs SET base_url = ?", (KEY.service,))
    return front_end


def over() -> Server:
    return Server({JOB: [RUNNING, OVER], STREAM: [WHOLE], LIST: [page(*STORY)]})


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
async def test_what_is_left_of_a_run_is_told_as_partial_and_put_in_order_by_the_next_watch(
    path: Path, lose: Callable[[Path], None]
) -> None:
    await watch_and_lose(path, lose)
    front_end = await watch_again(path, over())
    assert front_end.fields == STORY
    assert front_end.notices == AGAIN
    assert recorded(path) == STORY
    assert not is_partial(path)
    front_end = await watch_again(path, over())
    assert (front_end.fields, front_end.notices) == (STORY, "")


async def test_a_watch_that_ends_before_all_is_read_again_leaves_it_partial(path: Path) -> None:
    await watch_and_lose(path, remove)
    server = Server({JOB: [RUNNING], STREAM: [stream(*STORY[:2], End.HANG)], LIST: [page(*STORY[:2])]})
    front_end = await watch_again(path, server, events=2)
    assert front_end.fields == STORY[:2]
    assert is_partial(path)
    assert recorded(path) == [*STORY[4:7], *STORY[:2]]
    front_end = await watch_again(path, over())
    assert front_end.fields == STORY
    assert recorded(path) == STORY
    assert not is_partial(path)


FORGOTTEN: dict[str, Script] = {
    "a job that it has forgotten": refusal(404, "Could not find fine tune"),
    "a key that is no longer valid": refusal(401, "Incorrect API key provided"),
}


@pytest.mark.parametrize("script", FORGOTTEN.values(), ids=FORGOTTEN)
async def test_what_is_left_is_shown_where_the_service_tells_nothing(path: Path, script: Script) -> None:
    await watch_and_lose(path, remove)
    front_end = await watch_again(path, Server({JOB: [script], LIST: [script], STREAM: [script]}))
    assert front_end.fields == STORY[4:7]
    assert front_end.has(Wire.REFUSED)
    assert front_end.updates[-1].connection is not None
    assert front_end.notices == AGAIN
    assert recorded(path) == STORY[4:7]


async def test_a_run_is_put_in_order_while_the_ftmon_that_left_it_still_watches(path: Path) -> None:
    prune, go_on = asyncio.Event(), asyncio.Event()
    server = Server(
        {
            JOB: lambda: OVER if go_on.is_set() else RUNNING,
            STREAM: [
                stream(*STORY[:4], prune, *STORY[4:7], go_on, *STORY[7:], DONE),
                stream(*STORY[:7], go_on, *STORY[7:], DONE),
            ],
            # It may be read before a stream has proved itself.
            LIST: lambda: page(*STORY) if go_on.is_set() else page(*STORY[:4]),
        }
    )
    async with server.running(), watching(settings_of(server), history=path) as one:
        key = one.watch(JOB_ID)
        await one.until_events(4)
        await one.until_recorded()
        remove(path)
        prune.set()
        await one.until_events(7)
        await one.until_recorded()
        async with watching(settings_of(server), history=path) as other:
            other.watch(JOB_ID)
            await other.until_events(7)
            await other.until_recorded()
            assert recorded(path, key) == STORY[:7]
            go_on.set()
            for front_end in (one, other):
                await front_end.until_over()
                assert front_end.fields == STORY
    assert recorded(path, key) == STORY
    assert not is_partial(path)


def test_a_run_that_was_recorded_again_by_another_ftmon_is_not_partial(path: Path) -> None:
    with closing(Recorder(path)) as recorder:
        recorder.record([told(*STORED[:5], job=job_of())])
        remove(path)
        record(path, told(*STORED[:6]))
        recorder.record([told(*STORED[5:])])
    assert recorded(path) == STORY
    assert not is_partial(path)


def test_a_reading_of_a_job_that_was_removed_leaves_a_partial_run(path: Path) -> None:
    with closing(Recorder(path)) as recorder:
        recorder.record([told(*STORED[:5])])
        remove(path)
        recorder.record([told(job=job_of("succeeded"))])
    assert is_partial(path)


def test_a_run_of_another_key_is_left_whole(path: Path) -> None:
    other = JobKey(KEY.service, "ft-other")
    with closing(Recorder(path)) as recorder:
        recorder.record([told(*STORED[:5])])
        remove(path)
        recorder.record([told(*STORED[:5], key=other)])
    assert not is_partial(path)
