import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from textual.events import Key
from textual.screen import Screen

from ftmon.lines.news import time_passed
from ftmon.lines.summary import summary
from ftmon.tui import intake
from ftmon.tui.screens.confirm import ConfirmScreen
from ftmon.tui.screens.open_job import OpenJobScreen
from ftmon.wire.pace import Pace
from tests.servers.fine_tunes import (
    DONE,
    JOB,
    JOB_ID,
    LIST,
    STORY,
    STREAM,
    Fields,
    answer,
    event,
    failure,
    job,
    page,
    refusal,
    stream,
)
from tests.servers.scripted import End, Script
from tests.tui.stage import JOBS, NOW, stage

pytestmark = pytest.mark.slow

Scripts = dict[str, Sequence[Script]]

TRAINING = [
    *STORY[:4],
    event("Step 10/40: training loss=2.80, validation loss=2.10", 100),
    event("Step 20/40: training loss=1.40, validation loss=1.05", 110),
]

RUNNING: Scripts = {JOB: [answer(job())], STREAM: [stream(*TRAINING, End.HANG)]}


def over(status: str, *events: Fields, **more: Any) -> Scripts:
    return {JOB: [answer(job(status, **more))], STREAM: [stream(*events, DONE)]}


SUCCEEDED = over("succeeded", *STORY, fine_tuned_model="curie:ft-1", updated_at=1691666093)
FAILED = over("failed", *STORY[:4], event("The file has no rows", 95, level="error"))
CANCELLED = over("cancelled", *STORY[:4], event("Fine-tune cancelled", 95))
UNKNOWN_JOB: Scripts = {JOB: [refusal(404, "No such fine-tune job")], STREAM: [refusal(404, "No such job")]}
GONE_MIDWAY: Scripts = {
    JOB: [answer(job()), refusal(404, "No such fine-tune job")],
    STREAM: [stream(*STORY[:4]), refusal(404, "No such job")],
}


async def test_a_running_job_is_told_with_its_progress_cost_and_losses() -> None:
    async with stage(RUNNING, size=(120, 40)) as seen:
        await seen.until_shown("Step 20/40")
        for words in (JOB_ID, "curie", "● live", "▶ running", "step 20/40", "50%", "$3.67"):
            assert words in seen.text
        assert "train 2.80 → 1.40" in seen.text
        assert "valid 2.10 → 1.05" in seen.text


@pytest.mark.parametrize(("columns", "lines"), [(200, 60), (140, 40), (80, 24), (40, 10), (20, 5)])
async def test_status_wire_and_newest_event_are_seen_at_every_size(columns: int, lines: int) -> None:
    async with stage(RUNNING, size=(columns, lines)) as seen:
        await seen.until_shown(
            "loss=1.05" if columns > 40 else "20  1.40   v1.05" if columns > 20 else "20 1.40"
        )
        status = next(row for row in seen.rows if "▶ running" in row)
        # The chart is laid out after the log is painted.
        await seen.until(lambda: "1.40" in status or "train 2.80 → 1.40" in seen.text)
        assert "50%" in seen.text
        assert "● live" in seen.text
        assert JOB_ID[-5:] in seen.rows[0]
        assert all(len(row) <= columns for row in seen.rows)
        assert len(seen.rows) == lines


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (66, 14), (40, 10), (20, 5)], ids=str)
@pytest.mark.parametrize(("before", "words"), [("2.80", "2.80 → nan"), ("inf", "nan")])
async def test_a_loss_that_is_no_number_is_seen_at_every_size(
    size: tuple[int, int], before: str, words: str
) -> None:
    losses = [
        event(f"Step {step}/40: training loss={loss}", step) for step, loss in ((10, before), (20, "nan"))
    ]
    async with stage({JOB: [answer(job())], STREAM: [stream(*losses, End.HANG)]}, size=size) as seen:
        await seen.until(lambda: len(seen.monitor.event_log.all_events) == 2)
        above = seen.rows[: seen.monitor.event_log.region.y]
        assert any((words if size[1] > 14 else "nan") in row for row in above)


