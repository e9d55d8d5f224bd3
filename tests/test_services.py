import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from typing import Any

import pytest

from ftmon.lines.printer import Printer
from ftmon.model.curve import Curve
from ftmon.model.event import Event, Level
from ftmon.model.job import Job, Status
from ftmon.model.run import Run
from ftmon.settings import Key, Settings
from ftmon.settings.choice import read_settings
from ftmon.wire.dialects import named
from tests.command import check_output, ftmon, objects
from tests.servers.case import ARRIVAL, EXIT_STATUS, Case, Line
from tests.servers.fine_tunes import Fields, answer, head
from tests.servers.scripted import End, Pulse, Script, Server
from tests.servers.services import (
    AZURE,
    AZURE_ID,
    CASES,
    FIREWORKS,
    HF_FRAMES,
    HF_ID,
    HUGGING_FACE,
    LOCALAI,
    MISTRAL,
    NEMO_FAILED,
    PLATFORM_ACTIVE,
    TOGETHER,
    TOGETHER_JOB,
    UNSLOTH,
    UNSLOTH_ID,
    UNSLOTH_LOSSES,
    UNSLOTH_PROGRESS,
    UNSLOTH_STREAM,
    fireworks,
    hf,
    unsloth,
)
from tests.test_follow import PACE, Told, followed_as, followed_at

pytestmark = pytest.mark.slow

SHORT = replace(PACE, late=0.1, proof=0.2)

ENDINGS = list(product(CASES.values(), EXIT_STATUS))
endings = pytest.mark.parametrize(
    ("case", "end"), ENDINGS, ids=[f"{name}, {end}" for name, end in product(CASES, EXIT_STATUS)]
)
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


async def told_by(case: Case, server: Server, *, job_id: str = "", stream: bool = True) -> Told:
    async with server.running():
        address = f"{server.origin}{case.base}"
        return await followed_as("auto", address, job_id or case.job_id, SHORT, stream=stream)


def points(curve: Curve) -> list[tuple[int, float]]:
    return [(bucket.step, bucket.last) for bucket in curve.buckets]


def shown(event: Event) -> tuple[str, datetime | None, str]:
    """Return what is compared of an event; one of today came without a time."""
    at = event.created_at
    is_of_today = at is not None and abs(datetime.now(UTC) - at) < timedelta(hours=1)
    return event.message, ARRIVAL if is_of_today else at, event.level


def printed(told: Told, capfd: pytest.CaptureFixture[str], *, as_json: bool) -> str:
    """Return what is printed of all that a follower told."""
    printer = Printer(Run(told.run.key, outcome_only=as_json), as_json=as_json)
    for update in told.updates:
        printer.show(update)
    printer.close()
    out, err = capfd.readouterr()
    check_output(out.encode(), err.encode())
    return out


def stamp(at: datetime | None) -> str:
    return "---------- --:--:--" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


MARKS = {Level.INFO: "", Level.WARNING: "warning: ", Level.ERROR: "error: "}
SIGNS = {Status.SUCCEEDED: "✔", Status.FAILED: "✘", Status.CANCELLED: "⊘"}


def most_at_once(case: Case, server: Server) -> int:
    """Return how many requests one reading took at most, but for the first ones, which read everything."""
    job = case.base + case.path
    readings = [place for place, request in enumerate(server.requests) if request.target == job]
    return max(later - earlier for earlier, later in pairwise(readings[2:]))


def is_line_of(printed: str, line: Line) -> bool:
    """Whether a printed line is that of an event; a time of arrival is any time."""
    start = 19 if line.at is ARRIVAL else 0
    return printed[start:] == f"{stamp(line.at)}  {MARKS[line.level]}{line.message}"[start:]


def read_again(job: Job, dialect: str) -> Job:
    """Return a job as it is read from the history, which keeps the object that was sent."""
    return replace(named(dialect).read_job(job.raw.encode()).job, id=job.id)


