import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ftmon.settings import Key
from ftmon.tui.palette import commands
from tests.command import KEY
from tests.records import KEY as RECORDED
from tests.records import STORED, job_of, record, told
from tests.servers import fine_tuning_jobs
from tests.servers.fine_tunes import (
    DONE,
    JOB,
    JOB_ID,
    LIST,
    STORY,
    STREAM,
    answer,
    event,
    job,
    page,
    refusal,
    stream,
)
from tests.servers.fine_tuning_jobs import JobsServer, Moment
from tests.servers.scripted import End
from tests.tui.stage import stage
from tests.tui.test_long_text import LONG, laid_out

pytestmark = pytest.mark.slow

LIVE = {JOB: [answer(job())], STREAM: [stream(*STORY[:4], End.HANG)]}
TALL = (110, 70)


def fact(name: str, text: str) -> str:
    return f"{name:<12}{text}"


async def test_a_key_shows_the_service_and_why_it_is_watched_so(tmp_path: Path) -> None:
    history = tmp_path / "history.sqlite3"
    key = Key(KEY, "OPENAI_API_KEY")
    async with stage(LIVE, size=(140, 60), history=history, key=key) as seen:
        await seen.until_shown("Fine-tune started")
        await seen.press("i")
        await seen.until_shown(fact("recorded", "4 events"))
        for words in (
            fact("service", f"{seen.server.origin}/v1"),
            fact("API", f"fine-tunes, asked /fine-tunes/{JOB_ID}, and the"),
            fact("state", "live"),
            fact("events", "a stream, each event as it happens"),
            fact("key", "from OPENAI_API_KEY"),
            fact("proxy", "none"),
            fact("history", str(history)[:40]),
        ):
            assert words in seen.text
        assert "Zx9Kq7Wv" not in seen.text
        await seen.press("i")
        await seen.until(lambda: "About this run" not in seen.text)


async def test_what_changes_is_shown_while_the_page_is_open() -> None:
    go_on = asyncio.Event()
    scripts = {
        JOB: [answer(job())],
        STREAM: [stream(*STORY[:2], go_on, *STORY[2:4], End.RST)],
        LIST: [page()],
    }
    async with stage(scripts, size=TALL) as seen:
        await seen.until_shown("Fine-tune costs")
        await seen.press("i")
        await seen.until_shown(fact("state", "live"))
        go_on.set()
        await seen.until_shown(fact("state", "waiting to retry: "))
        await seen.until_shown("last fault")


async def test_a_list_in_place_of_a_stream_is_told_with_its_reason() -> None:
    scripts = {JOB: [answer(job())], STREAM: [refusal(404, "[b]No[/b] [/]stream")], LIST: [page(*STORY[:2])]}
    async with stage(scripts, size=TALL) as seen:
        await seen.until_shown("Fine-tune costs")
        await seen.press("i")
        await seen.until_shown("! a list, read about every 5 s; no stream: the service has none")


@pytest.mark.parametrize(("hours", "word"), [(-3, "behind"), (3, "ahead of")])
async def test_a_clock_that_is_hours_away_is_told(hours: int, word: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours, minutes=1), usegmt=True)
    scripts = {**LIVE, JOB: [answer(job(), Date=date)]}
    async with stage(scripts, size=(140, 60)) as seen:
        await seen.until_shown("Fine-tune started")
        await seen.press("i")
        await seen.until_shown(fact("clock", "! the service's is "))
        assert f" {word} this machine's;" in seen.text


async def test_of_a_recorded_run_no_service_is_told_of(tmp_path: Path) -> None:
    history = tmp_path / "history.sqlite3"
    record(history, told(*STORED, job=job_of("succeeded"), dialect="fine-tunes"))
    async with stage({}, size=TALL, job_id=None, history=history, offline=True) as seen:
        seen.monitor.open_job(RECORDED)
        await seen.press("escape")
        await seen.until_shown("The job succeeded")
        await seen.press("i")
        await seen.until_shown(fact("service", RECORDED.service))
        assert fact("API", "fine-tunes") in seen.text
        assert fact("state", "recorded") in seen.text
        assert fact("recorded", "10 events") in seen.text
        assert "proxy" not in seen.text
        assert "clock" not in seen.text


async def test_before_a_job_is_open_the_service_is_told() -> None:
    async with stage({}, size=TALL, job_id=None) as seen:
        await seen.until_shown("Watch a job")
        await seen.press("escape", "i")
        await seen.until_shown(fact("API", "! not known: no answer was read"))
        assert fact("history", "nothing is recorded, by --no-history") in seen.text


FULL = job(
    "failed",
    hyperparams={"n_epochs": 2, "learning_rate_multiplier": 0.05, "[red]x[/]": "[/]\x1b[31m"},
    training_files=[{"id": "file-1", "filename": "train.jsonl", "bytes": 6996}],
    validation_files=["file-2"],
    trained_tokens=170589,
    error={"message": "no\nroom\x9b31m"},
    wandb={"api_key": "hunter2"},
    note=f"key {KEY}",
)


