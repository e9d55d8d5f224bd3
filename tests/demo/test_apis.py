import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ftmon.model.job import Status
from ftmon.serving.apis import APIS
from ftmon.settings import Settings
from ftmon.tui.app import FtmonApp
from ftmon.watch.watcher import Watcher
from tests.command import objects, running
from tests.demo.process import Demo, await_message, demo
from tests.front_end import watch, watching
from tests.servers.scripted import Server
from tests.test_follow import PACE, followed_as
from tests.test_services import points
from tests.tui.stage import Stage

pytestmark = pytest.mark.slow

LIVELY = ("--speed=10", "--steps=12", "--epochs=2")
"""About a second from the queue to the end."""
OFTEN = replace(PACE, poll=0.05, late=0.2, lag=5)

EXACT = ("fine-tuning-jobs", "together", "mistral")
"""The APIs that send figures as numbers; the others round them in a message."""

every_api = pytest.mark.parametrize("api", APIS)


def story_of(service: Demo) -> list[dict[str, Any]]:
    """Return the events of a job that is over as the second API tells them, oldest first."""
    origin = f"http://127.0.0.1:{service.address[1]}"
    (job,) = httpx.get(f"{origin}/v1/fine_tuning/jobs").json()["data"]
    page = httpx.get(f"{origin}/v1/fine_tuning/jobs/{job['id']}/events?limit=100").json()
    assert not page["has_more"]
    events: list[dict[str, Any]] = page["data"][::-1]
    return events


def expected(api: str, story: list[dict[str, Any]]) -> list[str]:
    """Return the messages that ftmon tells of this story, without those that it makes of figures."""
    messages = [event["message"] for event in story]
    if api == "hugging-face":
        return [f"===== Job started at {at(story[0])} =====", *messages]
    if api == "together":
        return [event["message"] for event in story if event["type"] != "metrics"]
    if api == "mistral":
        return ["The job is pending (QUEUED)", "The job is running", "The job succeeded (SUCCESS)"]
    return messages


def at(event: dict[str, Any]) -> str:
    return f"{datetime.fromtimestamp(event['created_at'], UTC):%Y-%m-%d %H:%M:%S}"


def losses(story: list[dict[str, Any]], name: str) -> list[tuple[int, float]]:
    return [(event["data"]["step"], event["data"][name]) for event in story if name in event["data"]]


def messages_of(events: list[dict[str, Any]], api: str) -> list[str]:
    """Return the messages of those events that ftmon did not make of a list of figures."""
    made = {"checkpoint"} if api not in ("together", "mistral") else {"checkpoint", "metrics"}
    return [event["message"] for event in events if event.get("type") not in made]


@every_api
async def test_a_job_is_followed_live_from_the_queue_to_its_end(api: str) -> None:
    with demo(*LIVELY, f"--api={api}") as service:
        told = await followed_as("auto", service.base_url, service.job_id, OFTEN)
        story = story_of(service)
    assert told.ending == (Status.SUCCEEDED, 0)
    assert messages_of(told.fields, api) == expected(api, story)
    train, valid = points(told.run.train_loss), points(told.run.valid_loss)
    if api in EXACT:
        assert set(train) <= set(losses(story, "train_loss"))
        assert set(valid) <= set(losses(story, "valid_loss"))
    assert [step for step, _ in train] == ([6, 12] if api == "mistral" else list(range(1, 13)))
    assert [step for step, _ in valid] == ([12] if api == "mistral" else [10, 12])
    checkpoints = [event for event in told.fields if event.get("type") == "checkpoint"]
    assert len(checkpoints) == (2 if api in EXACT else 0)


@every_api
async def test_a_job_that_fails_is_told_as_failed_with_its_reason(api: str) -> None:
    with demo(*LIVELY, "--fail", f"--api={api}") as service:
        told = await followed_as("auto", service.base_url, service.job_id, OFTEN)
    assert told.ending == (Status.FAILED, 1)
    if api != "mistral":
        assert told.run.failure
        assert "The training has diverged" in told.run.failure


@every_api
async def test_a_job_is_cancelled_over_every_api(api: str) -> None:
    with demo("--speed=0.01", f"--api={api}") as service:
        async with watching(Settings(service.base_url), pace=OFTEN) as front_end:
            key = front_end.watch(service.job_id)
            await front_end.until(lambda: front_end.run(key).status is Status.PENDING)
            cancellation = await front_end.cancel(service.job_id)
            assert cancellation.job
            assert cancellation.job.status is Status.CANCELLED
            await front_end.until_over()
            assert front_end.run(key).exit_status == 3


@every_api
async def test_the_screen_shows_a_job_from_the_queue_to_its_end(api: str) -> None:
    with demo(*LIVELY, f"--api={api}") as service:
        watcher = Watcher(Settings(service.base_url), pace=OFTEN)
        app = FtmonApp(watcher, watch(watcher, service.job_id), now=lambda: datetime.now(UTC))
        try:
            async with app.run_test(size=(100, 30)) as pilot:
                seen = Stage(app, pilot, Server({}))
                await seen.until_shown("■ closed")
                assert service.job_id in seen.text
                assert "✔ succeeded" in seen.text
                assert re.search(r" loss +(⠤⠤ )?train ", seen.text)
        finally:
            watcher.close()


@every_api
def test_lines_and_json_lines_tell_the_same_to_the_same_end(api: str) -> None:
    with demo(*LIVELY, f"--api={api}") as service:
        # While a job waits in its queue, it is asked for seldom.
        await_message(service, "Fine-tune started")
        address = (service.job_id, "--base-url", service.base_url, "--no-history")
        with running(*address, "--plain") as plain, running(*address, "--json") as structured:
            *events, job = objects("".join(structured.rest()))
            lines = plain.rest()
            assert (structured.wait(), plain.wait()) == (0, 0)
        story = story_of(service)
    assert messages_of(events, api) == expected(api, story)
    assert (job["status"], job["events"]) == ("succeeded", len(events))
    told = [line[len("2026-01-31 12:00:00  ") :].rstrip("\n") for line in lines[: len(events)]]
    # Each of them reads the lists of figures at a time of its own.
    assert sorted(told) == sorted(event["message"] for event in events)
    assert lines[len(events) + 1].startswith(f"✔ {service.job_id} succeeded")