@endings
async def test_a_job_is_followed_from_its_queue_to_its_end_and_printed(
    case: Case, end: Status, capfd: pytest.CaptureFixture[str]
) -> None:
    server = case.server(end)
    told = await told_by(case, server)
    lines, ending, run = case.told(end), case.endings[end], told.run
    assert [shown(event) for event in told.events] == [line[:3] for line in lines]
    assert told.ending == (end, EXIT_STATUS[end])
    assert (points(run.train_loss), points(run.valid_loss)) == (case.train(end), case.valid(end))
    assert (run.fine_tuned_model, run.failure) == (ending.model, ending.error)
    assert run.job is not None
    assert read_again(run.job, case.dialect) == run.job
    assert run.total_steps == case.total_steps
    assert {update.dialect for update in told.updates[-3:]} == {case.dialect}
    assert all(update.why.startswith(f"asked {case.path}, and the ") for update in told.updates[-3:])
    assert named(case.dialect).paths.stream or most_at_once(case, server) <= 2
    assert not told.notices

    text, _, summary = printed(told, capfd, as_json=False).partition("\n\n")
    assert all(map(is_line_of, text.splitlines(), lines))
    assert len(text.splitlines()) == len(lines)
    assert summary.startswith(f"{SIGNS[end]} {case.job_id} {end}\n")
    assert f"  events  {len(lines)}\n" in summary
    assert ("  loss    " in summary) == bool(case.train(end) or case.valid(end))
    assert (ending.error or "") in summary
    assert (ending.model or "") in summary

    *events, job = objects(printed(told, capfd, as_json=True))
    assert [(event["message"], event["level"]) for event in events] == [
        (line.message, line.level) for line in lines
    ]
    assert [event["created_at"] is None for event in events] == [line.at is None for line in lines]
    assert {event["job_id"] for event in events} == {job["id"]} == {case.job_id}
    assert (job["status"], job["fine_tuned_model"], job["error"]) == (end, ending.model, ending.error)
    assert job["events"] == len(lines)


IN_TURN = [(case, [*EXIT_STATUS][number % len(EXIT_STATUS)]) for number, case in enumerate(CASES.values())]
"""Each service with another end."""


@pytest.mark.parametrize(("case", "end"), IN_TURN, ids=CASES)
async def test_the_command_tells_a_job_by_base_url_and_id_alone(case: Case, end: Status) -> None:
    server = case.server_after(end)
    async with server.running():
        address = f"{server.origin}{case.base}"
        done = await asyncio.to_thread(ftmon, case.job_id, "--base-url", address, "--json")
    *events, job = objects(done.stdout)
    # LocalAI does not tell the past of a job.
    lines = case.told(end)[-1:] if case is LOCALAI else case.told(end)
    lines = [line for line in lines if not line.is_fleeting]
    assert sorted(event["message"] for event in events) == sorted(line.message for line in lines)
    assert (done.returncode, done.stderr) == (EXIT_STATUS[end], b"")
    assert (job["status"], job["error"]) == (end, case.endings[end].error)


# What is special of one service


@pytest.mark.parametrize("name", ["Hugging Face Jobs", "LocalAI", "NeMo Customizer"])
async def test_routes_at_the_root_are_found_below_a_version_too(name: str) -> None:
    case = CASES[name]
    server = case.server()
    async with server.running():
        told = await followed_as("auto", f"{server.origin}/v1", case.job_id, SHORT)
    assert {update.dialect for update in told.updates[-3:]} == {case.dialect}
    assert told.ending == (Status.SUCCEEDED, 0)
    assert {update.job_key.service for update in told.updates} == {f"{server.origin}/v1"}


async def test_the_version_of_azure_s_routes_is_that_of_the_environment() -> None:
    server = AZURE.server()
    server.scripts = {
        path.replace("2024-10-21", "2025-04-01-preview"): each for path, each in server.scripts.items()
    }
    async with server.running():
        environ = {"OPENAI_API_VERSION": "2025-04-01-preview"}
        settings = read_settings(base_url=f"{server.origin}/openai", provider="azure", environ=environ)
        told = await followed_at(settings, AZURE_ID, SHORT, stream=False)
    assert [shown(event) for event in told.events] == [AZURE.lines[0][:3]]
    assert all("api-version=2025-04-01-preview" in request.target for request in server.requests)


