import asyncio
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ftmon.errors import FtmonError, GaveUpError, RefusedError, UnreachableError
from ftmon.model.job import Status
from ftmon.model.key import LOCAL, JobKey
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.settings import Settings
from ftmon.watch.queue import MAX_WAITING
from ftmon.wire.pace import Pace
from tests.front_end import FrontEnd, settings_of, watching
from tests.records import STORED, job_of, read, record, recorded, told
from tests.servers.fine_tunes import (
    DONE,
    JOB,
    JOB_ID,
    LIST,
    STORY,
    STREAM,
    answer,
    event,
    failure,
    frame,
    job,
    page,
    refusal,
    stream,
)
from tests.servers.scripted import End, Script, Server, free_port

RUNNING, OVER = answer(job()), answer(job("succeeded"))
NO_JOB = refusal(404, "Could not find fine tune")
WHOLE = stream(*STORY, DONE)
PATIENT = Pace(first_delay=600, longest_delay=600)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ftmon" / "history.sqlite3"


async def watched(server: Server, path: Path | None, **options: Any) -> tuple[FrontEnd, Run]:
    """Watch the server's job until there is no more to come."""
    async with watching(settings_of(server), history=path, **options) as front_end:
        key = front_end.watch(JOB_ID)
        await front_end.until_over()
    return front_end, front_end.run(key)


async def test_each_run_tells_everything_once_and_all_of_it_is_recorded_once(path: Path) -> None:
    server = Server({JOB: [RUNNING, OVER], STREAM: [WHOLE], LIST: [page(*STORY)]})
    async with server.running():
        for _ in range(3):
            front_end, run = await watched(server, path)
            assert front_end.fields == STORY
            assert (run.status, run.exit_status) == (Status.SUCCEEDED, 0)
            assert recorded(path, run.key) == STORY


async def test_a_run_that_was_left_goes_on_where_it_was(path: Path) -> None:
    server = Server(
        {
            JOB: [RUNNING, RUNNING, RUNNING, OVER],
            STREAM: [stream(*STORY[:4], End.HANG), stream(*STORY[:7], End.HANG), WHOLE],
            LIST: [page(*STORY)],
        }
    )
    async with server.running():
        for shown in (4, 7):
            async with watching(settings_of(server), history=path) as front_end:
                key = front_end.watch(JOB_ID)
                await front_end.until_events(shown)
                await front_end.until(lambda: front_end.has(Wire.LIVE))
            assert recorded(path, key) == STORY[:shown]
        front_end, _ = await watched(server, path)
    assert front_end.fields == STORY
    assert recorded(path, key) == STORY


async def test_the_past_is_told_before_the_service_answers(path: Path) -> None:
    server = Server({JOB: [[End.HANG]]})
    async with server.running():
        key = JobKey(f"{server.origin}/v1", JOB_ID)
        record(path, told(*STORED[:5], key=key, job=job_of()))
        async with watching(settings_of(server), history=path) as front_end:
            front_end.watch(JOB_ID)
            await front_end.until_events(5)
            run = front_end.run(key)
            assert (run.status, run.connection.wire) == (Status.RUNNING, Wire.CONNECTING)


async def test_what_a_former_run_missed_is_told_at_the_end(path: Path) -> None:
    server = Server({JOB: [RUNNING, OVER], STREAM: [stream(*STORY[5:], DONE)], LIST: [page(*STORY)]})
    async with server.running():
        key = JobKey(f"{server.origin}/v1", JOB_ID)
        record(path, told(*STORED[:3], key=key))
        front_end, _ = await watched(server, path, pace=Pace(poll=0.01))
    assert front_end.fields == [*STORY[:3], *STORY[5:], *STORY[3:5]]
    assert recorded(path, key) == front_end.fields


async def test_without_a_history_nothing_is_read_or_written(path: Path) -> None:
    server = Server({JOB: [RUNNING, OVER], STREAM: [WHOLE]})
    async with server.running():
        front_end, _ = await watched(server, None)
    assert front_end.fields == STORY
    assert not path.parent.exists()


