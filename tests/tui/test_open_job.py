import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.events import Paste

from ftmon.tui.screens.open_job import OpenJobScreen
from ftmon.tui.widgets.job_input import JobInput
from ftmon.tui.widgets.job_list import JobList
from tests.records import KEY, STORED, job_of, record, told
from tests.servers.fine_tunes import JOB, JOB_ID, START, STORY, STREAM, answer, event, job, refusal, stream
from tests.servers.fine_tuning_jobs import FIRST_JOBS
from tests.servers.scripted import End, Script
from tests.tui.stage import JOBS, Stage, stage

pytestmark = pytest.mark.slow

OTHER_ID = "ft-eGO9U2WIjZzzGkuv8ADLBYHE"
OTHER = f"{JOBS}/{OTHER_ID}"


def jobs(*ids_and_statuses: tuple[str, str], has_more: bool = False) -> Script:
    data = [{**job(status), "id": job_id} for job_id, status in ids_and_statuses]
    return answer({"object": "list", "data": data, "has_more": has_more})


SERVICE: dict[str, Any] = {
    JOBS: [jobs((JOB_ID, "running"), (OTHER_ID, "failed"))],
    JOB: [answer(job())],
    STREAM: [stream(*STORY[:4], End.HANG)],
    OTHER: [answer({**job("failed"), "id": OTHER_ID})],
    f"{OTHER}/events?stream=true": [stream(event("of the other job"), b"data: [DONE]\n\n")],
}


def hint(seen: Stage) -> str:
    return seen.rows[seen.row_of("▌") + 2].strip("│ ")


async def test_with_no_job_the_screen_asks_for_one_and_lists_the_service_s_own() -> None:
    async with stage(SERVICE, job_id=None) as seen:
        await seen.until_shown("2 jobs listed by the service")
        await seen.until_shown("▶ running")
        assert "✘ failed" in seen.text
        assert OTHER_ID in seen.text


async def test_a_typed_id_is_opened() -> None:
    async with stage(SERVICE, job_id=None) as seen:
        await seen.press(*JOB_ID, "enter")
        await seen.until_shown("Fine-tune started")
        assert "▶ running" in seen.text


async def test_an_id_is_typed_with_blanks_around_it() -> None:
    # The service lists another job, so the id is not chosen from its list.
    async with stage({**SERVICE, JOBS: [jobs((OTHER_ID, "failed"))]}, job_id=None) as seen:
        await seen.until_shown("1 job")
        await seen.press("space", *JOB_ID, "space", "enter")
        await seen.until_shown("Fine-tune started")


@pytest.mark.parametrize(
    ("pasted", "field"),
    [
        (f"\n{JOB_ID}", JOB_ID),
        (f" \r\n\t{JOB_ID}\r\n", JOB_ID),
        (f"{JOB_ID}\nand more", JOB_ID),
        ("ft 1", "ft 1"),
        ("\n \n", "abc"),
        ("", "abc"),
        ("\x1b[31mft-1\x07", "ft-1\N{REPLACEMENT CHARACTER}"),
    ],
)
async def test_the_first_line_of_a_paste_that_is_not_blank_is_taken(pasted: str, field: str) -> None:
    async with stage(SERVICE, job_id=None) as seen:
        await seen.until_shown("2 jobs")
        await seen.press(*"abc", "shift+home")
        seen.app.post_message(Paste(pasted))
        await seen.pilot.pause()
        (typed,) = seen.app.screen.query(JobInput)
        assert typed.value == field


async def test_a_highlighted_row_stays_so_when_the_list_of_the_service_comes(tmp_path: Path) -> None:
    history, listed = tmp_path / "history.sqlite3", asyncio.Event()
    for key in (KEY._replace(job_id="ft-gone"), KEY._replace(job_id="ft-gone-too")):
        record(history, told(*STORED, key=key, job=job_of("succeeded")))
    late = {**SERVICE, JOBS: [[listed, *SERVICE[JOBS][0]]]}
    async with stage(late, job_id=None, history=history) as seen:
        await seen.until_shown("ft-gone-too")
        rows = seen.app.screen.query_one(JobList)
        await seen.press("down")
        # Not the first row, which is the one that is highlighted without a choice.
        chosen = rows.shown[1].value
        assert rows.chosen == chosen
        listed.set()
        await seen.until_shown("2 jobs listed by the service")
        assert rows.chosen == chosen
        await seen.press("enter")
        await seen.until_shown("■ recorded")
        assert seen.monitor.run is not None
        assert seen.monitor.run.key == chosen


async def test_enter_opens_the_first_job_where_nothing_is_typed() -> None:
    async with stage(SERVICE, job_id=None) as seen:
        await seen.until_shown("2 jobs")
        await seen.press("enter")
        await seen.until_shown("Fine-tune started")