@pytest.mark.parametrize(
    ("key", "header", "value"),
    [
        ("0123456789abcdef", "api-key", "0123456789abcdef"),
        ("eyJhbGciOi.eyJhdWQiOi.c2lnbmF0dXJl", "authorization", "Bearer eyJhbGciOi.eyJhdWQiOi.c2lnbmF0dXJl"),
    ],
    ids=["key", "token"],
)
async def test_azure_takes_a_key_or_a_token_of_its_directory(key: str, header: str, value: str) -> None:
    server = AZURE.server()
    async with server.running():
        settings = Settings(
            f"{server.origin}/openai", Key(key, "a file"), provider="azure", key_header="api-key"
        )
        await followed_at(settings, AZURE_ID, SHORT)
    assert {request.headers.get(header) for request in server.requests} == {value}
    assert all(("api-key" in each.headers) != ("authorization" in each.headers) for each in server.requests)


HEARTBEAT = UNSLOTH_STREAM.split(b"\n\n")[2] + b"\n\n"


def unsloth_server(stream: Script, *jobs: Fields) -> Server:
    return UNSLOTH.server(more={UNSLOTH.path: list(map(answer, jobs)), UNSLOTH_PROGRESS: [stream]})


async def test_a_stream_that_tells_its_past_to_whoever_resumes_is_asked_for_all_of_it() -> None:
    server = UNSLOTH.server()
    told = await told_by(UNSLOTH, server)
    assert server.asked(UNSLOTH_PROGRESS)[0].headers["last-event-id"] == "0"
    assert told.run.job is not None
    assert "token" not in told.run.job.raw
    assert "secret" not in told.run.job.raw
    assert (told.run.step, told.run.total_steps, told.run.progress) == (60, 60, 1.0)


async def test_a_run_that_never_says_complete_ends_when_its_steps_are_done_and_its_run_is_over() -> None:
    start = UNSLOTH_STREAM.partition(b"id: 60")[0]
    last = start.rpartition(b"id: 2")[2].replace(b'"step": 2', b'"step": 60')
    stream: Script = [head(), start, b"id: 60" + last, *[HEARTBEAT] * 2, End.HANG]
    over = unsloth("completed", UNSLOTH_LOSSES)
    server = unsloth_server(stream, unsloth("running", []), over)
    pace = replace(SHORT, quiet=0.2, grace=0.1)
    async with server.running():
        told = await followed_as("auto", server.origin, UNSLOTH_ID, pace)
    assert told.ending == (Status.SUCCEEDED, 0)
    assert {event.message for event in told.events} == {line.message for line in UNSLOTH.lines}


async def test_a_stream_that_just_ends_because_another_run_takes_over_is_no_end() -> None:
    over = unsloth("error", UNSLOTH_LOSSES[:2], error_message="CUDA out of memory")
    server = unsloth_server([head(), b"retry: 3\n\n"], *[unsloth("running", UNSLOTH_LOSSES[:1])] * 3, over)
    told = await told_by(UNSLOTH, server)
    assert told.ending == (Status.FAILED, 1)
    assert told.run.failure == "CUDA out of memory"
    assert [event.message for event in told.events] == [line.message for line in UNSLOTH.lines[:2]]


