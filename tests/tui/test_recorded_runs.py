from pathlib import Path
from typing import Any

import pytest

from ftmon.lines.summary import summary
from ftmon.model.key import JobKey
from ftmon.model.update import Wire
from ftmon.wire.pace import Pace
from tests.records import KEY, STORED, job_of, read, record, told
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
from tests.servers.scripted import End
from tests.tui.stage import JOBS, NOW, Stage, stage

pytestmark = pytest.mark.slow

GONE_ID = "ft-gone"
GONE = KEY._replace(job_id=GONE_ID)
"""A job of a service that is no longer there."""

SERVICE: dict[str, Any] = {
    JOBS: [answer({"data": [job()]})],
    JOB: [answer(job())],
    STREAM: [stream(*STORY[:4], End.HANG)],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ftmon" / "history.sqlite3"


def record_gone(path: Path, status: str = "succeeded") -> None:
    record(path, told(*STORED, key=GONE, job=job_of(status, created_at=1, updated_at=1691665913 + 180)))


async def open_gone(seen: Stage) -> None:
    await seen.until_shown("1 job listed by the service, 1 run recorded here")
    await seen.press(*GONE_ID, "down", "enter")
    await seen.until_shown("■ recorded")


async def test_recorded_runs_are_offered_beside_the_service_s_jobs(path: Path) -> None:
    record_gone(path)
    async with stage(SERVICE, job_id=None, history=path, size=(140, 30)) as seen:
        await seen.until_shown("1 job listed by the service, 1 run recorded here")
        assert "▶ running" in seen.rows[seen.row_of(JOB_ID)]
        assert "10 recorded · curie · at 127.0.0.1:1" in seen.rows[seen.row_of(GONE_ID)]


@pytest.mark.parametrize(
    ("status", "words"),
    [("succeeded", "✔ succeeded"), ("running", "▶ last seen running"), ("queued", "◷ last seen pending")],
)
async def test_a_job_is_offered_as_it_was_last_seen_where_its_service_does_not_list_it(
    path: Path, status: str, words: str
) -> None:
    record_gone(path, status)
    record(path, told(key=KEY, job=job_of("running")))
    async with stage(SERVICE, job_id=None, history=path, size=(140, 30)) as seen:
        await seen.until_shown("1 job listed by the service, 2 runs recorded here")
        assert f" {words} " in seen.rows[seen.row_of(GONE_ID)]
        own = [row for row in seen.rows if JOB_ID in row]
        assert sorted("▶ last seen running " in row for row in own) == [False, True]
        assert sorted("▶ running " in row for row in own) == [False, True]


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        ("succeeded", 0, f"✔ {GONE_ID} succeeded"),
        ("cancelled", 3, f"⊘ {GONE_ID} cancelled"),
        ("failed", 1, f"✘ {GONE_ID} failed"),
        ("running", 130, f"▶ {GONE_ID} running when last seen"),
    ],
)
async def test_leaving_a_replay_tells_what_is_recorded(
    path: Path, status: str, code: int, words: str
) -> None:
    record(path, told(key=GONE, job=job_of("pending")), told(*STORED, after=1, key=GONE))
    record(path, told(after=2, key=GONE, job=job_of(status, updated_at=1691665913 + 180)))
    async with stage(SERVICE, job_id=None, history=path) as seen:
        await seen.press("escape")
        seen.monitor.open_job(GONE)
        await seen.until_shown("■ recorded")
        await seen.press("p")
        await seen.until_shown("◷ pending then")
        await seen.press("p")
        await seen.until_shown("· paused")
        run = seen.monitor.run
        assert run is not None
        assert 0 < run.events < len(STORED)
        await seen.press("q")
    assert seen.app.return_code == code
    assert summary(run, NOW)[0] == words
    assert summary(run, NOW)[-1] == f"  events  10 recorded, {run.events} of them shown"


async def test_leaving_while_the_past_is_still_being_read_tells_what_is_recorded(path: Path) -> None:
    events = [read(event(f"Step {step}", step)) for step in range(20_000)]
    record(path, told(key=GONE, job=job_of("pending")), told(*events, after=1, key=GONE))
    record(path, told(after=2, key=GONE, job=job_of("succeeded")))
    async with stage(SERVICE, job_id=None, history=path) as seen:
        await seen.press("escape")
        seen.monitor.open_job(GONE)
        run = seen.monitor.run
        assert run is not None
        await seen.until(lambda: run.connection.wire is Wire.REPLAYING or run.is_over)
        await seen.press("q")
    assert seen.app.return_code == 0
    assert summary(run, NOW)[0] == f"✔ {GONE_ID} succeeded"


