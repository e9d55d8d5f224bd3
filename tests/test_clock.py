import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ftmon.model.job import Job
from ftmon.model.job_list import JobList, ListedJob
from ftmon.model.run import Run
from ftmon.model.update import Update, merged
from ftmon.wire.clock import Moment, ServiceClock
from tests.command import FTMON, ftmon, objects
from tests.records import KEY, NOON, OTHER, job_of
from tests.servers.fine_tunes import DONE, JOB, JOB_ID, START, STORY, STREAM, answer, job, stream
from tests.servers.scripted import Script, Server
from tests.service import JOB_ID as SERVED_ID
from tests.service import Service
from tests.terminal import terminal
from tests.test_follow import followed

pytestmark = pytest.mark.skips_waits

SENT = Moment(NOON.timestamp(), 100.0)


def dated(seconds: float = 0.0, **more: str) -> dict[str, str]:
    """Return a Date header of so many seconds after noon."""
    return {"Date": format_datetime(NOON + timedelta(seconds=seconds), usegmt=True), **more}


def after(seconds: float, *, wall: float | None = None) -> Moment:
    return Moment(SENT.wall + (seconds if wall is None else wall), SENT.steady + seconds)


def skew_of(headers: Mapping[str, str], received: Moment) -> float | None:
    clock = ServiceClock()
    clock.note(headers, SENT, received)
    return clock.skew


@pytest.mark.parametrize("ahead", [3600, -7200, 90, -10])
def test_the_time_of_an_answer_is_that_of_the_middle_of_its_request(ahead: float) -> None:
    assert skew_of(dated(ahead + 1), after(2)) == ahead + 0.5


@pytest.mark.parametrize(("ahead", "took"), [(0, 0.1), (4, 0.1), (-5, 0.1), (25, 25), (-4, 25)])
def test_a_difference_that_the_network_may_have_made_is_none(ahead: float, took: float) -> None:
    assert skew_of(dated(ahead), after(took)) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": ""},
        {"Date": "yesterday"},
        {"Date": "Sat, 31 Jan 99999999999 12:00:00 GMT"},
        {"Date": "Mon, 01 Jan 1800 12:00:00 GMT"},
        dated(3600, Age="20"),
        dated(3600, Age="old"),
    ],
    ids=str,
)
def test_an_answer_without_a_time_of_its_own_tells_nothing(headers: dict[str, str]) -> None:
    assert skew_of(headers, after(1)) is None


def test_a_time_without_a_zone_is_of_utc() -> None:
    assert skew_of({"Date": "Sat, 31 Jan 2026 13:00:00 -0000"}, after(1)) == 3600


@pytest.mark.parametrize("wall", [3600.0, -3600.0])
def test_a_sleep_or_a_change_of_the_clock_during_a_request_is_no_skew(wall: float) -> None:
    assert skew_of(dated(), after(1, wall=wall)) is None


def test_a_skew_stays_until_an_answer_contradicts_it() -> None:
    clock = ServiceClock()
    seen = []
    for seconds, took in ((15, 1), (3600, 1), (3603, 1), (3590, 1), (3605, 25), (0, 1)):
        clock.note(dated(seconds), SENT, after(took))
        seen.append(clock.skew)
    assert seen == [15, 3600, 3600, 3590, 3590, 0]


@pytest.mark.parametrize("skew", [-10_800, 10_800])
def test_ages_are_counted_by_the_clock_of_the_service(skew: float) -> None:
    run = Run(KEY)
    created_at = NOON + timedelta(seconds=skew)
    run.apply(Update(KEY, NOON, job=job_of(created_at=created_at.timestamp()), skew=skew))
    assert run.age(NOON + timedelta(minutes=2)) == 120
    run.apply(Update(KEY, NOON, skew=None))
    assert run.skew == skew


def test_merged_updates_have_the_last_skew_that_was_told() -> None:
    first, second, third = (Update(KEY, NOON, skew=skew) for skew in (1.0, 2.0, None))
    assert merged(first, [second, third], with_events=True).skew == 2


def late_answer(hours: float, body: object) -> Script:
    """Return an answer of a service whose clock is so many hours ahead."""
    date = datetime.now(UTC) + timedelta(hours=hours)
    return answer(body, Date=format_datetime(date, usegmt=True))


@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_session_tells_how_far_the_clock_of_its_service_is(hours: float) -> None:
    server = Server({JOB: [late_answer(hours, job("succeeded"))], STREAM: [stream(*STORY, DONE)]})
    async with server.running():
        told = await followed(server.origin)
    assert told.run.skew == pytest.approx(hours * 3600, abs=10)


async def test_a_change_of_status_has_the_time_of_the_service() -> None:
    untimed = {"id": JOB_ID, "status": "succeeded", "object": "fine-tune"}
    server = Server({JOB: [late_answer(-3, untimed)]})
    async with server.running():
        told = await followed(server.origin)
    [event] = [event for update in told.updates for event in update.events]
    assert event.created_at is not None
    assert (datetime.now(UTC) - event.created_at).total_seconds() == pytest.approx(3 * 3600, abs=30)


@pytest.mark.parametrize("hours", [-5, 5])
def test_lines_tell_the_times_and_durations_of_a_service_with_another_clock(hours: int) -> None:
    with Service().running() as service:
        service.job |= {"created_at": START + hours * 3600, "finished_at": START + hours * 3600 + 90}
        service.tell("Fine-tune succeeded", created_at=START + hours * 3600 + 90)
        service.end("succeeded")
        text = ftmon(SERVED_ID, "--plain", *service.options).stdout.decode()
        told = objects(ftmon(SERVED_ID, "--json", *service.options).stdout)
    at = datetime.fromtimestamp(START + hours * 3600 + 90, UTC)
    assert f"{at:%Y-%m-%d %H:%M:%S}  Fine-tune succeeded" in text
    assert "took    1m 30s from its creation to its end" in text
    assert json.dumps(told[0]["created_at"]) == f'"{at:%Y-%m-%dT%H:%M:%SZ}"'


@pytest.mark.slow
@pytest.mark.parametrize("hours", [-5, 5])
async def test_the_table_of_jobs_counts_ages_by_the_clock_of_the_service(hours: int) -> None:
    service_now = datetime.now(UTC) + timedelta(hours=hours)
    listed = job(created_at=(service_now - timedelta(minutes=2, seconds=30)).timestamp())
    server = Server({"/v1/fine-tunes": [late_answer(hours, {"object": "list", "data": [listed]})]})
    async with server.running():
        command = [*FTMON, "jobs", "--base-url", f"{server.origin}/v1", "--no-history"]

        def run() -> str:
            with terminal(command, 100, 12) as shown:
                assert shown.wait() == 0
                return shown.text

        assert "2 minutes ago" in await asyncio.to_thread(run)


def test_jobs_of_several_clocks_are_sorted_by_this_machine_s() -> None:
    jobs = JobList()
    ahead = ListedJob(OTHER, Job("a", created_at=NOON + timedelta(hours=3)), skew=4 * 3600)
    jobs.add([ListedJob(KEY, Job("b", created_at=NOON)), ahead])
    assert [listed.job.id for listed in jobs] == ["b", "a"]
    jobs.add([ListedJob(OTHER, ahead.job, events=7)])
    assert [(listed.job.id, listed.events) for listed in jobs] == [("b", None), ("a", 7)]