async def test_the_status_is_the_last_thing_to_give_way() -> None:
    async with stage(RUNNING, size=(20, 2)) as seen:
        await seen.until_shown("▶ running")


async def test_parts_return_when_the_terminal_grows() -> None:
    async with stage(RUNNING, size=(40, 6)) as seen:
        await seen.until_shown("▶ running")
        assert "train" not in seen.rows[2]
        await seen.pilot.resize_terminal(120, 40)
        await seen.until_shown("train 2.80 → 1.40")
        await seen.until(lambda: seen.monitor.chart.display)


@pytest.mark.parametrize(
    ("scripts", "words", "status"),
    [
        (SUCCEEDED, ["✔ succeeded", "✔ The job succeeded", "model curie:ft-1", "exit status 0"], 0),
        (FAILED, ["✘ failed", "✘ The job failed", "The file has no rows", "exit status 1"], 1),
        (CANCELLED, ["⊘ cancelled", "⊘ The job was cancelled", "exit status 3"], 3),
        (UNKNOWN_JOB, ["▲ refused", "▲ ftmon cannot watch this job", "r tries again", "exit status 4"], 4),
    ],
)
async def test_an_ending_is_told_by_sign_word_and_exit_status(
    scripts: Scripts, words: list[str], status: int
) -> None:
    async with stage(scripts, size=(100, 30)) as seen:
        await seen.until_shown(words[1])
        for word in words:
            assert word in seen.text
        await seen.press("q")
    assert seen.app.return_code == status


@pytest.mark.parametrize(
    ("scripts", "word"), [(SUCCEEDED, "✔ succeeded"), (FAILED, "✘ failed"), (CANCELLED, "⊘ cancelled")]
)
async def test_an_ending_is_told_in_the_smallest_pane(scripts: Scripts, word: str) -> None:
    async with stage(scripts, size=(20, 5)) as seen:
        await seen.until(lambda: seen.rows[1].startswith(word) and seen.rows[4] == f"▌ {word}")


@pytest.mark.parametrize("size", [(80, 24), (66, 15), (60, 22), (48, 12), (40, 10), (24, 9)], ids=str)
async def test_a_banner_shows_whole_hints_only(size: tuple[int, int]) -> None:
    hints = {"o opens another job", "p replays it", "q quits with exit status 1"}
    failed = {JOB: [answer(job("failed", error={"message": "no rows " * 40}))], STREAM: FAILED[STREAM]}
    async with stage(failed, size=size) as seen:
        await seen.until(lambda: seen.text.count("✘ failed") + seen.text.count("✘ The job failed") > 1)
        banner = [row.removeprefix("▌").strip() for row in seen.rows if row.startswith("▌")]
        most = 2 if size[1] < 15 else 3
        assert len(banner) <= most
        assert all(banner)
        assert set(banner[-1].split("  ·  ")) <= hints or most == 2


async def test_a_service_that_cannot_be_reached_is_no_failure_of_the_job() -> None:
    scripts: Scripts = {JOB: [failure(503)], STREAM: [failure(503)], LIST: [failure(503)]}
    async with stage(scripts, pace=Pace(give_up=0.5), size=(100, 30)) as seen:
        await seen.until_shown("exit status 5")
        assert "▲ gave up" in seen.text
        assert "failed" not in seen.text
        await seen.press("q")
    assert seen.app.return_code == 5


async def test_a_job_that_is_deleted_midway_keeps_what_was_shown() -> None:
    async with stage(GONE_MIDWAY, size=(100, 30), pace=Pace(first_delay=0, longest_delay=0)) as seen:
        await seen.until_shown("▲ refused")
        assert "Fine-tune started" in seen.text
        assert "when last seen" in seen.text
        assert "The service no longer has this job; the job was running when last seen" in seen.text


async def test_a_broken_wire_is_told_beside_a_job_that_goes_on() -> None:
    scripts: Scripts = {JOB: [answer(job())], STREAM: [stream(*STORY[:4], End.RST), failure(503)]}
    async with stage(scripts, size=(140, 40)) as seen:
        await seen.until_shown("↻ retrying")
        assert "▶ running" in seen.text
        assert "the job may still be running" in seen.rows[0]
        assert "r retry now" in seen.text


