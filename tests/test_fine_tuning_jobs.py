import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ftmon.errors import RefusedError
from ftmon.history.store import History
from ftmon.lines.summary import summary
from ftmon.model.curve import Curve
from ftmon.model.event import Level
from ftmon.model.job import Status
from ftmon.model.key import JobKey
from ftmon.model.metrics import Metrics, parse_metrics
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.settings import Settings
from ftmon.wire.dialects import candidates, named
from ftmon.wire.dialects.fine_tuning_jobs import FINE_TUNING_JOBS
from ftmon.wire.pace import Pace
from tests.command import ftmon, objects
from tests.front_end import watching
from tests.records import NOON, recorded
from tests.servers.fine_tunes import Fields, answer, failure, refusal
from tests.servers.fine_tuning_jobs import (
    CANCEL,
    CHECKPOINTS,
    FIRST_API_JOB,
    FIRST_JOBS,
    FIRST_PAGE,
    JOB,
    JOB_ID,
    SAMPLES,
    STORY,
    SUCCEEDED_JOB,
    JobsServer,
    Moment,
    event,
    job,
    sample,
)
from tests.servers.scripted import End, Script, Server
from tests.test_follow import HASTY, PACE, Told, followed_as

LATE_PACE = replace(PACE, late=1)
"""Waits for late events for a second."""

PROVIDERS = ["openai", "fine-tuning-jobs", "auto"]
OVER = [Moment(SUCCEEDED_JOB, len(STORY))]


async def followed(server: Server, provider: str = "openai", pace: Pace = LATE_PACE, **how: Any) -> Told:
    """Follow the job to its end."""
    return await followed_as(provider, f"{server.origin}/v1", JOB_ID, pace, **how)


async def told_by(server: Server, provider: str = "openai", pace: Pace = LATE_PACE, **how: Any) -> Told:
    async with server.running():
        return await followed(server, provider, pace, **how)


def points(curve: Curve) -> list[tuple[int, float]]:
    return [(bucket.step, bucket.last) for bucket in curve.buckets]


def targets(server: Server) -> list[str]:
    return [request.target for request in server.requests]


# Following


