from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.servers.fine_tunes import JOB, STORY, STREAM, answer, job, stream
from tests.servers.scripted import End
from tests.tui.stage import JOBS, NOW, stage


@pytest.mark.parametrize("hours", [-6, 6])
async def test_the_ages_of_a_service_with_another_clock_are_right(hours: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    scripts = {JOB: [answer(job("running"), Date=date)], STREAM: [stream(*STORY[:4], End.HANG)]}
    # By the clock of the service, it is half a minute after `NOW`.
    now = NOW + timedelta(seconds=30) - timedelta(hours=hours)
    async with stage(scripts, size=(120, 24), now=now) as seen:
        await seen.until_shown("Fine-tune started")
        await seen.until_shown("created 5m ago")
        await seen.press("t")
        assert "5 minutes ago" in seen.rows[seen.row_of("Created fine-tune")]
        assert "4 minutes ago" in seen.rows[seen.row_of("Fine-tune costs")]


async def test_an_event_of_the_future_is_of_now_and_has_no_negative_age() -> None:
    scripts = {JOB: [answer(job("running"))], STREAM: [stream(*STORY[:4], End.HANG)]}
    async with stage(scripts, size=(120, 24), now=NOW - timedelta(hours=6)) as seen:
        await seen.until_shown("now")
        await seen.press("t")
        assert "from now" not in seen.text
        assert " -" not in seen.text


@pytest.mark.parametrize("hours", [-6, 6])
async def test_the_ages_of_listed_jobs_are_those_of_the_service(hours: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    scripts = {JOBS: [answer({"object": "list", "data": [job()]}, Date=date)]}
    now = NOW + timedelta(seconds=30) - timedelta(hours=hours)
    async with stage(scripts, size=(120, 24), now=now, job_id=None) as seen:
        await seen.until_shown("1 job listed by the service")
        assert "5 minutes ago" in seen.text