async def test_a_page_tells_all_of_a_run() -> None:
    key = Key(KEY, "OPENAI_API_KEY")
    failed = [*STORY[:-2], event("Fine-tune failed", 180, level="error")]
    async with stage({JOB: [answer(FULL)], STREAM: [stream(*failed, DONE)]}, size=(110, 90), key=key) as seen:
        await seen.until_shown("✘ The job failed")
        await seen.press("i")
        for words in (
            "Outcome",
            fact("status", "✘ failed"),
            fact("progress", "99% · 2 of 2 epochs done"),
            "no",
            "room",
            fact("waited", "1m 30s until it started"),
            "· took 30s · 2m ago",
            fact("total", "0s from its creation to its end"),
            "[red]x[/]",
            fact("training", "train.jsonl · 7.0 kB · file-1"),
            fact("validation", "file-2"),
            "$3.67, as the service says",
            "170,589",
            '"api_key": "[hidden]"',
            '"note": "key [key]"',
        ):
            await seen.until_shown(words)
        assert not {"\x1b", "\x9b"} & set(seen.text)
        assert "Zx9Kq7Wv" not in seen.text
        await seen.press("Y")
        copied = json.loads(seen.app.clipboard)
        assert (copied["id"], copied["note"], copied["wandb"]) == (
            JOB_ID,
            "key [key]",
            {"api_key": "[hidden]"},
        )
        await seen.press("y")
        assert seen.app.clipboard == JOB_ID


def checkpoints_server() -> JobsServer:
    over = Moment(fine_tuning_jobs.SUCCEEDED_JOB, len(fine_tuning_jobs.STORY))
    listed = fine_tuning_jobs.sample("openai_checkpoints")
    return JobsServer([over], scripts={fine_tuning_jobs.CHECKPOINTS: [answer(listed)]})


@pytest.mark.parametrize("size", [(140, 70), (40, 10)], ids=str)
async def test_the_arrow_keys_choose_a_checkpoint_whose_name_is_copied(size: tuple[int, int]) -> None:
    last, middle = [
        each["fine_tuned_model_checkpoint"]
        for each in fine_tuning_jobs.sample("openai_checkpoints")["data"][:2]
    ]
    async with stage(checkpoints_server(), size=size, job_id=fine_tuning_jobs.JOB_ID) as seen:
        await seen.until_shown("✔")
        await seen.press("i")
        await seen.until_shown("About this run")
        # A small screen scrolls before the checkpoints come into sight.
        for _ in range(100):
            await seen.press("down")
            await seen.press("y")
            if seen.app.clipboard == middle:
                break
        assert seen.app.clipboard == middle
        assert "9x9umLQq" in seen.text
        await seen.press("up", "y")
        assert seen.app.clipboard == last
        await seen.press("up", "y")
        assert seen.app.clipboard == fine_tuning_jobs.JOB_ID
        if size[0] > 100:
            row = seen.row_of("step  valid loss")
            await seen.pilot.click(offset=(30, row + 2))
            await seen.press("y")
            assert seen.app.clipboard == middle
            assert "1.5e-04" in seen.rows[row + 2]


async def test_a_giant_job_object_is_laid_out_in_part() -> None:
    giant = job(
        "failed", error={"message": LONG}, hyperparams={LONG: LONG}, more=[LONG] * 2, result_files=[LONG]
    )
    async with stage({JOB: [answer(giant)], STREAM: [stream(event("here"), DONE)]}, size=(120, 40)) as seen:
        await seen.until_shown("✘")
        await seen.press("i")
        await seen.until_shown("About this run")
        assert max(map(len, laid_out(seen))) < 60_000


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (20, 5), (20, 3)], ids=str)
async def test_every_fact_can_be_read_in_any_terminal(size: tuple[int, int]) -> None:
    async with stage(LIVE, size=size) as seen:
        await seen.until(lambda: seen.monitor.run is not None and seen.monitor.run.events == 4)
        await seen.press("i")
        await seen.until_shown("About this")
        facts = {"running", "created", "$3.67", "no-history", '"object"', "}"}
        for _ in range(200):
            facts = {words for words in facts if words not in seen.text}
            if not facts:
                break
            await seen.press("down")
        assert not facts
        await seen.press("escape")
        await seen.until(lambda: "}" not in seen.text)


async def test_the_palette_the_help_and_the_bar_know_the_page() -> None:
    async with stage(LIVE, size=(100, 50)) as seen:
        await seen.until_shown("i info")
        assert "i" in [choice.keys for choice in commands(seen.monitor)]
        await seen.press("question_mark")
        await seen.until_shown("All of the run: times, settings, checkpoints")
