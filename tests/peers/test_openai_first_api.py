import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.demo.process import QUICK, Demo, demo
from tests.local.test_folder import write
from tests.local.test_run import rows
from tests.package_index import installed
from tests.test_place import END
from tests.test_serve import serving

pytestmark = pytest.mark.peers

REQUIREMENT = "openai==0.27.10"
"""The last client of the fine-tunes API with a command line."""


@pytest.fixture(scope="module")
def openai() -> Path:
    return installed(REQUIREMENT) / "openai"


def follow(program: Path, service: Demo) -> subprocess.CompletedProcess[str]:
    return follow_at(program, service.base_url, service.job_id)


def follow_at(program: Path, base_url: str, job_id: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    environment |= {"OPENAI_API_BASE": base_url, "OPENAI_API_KEY": "sk-any", "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        [program, "api", "fine_tunes.follow", "-i", job_id],
        env={**environment, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def followed_messages(output: str) -> list[str]:
    return re.findall(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] (.*)$", output, re.MULTILINE)


def test_openais_own_client_follows_the_job_to_its_success(openai: Path) -> None:
    with demo(*QUICK) as service:
        output = follow(openai, service).stdout
        job = httpx.get(service.job_url).json()
    assert followed_messages(output) == [event["message"] for event in job["events"]]
    assert "Job complete! Status: succeeded" in output
    assert job["fine_tuned_model"] in output.rpartition("Status: succeeded")[2]


def test_openais_own_client_takes_a_cut_for_the_one_it_knew(openai: Path) -> None:
    with demo(*QUICK, "--cut-after=3") as service:
        output = follow(openai, service).stdout
        events = httpx.get(f"{service.job_url}/events").json()["data"]
    assert followed_messages(output) == [event["message"] for event in events[:3]]
    assert "Stream interrupted (client disconnected)." in output


def test_openais_own_client_sees_a_failure(openai: Path) -> None:
    with demo(*QUICK, "--fail") as service:
        output = follow(openai, service).stdout
    assert followed_messages(output)[-1].startswith("Error: ")
    assert "Job failed." in output


def test_openais_own_client_follows_a_run_of_this_machine(openai: Path, tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", rows(1, 2) + END)
    with serving(str(tmp_path)) as base_url:
        job = httpx.get(f"{base_url}/fine-tunes").json()["data"][0]
        output = follow_at(openai, base_url, job["id"]).stdout
    assert followed_messages(output) == [
        "Step 1: training loss=2.5",
        "Step 2: training loss=2.5",
        "The training is done.",
        "Fine-tune succeeded",
    ]
    assert "Job complete! Status: succeeded" in output
