"""Cancelling, pausing and resuming a job: each API's own answers, and the commands."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from ftmon.errors import RefusedError, UnreachableError
from ftmon.model.action import Action, ActionOutcome
from ftmon.model.job import Job, Status
from ftmon.model.key import JobKey
from ftmon.settings import Settings
from tests.command import FTMON, ftmon, running
from tests.front_end import watching
from tests.servers.fine_tunes import JOB, JOB_ID, answer, failure, refusal, stream
from tests.servers.fine_tunes import job as first_job
from tests.servers.fine_tuning_jobs import sample
from tests.servers.scripted import End, Script, Server, free_port
from tests.servers.services import (
    DASHSCOPE_ID,
    FIREWORKS_ID,
    FIREWORKS_JOB,
    HF_ID,
    LOCALAI_ID,
    LOCALAI_JOB,
    MISTRAL_DONE,
    MISTRAL_ID,
    NEMO_FAILED,
    NEMO_ID,
    PLATFORM_ACTIVE,
    REPLICATE_ID,
    REPLICATE_PROCESSING,
    TOGETHER_ID,
    TOGETHER_JOB,
    UNSLOTH_ID,
    UNSLOTH_LOSSES,
    dashscope,
    hf,
    unsloth,
)
from tests.terminal import terminal
from tests.tui.stage import stage

WILL_BE = "The service says that the job will be cancelled."
IS = "The service says that the job is cancelled."


@dataclass(frozen=True)
class Case:
    """What a service answers to a POST, and what its job is then."""

    provider: str
    job_id: str
    job: str
    path: str
    answered: Any
    readings: Sequence[Any]
    """Of the job, before and after."""
    sentence: str
    action: Action = Action.CANCEL


OPENAI_JOB = sample("openai_job_running")
OPENAI_ID: str = OPENAI_JOB["id"]
LEGACY = sample("openai_legacy_cancel_response")
OPENAI_PATH = f"/fine_tuning/jobs/{OPENAI_ID}"
FIREWORKS_PATH = "/accounts/someone/supervisedFineTuningJobs/my-tuning-job"


def openai(status: str) -> Mapping[str, Any]:
    return {**OPENAI_JOB, "status": status}


PLATFORM_PATH = "/apis/jobs/v2/workspaces/default/jobs/my-sft-job"


def platform(status: str) -> Mapping[str, Any]:
    return {"id": "platform-job-1", "name": "my-sft-job", "workspace": "default", "status": status}


CASES = {
    "OpenAI's first API": Case(
        "fine-tunes",
        LEGACY["id"],
        f"/fine-tunes/{LEGACY['id']}",
        f"/fine-tunes/{LEGACY['id']}/cancel",
        LEGACY,
        [{**LEGACY, "status": "running"}],
        IS,
    ),
    "OpenAI": Case(
        "openai", OPENAI_ID, OPENAI_PATH, f"{OPENAI_PATH}/cancel", openai("cancelled"), [OPENAI_JOB], IS
    ),
    "OpenAI, pausing": Case(
        "openai",
        OPENAI_ID,
        OPENAI_PATH,
        f"{OPENAI_PATH}/pause",
        openai("pausing"),
        [OPENAI_JOB],
        "The service says that the job will be paused.",
        Action.PAUSE,
    ),
    "OpenAI, paused": Case(
        "openai",
        OPENAI_ID,
        OPENAI_PATH,
        f"{OPENAI_PATH}/pause",
        openai("paused"),
        [OPENAI_JOB],
        "The service says that the job is paused.",
        Action.PAUSE,
    ),
    "OpenAI, resumed": Case(
        "openai",
        OPENAI_ID,
        OPENAI_PATH,
        f"{OPENAI_PATH}/resume",
        openai("queued"),
        [openai("paused")],
        "The service says that the job will be resumed.",
        Action.RESUME,
    ),
    # Made of together 3.1.1, `FineTuningCancelResponse`
    "Together": Case(
        "together",
        TOGETHER_ID,
        f"/fine-tunes/{TOGETHER_ID}",
        f"/fine-tunes/{TOGETHER_ID}/cancel",
        {**TOGETHER_JOB, "status": "cancel_requested"},
        [{**TOGETHER_JOB, "status": "running"}],
        WILL_BE,
    ),
    "Mistral": Case(
        "mistral",
        MISTRAL_ID,
        f"/fine_tuning/jobs/{MISTRAL_ID}",
        f"/fine_tuning/jobs/{MISTRAL_ID}/cancel",
        {**MISTRAL_DONE, "status": "CANCELLATION_REQUESTED"},
        [{**MISTRAL_DONE, "status": "RUNNING"}],
        WILL_BE,
    ),
    # huggingface_hub reads no answer.
    "Hugging Face Jobs": Case(
        "hugging-face",
        f"someone/{HF_ID}",
        f"/api/jobs/someone/{HF_ID}",
        f"/api/jobs/someone/{HF_ID}/cancel",
        b"",
        [hf("RUNNING").job, hf("CANCELED").job],
        IS,
    ),
    # LocalAI 82c191afa, `StopFineTuneJobEndpoint`
    "LocalAI": Case(
        "localai",
        LOCALAI_ID,
        f"/api/fine-tuning/jobs/{LOCALAI_ID}",
        f"/api/fine-tuning/jobs/{LOCALAI_ID}/stop?save_checkpoint=true",
        {"status": "stopped", "message": "Fine-tuning job stopped"},
        [{**LOCALAI_JOB, "status": "training"}, {**LOCALAI_JOB, "status": "stopped"}],
        IS,
    ),
    # Studio's backend 015bdef0d, `stop_training`
    "Unsloth Studio": Case(
        "unsloth",
        UNSLOTH_ID,
        f"/api/train/runs/{UNSLOTH_ID}",
        "/api/train/stop",
        {"status": "stopped", "message": "Stop requested. Training will stop at the next safe step."},
        [unsloth("running", UNSLOTH_LOSSES), unsloth("stopped", UNSLOTH_LOSSES)],
        IS,
    ),
    # nemo-microservices 1.5.0 reads a job, which has no history of its status.
    "NeMo Customizer": Case(
        "nemo",
        NEMO_ID,
        f"/v1/customization/jobs/{NEMO_ID}/status",
        f"/v1/customization/jobs/{NEMO_ID}/cancel",
        {"id": NEMO_ID, "status": "cancelling", "config": "a/b", "dataset": "c"},
        [{**NEMO_FAILED, "status": "running"}, {**NEMO_FAILED, "status": "cancelling"}],
        WILL_BE,
    ),
    # The documentation of NeMo Platform, `cancel-job`: a job, without its steps
    "NeMo Platform": Case(
        "nemo-platform",
        "default/my-sft-job",
        f"{PLATFORM_PATH}/status",
        f"{PLATFORM_PATH}/cancel",
        platform("cancelled"),
        [PLATFORM_ACTIVE, {**PLATFORM_ACTIVE, "status": "cancelling"}],
        WILL_BE,
    ),
    "NeMo Platform, paused": Case(
        "nemo-platform",
        "default/my-sft-job",
        f"{PLATFORM_PATH}/status",
        f"{PLATFORM_PATH}/pause",
        platform("pausing"),
        [PLATFORM_ACTIVE, {**PLATFORM_ACTIVE, "status": "paused"}],
        "The service says that the job is paused.",
        Action.PAUSE,
    ),
    "NeMo Platform, resumed": Case(
        "nemo-platform",
        "default/my-sft-job",
        f"{PLATFORM_PATH}/status",
        f"{PLATFORM_PATH}/resume",
        platform("resuming"),
        [{**PLATFORM_ACTIVE, "status": "paused"}, {**PLATFORM_ACTIVE, "status": "resuming"}],
        "The service says that the job is resumed.",
        Action.RESUME,
    ),
    # dashscope 2.0.2, `CancelDeleteStatus`
    "DashScope": Case(
        "dashscope",
        DASHSCOPE_ID,
        f"/fine-tunes/{DASHSCOPE_ID}",
        f"/fine-tunes/{DASHSCOPE_ID}/cancel",
        {"request_id": "1", "output": {"status": "success"}},
        [dashscope("RUNNING", 0).job, dashscope("CANCELING", 0).job],
        WILL_BE,
    ),
    "Replicate": Case(
        "replicate",
        REPLICATE_ID,
        f"/trainings/{REPLICATE_ID}",
        f"/trainings/{REPLICATE_ID}/cancel",
        {**REPLICATE_PROCESSING, "status": "canceled"},
        [REPLICATE_PROCESSING],
        IS,
    ),
    # fireworks-ai 1.2.30 reads any object after a cancel, and a job after a resume.
    "Fireworks": Case(
        "fireworks",
        FIREWORKS_ID,
        FIREWORKS_PATH,
        f"{FIREWORKS_PATH}:cancel",
        {},
        [{**FIREWORKS_JOB, "state": f"JOB_STATE_{word}"} for word in ("RUNNING", "CANCELLING")],
        WILL_BE,
    ),
    "Fireworks, resumed": Case(
        "fireworks",
        FIREWORKS_ID,
        FIREWORKS_PATH,
        f"{FIREWORKS_PATH}:resume",
        {**FIREWORKS_JOB, "state": "JOB_STATE_RUNNING"},
        [{**FIREWORKS_JOB, "state": "JOB_STATE_PAUSED"}],
        "The service says that the job is resumed.",
        Action.RESUME,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_each_service_is_asked_in_its_way(case: Case) -> None:
    server = Server({case.job: list(map(answer, case.readings)), case.path: [answer(case.answered)]})
    async with server.running():
        settings = Settings(server.origin, provider=case.provider)
        async with watching(settings) as front_end:
            key = JobKey(settings.base_url, case.job_id)
            outcome = await asyncio.wrap_future(front_end.watcher.ask(case.action, key))
    assert outcome.sentence == case.sentence
    assert outcome.is_settled
    assert not outcome.is_too_late
    assert [request.method for request in server.asked(case.path)] == ["POST"]


async def test_a_service_that_wants_a_put_is_asked_again_with_it() -> None:
    # As Scale's llm-engine answers (PROTOCOL §7).
    path, cancel = f"/fine-tunes/{LEGACY['id']}", f"/fine-tunes/{LEGACY['id']}/cancel"
    jobs = [answer({"id": LEGACY["id"], "status": word}) for word in ("RUNNING", "CANCELLED")]
    answers = [answer({"detail": "Method Not Allowed"}, 405), answer({"success": True})]
    server = Server({path: jobs, cancel: answers})
    async with server.running():
        settings = Settings(server.origin, provider="fine-tunes")
        async with watching(settings) as front_end:
            key = JobKey(settings.base_url, LEGACY["id"])
            outcome = await asyncio.wrap_future(front_end.watcher.ask(Action.CANCEL, key))
    assert outcome.sentence == IS
    assert [request.method for request in server.asked(cancel)] == ["POST", "PUT"]


async def test_a_stop_names_the_run_so_that_no_other_one_is_stopped() -> None:
    stop = "/api/train/stop"
    running = unsloth("running", UNSLOTH_LOSSES)
    superseded = answer({"detail": "The requested training job is no longer active."}, 409)
    server = Server({f"/api/train/runs/{UNSLOTH_ID}": [answer(running)], stop: [superseded]})
    async with server.running():
        settings = Settings(server.origin, provider="unsloth")
        async with watching(settings) as front_end:
            key = JobKey(settings.base_url, UNSLOTH_ID)
            with pytest.raises(UnreachableError, match="no longer active"):
                await asyncio.wrap_future(front_end.watcher.ask(Action.CANCEL, key))
    [request] = server.asked(stop)
    assert json.loads(request.body) == {"save": True, "expected_job_id": UNSLOTH_ID}
    assert request.headers["content-type"] == "application/json"


async def test_an_api_without_a_route_is_not_asked() -> None:
    server = Server({f"/trainings/{REPLICATE_ID}": [answer(REPLICATE_PROCESSING)]})
    async with server.running():
        settings = Settings(server.origin, provider="replicate")
        async with watching(settings) as front_end:
            key = JobKey(settings.base_url, REPLICATE_ID)
            with pytest.raises(RefusedError, match="This service has no way to pause a job"):
                await asyncio.wrap_future(front_end.watcher.ask(Action.PAUSE, key))
    assert all(request.method == "GET" for request in server.requests)


# The commands


RUNNING = answer(first_job())


async def asked(
    *arguments: str, script: Script | None, before: Script = RUNNING
) -> tuple[int, str, str, Server]:
    """Run a command against a service that answers a POST of any kind with this script."""
    posts = {f"{JOB}/{verb}": [script] for verb in ("cancel", "pause") if script is not None}
    server = Server({JOB: [before], **posts})
    async with server.running():
        done = await asyncio.to_thread(ftmon, *arguments, "--base-url", f"{server.origin}/v1")
    return done.returncode, done.stdout.decode(), done.stderr.decode(), server


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "before", "exit_status", "words"),
    [
        (answer(first_job("cancelled")), RUNNING, 0, IS),
        (answer(first_job("running")), RUNNING, 0, WILL_BE),
        (
            refusal(400, "Already over."),
            answer(first_job()),
            4,
            "was not cancelled. The service refuses (400): Already over.",
        ),
        (
            answer(first_job("succeeded")),
            answer(first_job()),
            4,
            "over before it could be cancelled",
        ),
        (None, RUNNING, 4, "This service seems to have no way to cancel a job."),
        (failure(502), RUNNING, 5, "It is not known whether the job will be cancelled"),
        (None, refusal(404, "No such job"), 4, "No such job"),
    ],
    ids=["cancelled", "will be", "refused", "too late", "no route", "unclear", "no job"],
)
async def test_the_exit_status_tells_what_came_of_it(
    script: Script | None, before: Script, exit_status: int, words: str
) -> None:
    status, out, err, _ = await asked("cancel", JOB_ID, "--yes", script=script, before=before)
    assert status == exit_status
    assert words in (out if status == 0 else err)
    assert not (err if status == 0 else out)


@pytest.mark.slow
async def test_a_service_that_cannot_be_reached_was_not_asked() -> None:
    with free_port() as port:
        url = f"http://127.0.0.1:{port.getsockname()[1]}/v1"
        done = await asyncio.to_thread(ftmon, "cancel", JOB_ID, "--yes", "--base-url", url)
    assert done.returncode == 5
    assert b"The job was not cancelled: 127.0.0.1" in done.stderr


@pytest.mark.slow
async def test_without_a_terminal_a_cancel_wants_a_yes_and_nothing_is_asked() -> None:
    status, _, err, server = await asked("cancel", JOB_ID, script=answer(first_job("cancelled")))
    assert status == 2
    assert "--yes cancels without asking" in err
    assert not server.requests


@pytest.mark.slow
async def test_a_pause_needs_no_yes() -> None:
    # A server of one's own may have the route, though OpenAI's first API has none.
    status, _, err, server = await asked("pause", JOB_ID, script=answer(first_job("paused")))
    assert status == 4
    assert err == "ftmon: The job was not paused. This service has no way to pause a job.\n"
    assert all(request.method == "GET" for request in server.requests)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "status"), [("y\n", 0), ("\n", 130), ("no\n", 130), ("\x04", 130), ("\x03", 130)]
)
async def test_on_a_terminal_a_cancel_asks_first(typed: str, status: int) -> None:
    server = Server({JOB: [answer(first_job())], f"{JOB}/cancel": [answer(first_job("cancelled"))]})
    async with server.running():
        command = [*FTMON, "cancel", JOB_ID, "--base-url", f"{server.origin}/v1"]

        def answer_question() -> int:
            with terminal(command) as shown:
                shown.until_shown("[y/N]")
                shown.press(typed)
                return shown.wait()

        assert await asyncio.to_thread(answer_question) == status
    assert len(server.asked(f"{JOB}/cancel")) == (status == 0)


@pytest.mark.slow
async def test_a_timeout_ends_the_waiting() -> None:
    never: Script = [asyncio.Event()]
    server = Server({JOB: [never]})
    async with server.running():
        arguments = ("cancel", JOB_ID, "--yes", "--timeout", "1", "--base-url", f"{server.origin}/v1")
        done = await asyncio.to_thread(ftmon, *arguments)
    assert done.returncode == 124
    assert b"No answer came in time" in done.stderr


@pytest.mark.parametrize("arguments", [["cancel"], ["cancel", "../x"], ["pause", "ft-1", "--yes"]], ids=str)
def test_a_command_line_that_cannot_be_used_is_told(arguments: list[str]) -> None:
    done: subprocess.CompletedProcess[bytes] = ftmon(*arguments, "--base-url", "http://127.0.0.1:1/v1")
    assert done.returncode == 2
    assert done.stderr.startswith(b"ftmon: ")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_ends_the_waiting(number: signal.Signals) -> None:
    server = Server({JOB: [[asyncio.Event()]]})
    async with server.running():
        with running("cancel", JOB_ID, "--yes", "--base-url", f"{server.origin}/v1") as command:
            async with asyncio.timeout(20):
                await server.until(lambda: bool(server.asked(JOB)))
            command.signal(number)
            assert await asyncio.to_thread(command.wait) == 128 + number


# The palette


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "verb", "after", "toast"),
    [("running", "pause", "pausing", "will be paused"), ("paused", "resume", "running", "is resumed")],
)
async def test_a_job_is_paused_and_resumed_from_the_palette(
    before: str, verb: str, after: str, toast: str
) -> None:
    path = f"/v1{OPENAI_PATH}"
    server = {
        path: [answer(openai(before))],
        f"{path}/events?limit=100": [answer({"data": [], "has_more": False})],
        f"{path}/{verb}": [answer(openai(after))],
    }
    async with stage(server, job_id=OPENAI_ID, size=(100, 30)) as seen:
        await seen.until(lambda: seen.monitor.offer.allows(f"{verb}_job"))
        await seen.press("ctrl+p", *verb, "enter")
        await seen.until_shown(toast)
        assert [request.method for request in seen.server.asked(f"{path}/{verb}")] == ["POST"]


@pytest.mark.slow
async def test_an_api_that_cannot_pause_a_job_offers_no_pause() -> None:
    async with stage({JOB: [RUNNING], f"{JOB}/events?stream=true": [stream(End.HANG)]}) as seen:
        await seen.until(lambda: seen.monitor.offer.cancel_job)
        assert not seen.monitor.offer.pause_job


# What came of it


def doubtful(word: str, status: Status) -> ActionOutcome:
    return ActionOutcome(Action.CANCEL, Job("ft-1", status, provider_status=word), "the answer is empty")


@pytest.mark.parametrize("word", ["cancelling", "Canceling", "cancel_requested", "CANCELLATION_REQUESTED"])
def test_a_status_that_says_it_will_be_cancelled_settles_a_doubt(word: str) -> None:
    assert doubtful(word, Status.RUNNING).sentence == WILL_BE


@pytest.mark.parametrize("word", ["running", "cancel_failed", "pausing", ""])
def test_no_other_status_settles_a_doubt(word: str) -> None:
    outcome = doubtful(word, Status.RUNNING)
    assert not outcome.is_settled
    assert outcome.sentence.startswith(
        "It is not known whether the job will be cancelled: the answer is empty."
    )


def test_a_job_that_was_over_before_was_not_cancelled() -> None:
    outcome = doubtful("failed", Status.FAILED)
    assert outcome.is_too_late
    assert outcome.sentence == "The job was over before it could be cancelled: it failed."
