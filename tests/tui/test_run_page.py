import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ftmon.settings import Key
from ftmon.tui.palette import commands
from tests.command import KEY
from tests.records import KEY as RECORDED
from tests.records import STORED, job_of, record, told
from tests.servers.fine_tunes import JOB, JOB_ID, LIST, STORY, STREAM, answer, job, page, refusal, stream
from tests.servers.scripted import End
from tests.tui.stage import stage

pytestmark = pytest.mark.slow

LIVE = {JOB: [answer(job())], STREAM: [stream(*STORY[:4], End.HANG)]}


async def test_a_key_shows_the_service_and_why_it_is_watched_so(tmp_path: Path) -> None:
    history = tmp_path / "history.sqlite3"
    key = Key(KEY, "OPENAI_API_KEY")
    async with stage(LIVE, size=(140, 40), history=history, key=key) as seen:
        await seen.until_shown("Fine-tune started")
        await seen.press("i")
        await seen.until_shown("recorded  4 events")
        for words in (
            f"service   {seen.server.origin}/v1",
            f"API       fine-tunes, asked /fine-tunes/{JOB_ID}, and the",
            "state     live",
            "events    a stream, each event as it happens",
            "key       from OPENAI_API_KEY",
            "proxy     none",
            f"history   {str(history)[:40]}",
        ):
            assert words in seen.text
        assert "Zx9" not in seen.text
        await seen.press("i")
        await seen.until(lambda: "About this run" not in seen.text)


async def test_what_changes_is_shown_while_the_information_is_open() -> None:
    go_on = asyncio.Event()
    scripts = {
        JOB: [answer(job())],
        STREAM: [stream(*STORY[:2], go_on, *STORY[2:4], End.RST)],
        LIST: [page()],
    }
    async with stage(scripts, size=(100, 30)) as seen:
        await seen.until_shown("Fine-tune costs")
        await seen.press("i")
        await seen.until_shown("state     live")
        go_on.set()
        await seen.until_shown("state     waiting to retry: ")


async def test_a_list_in_place_of_a_stream_is_told_with_its_reason() -> None:
    scripts = {JOB: [answer(job())], STREAM: [refusal(404, "[b]No[/b] [/]stream")], LIST: [page(*STORY[:2])]}
    async with stage(scripts, size=(100, 30)) as seen:
        await seen.until_shown("Fine-tune costs")
        await seen.press("i")
        await seen.until_shown("! a list, read about every 5 s; no stream: the service has none")


@pytest.mark.parametrize(("hours", "word"), [(-3, "behind"), (3, "ahead of")])
async def test_a_clock_that_is_hours_away_is_told(hours: int, word: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours, minutes=1), usegmt=True)
    scripts = {**LIVE, JOB: [answer(job(), Date=date)]}
    async with stage(scripts, size=(140, 40)) as seen:
        await seen.until_shown("Fine-tune started")
        await seen.press("i")
        await seen.until_shown("clock     ! the service's is ")
        assert f" {word} this machine's;" in seen.text


async def test_of_a_recorded_run_no_service_is_told_of(tmp_path: Path) -> None:
    history = tmp_path / "history.sqlite3"
    record(history, told(*STORED, job=job_of("succeeded"), dialect="fine-tunes"))
    async with stage({}, size=(100, 30), job_id=None, history=history, offline=True) as seen:
        seen.monitor.open_job(RECORDED)
        await seen.press("escape")
        await seen.until_shown("The job succeeded")
        await seen.press("i")
        await seen.until_shown(f"service   {RECORDED.service}")
        assert "state     recorded" in seen.text
        assert "recorded  10 events" in seen.text
        assert "proxy" not in seen.text
        assert "clock" not in seen.text


async def test_before_a_job_is_open_the_service_is_told() -> None:
    async with stage({}, size=(100, 30), job_id=None) as seen:
        await seen.until_shown("Watch a job")
        await seen.press("escape", "i")
        await seen.until_shown("API       ! not known: no answer was read")
        assert "history   nothing is recorded, by --no-history" in seen.text


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (20, 5), (20, 3)], ids=str)
async def test_every_fact_can_be_read_in_any_terminal(size: tuple[int, int]) -> None:
    async with stage(LIVE, size=size) as seen:
        await seen.until(lambda: seen.monitor.run is not None and seen.monitor.run.events == 4)
        await seen.press("i")
        await seen.until_shown("About this")
        await seen.press("end")
        await seen.until_shown("--no-history" if size[0] > 20 else "history")
        await seen.press("escape")
        await seen.until(lambda: "About this" not in seen.text)


async def test_the_palette_and_the_help_know_the_information() -> None:
    async with stage(LIVE, size=(100, 50)) as seen:
        await seen.until_shown("Fine-tune started")
        assert "i" in [choice.keys for choice in commands(seen.monitor)]
        await seen.press("question_mark")
        await seen.until_shown("Service, API and why, clock, history")
