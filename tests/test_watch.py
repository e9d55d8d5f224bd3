import threading
from pathlib import Path

import pytest

from ftmon.errors import RefusedError, UnreachableError, UsageError
from ftmon.model.job import Status
from ftmon.model.update import Wire
from ftmon.settings import Settings
from ftmon.watch.queue import MAX_WAITING
from ftmon.watch.watcher import Watcher
from ftmon.wire.pace import Pace
from tests.front_end import settings_of, watching
from tests.servers.fine_tunes import (
    DONE,
    JOB,
    JOB_ID,
    STORY,
    STREAM,
    answer,
    chunk,
    event,
    head,
    job,
    refusal,
    stream,
)
from tests.servers.scripted import End, Server

RUNNING, OVER = answer(job()), answer(job("succeeded"))
PATIENT = Pace(first_delay=600, longest_delay=600)


async def test_updates_come_in_order_and_each_wakes_once() -> None:
    server = Server({JOB: [RUNNING, OVER], STREAM: [stream(*STORY, DONE)]})
    async with server.running(), watching(settings_of(server)) as front_end:
        key = front_end.watch(JOB_ID)
        await front_end.until(lambda: front_end.has(Wire.CLOSED))
        assert front_end.watcher.drain() == []
    told = [event.fields for update in front_end.updates for event in update.events]
    assert told == STORY
    assert {update.job_key for update in front_end.updates} == {key}
    assert [update.at for update in front_end.updates] == sorted(update.at for update in front_end.updates)
    assert front_end.wakes == front_end.drains


async def test_another_job_takes_the_place_of_the_former() -> None:
    server = Server(
        {
            JOB: [RUNNING],
            STREAM: [stream(*STORY[:2], End.HANG)],
            "/v1/fine-tunes/ft-2": [RUNNING],
            "/v1/fine-tunes/ft-2/events?stream=true": [stream(STORY[0], End.HANG)],
        }
    )
    async with server.running(), watching(settings_of(server)) as front_end:
        first = front_end.watch(JOB_ID)
        await front_end.until(lambda: any(update.events for update in front_end.updates))
        second = front_end.watch("ft-2")
        await front_end.until(
            lambda: any(update.events for update in front_end.updates if update.job_key == second)
        )
        await server.until(lambda: server.open == 1)
        keys = [update.job_key for update in front_end.updates]
        assert keys == sorted(keys, key=[first, second].index)


async def test_of_jobs_that_are_picked_in_quick_succession_only_the_last_is_followed() -> None:
    jobs = [f"ft-{number}" for number in range(1, 6)]
    server = Server(
        {
            path: [script]
            for name in jobs
            for path, script in (
                (f"/v1/fine-tunes/{name}", RUNNING),
                (f"/v1/fine-tunes/{name}/events?stream=true", stream(STORY[0], End.HANG)),
            )
        }
    )
    async with server.running(), watching(settings_of(server)) as front_end:
        front_end.watch(jobs[0])
        await front_end.until(lambda: front_end.has(Wire.LIVE))
        *_, last = [front_end.watch(name) for name in jobs[1:]]
        await front_end.until(
            lambda: any(update.events for update in front_end.updates if update.job_key == last)
        )
        await server.until(lambda: server.open == 1)


async def test_closing_is_quick_also_inside_a_wait() -> None:
    server = Server({JOB: [RUNNING], STREAM: [[End.RST]]})
    async with server.running(), watching(settings_of(server), pace=PATIENT) as front_end:
        front_end.watch(JOB_ID)
        await front_end.until(lambda: front_end.has(Wire.WAITING))
        front_end.watcher.close()
        assert not is_running()


async def test_closing_is_quick_also_while_a_stream_is_open() -> None:
    server = Server({JOB: [RUNNING], STREAM: [stream(STORY[0], End.HANG)]})
    async with server.running(), watching(settings_of(server)) as front_end:
        front_end.watch(JOB_ID)
        await front_end.until(lambda: front_end.has(Wire.LIVE))
        front_end.watcher.close()
        assert not is_running()
        await server.until(lambda: server.open == 0)


def test_a_watcher_that_was_never_started_closes_as_well() -> None:
    watcher = Watcher(Settings("http://127.0.0.1:1/v1"))
    watcher.close()
    watcher.close()


async def test_a_retry_ends_the_wait() -> None:
    server = Server({JOB: [RUNNING, RUNNING, OVER], STREAM: [[End.RST], stream(*STORY, DONE)]})
    async with server.running(), watching(settings_of(server), pace=PATIENT) as front_end:
        front_end.watch(JOB_ID)
        await front_end.until(lambda: front_end.has(Wire.WAITING))
        front_end.watcher.retry()
        await front_end.until(lambda: front_end.has(Wire.CLOSED))