async def test_r_connects_again_at_once() -> None:
    scripts: Scripts = {
        JOB: [answer(job())],
        STREAM: [stream(*STORY[:4], End.RST), stream(*STORY[:5], End.HANG)],
    }
    async with stage(scripts, size=(140, 40)) as seen:
        await seen.until_shown("↻ retrying")
        await seen.press("r")
        await seen.until_shown("Saved a checkpoint")
        assert "↻ retrying" not in seen.text


async def test_r_watches_anew_where_watching_was_given_up() -> None:
    is_back = asyncio.Event()

    def once_back(script: Script) -> Callable[[], Script]:
        return lambda: script if is_back.is_set() else failure(503)

    scripts: dict[str, Sequence[Script] | Callable[[], Script]] = {
        JOB: once_back(answer(job())),
        STREAM: once_back(stream(*STORY[:5], End.HANG)),
        LIST: [failure(503)],
    }
    pace = Pace(give_up=1, first_delay=0.01, longest_delay=0.1)
    async with stage(scripts, pace=pace, size=(100, 30)) as seen:
        await seen.until_shown("▲ gave up")
        is_back.set()
        await seen.press("r")
        await seen.until_shown("Saved a checkpoint")
        assert "cannot watch" not in seen.text


async def test_what_was_shown_stays_while_r_asks_a_service_that_knows_nothing_of_it() -> None:
    async with stage(GONE_MIDWAY, size=(100, 30), pace=Pace(first_delay=0, longest_delay=0)) as seen:
        await seen.until_shown("▲ refused")
        asked = len(seen.server.requests)
        await seen.press("r")
        await seen.until(lambda: len(seen.server.requests) > asked)
        await seen.until_shown("▲ refused")
        assert "Fine-tune started" in seen.text


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (40, 10), (20, 5)])
async def test_the_question_before_cancelling_shows_its_answers_at_every_size(size: tuple[int, int]) -> None:
    async with stage(RUNNING, size=size) as seen:
        await seen.until_shown("running")
        await seen.press("x")
        await seen.until_shown("Cancel this job?")
        assert "Keep it (n)" in seen.text
        assert "Cancel it (y)" in seen.text


@pytest.mark.parametrize("size", [(40, 10), (20, 5)])
async def test_help_has_room_for_keys_in_a_small_pane(size: tuple[int, int]) -> None:
    async with stage(RUNNING, size=size) as seen:
        await seen.until_shown("running")
        await seen.press("question_mark")
        await seen.until_shown("f end G")


async def test_waiting_for_the_first_event_is_told() -> None:
    scripts: Scripts = {JOB: [answer(job("pending"))], STREAM: [stream(End.HANG)]}
    async with stage(scripts) as seen:
        await seen.until_shown("waiting for the first event")
        assert "◷ pending" in seen.text


async def test_a_queued_job_tells_how_many_are_ahead() -> None:
    scripts: Scripts = {
        JOB: [answer(job("pending"))],
        STREAM: [stream(*STORY[:2], event("Fine-tune enqueued. Queue number: 8", 60), End.HANG)],
    }
    async with stage(scripts) as seen:
        await seen.until_shown("8 jobs ahead")


async def test_only_the_events_so_far_end_with_a_word_on_the_job() -> None:
    scripts: Scripts = {JOB: [answer(job())], LIST: [page(*STORY[:4])]}
    async with stage(scripts, stream=False, size=(100, 30)) as seen:
        await seen.until_shown("Everything so far has been read; the job was running when last seen")
        await seen.press("q")
    assert seen.app.return_code == 0


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_leaving_before_the_end_is_130(key: str) -> None:
    async with stage(RUNNING) as seen:
        await seen.until_shown("▶ running")
        await seen.press(key)
    assert seen.app.return_code == 130