async def test_a_timeout_ends_a_replay_whose_end_is_recorded(path: Path) -> None:
    record_gone(path)
    async with stage(SERVICE, job_id=None, history=path) as seen:
        await seen.press("escape")
        seen.monitor.open_job(GONE)
        await seen.until_shown("■ recorded")
        assert not seen.app.is_timeout_due
        await seen.press("p")
        await seen.until_shown("▷ replay")
        assert seen.app.is_timeout_due


async def test_no_retry_is_offered_of_a_run_that_no_service_is_asked_for(path: Path) -> None:
    record_gone(path)
    async with stage(SERVICE, job_id=None, history=path, size=(100, 30)) as seen:
        await seen.press("escape")
        put_away(path)
        seen.monitor.open_job(GONE)
        await seen.until_shown("ftmon cannot read this run from the history")
        assert "tries again" not in seen.text


async def test_a_recorded_run_of_another_service_is_shown_offline(path: Path) -> None:
    record_gone(path)
    async with stage(SERVICE, job_id=None, history=path) as seen:
        await open_gone(seen)
        assert "✔ The job succeeded" in seen.text
        assert "Fine-tune succeeded" in seen.text
        assert [request.target for request in seen.server.requests] == [JOBS]
        assert "cancel job" not in seen.text
        assert "retry now" not in seen.text


async def test_a_recorded_run_that_was_left_is_no_ending(path: Path) -> None:
    record_gone(path, "running")
    async with stage(SERVICE, job_id=None, history=path, size=(100, 30)) as seen:
        await open_gone(seen)
        assert "■ Everything recorded has been shown; the job was running when last seen" in seen.text
        assert "▶ running when last seen" in seen.text
        await seen.press("q")
    assert seen.app.return_code == 0


async def test_a_job_of_the_service_that_is_recorded_is_offered_once_and_watched(path: Path) -> None:
    async with stage(SERVICE, job_id=None, history=path, size=(110, 30)) as seen:
        key = JobKey(f"{seen.server.origin}/v1", JOB_ID)
        record(path, told(*STORED[:2], key=key, job=job_of("pending")))
        await seen.press("escape", "o")
        await seen.until_shown("1 run recorded here")
        row = seen.rows[seen.row_of(JOB_ID)]
        assert "▶ running" in row
        assert "2 recorded" in row
        await seen.press("down", "enter")
        await seen.until_shown("Fine-tune started")
        assert len(seen.monitor.event_log.all_events) == 4


async def test_the_past_is_shown_while_the_service_cannot_be_reached(path: Path) -> None:
    async with stage({JOB: [[End.RST]]}, job_id=None, history=path) as seen:
        key = JobKey(f"{seen.server.origin}/v1", JOB_ID)
        record(path, told(*STORED[:5], key=key, job=job_of()))
        await seen.press(*JOB_ID, "enter")
        await seen.until_shown("↻ retrying")
        assert "Fine-tune started" in seen.text
        assert "▶ running" in seen.text


async def test_an_outcome_that_is_only_recorded_says_why(path: Path) -> None:
    async with stage({JOB: [refusal(404, "Could not find fine tune")]}, job_id=None, history=path) as seen:
        key = JobKey(f"{seen.server.origin}/v1", JOB_ID)
        record(path, told(*STORED, key=key, job=job_of("cancelled")))
        await seen.press(*JOB_ID, "enter")
        await seen.until_shown("⊘ The job was cancelled")
        assert "has forgotten it (404)" in " ".join(seen.text.split())
        await seen.press("q")
    assert seen.app.return_code == 3


async def test_a_run_that_is_over_is_replayed_paused_and_shown_to_its_end(path: Path) -> None:
    over = {JOB: [answer(job("succeeded"))], STREAM: [stream(*STORY, DONE)], LIST: [page(*STORY)]}
    async with stage(over, history=path, size=(100, 30)) as seen:
        await seen.until_shown("p replays it")
        await seen.press("p")
        # Three minutes in at most one.
        await seen.until_shown("▷ replay · 5×")
        assert "✔ The job succeeded" not in seen.text
        assert "faster" in seen.text
        await seen.press("p")
        await seen.until_shown("▷ replay · paused")
        shown = len(seen.monitor.event_log.all_events)
        assert shown < len(STORY)
        await seen.press("p")
        await seen.until_shown("▷ replay · 5×")
        await seen.press("minus")
        await seen.until_shown("▷ replay · 2×")
        await seen.press(*["plus"] * 12)
        await seen.until_shown("✔ The job succeeded")
        assert len(seen.monitor.event_log.all_events) == len(STORY)
        assert "■ recorded" in seen.text


async def test_a_replay_tells_the_time_of_the_run(path: Path) -> None:
    record_gone(path)
    async with stage(SERVICE, job_id=None, history=path, size=(120, 30)) as seen:
        await open_gone(seen)
        await seen.press("t")
        assert "now" not in seen.rows[seen.row_of("Created fine-tune")]
        await seen.press("p")
        await seen.until_shown("▷ replay")
        await seen.until_shown("Created fine-tune")
        await seen.press("p")
        await seen.until_shown("· paused")
        assert "now" in seen.rows[seen.row_of("Created fine-tune")]