async def test_the_job_of_a_typed_id_goes_before_others_and_up_takes_an_id_that_is_not_listed() -> None:
    listed = {JOBS: [jobs(("ft-12", "running"), ("ft-1", "failed"), ("ft-123", "running"))]}
    async with stage(listed, job_id=None) as seen:
        await seen.until_shown("3 jobs")
        rows = seen.app.screen.query_one(JobList)
        assert rows.chosen is not None
        await seen.press(*"ft-")
        assert rows.chosen.job_id == "ft-12"
        await seen.press("1")
        assert rows.chosen.job_id == "ft-1"
        await seen.press("backspace", "up")
        assert rows.chosen is None
        assert "enter opens the id as typed" in seen.text
        await seen.press("up", "down", "down")
        assert rows.chosen.job_id == "ft-12"
        await seen.press("backspace", "backspace", "up", "enter")
        await seen.until(lambda: seen.monitor.run is not None)
        assert seen.monitor.run is not None
        assert seen.monitor.run.key.job_id == "f"


@pytest.mark.parametrize("typed", ["ft/1", "../../x", "a..b", "-x"])
async def test_what_cannot_be_an_id_is_said_as_it_is_typed_and_not_opened(typed: str) -> None:
    async with stage(SERVICE, job_id=None) as seen:
        await seen.until_shown("2 jobs")
        await seen.press(*typed)
        await seen.until_shown("This is no job id")
        await seen.press("enter")
        assert "This is no job id" in seen.text
        assert not seen.server.asked(JOB)


async def test_typing_narrows_the_list_down() -> None:
    async with stage(SERVICE, job_id=None) as seen:
        await seen.until_shown("2 jobs")
        await seen.press(*"EgO9")
        await seen.until(lambda: JOB_ID not in seen.text)
        assert OTHER_ID in seen.text


async def test_every_typed_word_must_be_in_the_id_the_model_or_the_status() -> None:
    async with stage(SERVICE, job_id=None) as seen:
        await seen.until_shown("2 jobs")
        await seen.press(*"CURIE fail")
        await seen.until(lambda: JOB_ID not in seen.text)
        assert "1 job listed below" in hint(seen)
        await seen.press(*" qq")
        await seen.until_shown("no job has all of these words")
        await seen.press(*["backspace"] * 3)
        await seen.until_shown("1 job listed below")
        # The words are no id, and one job has them.
        await seen.press("enter")
        await seen.until_shown("of the other job")


async def test_a_status_is_enough_to_open_the_first_job_that_has_it() -> None:
    async with stage(SERVICE, job_id=None) as seen:
        await seen.until_shown("2 jobs")
        await seen.press(*"failed", "enter")
        await seen.until_shown("of the other job")


async def test_what_does_not_fit_is_left_out_as_a_whole() -> None:
    async with stage(SERVICE, job_id=None, size=(80, 24)) as seen:
        await seen.until_shown("2 jobs")
        whole = seen.rows[seen.row_of(OTHER_ID)]
        assert "✘ failed" in whole
        assert "5 minutes ago · curie" in whole
        for width, is_there, is_left_out in ((60, "curie", "ago"), (40, f"✘ {OTHER_ID}", "failed")):
            await seen.pilot.resize_terminal(width, 24)
            await seen.pilot.pause()
            row = seen.rows[seen.row_of(OTHER_ID)]
            assert is_there in row
            assert is_left_out not in row
            assert "…" not in row


@pytest.mark.parametrize("height", [22, 24])
async def test_a_long_list_leaves_room_for_the_keys_and_a_long_id_for_the_details_of_others(
    height: int,
) -> None:
    many = [(f"ftjob-{number:030}", "waiting_for_a_machine") for number in range(30)]
    unlisted = refusal(403, "a reason that takes the hint a second row")
    pages = {
        FIRST_JOBS: [jobs(("short", "running"), *many, has_more=True)],
        f"{FIRST_JOBS}&after={many[-1][0]}": [unlisted],
    }
    async with stage(pages, job_id=None, size=(80, height)) as seen:
        await seen.until_shown("Only 31 jobs can be listed")
        assert "esc close" in seen.text
        assert "curie" in seen.rows[seen.row_of("short")]


def page_of(numbers: range, *, has_more: bool) -> Script:
    data = [{**job(), "id": f"ftjob-{number:04}", "created_at": START - number} for number in numbers]
    return answer({"object": "list", "data": data, "has_more": has_more})


async def test_thousands_of_jobs_come_page_by_page_and_are_filtered_as_one_list() -> None:
    after = [f"{FIRST_JOBS}&after=ftjob-{first - 1:04}" for first in range(100, 2000, 100)]
    last = asyncio.Event()
    pages = {
        target: [page_of(range(start, start + 100), has_more=start < 1900)]
        for target, start in zip([FIRST_JOBS, *after], range(0, 2000, 100), strict=True)
    }
    pages[after[-1]] = [[last, *pages[after[-1]][0]]]
    async with stage(pages, job_id=None, size=(100, 30)) as seen:
        rows = seen.app.screen.query_one(JobList)
        # What has come can be used while the rest is on its way.
        await seen.until(lambda: len(rows) == 1900)
        await seen.press(*"7 ftjob-018")
        await seen.until(lambda: len(rows) == 1)
        last.set()
        await seen.until(lambda: len(rows.keys) == 2000)
        await seen.press(*["backspace"] * 11, "up")
        await seen.until_shown("ftjob-1999")
        assert rows.chosen is not None
        assert rows.chosen.job_id == "ftjob-1999"
        await seen.press("pageup")
        assert rows.chosen.job_id == f"ftjob-{1999 - rows.size.height}"
        assert len([row for row in seen.rows if "ftjob-" in row]) == rows.size.height


