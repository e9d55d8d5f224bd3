import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.demo.process import QUICK, Demo, demo

pytestmark = pytest.mark.peers

CACHE = Path(__file__).parents[2] / ".cache"
REQUIREMENT = "openai==0.27.10"
"""The last client of the fine-tunes API with a command line."""


@pytest.fixture(scope="module")
def openai() -> Path:
    """Return the program, installed once for each version of Python."""
    home = CACHE / f"{REQUIREMENT}-python{sys.version_info.major}.{sys.version_info.minor}"
    program = home / "bin" / "openai"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "openai.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            for command in (
                [sys.executable, "-m", "venv", "--clear", str(home)],
                [f"{home}/bin/python", "-m", "pip", "install", "--quiet", "--retries=1", REQUIREMENT],
            ):
                made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                if made.returncode:
                    pytest.skip(f"{REQUIREMENT} cannot be installed: {made.stdout.strip()[-300:]}")
    return program


def follow(program: Path, service: Demo) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    environment |= {"OPENAI_API_BASE": service.base_url, "OPENAI_API_KEY": "sk-any", "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        [program, "api", "fine_tunes.follow", "-i", service.job_id],
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