@pytest.mark.slow
@pytest.mark.parametrize("largest", [100, 3], ids=["one page", "pages of three"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_run_is_followed_from_its_beginning_to_its_late_event(provider: str, largest: int) -> None:
    server = JobsServer(largest=largest)
    told = await told_by(server, provider)
    assert told.fields == STORY
    assert {event.level for event in told.events} == {Level.INFO}
    assert [event.created_at for event in told.events] == [
        datetime.fromtimestamp(fields["created_at"], UTC) for fields in STORY
    ]
    run = told.run
    assert told.ending == (Status.SUCCEEDED, 0)
    assert points(run.train_loss) == [(1, 2.5), (2, 2.25), (3, 2.0), (80, 0.5), (160, 0.25), (240, 0.12)]
    assert points(run.valid_loss) == [(80, 0.75), (160, 0.375), (240, 0.25)]
    assert (run.step, run.total_steps, run.progress, run.total_epochs) == (240, 240, 1.0, 3)
    assert run.fine_tuned_model == SUCCEEDED_JOB["fine_tuned_model"]
    assert (run.events, run.warnings, run.errors, run.error) == (len(STORY), 0, 0, None)
    assert told.connections[-1].wire is Wire.CLOSED
    assert not told.notices


async def test_checkpoints_are_events_and_no_second_points_of_a_curve_that_the_events_tell() -> None:
    server = JobsServer(scripts={CHECKPOINTS: [answer(sample("openai_checkpoints"))]})
    told = await told_by(server)
    checkpoints = [event for event in told.events if event.message.startswith("Checkpoint ft:")]
    assert len(checkpoints) == 3
    assert len(told.events) == len(STORY) + 3
    assert points(told.run.train_loss) == [(1, 2.5), (2, 2.25), (3, 2), (80, 0.5), (160, 0.25), (240, 0.12)]
    assert points(told.run.valid_loss) == [(80, 0.75), (160, 0.375), (240, 0.25)]
    assert told.run.step == 240


async def test_the_statuses_of_a_run_are_told_in_their_order() -> None:
    told = await told_by(JobsServer())
    words = [update.job.provider_status for update in told.updates if update.job]
    assert list(dict.fromkeys(words)) == ["validating_files", "queued", "running", "succeeded"]


async def test_the_progress_of_a_run_is_told_while_it_runs() -> None:
    server = JobsServer()
    told = await told_by(server)
    run, progress = Run(told.run.key), []
    for update in told.updates:
        run.apply(update)
        progress.append(run.progress)
    seen = list(dict.fromkeys(progress))
    assert seen == [None, 2 / 240, 0.99, 1.0]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_stream_is_never_asked_for_and_the_first_api_only_to_find_out(provider: str) -> None:
    server = JobsServer()
    await told_by(server, provider)
    others = [target for target in targets(server) if not target.startswith(JOB)]
    assert others == ([FIRST_API_JOB] if provider == "auto" else [])
    assert all("stream" not in target for target in targets(server))


FAILED = sample("openai_job_failed")
ERROR_EVENT = sample("openai_jobs_event_error")["data"][0]
CREATED = event(f"Created fine-tuning job: {JOB_ID}", ERROR_EVENT["created_at"] - 9, 1)


REWARDED = sample("openai_jobs_event_rft_metrics")
REWARDS = {"step": 1, "critic_rewards_mean": 0.25, "actor_pg_loss": 0.5}
BEDROCK = event("Step 1", 1746679540, 7, type="metrics", data=REWARDS)
"""Made by the keys of SERVICES §2.8."""


@pytest.mark.parametrize(
    ("fields", "train", "valid"),
    [(REWARDED, [(10, 0.4215686274509804)], [(10, 0.675)]), (BEDROCK, [(1, 0.25)], [])],
    ids=["OpenAI", "Bedrock"],
)
async def test_the_rewards_of_reinforcement_are_its_curves(
    fields: Fields, train: Sequence[tuple[int, float]], valid: Sequence[tuple[int, float]]
) -> None:
    told = await told_by(JobsServer([Moment(SUCCEEDED_JOB, 1)], [fields]))
    name, *curves = told.run.curves
    assert name == "reward"
    assert not told.notices
    assert [points(curve) for curve in curves] == [train, valid]
    assert f"  reward  train {train[0][1]:.3g}" in "\n".join(summary(told.run, NOON))


async def test_the_time_that_the_service_estimates_is_known() -> None:
    finish = int(datetime.now(UTC).timestamp()) + 300
    server = JobsServer([Moment(job("running", estimated_finish=finish), 5)])
    told = await told_by(server, stream=False)
    assert told.run.job is not None
    assert told.run.job.progress.ends_at == datetime.fromtimestamp(finish, UTC)


async def test_a_job_that_fails_tells_its_error() -> None:
    moments = [Moment(job("validating_files"), 1), Moment({**FAILED, "id": JOB_ID}, 2)]
    told = await told_by(JobsServer(moments, [CREATED, ERROR_EVENT]))
    assert told.fields == [CREATED, ERROR_EVENT]
    assert [event.level for event in told.events] == [Level.INFO, Level.ERROR]
    assert told.ending == (Status.FAILED, 1)
    assert told.run.job
    assert told.run.job.error == "Training file has 7 example(s), but must have at least 10 examples"
    assert told.run.error == "Training file has 5 example(s), but must have at least 10 examples"


async def test_a_job_that_is_cancelled_has_no_time_of_its_end() -> None:
    stopping = event(
        "Fine tuning process stopping due to job cancellation", CREATED["created_at"], 2, level="warn"
    )
    moments = [Moment(job("running"), 1), Moment(job("cancelled"), 2)]
    told = await told_by(JobsServer(moments, [CREATED, stopping]))
    assert told.fields == [CREATED, stopping]
    assert told.events[-1].level is Level.WARNING
    assert told.ending == (Status.CANCELLED, 3)
    assert told.run.job
    assert told.run.job.finished_at is None


NO_ERRORS: Sequence[Fields] = [
    {"error": {}},
    {"error": {"code": None, "message": None, "param": None}},
    {"error": None},
]


@pytest.mark.parametrize("no_error", NO_ERRORS, ids=repr)
@pytest.mark.parametrize("status", ["running", "succeeded", "failed"])
async def test_an_error_without_words_is_none(status: str, no_error: Fields) -> None:
    told = await told_by(JobsServer([Moment(job(status, **no_error), 1)]), stream=False)
    assert told.run.job
    assert told.run.job.error is None
    assert told.run.exit_status == {"running": 0, "succeeded": 0, "failed": 1}[status]


async def test_a_job_that_was_over_before_is_read_once() -> None:
    server = JobsServer(OVER)
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert targets(server) == [JOB, CHECKPOINTS, FIRST_PAGE]


async def test_the_events_of_a_job_that_still_runs_are_shown_without_waiting() -> None:
    server = JobsServer([Moment(job("running"), 6)], largest=4)
    told = await told_by(server, "auto", stream=False)
    assert told.fields == STORY[:6]
    assert told.ending == (Status.RUNNING, 0)
    second_page = f"{FIRST_PAGE}&after={STORY[2]['id']}"
    assert targets(server) == [FIRST_API_JOB, JOB, CHECKPOINTS, FIRST_PAGE, second_page]


async def test_a_service_that_refuses_large_pages_is_asked_for_those_of_its_own_size() -> None:
    refused = refusal(422, "limit must be at most 50")
    server = JobsServer(OVER, scripts={FIRST_PAGE: [refused], CHECKPOINTS: [refused]})
    told = await told_by(server)
    assert (told.fields, told.ending) == (STORY, (Status.SUCCEEDED, 0))
    own = f"{JOB}/checkpoints"
    assert targets(server) == [JOB, CHECKPOINTS, own, FIRST_PAGE, f"{JOB}/events"]


# Finding the dialect


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_by_the_second_api_is_the_end(status: int) -> None:
    server = Server({JOB: [refusal(status, "No access to this job")]})
    told = await told_by(server, "auto")
    assert told.run.exit_status == 4
    assert "No access to this job" in told.sentence
    assert targets(server) == [FIRST_API_JOB, JOB]


FAULTS: dict[str, Script] = {"500": failure(500), "503": failure(503), "a reset": [End.RST]}


@pytest.mark.parametrize("script", FAULTS.values(), ids=FAULTS)
async def test_a_fault_of_the_second_api_is_tried_again(script: Script) -> None:
    server = JobsServer(OVER, scripts={JOB: [script, script, answer(SUCCEEDED_JOB)]})
    told = await told_by(server, "auto")
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert told.waits


async def test_a_second_api_that_stays_broken_is_given_up() -> None:
    server = Server({JOB: [failure(500)]})
    told = await told_by(server, "auto", HASTY)
    assert told.run.exit_status == 5
    assert "500" in told.sentence


async def test_a_second_api_that_answers_nonsense_is_not_spoken() -> None:
    told = await told_by(Server({JOB: [answer(b"<html>")]}), "auto")
    assert told.run.exit_status == 4
    assert "404" in told.sentence


NOT_FOUND = answer(sample("errors")["openai_404_job_not_found"]["body"], 404)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "no stream"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_id_that_the_service_does_not_know_is_not_found(provider: str, stream: bool) -> None:
    server = JobsServer(scripts={JOB: [NOT_FOUND], FIRST_PAGE: [NOT_FOUND]})
    told = await told_by(server, provider, stream=stream)
    assert told.run.exit_status == 4
    assert "404" in told.sentence


@pytest.mark.parametrize("script", [failure(500), answer(b"<html>")], ids=["500", "nonsense"])
async def test_a_job_that_is_never_told_and_has_no_list_is_given_up(script: Script) -> None:
    server = JobsServer(scripts={JOB: [script], FIRST_PAGE: [NOT_FOUND]})
    told = await told_by(server, pace=HASTY)
    assert told.run.exit_status == 5


async def test_without_a_route_to_the_events_each_change_of_the_status_is_one() -> None:
    words = ["validating_files", "queued", "running", "running", "paused", "running"]
    jobs = [*[answer(job(word)) for word in words], answer(SUCCEEDED_JOB)]
    server = JobsServer(scripts={JOB: jobs, FIRST_PAGE: [NOT_FOUND]})
    told = await told_by(server)
    assert told.ending == (Status.SUCCEEDED, 0)
    assert [event.message for event in told.events] == [
        "The job is pending (validating_files)",
        "The job is pending (queued)",
        "The job is running",
        "The job is paused",
        "The job is running",
        "The job succeeded",
    ]
    assert told.run.job is not None
    assert told.events[-1].created_at == told.run.job.finished_at


async def test_a_job_that_is_deleted_midway_keeps_what_was_shown() -> None:
    jobs = [*[answer(job("running"))] * 3, NOT_FOUND]
    server = JobsServer([Moment(job("running"), 4)], scripts={JOB: jobs})
    told = await told_by(server)
    assert told.fields == STORY[:4]
    assert told.run.exit_status == 4
    assert "no longer knows this job" in told.sentence


def test_the_history_s_name_of_a_dialect_finds_it_again() -> None:
    every = candidates("auto")
    assert [named(dialect.name) for dialect in every] == list(every)
    assert FINE_TUNING_JOBS in every


# The history, the picker and cancelling


async def test_the_dialect_is_recorded_and_asked_first_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    server = JobsServer(largest=4)
    key = JobKey("", JOB_ID)
    async with server.running():
        settings = Settings(f"{server.origin}/v1")
        async with watching(settings, history=path, pace=LATE_PACE) as front_end:
            key = front_end.watch(JOB_ID)
            await front_end.until_over()
            await front_end.until_recorded()
        assert [target for target in targets(server) if target == FIRST_API_JOB] == [FIRST_API_JOB]
        server.requests.clear()
        async with watching(settings, history=path, pace=LATE_PACE) as again:
            again.watch(JOB_ID)
            await again.until_over()
    with closing(History(path)) as history:
        assert history.dialect(key) == "fine-tuning-jobs"
    assert recorded(path, key) == STORY == again.fields
    assert targets(server)[:3] == [JOB, CHECKPOINTS, FIRST_PAGE]
    assert FIRST_API_JOB not in targets(server)
    assert again.run(key).exit_status == 0


async def test_the_jobs_of_the_second_api_are_listed_newest_first() -> None:
    jobs = sample("openai_jobs_list_one_per_status")
    server = Server({FIRST_JOBS: [answer(jobs)]})
    async with server.running(), watching(Settings(f"{server.origin}/v1")) as front_end:
        listed = await front_end.jobs()
    assert [(each.id, each.status) for each in listed] == [
        ("ftjob-9DhlekEpJk9tBhwnPdrI8Z0T", Status.PENDING),
        ("ftjob-RuqURoumKmfd2XSRAfD1XgHq", Status.CANCELLED),
        ("ftjob-6FW5IpxBRUgC7qUXBjSvLhFX", Status.RUNNING),
        ("ftjob-CHIRuHCWLwxnN9TiMrUxE1G7", Status.SUCCEEDED),
    ]
    assert targets(server) == ["/v1/fine-tunes", FIRST_JOBS]


async def test_a_followed_job_is_cancelled_and_its_fresh_state_is_told_and_recorded(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    server = JobsServer([Moment(job("running"), 5)])
    async with server.running():
        settings = Settings(f"{server.origin}/v1")
        async with watching(settings, history=path, pace=PACE) as front_end:
            key = front_end.watch(JOB_ID)
            await front_end.until_events(5)
            cancelled = (await front_end.cancel(JOB_ID)).job
            await front_end.until_over()
            await front_end.until_recorded()
    assert cancelled
    assert (cancelled.id, cancelled.status) == (JOB_ID, Status.CANCELLED)
    [request] = server.asked(CANCEL)
    assert request.method == "POST"
    run = front_end.run(key)
    assert (run.status, run.exit_status) == (Status.CANCELLED, 3)
    assert front_end.fields == STORY[:5]
    with closing(History(path)) as history:
        held = history.job(key)
    assert held
    assert held.status is Status.CANCELLED


async def test_a_job_that_is_not_followed_is_cancelled_too() -> None:
    server = JobsServer([Moment(job("running"), 5)])
    async with server.running(), watching(Settings(f"{server.origin}/v1")) as front_end:
        cancelled = (await front_end.cancel(JOB_ID)).job
    assert cancelled
    assert cancelled.status is Status.CANCELLED
    assert targets(server) == [FIRST_API_JOB, JOB, CANCEL]


@pytest.mark.parametrize("status", [400, 403])
async def test_a_cancel_that_the_second_api_refuses_raises(status: int) -> None:
    server = JobsServer(scripts={CANCEL: [refusal(status, "Not now.")]})
    async with server.running(), watching(Settings(f"{server.origin}/v1")) as front_end:
        with pytest.raises(RefusedError, match="Not now"):
            await front_end.cancel(JOB_ID)


async def test_a_cancel_that_fails_at_the_second_api_is_unclear() -> None:
    server = JobsServer(scripts={CANCEL: [failure(502)]})
    async with server.running(), watching(Settings(f"{server.origin}/v1")) as front_end:
        outcome = await front_end.cancel(JOB_ID)
    assert outcome.doubt == "the service answers 502"
    assert outcome.job
    assert not outcome.is_settled


# The command


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_the_command_prints_each_event_as_json_and_the_job_last(provider: str) -> None:
    server = JobsServer(OVER, largest=8)
    async with server.running():
        options = ("--base-url", f"{server.origin}/v1", "--provider", provider)
        done = await asyncio.to_thread(ftmon, JOB_ID, *options, "--json")
    *events, last = objects(done.stdout)
    assert done.returncode == 0
    assert [(each["id"], each["message"], each["type"]) for each in events] == [
        (fields["id"], fields["message"], fields["type"]) for fields in STORY
    ]
    assert [each["data"] for each in events] == [fields["data"] for fields in STORY]
    assert {each["level"] for each in events} == {"info"}
    assert events[-1]["created_at"] == "2024-08-17T09:21:38Z"
    assert (last["id"], last["status"], last["events"]) == (JOB_ID, "succeeded", len(STORY))
    assert last["finished_at"] == "2024-08-17T09:21:31Z"
    assert last["error"] is None


async def test_the_command_prints_plain_lines_and_a_summary() -> None:
    server = JobsServer(OVER)
    async with server.running():
        options = ("--base-url", f"{server.origin}/v1", "--provider", "openai")
        done = await asyncio.to_thread(ftmon, JOB_ID, *options, "--plain")
    lines = done.stdout.decode().splitlines()
    assert lines[: len(STORY)] == [
        f"{datetime.fromtimestamp(fields['created_at'], UTC):%Y-%m-%d %H:%M:%S}  {fields['message']}"
        for fields in STORY
    ]
    assert lines[len(STORY) :] == [
        "",
        f"✔ {JOB_ID} succeeded",
        f"  model   {SUCCEEDED_JOB['fine_tuned_model']}",
        "  loss    train 2.50 → 0.120   valid 0.750 → 0.250",
        "  took    13m 13s from its creation to its end",
        f"  events  {len(STORY)}",
    ]
    assert done.returncode == 0


def test_a_provider_that_is_not_known_is_a_mistake_of_the_command_line() -> None:
    done = ftmon(JOB_ID, "--provider", "nonsense", "--base-url", "http://127.0.0.1:1/v1")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--provider nonsense is not known; it is one of auto, openai, " in done.stderr
    assert done.stderr.count(b"\n") == 1


# The recorded answers


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("openai_jobs_event*.json")), ids=lambda path: path.stem)
def test_every_recorded_event_of_the_second_api_is_read_whole(path: Path) -> None:
    body = sample(path.stem)
    entries = body["data"] if "data" in body and isinstance(body["data"], list) else [body]
    page = FINE_TUNING_JOBS.read_page(json.dumps({"object": "list", "data": entries}).encode())
    assert [event.fields for event in page.events] == entries[::-1]
    assert (page.malformed, page.cursor, page.is_newest_first) == (0, "", True)
    for read, fields in zip(page.events, entries[::-1], strict=True):
        assert read.own_id == fields["id"]
        assert read.level == fields["level"]
        assert FINE_TUNING_JOBS.read_event(read.raw) == read


def test_the_figures_of_a_recorded_reinforcement_event_are_its_step_and_their_number() -> None:
    fields = sample("openai_jobs_event_rft_metrics")
    [read] = FINE_TUNING_JOBS.read_page(json.dumps([fields]).encode()).events
    assert parse_metrics(read) == Metrics(10, 20, train_reward=0.4215686274509804, valid_reward=0.675)
    assert read.fields["data"]["train_mean_reward"] == fields["data"]["train_mean_reward"]


def test_the_figures_of_zhipu_are_read_though_some_are_texts() -> None:
    # Made of zhipuai, `fine_tuning_job_event.Metric`
    data = {
        "current_steps": 10,
        "total_steps": 40,
        "loss": "1.5",
        "eval_loss": "1.75",
        "remaining_time": "0:05:00",
    }
    [read] = FINE_TUNING_JOBS.read_page(json.dumps([event("", 1723885800, 1, data=data)]).encode()).events
    assert parse_metrics(read) == Metrics(10, 40, 1.5, 1.75)


@pytest.mark.parametrize(
    ("name", "status", "model", "n_epochs", "error"),
    [
        ("openai_job_running", Status.RUNNING, None, 3, None),
        (
            "openai_job_succeeded",
            Status.SUCCEEDED,
            "ft:gpt-4o-mini-2024-07-18:personal:pinolo-mutate-llm:9x9umpsR",
            3,
            None,
        ),
        (
            "openai_job_failed",
            Status.FAILED,
            None,
            None,
            "Training file has 7 example(s), but must have at least 10 examples",
        ),
        ("azure_job_pending", Status.PENDING, None, None, None),
        ("nebius_job_running", Status.RUNNING, None, 10, None),
    ],
)
def test_every_recorded_job_of_the_second_api_is_read(
    name: str, status: Status, model: str | None, n_epochs: int | None, error: str | None
) -> None:
    fields = sample(name)
    read, page, _ = FINE_TUNING_JOBS.read_job(json.dumps(fields).encode())
    assert page is None
    assert (read.id, read.model, read.provider_status) == (fields["id"], fields["model"], fields["status"])
    assert (read.status, read.fine_tuned_model, read.n_epochs, read.error) == (status, model, n_epochs, error)
    finished_at = fields["finished_at"]
    assert read.finished_at == (datetime.fromtimestamp(finished_at, UTC) if finished_at else None)


@pytest.mark.parametrize("steps", [[20, 10], [10, 20]], ids=["newest first", "oldest first"])
def test_checkpoints_of_one_second_are_read_in_the_order_of_their_steps(steps: list[int]) -> None:
    listed = [{"step_number": step, "created_at": 1723886072, "metrics": {}} for step in steps]
    (source,) = FINE_TUNING_JOBS.sources
    read = source.read(json.dumps({"data": listed}).encode(), "ftjob-1")
    assert [parse_metrics(event).step for event in read] == [10, 20]