async def test_two_at_once_both_tell_everything_and_store_each_event_once(path: Path) -> None:
    go_on = asyncio.Event()
    server = Server(
        {
            JOB: lambda: OVER if go_on.is_set() else RUNNING,
            STREAM: [stream(*STORY[:4], go_on, *STORY[4:], DONE)],
            LIST: [page(*STORY)],
        }
    )
    async with (
        server.running(),
        watching(settings_of(server), history=path) as one,
        watching(settings_of(server), history=path) as another,
    ):
        key = one.watch(JOB_ID)
        another.watch(JOB_ID)
        for front_end in (one, another):
            await front_end.until_events(4)
        go_on.set()
        for front_end in (one, another):
            await front_end.until_over()
            assert front_end.fields == STORY
    assert recorded(path, key) == STORY


# Where the service cannot be asked

REFUSED = {
    "a job that it has forgotten": (NO_JOB, RefusedError, "has forgotten it"),
    "a server that is broken": (failure(503), GaveUpError, "What this machine has recorded of the job is"),
    "a connection that is reset": ([End.RST], GaveUpError, "reset the connection. What this machine has"),
}


@pytest.mark.parametrize(("script", "kind", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled", "running"])
async def test_no_stream_falls_back_to_what_is_recorded(
    path: Path, script: Script, kind: type[FtmonError], words: str, status: str
) -> None:
    server = Server({JOB: [script], LIST: [script]})
    async with server.running():
        key = JobKey(f"{server.origin}/v1", JOB_ID)
        record(path, told(*STORED, key=key, job=job_of(status)))
        front_end, run = await watched(server, path, stream=False, pace=PATIENT)
    assert front_end.fields == STORY
    assert words in str(run.connection.error)
    outcomes = {"succeeded": 0, "failed": 1, "cancelled": 3, "running": kind.exit_status}
    assert (run.status.value, run.exit_status) == (status, outcomes[status])


async def test_a_job_that_is_known_to_be_over_is_told_without_a_service_that_is_gone(path: Path) -> None:
    with free_port() as port:
        url = f"http://127.0.0.1:{port.getsockname()[1]}/v1"
        key = JobKey(url, JOB_ID)
        record(path, told(*STORED, key=key, job=job_of("succeeded")))
        async with watching(Settings(url), history=path, pace=PATIENT) as front_end:
            front_end.watch(JOB_ID)
            await front_end.until_over()
    run = front_end.run(key)
    assert front_end.fields == STORY
    assert run.exit_status == 0
    assert "refused the connection. What this machine has recorded" in str(run.connection.error)


async def test_a_job_that_may_go_on_is_waited_for_although_its_past_is_known(path: Path) -> None:
    with free_port() as port:
        url = f"http://127.0.0.1:{port.getsockname()[1]}/v1"
        record(path, told(*STORED[:4], key=JobKey(url, JOB_ID), job=job_of()))
        async with watching(Settings(url), history=path, pace=PATIENT) as front_end:
            front_end.watch(JOB_ID)
            await front_end.until(lambda: front_end.has(Wire.WAITING))
    assert front_end.fields == STORY[:4]


@pytest.mark.slow
async def test_with_wait_even_a_recorded_end_is_asked_for_again(path: Path) -> None:
    broken = failure(503)
    server = Server({JOB: [broken, broken, OVER], STREAM: [broken, WHOLE], LIST: [page(*STORY)]})
    async with server.running():
        key = JobKey(f"{server.origin}/v1", JOB_ID)
        record(path, told(*STORED[:8], key=key, job=job_of("succeeded")))
        front_end, run = await watched(server, path, patient=True, pace=Pace(first_delay=0.01))
    assert front_end.fields == STORY
    assert run.connection.wire is Wire.CLOSED


# A front end that stands still

MANY = [event(f"Step {step}", step // 100) for step in range(2 * MAX_WAITING)]


async def test_what_is_recorded_is_read_to_its_end_while_the_front_end_stands_still(path: Path) -> None:
    body = b"".join(map(frame, MANY))
    server = Server({JOB: [RUNNING, OVER], STREAM: [stream(body, DONE)], LIST: [page()]})
    async with server.running(), watching(settings_of(server), history=path) as front_end:
        key = front_end.watch(JOB_ID)
        await server.until(lambda: len(server.asked(JOB)) == 2 and server.open == 0)
        await front_end.until_recorded()
        assert len(recorded(path, key)) == len(MANY)
        # Nothing was taken so far; most of it no longer stands in the memory.
        await front_end.until_over()
    assert front_end.fields == MANY
    assert front_end.run(key).exit_status == 0


async def test_what_waits_is_forgotten_when_something_else_is_watched(path: Path) -> None:
    body = b"".join(map(frame, MANY))
    server = Server({JOB: [RUNNING, OVER], STREAM: [stream(body, DONE)], "/v1/fine-tunes/ft-2": [NO_JOB]})
    async with server.running(), watching(settings_of(server), history=path) as front_end:
        front_end.watch(JOB_ID)
        await server.until(lambda: len(server.asked(JOB)) == 2 and server.open == 0)
        front_end.watch("ft-2")
        await front_end.until_over()
        assert front_end.fields == []


# Sleep and wake-up


async def test_a_machine_that_has_slept_connects_anew_without_fuss(path: Path) -> None:
    server = Server({STREAM: [stream(*STORY[:5], End.HANG), WHOLE], LIST: [page(*STORY)]})
    server.scripts = {**server.scripts, JOB: lambda: OVER if len(server.asked(STREAM)) == 2 else RUNNING}
    asleep = 0.0
    pace = Pace(tick=0.02, wall=lambda: time.monotonic() + asleep)
    async with server.running(), watching(settings_of(server), history=path, pace=pace) as front_end:
        front_end.watch(JOB_ID)
        await front_end.until_events(5)
        asleep = 31.0
        await front_end.until_over()
    assert front_end.fields == STORY
    assert not front_end.has(Wire.WAITING)
    assert len(server.asked(STREAM)) == 2


async def test_a_clock_that_is_set_by_a_little_is_no_sleep() -> None:
    go_on = asyncio.Event()
    server = Server({JOB: [RUNNING, OVER], STREAM: [stream(*STORY[:5], go_on, *STORY[5:], DONE)]})
    looks = 0
    loop = asyncio.get_running_loop()

    def wall() -> float:
        nonlocal looks
        looks += 1
        if looks == 10:
            loop.call_soon_threadsafe(go_on.set)
        return time.monotonic() + looks % 2 * 29

    async with server.running(), watching(settings_of(server), pace=Pace(tick=0.005, wall=wall)) as front_end:
        front_end.watch(JOB_ID)
        await front_end.until_over()
    assert front_end.fields == STORY
    assert len(server.asked(STREAM)) == 1


async def test_resuming_ends_a_wait_and_begins_the_back_off_anew() -> None:
    server = Server({JOB: [RUNNING, RUNNING, RUNNING, OVER], STREAM: [failure(503), [End.RST], WHOLE]})
    async with server.running(), watching(settings_of(server), pace=PATIENT) as front_end:
        front_end.watch(JOB_ID)
        for waits in (1, 2):
            await front_end.until(lambda: front_end.has(Wire.WAITING))
            attempts = [each.connection.attempt for each in front_end.updates if each.connection]
            assert attempts[-1] == 1, waits
            front_end.updates.clear()
            front_end.watcher.resume()
        await front_end.until_over()
    assert front_end.fields == STORY


async def test_a_request_that_was_under_way_at_the_sleep_is_not_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server({JOB: [[End.HANG], RUNNING, OVER], STREAM: [[End.HANG], WHOLE]})
    async with server.running(), watching(settings_of(server)) as front_end:
        front_end.watch(JOB_ID)
        for asked in (JOB, STREAM):
            await server.until(partial(has_asked, server, asked))
            # The signal and the clocks may tell of the same sleep.
            for _ in range(3):
                front_end.watcher.resume()
        await front_end.until_over()
    assert front_end.fields == STORY
    assert caplog.records == []
    assert not front_end.has(Wire.WAITING)


def has_asked(server: Server, target: str) -> bool:
    return bool(server.asked(target))


@pytest.mark.parametrize("known", [range(2, 4), range(4), range(9, 10)], ids=str)
async def test_ids_that_a_service_ignores_repeat_nothing_of_a_past_that_begins_midway(
    path: Path, known: range
) -> None:
    frames = [f"id: {number}\n".encode() + frame(each) for number, each in enumerate(STORY)]
    cuts = [stream(*frames[:count], End.FIN) for count in (5, 8)]
    server = Server({STREAM: [*cuts, stream(*frames, DONE)], LIST: [page(*STORY)]})
    server.scripts = {**server.scripts, JOB: lambda: OVER if len(server.asked(STREAM)) == 3 else RUNNING}
    async with server.running():
        key = JobKey(f"{server.origin}/v1", JOB_ID)
        record(path, told(*[STORED[number] for number in known], key=key))
        front_end, _ = await watched(server, path, pace=Pace(first_delay=0.01))
    assert sorted(map(str, front_end.fields)) == sorted(map(str, STORY))
    assert sorted(map(str, recorded(path, key))) == sorted(map(str, STORY))


# Troubles


def spoil_the_middle(path: Path) -> int:
    """Write garbage where events are that are not asked for, and return the size of the file."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * 8192)
    return size


def sizes(files: Iterable[Path]) -> list[int]:
    return [file.stat().st_size for file in files]


async def test_damage_that_only_the_check_finds_is_told_and_the_run_is_recorded_anew(path: Path) -> None:
    key = JobKey("http://127.0.0.1:1/v1", "ft-other")
    record(path, told(*[read(event(f"{step} " + "x" * 500)) for step in range(1000)], key=key))
    size = spoil_the_middle(path)
    server = Server({JOB: [RUNNING], STREAM: [stream(*STORY[:5], End.HANG)]})
    async with server.running(), watching(settings_of(server), history=path) as front_end:
        front_end.watch(JOB_ID)
        await front_end.until(lambda: "The history is damaged" in front_end.notices)
        await front_end.until_events(5)
    assert front_end.fields == STORY[:5]
    assert sizes(path.parent.glob("*.corrupt-*")) == [size]


async def test_damage_that_is_found_after_the_last_event_is_told_at_once(path: Path) -> None:
    server = Server({JOB: [RUNNING], STREAM: [stream(*STORY[:5], End.HANG)]})
    async with server.running(), watching(settings_of(server), history=path) as front_end:
        front_end.watch(JOB_ID)
        await front_end.until_events(5)
        # Read once more after the first event; then the service is silent.
        await front_end.until(
            lambda: [update.job is not None for update in front_end.updates].count(True) == 2
        )
        assert front_end.watcher._delivery is not None
        front_end.watcher._delivery.call(lambda recorder: recorder.set_aside(recorder.file))
        await front_end.until(lambda: "The history is damaged" in front_end.notices)


async def test_a_history_that_cannot_be_used_is_told_and_does_not_stop_the_watching(path: Path) -> None:
    path.parent.write_text("in the way")
    server = Server({JOB: [RUNNING, OVER], STREAM: [WHOLE]})
    async with server.running():
        front_end, run = await watched(server, path)
    assert front_end.fields == STORY
    assert run.exit_status == 0
    assert front_end.notices.count("The history cannot be used") == 1


async def test_what_could_not_be_recorded_is_tried_again_by_the_clock(path: Path) -> None:
    path.parent.write_text("in the way")
    server = Server({JOB: [RUNNING], STREAM: [stream(*STORY[:5], End.HANG)]})
    pace = Pace(tick=0.01, record_again=0.01)
    async with server.running():
        async with watching(settings_of(server), history=path, pace=pace) as front_end:
            key = front_end.watch(JOB_ID)
            await front_end.until_events(5)
            assert front_end.run(key).unrecorded == 5
            path.parent.unlink()
            await front_end.until(lambda: "The history is written again" in front_end.notices)
            assert front_end.run(key).unrecorded == 0
        assert recorded(path, key) == STORY[:5]


async def test_what_could_not_be_recorded_is_told_again_when_its_job_is_watched_again(path: Path) -> None:
    path.parent.write_text("in the way")
    server = Server({JOB: [RUNNING, [End.RST]], STREAM: [stream(*STORY[:5], End.HANG)]})
    async with server.running(), watching(settings_of(server), history=path, pace=PATIENT) as front_end:
        key = front_end.watch(JOB_ID)
        await front_end.until_events(5)
        front_end.updates.clear()
        front_end.watch(JOB_ID)
        await front_end.until(lambda: front_end.has(Wire.WAITING))
        assert front_end.fields == STORY[:5]
        assert front_end.run(key).status is Status.RUNNING


NOBODY_TO_ASK = {
    "a missing key": (Settings(), "wants a key. Set OPENAI_API_KEY", 2),
    "a run of this machine that is gone": (Settings(LOCAL), "ftmon keeps no run of this id", 4),
}


@pytest.mark.parametrize(("settings", "words", "refused"), NOBODY_TO_ASK.values(), ids=NOBODY_TO_ASK)
@pytest.mark.parametrize("status", ["succeeded", "running"])
async def test_the_past_is_told_where_no_service_can_be_asked(
    path: Path, settings: Settings, words: str, refused: int, status: str
) -> None:
    record(path, told(*STORED, key=JobKey(settings.service, JOB_ID), job=job_of(status)))
    async with watching(settings, history=path) as front_end:
        key = front_end.watch(JOB_ID)
        await front_end.until_over()
    run = front_end.run(key)
    assert front_end.fields == STORY
    assert words in str(run.connection.error)
    assert front_end.updates[-1].connection == run.connection
    assert (run.status.value, run.exit_status) == (status, 0 if status == "succeeded" else refused)


# Offline


async def test_a_recorded_run_is_told_without_asking_anybody(path: Path) -> None:
    server = Server({})
    async with server.running():
        key = JobKey(f"{server.origin}/v1", JOB_ID)
        record(path, told(*STORED, key=key, job=job_of("failed")))
        async with watching(settings_of(server), history=path) as front_end:
            front_end.watcher.replay(key)
            await front_end.until_over()
    run = front_end.run(key)
    assert front_end.fields == STORY
    assert (run.connection.wire, run.exit_status) == (Wire.RECORDED, 1)
    assert server.connections == 0


async def test_a_replay_longer_than_what_may_wait_loses_nothing_to_a_front_end_that_stands_still(
    path: Path,
) -> None:
    key = JobKey("http://127.0.0.1:1/v1", JOB_ID)
    record(path, told(*map(read, MANY), key=key, job=job_of("succeeded")))
    async with watching(Settings(key.service), history=path) as front_end:
        front_end.watcher.replay(key)
        # Each question gives the replay a turn at least, and nothing is taken meanwhile.
        for _ in range(len(MANY) // 1000 + 1):
            with pytest.raises(UnreachableError):
                await front_end.jobs()
        await front_end.until_over()
    assert front_end.fields == MANY
    assert front_end.notices == ""
    assert front_end.run(key).exit_status == 0


async def test_what_is_replayed_is_not_recorded_again(path: Path) -> None:
    key = JobKey("http://127.0.0.1:1/v1", JOB_ID)
    record(path, told(*STORED, key=key, job=job_of("failed")))
    async with watching(Settings(key.service), history=path) as front_end:
        for _ in range(2):
            front_end.watcher.replay(key)
            await front_end.until_over()
            front_end.updates.clear()
    assert recorded(path, key) == STORY


async def test_the_recorded_runs_are_listed_where_there_is_a_history(path: Path) -> None:
    key = JobKey("http://127.0.0.1:1/v1", JOB_ID)
    record(path, told(*STORED, key=key, job=job_of("failed")))
    async with watching(Settings(key.service), history=path) as front_end:
        assert [run.key for run in await asyncio.wrap_future(front_end.watcher.runs())] == [key]
    async with watching(Settings(key.service)) as front_end:
        assert await asyncio.wrap_future(front_end.watcher.runs()) == []


async def test_a_locked_history_delays_no_request(path: Path) -> None:
    server = Server({JOB: [RUNNING], STREAM: [page(*STORY[:5])], LIST: [page(*STORY)]})
    record(path, told(key=JobKey("http://127.0.0.1:1/v1", "ft-other"), job=job_of()))
    async with server.running():
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            pace = Pace(poll=0.01, late=0)
            async with watching(settings_of(server), history=path, pace=pace) as front_end:
                other.execute("BEGIN IMMEDIATE")
                key = front_end.watch(JOB_ID)
                await server.until(lambda: len(server.asked(LIST)) > 5)
                listed = asyncio.ensure_future(front_end.jobs())
                with pytest.raises(RefusedError):
                    await listed
                # Nothing is shown that is not recorded, as long as that may still work.
                assert front_end.fields == []
                other.execute("ROLLBACK")
                await front_end.until_events(len(STORY))
                assert recorded(path, key) == STORY
    assert front_end.fields == STORY