async def test_reading_stops_while_too_many_events_wait_and_goes_on_when_they_are_taken() -> None:
    count = 4 * MAX_WAITING
    # 56 MB in all: more than the buffers of both sockets may hold, which Linux lets grow to 37 MB.
    events = [event(f"Step {number}".ljust(600), number) for number in range(1000)]
    thousand = chunk(b"".join(chunk(each).split(b"\r\n")[1] for each in events))
    server = Server(
        {
            JOB: [RUNNING, OVER],
            STREAM: [
                [head(Transfer_Encoding="chunked"), *[thousand] * (count // 1000), chunk(DONE), b"0\r\n\r\n"]
            ],
        }
    )
    async with server.running(), watching(settings_of(server)) as front_end:
        front_end.watch(JOB_ID)
        await front_end.until_full()
        assert server.sent < count * len(thousand) // 1000
        # An update counts as well as its events, and the last one may be as large as one network chunk.
        assert MAX_WAITING <= front_end.watcher._queue._weight < MAX_WAITING + 4000
        waiting = list(front_end.watcher.drain())
        events_waiting = sum(len(update.events) for update in waiting)
        await front_end.until(lambda: front_end.has(Wire.CLOSED))
    assert events_waiting + sum(len(update.events) for update in front_end.updates) == count


async def test_watching_the_same_job_again_repeats_nothing_that_still_waits() -> None:
    server = Server({JOB: [RUNNING, OVER], STREAM: [stream(*STORY, DONE)]})
    async with server.running(), watching(settings_of(server)) as front_end:
        front_end.watch(JOB_ID)
        await server.until(lambda: len(server.asked(JOB)) == 2 and server.open == 0)
        front_end.watch(JOB_ID)
        await server.until(lambda: len(server.asked(STREAM)) == 2)
        await front_end.until(lambda: front_end.has(Wire.CLOSED))
    assert [event.fields for update in front_end.updates for event in update.events] == STORY


def is_running() -> bool:
    """Whether closing gave up waiting for the thread, which it does after half a second."""
    return any(thread.name == "watcher" for thread in threading.enumerate())


async def test_a_crash_of_the_follower_is_raised_where_the_updates_are_taken() -> None:
    server = Server({JOB: [RUNNING], STREAM: [[End.RST]]})
    pace = Pace(random=lambda: 1 / 0)
    async with server.running(), watching(settings_of(server), pace=pace) as front_end:
        front_end.watch(JOB_ID)
        with pytest.raises(ZeroDivisionError):
            await front_end.until(lambda: False)
        assert front_end.updates[-1].job is not None


async def test_settings_that_cannot_be_used_end_the_watching(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    settings = Settings("https://127.0.0.1:1/v1", ca_file=tmp_path / "ca.pem")
    async with watching(settings) as front_end:
        front_end.watch(JOB_ID)
        await front_end.until(lambda: front_end.has(Wire.REFUSED))
        [update] = front_end.updates
        assert update.connection
        assert isinstance(update.connection.error, UsageError)
        with pytest.raises(UsageError):
            await front_end.jobs()


async def test_what_cannot_be_a_job_id_is_never_asked_for() -> None:
    server = Server({})
    async with server.running(), watching(settings_of(server)) as front_end:
        with pytest.raises(UsageError):
            front_end.watch("../files")
        with pytest.raises(UsageError):
            front_end.cancel("..")
    assert server.connections == 0


async def test_the_jobs_of_the_service_are_listed_and_one_is_cancelled() -> None:
    jobs = {"data": [job(id="ft-1", created_at=1), job("failed", id="ft-2", created_at=2), job(id="../x"), 7]}
    server = Server(
        {
            "/v1/fine-tunes": [answer(jobs), answer(b"no list")],
            JOB: [answer(job("running"))],
            f"{JOB}/cancel": [answer(job("cancelled")), refusal(400, "Already over."), [End.RST]],
        }
    )
    async with server.running(), watching(settings_of(server)) as front_end:
        listed = await front_end.jobs()
        assert [(each.id, each.status) for each in listed] == [
            ("ft-2", Status.FAILED),
            ("ft-1", Status.RUNNING),
        ]
        cancelled = await front_end.cancel(JOB_ID)
        assert cancelled.job
        assert cancelled.job.status is Status.CANCELLED
        with pytest.raises(RefusedError, match="Already over"):
            await front_end.cancel(JOB_ID)
        assert (await front_end.cancel(JOB_ID)).doubt
        with pytest.raises(UnreachableError):
            await front_end.jobs()
    assert [request.method for request in server.requests].count("POST") == 3


async def test_without_a_stream_the_past_is_told_and_that_is_all() -> None:
    server = Server({JOB: [answer(job(events=STORY[:3]))]})
    async with server.running(), watching(settings_of(server), stream=False) as front_end:
        front_end.watch(JOB_ID)
        await front_end.until(lambda: front_end.has(Wire.CLOSED))
    assert [event.fields for update in front_end.updates for event in update.events] == STORY[:3]