async def test_r_after_a_replay_asks_the_service_again(path: Path) -> None:
    so_far = {JOB: [answer(job())], LIST: [page(*STORY[:4]), page(*STORY)]}
    async with stage(so_far, history=path, stream=False) as seen:
        await seen.until_shown("p replays it")
        await seen.press("p", *["plus"] * 12)
        await seen.until_shown("■ Everything recorded has been shown")
        await seen.press("r")
        await seen.until_shown("Fine-tune succeeded")
        assert len(seen.monitor.event_log.all_events) == len(STORY)
        assert len(seen.server.asked(LIST)) == 2


async def test_without_a_history_no_replay_is_offered() -> None:
    over = {JOB: [answer(job("succeeded"))], STREAM: [stream(*STORY, DONE)]}
    async with stage(over) as seen:
        await seen.until_shown("✔ The job succeeded")
        assert "replay" not in seen.text
        await seen.press("p")
        assert seen.monitor.run is not None
        assert seen.monitor.run.connection.wire is Wire.CLOSED


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (40, 10), (20, 5)], ids=str)
async def test_a_replay_is_told_as_one_at_every_size(path: Path, size: tuple[int, int]) -> None:
    record_gone(path)
    async with stage(SERVICE, job_id=None, history=path, size=size) as seen:
        await seen.press("escape")
        seen.monitor.open_job(GONE)
        await seen.until_shown("■ recorded")
        assert "✔" in seen.text
        await seen.press("p")
        await seen.until_shown("▷ replay")


async def test_what_is_not_recorded_yet_stands_on_the_screen_until_it_is(path: Path) -> None:
    path.parent.write_text("in the way")
    pace = Pace(tick=0.02, record_again=0.02, first_delay=600, longest_delay=600)
    async with stage(SERVICE, history=path, pace=pace) as seen:
        await seen.until_shown("▲ 4 not recorded yet")
        await seen.until_shown("The history cannot be used")
        path.parent.unlink()
        await seen.until_shown("The history is written again")
        await seen.until(lambda: "not recorded yet" not in seen.text)


async def test_a_long_run_is_shown_while_it_is_still_being_read(path: Path) -> None:
    record(path, told(*[read(event(f"Step {step}", step)) for step in range(20_000)], key=GONE))
    async with stage(SERVICE, job_id=None, history=path, size=(120, 40)) as seen:
        await seen.press("escape")
        seen.monitor.open_job(GONE)
        await seen.until_shown("Step 19999")
        await seen.until_shown("■ recorded")


async def test_leaving_a_replay_of_a_job_that_is_over_ends_with_its_outcome(path: Path) -> None:
    over = {JOB: [answer(job("failed"))], STREAM: [stream(*STORY, DONE)], LIST: [page(*STORY)]}
    async with stage(over, history=path) as seen:
        await seen.until_shown("p replays it")
        await seen.press("p")
        await seen.until_shown("▷ replay")
        await seen.press("q")
    assert seen.app.return_code == 1


async def test_a_replay_from_a_history_that_is_lost_takes_nothing_from_the_screen(path: Path) -> None:
    over = {JOB: [answer(job("failed"))], STREAM: [stream(*STORY, DONE)], LIST: [page(*STORY)]}
    async with stage(over, history=path, size=(100, 30)) as seen:
        await seen.until_shown("p replays it")
        put_away(path)
        await seen.press("p")
        await seen.until_shown("cannot be used")
        assert len(seen.monitor.event_log.all_events) == len(STORY)
        assert "✘ The job failed" in seen.text
        await seen.press("q")
    assert seen.app.return_code == 1


def put_away(path: Path) -> None:
    """Put a file where the directory of the history was."""
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    path.parent.write_text("in the way")


async def test_the_speed_that_was_asked_for_is_the_one_that_is_changed(path: Path) -> None:
    record_gone(path)
    async with stage(SERVICE, job_id=None, history=path) as seen:
        await seen.press("escape")
        seen.monitor.open_job(GONE)
        await seen.until_shown("■ recorded")
        seen.monitor.action_replay(30.0)
        await seen.until_shown("▷ replay · 30×")
        await seen.press("plus")
        await seen.until_shown("▷ replay · 60×")


async def test_where_no_service_is_asked_a_run_is_picked_from_the_recorded_ones(path: Path) -> None:
    record_gone(path)
    async with stage(SERVICE, job_id=None, history=path, offline=True) as seen:
        await seen.until_shown("1 run recorded here")
        await seen.press("down", "enter")
        await seen.until_shown("■ recorded")
        assert "retry now" not in seen.text
        await seen.press("r")
    assert seen.server.requests == []
