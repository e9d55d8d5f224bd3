from typing import Any

import pytest

from ftmon.safe import safe
from tests.servers.fine_tunes import DONE, JOB, JOB_ID, STREAM, answer, event, job, refusal, stream
from tests.servers.scripted import End
from tests.tui.stage import JOBS, stage

pytestmark = pytest.mark.slow

HOSTILE = [
    "[/]",
    "[b",
    "[red]not red[/red]",
    "[@click=app.quit]press[/]",
    "[link=file:///etc/passwd]x[/link]",
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred",
    "\x9b31mc1\x9d0;x\x9c",
    "\u202eevil\u2066",
    "{0} %s $x ${y}",
    "🏳️‍🌈 e\u0301 漢字 \U0001f469\u200d\U0001f680",
]

hostile = pytest.mark.parametrize("text", HOSTILE)


def visible(text: str) -> str:
    return safe(text)[:12]


@hostile
async def test_a_message_is_shown_as_it_is_and_acts_on_nothing(text: str) -> None:
    hostile = event(text, type=text, data={text: 1.5, "words": text})
    scripts: dict[str, Any] = {JOB: [answer(job())], STREAM: [stream(hostile, event("after"), End.HANG)]}
    async with stage(scripts) as seen:
        await seen.until_shown("after")
        row = seen.row_of("after") - 1
        assert visible(text) in seen.rows[row]
        assert "\x1b" not in seen.text
        await seen.pilot.click(offset=(15, row))
        await seen.press("enter")
        await seen.until_shown("esc closes")
        assert seen.text.count(visible(text)) > 2
        assert not {"\x1b", "\x9b", "\u202e"} & set(seen.text)
        assert seen.app.return_code is None


@hostile
async def test_a_job_of_hostile_words_is_drawn(text: str) -> None:
    ended = job("failed", model=text, fine_tuned_model=text, error={"message": text})
    scripts: dict[str, Any] = {
        JOB: [answer(ended)],
        STREAM: [stream(event(text, level="error"), DONE)],
    }
    async with stage(scripts, size=(120, 40)) as seen:
        await seen.until_shown("✘ The job failed")
        assert visible(text) in seen.rows[0]
        await seen.press("ctrl+p")
        await seen.until_shown("Copy the model's name")


@hostile
async def test_a_refusal_of_hostile_words_is_drawn(text: str) -> None:
    scripts: dict[str, Any] = {JOB: [refusal(403, text)], STREAM: [refusal(403, text)]}
    async with stage(scripts, size=(140, 40)) as seen:
        await seen.until_shown("▲ refused")


@hostile
async def test_a_toast_of_hostile_words_is_drawn(text: str) -> None:
    scripts: dict[str, Any] = {
        JOB: [answer(job())],
        STREAM: [stream(event("here"), End.HANG)],
        f"{JOB}/cancel": [refusal(403, text)],
    }
    async with stage(scripts, size=(140, 40)) as seen:
        await seen.until_shown("▶ running")
        await seen.press("x", "y")
        await seen.until_shown("The job was not cancelled")


@hostile
async def test_a_list_of_jobs_of_hostile_words_is_drawn(text: str) -> None:
    data = [{**job(), "model": text}, {**job(text), "id": f"{JOB_ID}2"}]
    async with stage({JOBS: [answer({"object": "list", "data": data})]}, job_id=None, size=(120, 40)) as seen:
        await seen.until_shown("2 jobs listed by the service")
        assert visible(text) in seen.rows[seen.row_of(f"{JOB_ID} ")]
