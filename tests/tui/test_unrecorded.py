import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ftmon.history.schema import VERSION
from ftmon.history.store import History
from tests.servers.fine_tunes import DONE, JOB, STREAM, answer, event, job, stream
from tests.servers.scripted import End
from tests.tui.stage import stage

RUNNING = {JOB: [answer(job())], STREAM: [stream(event("Fine-tune started"), End.HANG)]}
SENTENCE = "Nothing is recorded: there is no home directory."


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (40, 10), (34, 4)], ids=str)
async def test_that_nothing_is_recorded_stays_on_the_screen(size: tuple[int, int]) -> None:
    async with stage(RUNNING, unrecordable=SENTENCE, size=size) as seen:
        await seen.until_shown("Nothing is recorded")
        seen.app.clear_notifications()
        await seen.until_shown("▶ running   ▲ not recorded")
        await seen.until(lambda: "Nothing is recorded" not in seen.text)
        assert "▶ running   ▲ not recorded" in seen.text


@pytest.mark.slow
async def test_the_smallest_pane_says_so_too() -> None:
    async with stage(RUNNING, unrecordable=SENTENCE, size=(20, 5)) as seen:
        await seen.until(lambda: seen.rows[1] == "▶ running ▲ no rec")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((80, 24), "✔ succeeded   ▲ not recorded"),
        pytest.param((20, 5), "✔ succeeded ▲ no rec", marks=pytest.mark.slow),
    ],
    ids=str,
)
async def test_a_job_that_is_over_still_says_that_it_is_not_recorded(
    size: tuple[int, int], words: str
) -> None:
    over = {JOB: [answer(job("succeeded"))], STREAM: [stream(event("Fine-tune started"), DONE)]}
    async with stage(over, unrecordable=SENTENCE, size=size) as seen:
        await seen.until_shown(words)


async def test_a_history_of_a_later_ftmon_is_said_to_record_nothing_as_long_as_it_does_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "history" / "history.sqlite3"
    History(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    async with stage(RUNNING, history=path) as seen:
        # The path in it is as long as it is, and a toast is wrapped.
        await seen.until(lambda: "nothing is recorded in it" in " ".join(map(str, seen.app._notifications)))
        await seen.until_shown("▶ running   ▲ not recorded")


async def test_who_wants_no_history_is_not_warned() -> None:
    async with stage(RUNNING) as seen:
        await seen.until_shown("Fine-tune started")
        assert "not recorded" not in seen.text
