from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.peer import (
    Entry,
    Told,
    act,
    asked,
    client_of,
    endless,
    figures,
    followed,
    listed,
    shown,
    time,
    told,
)

pytestmark = [pytest.mark.peers, pytest.mark.slow]

CLIENT = "mistralai==1.12.4"
"""The last one with fine-tuning."""

READ = """
import json, sys
from mistralai import Mistral
client = Mistral(server_url=sys.argv[1].removesuffix("/v1"), api_key="any")
jobs, job_id = client.fine_tuning.jobs, sys.argv[2]
print(json.dumps({
    "job": jobs.get(job_id=job_id).model_dump(mode="json"),
    "jobs": [job.id for job in jobs.list().data],
}))
"""

CANCEL = """
import json, sys
from mistralai import Mistral, models
client = Mistral(server_url=sys.argv[1].removesuffix("/v1"), api_key="any")
try:
    print(json.dumps({"status": client.fine_tuning.jobs.cancel(job_id=sys.argv[2]).status}))
except models.SDKError as error:
    print(json.dumps({"refused": error.status_code}))
"""

MESSAGES = {
    "QUEUED": "The job is pending (QUEUED)",
    "RUNNING": "The job is running",
    "SUCCESS": "The job succeeded (SUCCESS)",
}


@pytest.fixture(scope="module")
def mistral() -> Path:
    return client_of(CLIENT)


@pytest.fixture(scope="module")
def story() -> Iterator[Told]:
    with told("mistral") as told_live:
        yield told_live


def test_ftmon_tells_live_what_mistrals_client_reads_event_for_event(
    mistral: Path, story: Told, tmp_path: Path
) -> None:
    service, ours = story
    theirs = asked(mistral, READ, service, tmp_path)
    job = theirs["job"]
    changes = [
        Entry(time(event["created_at"]), MESSAGES[event["data"]["status"]], "info")
        for event in reversed(job["events"])
    ]
    assert shown(ours.of_type("status")) == changes
    assert len(changes) == 3
    checkpoints = [
        (time(each["created_at"]), *figures({**each["metrics"], "step": each["step_number"]}))
        for each in reversed(job["checkpoints"])
    ]
    told_checkpoints = ours.of_type("checkpoint")
    assert [(time(event["created_at"]), *figures(event["data"])) for event in told_checkpoints] == checkpoints
    assert len(checkpoints) == 2
    assert len(ours.events) == 5
    assert theirs["jobs"] == [job["id"]] == [ours.job["id"]] == listed(service)
    assert (ours.job["status"], ours.job["provider_status"]) == ("succeeded", job["status"])
    assert ours.job["fine_tuned_model"] == job["fine_tuned_model"]
    assert time(ours.job["finished_at"]) == time(job["modified_at"])


def test_mistrals_client_cancels_and_ftmon_tells_it(mistral: Path, tmp_path: Path) -> None:
    with endless("mistral") as service:
        assert asked(mistral, CANCEL, service, tmp_path) == {"status": "CANCELLED"}
        assert asked(mistral, CANCEL, service, tmp_path) == {"refused": 400}
        ours = followed(service, "--no-stream")
    assert ours.job["status"] == "cancelled"
    assert ours.events[-1]["message"] == "The job was cancelled"


def test_ftmon_cancels_and_mistrals_client_sees_it(mistral: Path, tmp_path: Path) -> None:
    with endless("mistral") as service:
        assert act(service, "cancel", "--yes") == 0
        assert asked(mistral, READ, service, tmp_path)["job"]["status"] == "CANCELLED"
        assert act(service, "cancel", "--yes") == 4