async def test_a_log_that_stays_open_and_empty_after_a_failed_build_ends_with_the_job() -> None:
    # As huggingface_hub's comments say (SERVICES §2.2).
    stream: Script = [head(), HF_FRAMES[0], Pulse(b": keep-alive\n\n", 0.02)]
    failed = hf("ERROR", "The image could not be built")
    jobs = [*[answer(hf("SCHEDULING").job)] * 2, answer(failed.job)]
    server = HUGGING_FACE.server(more={HUGGING_FACE.path: jobs, HUGGING_FACE.stream: [stream]})
    async with server.running():
        pace = replace(SHORT, quiet=0.1, quiet_again=0.1, grace=0.1)
        told = await followed_as("auto", server.origin, HUGGING_FACE.job_id, pace)
    assert [shown(event) for event in told.events] == [HUGGING_FACE.lines[0][:3]]
    assert told.ending == (Status.FAILED, 1)
    assert told.run.failure == "The image could not be built"


# The past, ids and progress


@pytest.mark.parametrize(
    ("case", "past"), [(HUGGING_FACE, slice(4)), (LOCALAI, slice(3, 4))], ids=["replays", "resumes"]
)
async def test_without_a_stream_what_a_stream_tells_at_once_is_the_past(case: Case, past: slice) -> None:
    [*_, last] = case.endings[Status.SUCCEEDED].streams[case.stream]
    # The service goes on in silence: there is nothing more yet.
    told = await told_by(case, case.server(more={case.stream: [[*last, End.HANG]]}), stream=False)
    assert [shown(event) for event in told.events] == [line[:3] for line in case.told(Status.SUCCEEDED)[past]]
    assert told.ending == (Status.PENDING, 0)


async def test_an_id_without_a_namespace_is_that_of_the_key_s_owner() -> None:
    server = HUGGING_FACE.server(more={"/api/whoami-v2": [answer({"name": "someone"})]})
    told = await told_by(HUGGING_FACE, server, job_id=HF_ID)
    assert [shown(event) for event in told.events] == [line[:3] for line in HUGGING_FACE.lines]
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_a_job_that_no_api_knows_is_told_with_the_routes_that_were_asked() -> None:
    server = Server({})
    told = await told_by(MISTRAL, server, job_id="my-job")
    assert told.run.exit_status == 4
    for path in ("/fine-tunes/my-job", "/fine_tuning/jobs/my-job", "/api/fine-tuning/jobs/my-job"):
        assert path in told.sentence
    assert len({request.target for request in server.requests}) <= 8


async def test_progress_in_the_job_object_is_shown() -> None:
    job = {**TOGETHER_JOB, "status": "pending", "queue_depth": 2, "total_steps": 40, "steps_completed": 10}
    job["progress"] = {"estimate_available": True, "seconds_remaining": 240}
    told = await told_by(TOGETHER, TOGETHER.server(more={TOGETHER.path: [answer(job)]}), stream=False)
    assert (told.run.queue, told.run.step, told.run.total_steps) == (2, 10, 40)
    assert told.run.job is not None
    assert told.run.job.progress.remaining == 240


async def followed_to(state: str, **fields: Any) -> Run:
    """Return what is known of a job of Fireworks while it is in this state."""
    server = FIREWORKS.server(more={FIREWORKS.path: [answer(fireworks(state, **fields).job)]})
    return (await told_by(FIREWORKS, server, stream=False)).run


async def test_a_percentage_of_the_job_object_is_the_progress_and_never_the_end() -> None:
    progress = {"percent": 58, "epoch": 1}
    run = await followed_to("JOB_STATE_RUNNING", jobProgress=progress)
    assert run.progress == 0.58
    run = await followed_to("JOB_STATE_FAILED", jobProgress={**progress, "percent": 100})
    assert (run.progress, run.exit_status) == (0.99, 1)
    documents: Sequence[tuple[str, Fields]] = (
        ("nemo-customizer", NEMO_FAILED),
        ("nemo-platform", PLATFORM_ACTIVE),
    )
    for name, document in documents:
        told = named(name).read_job(json.dumps({**document, "percentage_done": 58}).encode()).job
        assert told.progress.share == 0.58
    odds: Sequence[Any] = ({"percent": "half"}, {"percent": 900}, {"percent": None}, [], "58")
    for odd in odds:
        assert (await followed_to("JOB_STATE_RUNNING", jobProgress=odd)).progress is None
