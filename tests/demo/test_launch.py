import os
import resource
import select
import signal
import socket
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from ftmon import cli
from ftmon.demo.setup import Course, Setup
from ftmon.errors import UsageError
from ftmon.serving import launch
from ftmon.serving.service import Service
from tests.command import ftmon
from tests.demo.process import connection, demo, read_answer, stream_target
from tests.servers.scripted import private_port

pytestmark = pytest.mark.slow

SHORT = Setup(Course(steps=20, epochs=1, speed=1000))
SLOW = Setup(Course(speed=0.01))


def running(setup: Setup) -> AbstractContextManager[Service]:
    return launch.running("ftmon.demo", setup.to_json())


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def assert_ends(pidfd: int) -> None:
    """Wait for the end of a process; a pidfd is readable from then on."""
    try:
        assert select.select([pidfd], [], [], 20)[0]
    finally:
        os.close(pidfd)


@pytest.mark.parametrize(
    ("number", "exit_status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_cleanly_with_open_streams(number: signal.Signals, exit_status: int) -> None:
    with demo("--speed=0.01") as service, connection(service, stream_target(service)) as client:
        begin = client.recv(65536)
        service.process.send_signal(number)
        answer = read_answer(client, begin)
        assert answer.messages[:1] == [f"Created fine-tune: {service.job_id}"]
        assert not answer.is_whole
        assert "[DONE]" not in answer.body
        assert service.process.communicate(timeout=20) == ("", "")
        assert service.process.returncode == exit_status


def test_a_port_can_be_chosen_and_is_refused_when_it_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "ftmon", "demo", "--serve", f"--port={port}"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.startswith(f"ftmon: Port {port} cannot be used (")
    assert second.stderr.count("\n") == 1
    with demo(f"--port={port}") as service:
        assert service.address == ("127.0.0.1", port)


@pytest.mark.parametrize(
    "argument",
    [
        *("--steps=0", "--steps=-1", "--epochs=½", "--epochs=many", "--cut-after=0"),
        *("--speed=0", "--speed=-1", "--speed=inf", "--speed=nan", "--speed=fast"),
        *("--port=65536", "--port=-1", "--port=http", "--api=fireworks"),
    ],
)
def test_an_option_out_of_range_is_refused(
    argument: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The command sets its own hook; monkeypatch restores the old one.
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    assert cli.main(["demo", "--serve", argument]) == 2
    assert argument.partition("=")[2] in capsys.readouterr().err


def test_running_gives_a_service_that_ends_with_the_block() -> None:
    with running(SHORT) as service:
        (child,) = children(os.getpid())
        pidfd = os.pidfd_open(child)
        job = httpx.get(f"{service.base_url}/fine-tunes/{service.job_id}").json()
        assert job["id"] == service.job_id
    assert_ends(pidfd)
    with pytest.raises(httpx.ConnectError):
        httpx.get(service.base_url)


def test_running_hands_every_option_on() -> None:
    port = private_port()
    setup = Setup(Course(steps=9, epochs=3, speed=1000, diverges=True), cut_after=3, port=port, api="mistral")
    with running(setup) as service:
        assert service.base_url == f"http://127.0.0.1:{port}/mistral/v1"
        (child,) = children(os.getpid())
        arguments = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
    assert Setup.from_json(arguments[4]) == setup


def test_a_service_that_is_run_is_out_of_reach_of_the_terminal() -> None:
    with running(Setup()):
        (child,) = children(os.getpid())
        assert os.getsid(child) == child
        for stream in (0, 1, 2):
            assert not Path(f"/proc/{child}/fd/{stream}").readlink().is_relative_to("/dev")


def test_modules_in_the_users_directory_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(tmp_path)
    with running(Setup()) as service:
        assert service.job_id


def test_a_service_that_is_run_ends_when_its_parent_is_killed() -> None:
    script = """
import signal
from tests.demo.test_launch import SLOW, running
with running(SLOW) as service:
    print(service.to_json(), flush=True)
    signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        service = Service.from_json(parent.stdout.readline())
        (child,) = children(parent.pid)
        pidfd = os.pidfd_open(child)
        url = f"{service.base_url}/fine-tunes/{service.job_id}/events?stream=true"
        with httpx.stream("GET", url) as stream:
            assert stream.status_code == 200
            parent.kill()
            assert_ends(pidfd)


def test_running_says_why_a_service_does_not_start() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(UsageError, match=r"^Port \d+ cannot be used \(.*\)[^\n]*$"),
        running(Setup(port=taken.getsockname()[1])),
    ):
        pass
    with (
        pytest.raises(UsageError, match=r"^4 epochs need from 4 to \d+ steps\.$"),
        running(Setup(Course(steps=3))),
    ):
        pass


def test_a_demo_that_has_no_room_for_a_temporary_file_is_told() -> None:
    def fill_all_disks() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done = ftmon("demo", "--json", "--no-history", preexec_fn=fill_all_disks)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (
        "ftmon: There is no room for a temporary file in any of the usual places; set TMPDIR to another.\n"
    )
