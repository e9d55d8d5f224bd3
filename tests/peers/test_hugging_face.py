from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import running
from tests.demo.process import Demo, demo
from tests.peers.peer import (
    LIVELY,
    Told,
    act,
    asked,
    client_of,
    endless,
    finished,
    followed,
    listed,
    time,
    told,
)

pytestmark = [pytest.mark.peers, pytest.mark.slow]

CLIENT = "huggingface_hub>=2"

READ = """
import json, sys
from huggingface_hub import HfApi
api, job_id = HfApi(), sys.argv[2]
job = api.inspect_job(job_id=job_id)
print(json.dumps({
    "lines": list(api.fetch_job_logs(job_id=job_id, follow=True)),
    "tail": list(api.fetch_job_logs(job_id=job_id, follow=True, tail=3)),
    "jobs": [f"{each.owner.name}/{each.id}" for each in api.list_jobs(namespace=api.whoami()["name"])],
    "stage": job.status.stage,
    "message": job.status.message,
    "created_at": job.created_at.isoformat(),
    "finished_at": job.finished_at.isoformat(),
    "image": job.docker_image,
}))
"""

FOLLOW = """
import json, sys
from huggingface_hub import HfApi
api, job_id = HfApi(), sys.argv[2]
lines = list(api.fetch_job_logs(job_id=job_id, follow=True))
print(json.dumps({"lines": lines, "stage": api.wait_for_job(job_id=job_id).status.stage}))
"""

CANCEL = """
import json, sys
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
api = HfApi()
try:
    api.cancel_job(job_id=sys.argv[2])
    print(json.dumps({"stage": api.inspect_job(job_id=sys.argv[2]).status.stage}))
except HfHubHTTPError as error:
    print(json.dumps({"refused": error.response.status_code, "says": str(error)}))
"""


@pytest.fixture(scope="module")
def hub() -> Path:
    return client_of(CLIENT)


@pytest.fixture(scope="module")
def story() -> Iterator[Told]:
    with told("hugging-face") as told_live:
        yield told_live


def ask(python: Path, script: str, service: Demo, home: Path) -> Any:
    where = {"HF_ENDPOINT": service.base_url, "HF_TOKEN": "hf_any", "HF_HOME": str(home)}
    return asked(python, script, service, home, **where)


def test_ftmon_tells_live_what_hugging_faces_client_reads_line_for_line(
    hub: Path, story: Told, tmp_path: Path
) -> None:
    service, ours = story
    theirs = ask(hub, READ, service, tmp_path)
    # The client drops the banner of the log.
    banner, *lines = [event["message"] for event in ours.events]
    assert banner.startswith("===== Job started at ")
    assert lines == theirs["lines"]
    assert len(lines) > 50
    assert theirs["tail"] == lines[-3:]
    losses = [event["data"]["train_loss"] for event in ours.of_type("metrics")]
    told_losses = [
        line.split("training loss=")[1][:4] for line in theirs["lines"] if line.startswith("Step ")
    ]
    assert [f"{loss:.2f}" for loss in losses] == told_losses
    assert theirs["jobs"] == [f"ftmon/{service.job_id}"] == listed(service)
    assert (ours.job["status"], ours.job["provider_status"]) == ("succeeded", theirs["stage"])
    assert ours.job["model"] == theirs["image"]
    for name in ("created_at", "finished_at"):
        assert time(ours.job[name]) == time(theirs[name])


def test_a_log_that_is_cut_is_the_same_to_both(hub: Path, tmp_path: Path) -> None:
    with demo(*LIVELY, "--cut-after=30", "--api=hugging-face") as service:
        theirs = ask(hub, FOLLOW, service, tmp_path)
        assert theirs["stage"] == "COMPLETED"
    with demo(*LIVELY, "--cut-after=30", "--api=hugging-face") as service:
        ours = followed(service)
    told = [event["message"] for event in ours.events[1:]]
    assert steps(told) == steps(theirs["lines"])
    assert len(told) == len(theirs["lines"])


def steps(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(("Step ", "Completed ", "Fine-tune "))]


def test_a_failure_and_its_reason_are_those_of_hugging_faces_client(hub: Path, tmp_path: Path) -> None:
    with finished("hugging-face", "--fail") as service:
        theirs = ask(hub, READ, service, tmp_path)
        ours = followed(service, "--no-stream")
    assert (ours.job["status"], theirs["stage"]) == ("failed", "ERROR")
    assert ours.job["error"] == theirs["message"]


def test_hugging_faces_client_cancels_and_ftmon_tells_it(hub: Path, tmp_path: Path) -> None:
    with (
        endless("hugging-face") as service,
        running(service.job_id, "--base-url", service.base_url, "--plain", "--no-history") as command,
    ):
        assert "Job started" in command.line()
        assert ask(hub, CANCEL, service, tmp_path) == {"stage": "CANCELED"}
        assert ask(hub, CANCEL, service, tmp_path)["refused"] == 400
        assert "".join(command.rest()).count("Fine-tune cancelled") == 1
        assert command.wait() == 3


def test_ftmon_cancels_and_hugging_faces_client_sees_it(hub: Path, tmp_path: Path) -> None:
    with endless("hugging-face") as service:
        assert act(service, "cancel", "--yes") == 0
        assert ask(hub, FOLLOW, service, tmp_path)["stage"] == "CANCELED"
        assert act(service, "cancel", "--yes") == 4