async def test_a_list_that_breaks_off_leaves_what_has_come() -> None:
    pages = {
        FIRST_JOBS: [page_of(range(3), has_more=True)],
        f"{FIRST_JOBS}&after=ftjob-0002": [refusal(403, "not the rest")],
    }
    async with stage(pages, job_id=None) as seen:
        await seen.until_shown("Only 3 jobs can be listed: The service forbids it (403)")
        assert "ftjob-0002" in seen.text


async def test_the_beginning_of_an_id_is_completed() -> None:
    async with stage(SERVICE, job_id=None) as seen:
        await seen.until_shown("2 jobs")
        await seen.press(*OTHER_ID[:5])
        await seen.until(lambda: seen.rows[seen.row_of("▌")].count(OTHER_ID) == 1)
        await seen.press("right", "enter")
        await seen.until_shown("of the other job")


async def test_a_job_is_picked_with_the_arrows() -> None:
    async with stage(SERVICE, job_id=None) as seen:
        await seen.until_shown("2 jobs")
        await seen.press("down", "enter")
        await seen.until_shown("of the other job")


async def test_a_job_is_picked_with_the_mouse() -> None:
    async with stage(SERVICE, job_id=None) as seen:
        await seen.until_shown("2 jobs")
        await seen.pilot.click(offset=(30, seen.row_of(OTHER_ID)))
        await seen.until_shown("of the other job")


async def test_jobs_that_cannot_be_listed_leave_the_field_usable() -> None:
    async with stage({**SERVICE, JOBS: [refusal(403, "not yours")]}, job_id=None) as seen:
        await seen.until_shown("The jobs cannot be listed")
        await seen.press(*JOB_ID, "enter")
        await seen.until_shown("Fine-tune started")


async def test_another_job_is_opened_in_place_of_the_first_and_nothing_of_it_is_left() -> None:
    async with stage(SERVICE, size=(100, 30)) as seen:
        await seen.until_shown("Fine-tune started")
        await seen.press("o")
        await seen.until_shown("2 jobs")
        await seen.press(*OTHER_ID, "enter")
        await seen.until_shown("✘ The job failed")
        assert OTHER_ID in seen.rows[0]
        assert "Fine-tune started" not in seen.text
        assert "$3.67" not in seen.text
        await seen.press("q")
    assert seen.app.return_code == 1


async def test_escape_keeps_the_job_that_is_shown() -> None:
    async with stage(SERVICE) as seen:
        await seen.until_shown("Fine-tune started")
        await seen.press("o", "escape")
        assert "Fine-tune started" in seen.text
        assert len(seen.server.asked(STREAM)) == 1


async def test_the_key_pressed_twice_opens_one_dialog() -> None:
    async with stage({JOB: [answer(job())], STREAM: [stream(*STORY[:4], End.HANG)]}) as seen:
        await seen.until(lambda: seen.is_ready)
        alone = len(seen.app.screen_stack)
        # Before the first one is there.
        seen.monitor.action_open()
        seen.monitor.action_open()
        await seen.until(lambda: len(seen.app.screen_stack) > alone)
        await seen.pilot.pause()
        assert len(seen.app.screen_stack) == alone + 1


async def test_what_is_listed_for_a_dialog_that_was_closed_is_dropped(tmp_path: Path) -> None:
    listed = asyncio.Event()
    async with stage({**SERVICE, JOBS: [[listed, *SERVICE[JOBS][0]]]}, history=tmp_path / "history") as seen:
        await seen.until_shown("Fine-tune started")
        for _ in range(5):
            listed.clear()
            await seen.press("o")
            dialog = seen.app.screen
            assert isinstance(dialog, OpenJobScreen)
            listed.set()
            dialog.dismiss(None)
            # What the worker does with an answer that comes before Textual has cancelled it.
            dialog._offer({})
            dialog._show_state()
            await seen.until(lambda: seen.app.screen is seen.monitor)


async def test_a_listed_job_whose_id_is_a_path_is_not_offered() -> None:
    hostile = {**SERVICE, JOBS: [jobs(("../admin", "running"), (JOB_ID, "running"))]}
    async with stage(hostile, job_id=None) as seen:
        await seen.until_shown("1 job listed by the service")
        assert "admin" not in seen.text


@pytest.mark.parametrize("size", [(40, 10), (20, 5)])
async def test_the_dialog_fits_a_small_pane(size: tuple[int, int]) -> None:
    async with stage(SERVICE, job_id=None, size=size) as seen:
        await seen.until_shown("▶ ft-AF1W")
        await seen.press("enter")
        await seen.until_shown("started")
