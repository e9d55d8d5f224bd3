"""`kill -9` of each process, in the middle of a run."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ftmon.local.run_directory import RunDirectory
from tests.command import FTMON, environment, ftmon, objects
from tests.local.test_command import keeper_of, until
from tests.servers.scripted import private_port
from tests.terminal import terminal
from tests.test_place import line
from tests.test_run_command import PYTHON, WAITS, pipe, running

__all__ = ["pipe"]

pytestmark = pytest.mark.slow

CODE = f"import sys; print('first', flush=True); {WAITS}; print('last')"
"""Prints `first` and `waiting`, and `last` when its pipe is opened."""


def directory_of(run_id: str) -> RunDirectory:
    return RunDirectory(Path(environment()["XDG_DATA_HOME"]) / "ftmon" / "runs" / run_id)


def rest(process: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
    assert process.stdout is not None
    return objects(process.stdout.read())


def servers_of(process: int) -> list[int]:
    """Return the private servers of a command."""
    found: list[str] = []
    # A process belongs to the thread that has started it.
    for task in Path(f"/proc/{process}/task").iterdir():
        # A thread or a process may end meanwhile; one that has ended has no command line.
        with suppress(OSError):
            children = (task / "children").read_text().split()
            found += [
                each for each in children if b"ftmon.serving" in Path(f"/proc/{each}/cmdline").read_bytes()
            ]
    return [int(each) for each in found]


def kill_server(process: int, *killed: int) -> int:
    """Kill the private server of a command, which is none of those killed before, and return its id."""
    found: list[int] = []

    def is_there() -> bool:
        found[:] = [server for server in servers_of(process) if server not in killed]
        return bool(found)

    until(is_there)
    os.kill(found[0], signal.SIGKILL)
    return found[0]


def test_a_killed_server_of_a_run_is_started_again_and_nothing_is_lost(pipe: Path) -> None:
    with running(*PYTHON, CODE, str(pipe)) as process:
        assert [line(process)["message"] for _ in range(2)] == ["first", "waiting"]
        first = kill_server(process.pid)
        kill_server(process.pid, first)
        pipe.write_text("")
        *events, job = rest(process)
        assert [event["message"] for event in events] == ["last", "Fine-tune succeeded"]
        assert (job["status"], job["events"]) == ("succeeded", 4)
        assert process.stderr is not None
        assert b"reconnecting" in process.stderr.read()
        assert process.wait(20) == 0


def test_a_training_whose_keeper_is_killed_goes_on_and_its_end_is_unknown(pipe: Path) -> None:
    with running(*PYTHON, CODE, str(pipe)) as process:
        told = [line(process) for _ in range(2)]
        os.kill(keeper_of(directory_of(told[0]["job_id"])), signal.SIGKILL)
        pipe.write_text("")
        *events, job = rest(process)
        assert [event["message"] for event in events] == [
            "last",
            "The run has ended, outcome unknown",
        ]
        assert job["status"] == "unknown"
        assert process.wait(20) == 5


def test_a_training_whose_screen_is_killed_is_watched_again(pipe: Path) -> None:
    with terminal([*FTMON, "run", "--name", "killed", "--", *PYTHON, CODE, str(pipe)]) as shown:
        shown.until_shown("waiting")
        shown.process.kill()
    pipe.write_text("")
    done = ftmon("watch", "killed", "--json")
    assert done.returncode == 0
    assert [each.get("message") for each in objects(done.stdout)] == [
        *["first", "waiting", "last", "Fine-tune succeeded", None]
    ]


def test_a_client_goes_on_when_the_service_that_it_watches_is_killed_and_started_again(pipe: Path) -> None:
    address = f"127.0.0.1:{private_port()}"

    def serve() -> subprocess.Popen[bytes]:
        command = [*FTMON, "serve", "--listen", address]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        assert process.stdout is not None
        assert process.stdout.readline() == f"http://{address}/v1\n".encode()
        return process

    with running(*PYTHON, CODE, str(pipe)) as training, serve() as first:
        run_id = line(training)["job_id"]
        # A history of its own, so that everything comes from the service.
        command = [*FTMON, run_id, "--base-url", f"http://{address}/v1", "--json", "--no-history"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as client:
            assert [line(client)["message"] for _ in range(2)] == ["first", "waiting"]
            first.kill()
            first.wait()
            pipe.write_text("")
            with serve() as second:
                assert [event.get("message") for event in rest(client)] == [
                    "last",
                    "Fine-tune succeeded",
                    None,
                ]
                assert client.wait(20) == 0
                second.kill()