async def test_leaving_where_no_job_was_ever_opened_is_0() -> None:
    async with stage({JOBS: [answer({"object": "list", "data": []})]}, job_id=None) as seen:
        await seen.until_shown("the service lists no jobs")
        await seen.press("escape")
        await seen.until_shown("No job is open.")
        await seen.press("q")
    assert seen.app.return_code == 0


async def test_the_screen_is_left_by_itself_where_that_was_wanted() -> None:
    async with stage(SUCCEEDED, exit_when_over=True) as seen:
        await seen.until(lambda: seen.app.return_code is not None)
    assert seen.app.return_code == 0


async def test_an_exit_that_nobody_asked_for_is_a_bug() -> None:
    async with stage(SUCCEEDED) as seen:
        seen.app.exit()
    assert seen.app.return_code == 70


async def test_news_that_comes_while_the_widgets_are_removed_is_no_crash() -> None:
    go_on = asyncio.Event()
    metrics = {"step": 30, "train_loss": 1.1, "learning_rate": 1e-4}
    several = [
        event("Step 30", 120, type="metrics", data=metrics),
        event("Step 31", 121, type="metrics", data=metrics),
    ]
    async with stage({JOB: [answer(job())], STREAM: [stream(*TRAINING, go_on, *several, End.HANG)]}) as seen:
        await seen.until_shown("Step 20/40")
        await seen.monitor.query("*").remove()
        go_on.set()
        # The crash of a drawing would end the app, and come out of the block.
        await seen.until(lambda: seen.monitor.chart.has_several)
        await seen.pilot.pause()


async def test_a_panic_is_a_bug_and_its_words_are_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    async with stage(SUCCEEDED) as seen:
        seen.app.panic("a local variable")
    assert seen.app.return_code == 70
    # The app may still hold sys.stderr when it prints.
    said = capfd.readouterr().err
    assert "This is a bug in ftmon; the job is not affected." in said
    assert "local variable" not in said


async def test_a_timeout_matters_until_the_outcome_is_known() -> None:
    async with stage(RUNNING) as seen:
        await seen.until_shown("▶ running")
        assert seen.app.is_timeout_due
    async with stage(SUCCEEDED) as seen:
        await seen.until_shown("✔ succeeded")
        assert not seen.app.is_timeout_due


async def test_a_timeout_matters_where_the_screen_waits_for_the_last_events_of_a_job_that_is_over() -> None:
    scripts = {**over("succeeded"), STREAM: [stream(*STORY[:3])], LIST: [failure(500)]}
    async with stage(scripts, exit_when_over=True) as seen:
        await seen.until_shown("✔ succeeded")
        assert seen.app.is_timeout_due


@pytest.mark.parametrize(
    ("keys", "dialog"),
    [("xx", ConfirmScreen), ("oo", OpenJobScreen), ("ox", OpenJobScreen), ("xo", ConfirmScreen)],
)
async def test_keys_that_come_at_once_open_one_dialog(keys: str, dialog: type[Screen[object]]) -> None:
    async with stage(RUNNING) as seen:
        await seen.until_shown("▶ running")
        alone = len(seen.app.screen_stack)
        for key in keys:
            seen.app.post_message(Key(key, key))
        await seen.until(lambda: len(seen.app.screen_stack) > alone)
        await seen.pilot.pause()
        assert len(seen.app.screen_stack) == alone + 1
        assert isinstance(seen.app.screen, dialog)


async def test_a_job_is_cancelled_only_after_a_yes() -> None:
    scripts = {**RUNNING, f"{JOB}/cancel": [answer(job("running"))]}
    async with stage(scripts) as seen:
        await seen.until_shown("▶ running")
        await seen.press("x")
        await seen.until_shown("Cancel this job?")
        await seen.press("enter")
        assert not seen.server.asked(f"{JOB}/cancel")
        await seen.press("x", "n")
        assert not seen.server.asked(f"{JOB}/cancel")
        await seen.press("x", "y")
        await seen.until_shown("The service says that the job will be")
        assert [request.method for request in seen.server.asked(f"{JOB}/cancel")] == ["POST"]


