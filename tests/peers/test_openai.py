from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import running
from tests.demo.process import Demo
from tests.peers.peer import (
    Entry,
    Told,
    act,
    asked,
    client_of,
    endless,
    figures,
    finished,
    followed,
    listed,
    shown,
    time,
    told,
)

pytestmark = [pytest.mark.peers, pytest.mark.slow]

CLIENTS = ["openai==1.109.*", "openai>=3"]
"""The last client of its first generation, and the newest one."""

SECOND_API = ("--provider", "fine-tuning-jobs")
"""The demo serves OpenAI's first API at the same address, which goes first in a list."""

READ = """
import json, sys, openai
client = openai.OpenAI(base_url=sys.argv[1], api_key="sk-any")
jobs, job_id = client.fine_tuning.jobs, sys.argv[2]
print(json.dumps({
    "job": jobs.retrieve(job_id).to_dict(),
    "jobs": [job.id for job in jobs.list(limit=1)],
    "events": [event.to_dict() for event in jobs.list_events(job_id, limit=7)][::-1],
    "checkpoints": [each.to_dict() for each in jobs.checkpoints.list(job_id, limit=1)][::-1],
}))
"""

ACT = """
import json, sys, openai
client = openai.OpenAI(base_url=sys.argv[1], api_key="sk-any", max_retries=0)
try:
    job = getattr(client.fine_tuning.jobs, sys.argv[3])(sys.argv[2])
    print(json.dumps({"status": job.status}))
except openai.APIStatusError as error:
    print(json.dumps({"refused": error.status_code, "error": error.body}))
"""


@pytest.fixture(scope="module", params=CLIENTS)
def openai(request: pytest.FixtureRequest) -> Path:
    return client_of(request.param)


@pytest.fixture(scope="module")
def newest() -> Path:
    return client_of(CLIENTS[-1])


@pytest.fixture(scope="module")
def story() -> Iterator[Told]:
    with told("fine-tuning-jobs") as told_live:
        yield told_live


def entries(events: list[dict[str, Any]]) -> list[Entry]:
    levels = {"warn": "warning"}
    return [
        Entry(
            time(event["created_at"]),
            event["message"],
            levels.get(event["level"], event["level"]),
            event["id"],
            *figures(event["data"]),
        )
        for event in events
    ]


def checkpoints(each: list[dict[str, Any]]) -> list[Entry]:
    return [Entry(time(one["created_at"]), None, "info", one["id"], *figures(one["metrics"])) for one in each]


def change(python: Path, service: Demo, home: Path, action: str) -> Any:
    return asked(python, ACT, service, home, action)


def test_ftmon_tells_live_what_openais_client_reads_event_for_event(
    openai: Path, story: Told, tmp_path: Path
) -> None:
    service, ours = story
    theirs = asked(openai, READ, service, tmp_path)
    assert shown(ours.without("checkpoint")) == entries(theirs["events"])
    assert len(theirs["events"]) > 50
    assert [entry._replace(message=None) for entry in shown(ours.of_type("checkpoint"))] == checkpoints(
        theirs["checkpoints"]
    )
    for event, checkpoint in zip(ours.of_type("checkpoint"), theirs["checkpoints"], strict=True):
        assert checkpoint["fine_tuned_model_checkpoint"] in event["message"]
    job = theirs["job"]
    assert theirs["jobs"] == [job["id"]] == [ours.job["id"]] == listed(service, *SECOND_API)
    assert ours.job["provider_status"] == job["status"] == "succeeded"
    for name in ("model", "fine_tuned_model"):
        assert ours.job[name] == job[name]
    for name in ("created_at", "finished_at"):
        assert time(ours.job[name]) == time(job[name])


def test_a_failure_and_its_reason_are_those_of_openais_client(openai: Path, tmp_path: Path) -> None:
    with finished("fine-tuning-jobs", "--fail") as service:
        theirs = asked(openai, READ, service, tmp_path)
        ours = followed(service, "--no-stream")
    assert ours.job["status"] == theirs["job"]["status"] == "failed"
    assert ours.job["error"] == theirs["job"]["error"]["message"]
    assert ours.without("checkpoint")[-1]["level"] == theirs["events"][-1]["level"] == "error"


def test_openais_client_pauses_and_cancels_and_ftmon_tells_it(newest: Path, tmp_path: Path) -> None:
    with (
        endless("fine-tuning-jobs") as service,
        running(service.job_id, "--base-url", service.base_url, "--plain", "--no-history") as command,
    ):
        assert "Created fine-tune" in command.line()
        assert change(newest, service, tmp_path, "pause") == {"status": "paused"}
        assert change(newest, service, tmp_path, "pause")["refused"] == 400
        assert change(newest, service, tmp_path, "resume") == {"status": "running"}
        assert change(newest, service, tmp_path, "cancel") == {"status": "cancelled"}
        assert change(newest, service, tmp_path, "cancel")["refused"] == 400
        rest = "".join(command.rest())
        assert command.wait() == 3
    for message in ("Fine-tune paused", "Fine-tune resumed", "Fine-tune cancelled"):
        assert rest.count(message) == 1


def test_openais_client_is_told_of_an_unknown_job_as_by_openai(openai: Path, tmp_path: Path) -> None:
    with endless("fine-tuning-jobs") as service:
        unknown = Demo(service.process, service.base_url, "123")
        answer = change(openai, unknown, tmp_path, "cancel")
    assert answer["refused"] == 404
    assert answer["error"]["code"] == "fine_tune_not_found"


def test_ftmon_pauses_and_cancels_and_openais_client_sees_it(newest: Path, tmp_path: Path) -> None:
    with endless("fine-tuning-jobs") as service:
        for command, options, status in (
            ("pause", [], "paused"),
            ("resume", [], "running"),
            ("cancel", ["--yes"], "cancelled"),
        ):
            assert act(service, command, *options) == 0
            assert asked(newest, READ, service, tmp_path)["job"]["status"] == status
            assert act(service, command, *options) == 4
