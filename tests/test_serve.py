import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ftmon.serving.api import Api
from ftmon.serving.apis import APIS
from tests.command import FTMON, environment, ftmon, objects
from tests.local.test_command import OBEYS
from tests.local.test_folder import write
from tests.local.test_run import rows
from tests.test_place import END, line
from tests.test_run_command import PYTHON, running

pytestmark = pytest.mark.slow

TOKEN = "a-token-of-at-least-16-characters"


@contextmanager
def serving(*words: str, token: str = "") -> Iterator[str]:
    """Serve these places, and yield the base URL."""
    command = [*FTMON, "serve", "--listen", "127.0.0.1:0", *words]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment(), **({"FTMON_SERVE_TOKEN": token} if token else {})},
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().decode().strip()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()


def test_the_runs_of_a_path_are_served_and_watched_from_elsewhere(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", rows(1, 2) + END)
    with serving(str(tmp_path)) as base_url:
        [job] = httpx.get(f"{base_url}/fine-tunes").json()["data"]
        assert job["status"] == "succeeded"
        done = ftmon(job["id"], "--base-url", base_url, "--json")
    assert done.returncode == 0
    assert [each.get("message") for each in objects(done.stdout)] == [
        "Step 1: training loss=2.5",
        "Step 2: training loss=2.5",
        "The training is done.",
        "Fine-tune succeeded",
        None,
    ]


def test_the_stream_is_that_of_the_first_api(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", rows(1) + END)
    with serving(str(tmp_path)) as base_url:
        job_id = httpx.get(f"{base_url}/fine-tunes").json()["data"][0]["id"]
        body = httpx.get(f"{base_url}/fine-tunes/{job_id}/events?stream=true").text
    assert body.startswith('data: {"object":"fine-tune-event"')
    assert body.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("api", APIS.values(), ids=APIS)
def test_a_run_of_this_machine_is_served_over_every_api(api: Api, tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", rows(1, 2) + END)
    with serving(str(tmp_path)) as base_url:
        address = base_url.removesuffix("/v1") + api.base
        listed = httpx.get(address + api.path).json()
        [job] = listed if isinstance(listed, list) else listed["data"]
        done = ftmon(job["id"], "--base-url", address, "--json", "--no-stream")
    assert done.returncode == 0
    events = objects(done.stdout)[:-1]
    if api.name == "mistral":
        # It tells changes of status alone.
        assert len(events) == 2
    else:
        told = "".join(event["message"] for event in events)
        assert "Step 1: training loss=2.5" in told
        assert "Step 2: training loss=2.5" in told


@pytest.mark.parametrize("api", APIS.values(), ids=APIS)
def test_every_route_answers_for_a_run_of_which_little_is_known(api: Api, tmp_path: Path) -> None:
    # Figures without a loss, an epoch or a number, and no word of how it ended.
    write(tmp_path / "log.jsonl", '{"step": 1, "loss": NaN}\n{"reward": 0.5, "loss": 1}\n', at=1_700_000_000)
    with serving(str(tmp_path)) as base_url:
        jobs = base_url.removesuffix("/v1") + api.base + api.path
        listed = httpx.get(jobs).json()
        [job] = listed if isinstance(listed, list) else listed["data"]
        for route in ("", *(f"/{name}" for name in api.lists)):
            assert httpx.get(f"{jobs}/{job['id']}{route}").status_code == 200


def test_a_run_that_begins_later_is_served_too() -> None:
    with serving() as base_url:
        assert httpx.get(f"{base_url}/fine-tunes").json()["data"] == []
        with running(*PYTHON, "print('here')") as process:
            run_id = line(process)["job_id"]
            assert process.wait(20) == 0
        done = ftmon(run_id, "--base-url", base_url, "--json", "--wait")
        assert done.returncode == 0
        assert objects(done.stdout)[0]["message"] == "here"


def test_without_a_token_a_service_only_reads() -> None:
    with serving() as base_url, running(*PYTHON, OBEYS) as process:
        run_id = line(process)["job_id"]
        done = ftmon("cancel", run_id, "--base-url", base_url, "--yes")
        assert done.returncode == 4
        assert b"This service only reads: it was started without a token." in done.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 3


def test_with_a_token_a_service_cancels_what_ftmon_has_started_and_answers_nobody_else() -> None:
    with serving(token=TOKEN) as base_url, running(*PYTHON, OBEYS) as process:
        run_id = line(process)["job_id"]
        assert httpx.get(f"{base_url}/fine-tunes").status_code == 401
        done = ftmon("cancel", run_id, "--base-url", base_url, "--yes", env={"FTMON_API_KEY": TOKEN})
        assert (done.returncode, done.stdout) == (0, b"The service says that the job will be cancelled.\n")
        assert process.wait(20) == 3


def test_a_run_that_others_have_started_is_not_cancelled(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", rows(1))
    with serving(str(tmp_path), token=TOKEN) as base_url:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        job_id = httpx.get(f"{base_url}/fine-tunes", headers=headers).json()["data"][0]["id"]
        answer = httpx.post(f"{base_url}/fine-tunes/{job_id}/cancel", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "ftmon did not start this run, and cannot cancel it."


@pytest.mark.parametrize("header", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_a_web_page_gets_nothing(header: dict[str, str]) -> None:
    with serving() as base_url:
        assert httpx.get(f"{base_url}/fine-tunes", headers=header).status_code in (421, 403)


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (["--listen", "0.0.0.0:0"], {}, "Beyond this machine a token is needed"),
        ([], {"FTMON_SERVE_TOKEN": "short"}, "FTMON_SERVE_TOKEN is too short"),
        (["--listen", "nowhere"], {}, "cannot be used"),
        (["--listen", "127.0.0.1:99999"], {}, "is not an address"),
        (["/no/such/path"], {}, "There is nothing at /no/such/path."),
    ],
    ids=["open", "short token", "no address", "no port", "no path"],
)
def test_what_cannot_be_served_is_a_sentence(words: list[str], variables: dict[str, str], said: str) -> None:
    if "nowhere" in words:
        variables = {"FTMON_SERVE_TOKEN": TOKEN}
    done = ftmon("serve", *words, env=variables)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()
    assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = ftmon("serve", "--listen", f"127.0.0.1:{listener.getsockname()[1]}")
    assert done.returncode == 2
    assert b"cannot be used: Address already in use." in done.stderr