async def test_no_toast_repeats_the_banner_of_a_job_that_was_cancelled() -> None:
    jobs = [job()]
    ending = asyncio.Event()

    def cancel() -> Script:
        jobs.append(job("cancelled"))
        ending.set()
        return answer(jobs[-1])

    scripts: dict[str, Sequence[Script] | Callable[[], Script]] = {
        JOB: lambda: answer(jobs[-1]),
        STREAM: [stream(event("Fine-tune started"), ending, DONE)],
        f"{JOB}/cancel": cancel,
    }
    async with stage(scripts) as seen:
        await seen.until_shown("▶ running")
        await seen.press("x", "y")
        await seen.until_shown("⊘ The job was cancelled")
        assert "The service says" not in seen.text


async def test_hundreds_of_errors_inside_the_stream_are_one_line_that_counts() -> None:
    errors = [b'event: error\ndata: {"error": "number %d"}\n\n' % number for number in range(300)]
    scripts: Scripts = {JOB: [answer(job())], STREAM: [stream(*STORY[:4], *errors, End.HANG)]}
    async with stage(scripts, size=(120, 40)) as seen:
        await seen.until_shown("▲ 300 errors of the stream")
        assert len(seen.app._notifications) == 1
        assert "▲ 300 errors of the stream" in seen.rows[seen.row_of("events   4")]


async def test_after_a_cancel_the_run_is_left_as_cancelled() -> None:
    scripts = {**RUNNING, f"{JOB}/cancel": [answer(job("cancelled"))]}
    async with stage(scripts) as seen:
        await seen.until_shown("▶ running")
        await seen.press("x", "y")
        await seen.until_shown("⊘ cancelled")
        await seen.press("q")
        await seen.until(lambda: seen.app.return_code is not None)
    assert seen.app.return_code == 3
    assert seen.app.watched
    assert summary(seen.app.watched, NOW)[0] == f"⊘ {JOB_ID} cancelled"


async def test_a_cancel_that_is_on_its_way_is_told_on_the_screen_and_when_it_is_left() -> None:
    scripts = {**RUNNING, f"{JOB}/cancel": [answer(job("running"))]}
    async with stage(scripts, size=(120, 40)) as seen:
        await seen.until_shown("▶ running")
        await seen.press("x", "y")
        await seen.until_shown("The service says that the job will be cancelled.")
        await seen.until_shown("▶ running, asked to cancel")
    assert seen.app.watched
    assert summary(seen.app.watched, NOW)[0] == f"▶ {JOB_ID} running, asked to cancel"
    assert time_passed(seen.app.watched, 3) == (
        "The job was not over after 3 s; the service was asked to cancel it."
    )


async def test_a_cancel_whose_answer_proves_nothing_is_not_denied() -> None:
    scripts = {**RUNNING, f"{JOB}/cancel": [failure(502)]}
    async with stage(scripts, size=(120, 40)) as seen:
        await seen.until_shown("▶ running")
        await seen.press("x", "y")
        await seen.until_shown("It is not known whether")
        assert "was not cancelled" not in seen.text


async def test_a_refused_cancel_is_told() -> None:
    scripts = {**RUNNING, f"{JOB}/cancel": [refusal(403, "You may not do this")]}
    async with stage(scripts, size=(120, 40)) as seen:
        await seen.until_shown("▶ running")
        await seen.press("x", "y")
        await seen.until_shown("The job was not cancelled")


async def test_an_ended_job_cannot_be_cancelled() -> None:
    async with stage(SUCCEEDED) as seen:
        await seen.until_shown("✔ The job succeeded")
        assert "cancel job" not in seen.text
        await seen.press("x")
        assert "Cancel this job?" not in seen.text


async def test_c_gives_the_room_of_the_chart_to_the_events() -> None:
    async with stage(RUNNING, size=(120, 40)) as seen:
        await seen.until_shown("⠤⠤ train")
        await seen.press("c")
        assert not seen.monitor.chart.display
        await seen.press("c")
        assert seen.monitor.chart.display


