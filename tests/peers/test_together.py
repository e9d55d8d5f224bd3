from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.command import KEY, ftmon, objects
from tests.peers.peer import (
    Entry,
    Told,
    act,
    asked,
    client_of,
    endless,
    finished,
    followed,
    listed,
    shown,
    time,
    told,
)

pytestmark = [pytest.mark.peers, pytest.mark.slow]

CLIENT = "together>=3"

READ = """
import json, sys, together
client = together.Together(base_url=sys.argv[1].removesuffix("/v1"), api_key="any")
jobs, job_id = client.fine_tuning, sys.argv[2]
print(json.dumps({
    "job": jobs.retrieve(job_id).to_dict(mode="json"),
    "jobs": [job.id for job in jobs.list().data],
    "events": [event.to_dict(mode="json") for event in jobs.list_events(job_id).data],
    "metrics": jobs.list_metrics(job_id).metrics,
    "checkpoints": [each.to_dict(mode="json") for each in jobs.list_checkpoints(job_id).data],
}))
"""

CANCEL = """
import json, sys, together
client = together.Together(base_url=sys.argv[1].removesuffix("/v1"), api_key="any", max_retries=0)
try:
    print(json.dumps({"status": client.fine_tuning.cancel(sys.argv[2]).status}))
except together.APIStatusError as error:
    print(json.dumps({"refused": error.status_code}))
"""


@pytest.fixture(scope="module")
def together() -> Path:
    return client_of(CLIENT)


@pytest.fixture(scope="module")
def story() -> Iterator[Told]:
    with told("together") as told_live:
        yield told_live


def row(figures: dict[str, float]) -> Entry:
    """Return a row of figures; the client reads its nanoseconds as a float, which is exact to 1 µs."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(figures["timestamp"] / 1000))
    names = ("train/global_step", "train/loss", "eval/loss")
    return Entry(at, None, None, None, *(figures.get(name) for name in names))


def events(entries: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(time(each["created_at"]), each["message"], each["level"], each["type"]) for each in entries]


def test_ftmon_tells_live_what_togethers_client_reads_event_for_event(
    together: Path, story: Told, tmp_path: Path
) -> None:
    service, ours = story
    theirs = asked(together, READ, service, tmp_path)
    assert events(ours.without("metrics", "checkpoint")) == events(theirs["events"])
    assert len(theirs["events"]) > 10
    rows = [entry._replace(message=None, level=None) for entry in shown(ours.of_type("metrics"))]
    assert rows == [row(figures) for figures in theirs["metrics"]]
    assert len(rows) == 40 + 4
    job_id = service.job_id
    for event, checkpoint in zip(ours.of_type("checkpoint"), theirs["checkpoints"], strict=True):
        # The name that the client's own command prints.
        assert f"Checkpoint {job_id}:{checkpoint['step']}: " in event["message"]
        assert checkpoint["checkpoint_type"] in event["message"]
        assert event["data"]["step"] == checkpoint["step"]
        assert time(event["created_at"]) == time(checkpoint["created_at"])
    job = theirs["job"]
    assert theirs["jobs"] == [job["id"]] == [ours.job["id"]] == listed(service)
    assert (ours.job["status"], ours.job["provider_status"]) == ("succeeded", job["status"])
    assert ours.job["fine_tuned_model"] == job["model_output_name"]
    assert time(ours.job["created_at"]) == time(job["created_at"])


def test_the_variables_of_togethers_client_are_enough_for_ftmon(story: Told) -> None:
    service, ours = story
    done = ftmon(
        *(service.job_id, "--provider", "together", "--json", "--no-stream", "--no-history"),
        env={"TOGETHER_BASE_URL": service.base_url.removesuffix("/v1"), "TOGETHER_API_KEY": KEY},
    )
    assert (done.returncode, objects(done.stdout)[-1]) == (0, ours.job)


def test_a_failure_is_that_of_togethers_client(together: Path, tmp_path: Path) -> None:
    with finished("together", "--fail") as service:
        theirs = asked(together, READ, service, tmp_path)
        ours = followed(service, "--no-stream")
    assert (ours.job["status"], theirs["job"]["status"]) == ("failed", "error")
    last = theirs["events"][-1]
    assert (last["type"], last["level"]) == ("job_error", "error")
    assert ours.job["error"] == last["message"].removeprefix("Error: ")


def test_togethers_client_cancels_and_ftmon_tells_it(together: Path, tmp_path: Path) -> None:
    with endless("together") as service:
        assert asked(together, CANCEL, service, tmp_path) == {"status": "cancelled"}
        assert asked(together, CANCEL, service, tmp_path) == {"refused": 400}
        ours = followed(service, "--no-stream")
    assert ours.job["status"] == "cancelled"
    # The figures of a step of the same moment have finer times, and may stand behind it.
    assert "Fine-tune cancelled" in [event["message"] for event in ours.events[-3:]]


def test_ftmon_cancels_and_togethers_client_sees_it(together: Path, tmp_path: Path) -> None:
    with endless("together") as service:
        assert act(service, "cancel", "--yes") == 0
        assert asked(together, READ, service, tmp_path)["job"]["status"] == "cancelled"
        assert act(service, "cancel", "--yes") == 4