@pytest.mark.parametrize("size", [(80, 24), (100, 29), (40, 22)], ids=str)
async def test_c_shows_the_chart_where_it_is_not_shown_by_itself(size: tuple[int, int]) -> None:
    last = "Step 20/40" if size[0] > 40 else "20  1.40"
    async with stage(RUNNING, size=size) as seen:
        await seen.until_shown(last)
        assert "⠤⠤ train" not in seen.text
        assert "c chart" in seen.text or size[0] == 40
        await seen.press("c")
        await seen.until_shown("⠤⠤ train")
        assert last in seen.text
        await seen.press("c")
        assert "⠤⠤ train" not in seen.text
        assert seen.monitor.event_log.region.height > 10


@pytest.mark.parametrize("size", [(100, 21), (19, 40)], ids=str)
async def test_keys_that_can_show_nothing_are_not_offered(size: tuple[int, int]) -> None:
    async with stage(RUNNING, size=size) as seen:
        await seen.until_shown("Step 20/40" if size[0] == 100 else "20 1.40")
        assert "c chart" not in seen.text
        assert ("t time" in seen.text) is (size[0] == 100)
        await seen.press("c")
        assert not seen.monitor.chart.display
        await seen.pilot.resize_terminal(100, 40)
        await seen.until_shown("c chart")
        assert seen.monitor.chart.display


async def test_a_click_on_a_key_presses_it() -> None:
    async with stage(RUNNING) as seen:
        await seen.until_shown("▶ running")
        x = seen.rows[-1].index("? help")
        await seen.pilot.click(offset=(x + 3, 23))
        await seen.until_shown("esc closes")


async def test_the_palette_offers_what_the_job_can_do() -> None:
    async with stage(RUNNING) as seen:
        await seen.until_shown("▶ running")
        await seen.press("ctrl+p")
        await seen.until_shown("Ask for the job to be cancelled")


async def test_a_bug_ends_with_70_and_shows_no_values(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        key_of_the_user = "sk-verysecretkey"
        raise RuntimeError(f"it broke with {key_of_the_user}")

    apps = []

    async def watched() -> None:
        async with stage(RUNNING) as seen:
            apps.append(seen.app)
            seen.app.call_later(fail)
            await seen.until(lambda: seen.app.return_code is not None)

    with pytest.raises(RuntimeError, match="it broke"):
        await watched()
    assert apps[0].return_code == 70
    told = capfd.readouterr().err
    assert "This is a bug in ftmon; the job is not affected." in told
    assert "it broke with [key]" in told
    assert "sk-verysecret" not in told.replace("\n", "")


async def test_a_crash_of_the_watcher_in_a_busy_stream_ends_with_70() -> None:
    flood = [event(f"Step {step}/20000: training loss=0.5", step) for step in range(20_000)]
    scripts: Scripts = {JOB: [answer(job())], STREAM: [stream(*flood, End.RST)]}
    apps = []

    async def watched() -> None:
        async with stage(scripts, pace=Pace(random=lambda: 1 / 0)) as seen:
            apps.append(seen.app)
            await seen.until(lambda: seen.app.return_code is not None)

    with pytest.raises(ZeroDivisionError):
        await watched()
    assert apps[0].return_code == 70


async def test_each_slice_takes_something_however_late_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    # As where 20 ms pass between two lines of the loop.
    monkeypatch.setattr(intake, "_SLICE", 0.0)
    async with stage({JOB: [answer(job("succeeded"))], STREAM: [stream(*STORY, DONE)]}) as seen:
        await seen.until_shown("Fine-tune succeeded")
        await seen.until_shown("✔ succeeded")


async def test_the_time_that_the_service_estimates_is_shown_also_where_no_steps_are_known() -> None:
    estimate = {"estimate_available": True, "seconds_remaining": 14_500}
    together = job("compressing", model_output_name="someone/model", progress=estimate)
    scripts: Scripts = {JOB: [answer(together)], f"{JOB}/events": [page(*STORY[:4])]}
    async with stage(scripts, now=datetime.now(UTC)) as seen:
        await seen.until_shown("~4 hours left   as the service says")
        assert "▶ running   compressing" in seen.text
        assert "%" not in seen.text
