import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.command import FTMON, PATIENCE, environment
from tests.service import JOB_ID, Service

pytestmark = pytest.mark.slow


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as service:
        service.tell("Fine-tune started")
        yield service


class Pty:
    """A terminal that controls no process, so that its end brings no SIGHUP."""

    def __init__(self) -> None:
        self.ours, self.theirs = os.openpty()

    def read_until(self, words: bytes) -> None:
        seen = b""
        while words not in seen:
            seen += os.read(self.ours, 65536)

    def hang_up(self) -> None:
        os.close(self.ours)
        self.ours = -1

    def close(self) -> None:
        os.close(self.theirs)
        if self.ours >= 0:
            self.hang_up()


@contextmanager
def two_ptys() -> Iterator[tuple[Pty, Pty]]:
    first, second = Pty(), Pty()
    try:
        yield first, second
    finally:
        first.close()
        second.close()


@contextmanager
def ftmon_on(
    service: Service, stdin: Pty, stdout: Pty, stderr: Pty, *options: str
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [*FTMON, JOB_ID, *service.options, *options],
        env=environment(TERM="xterm-256color"),
        stdin=stdin.theirs,
        stdout=stdout.theirs,
        stderr=stderr.theirs,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def assert_ends(process: subprocess.Popen[bytes]) -> None:
    gone = time.monotonic()
    assert process.wait(PATIENCE) == 129
    assert time.monotonic() - gone < 4


def test_a_screen_whose_terminal_is_gone_ends(service: Service) -> None:
    with two_ptys() as (pty, _), ftmon_on(service, pty, pty, pty) as process:
        pty.read_until(b"Fine-tune started")
        pty.hang_up()
        assert_ends(process)


def test_a_screen_whose_input_is_gone_ends_and_restores_the_terminal(service: Service) -> None:
    with two_ptys() as (keys, pty), ftmon_on(service, keys, pty, pty) as process:
        pty.read_until(b"Fine-tune started")
        keys.hang_up()
        assert_ends(process)
        pty.read_until(b"\x1b[?1049l")


def test_a_screen_whose_output_is_gone_ends(service: Service) -> None:
    with two_ptys() as (keys, pty), ftmon_on(service, keys, keys, pty) as process:
        pty.read_until(b"Fine-tune started")
        pty.hang_up()
        service.tell("a line that it cannot draw")
        assert_ends(process)


@pytest.mark.parametrize("form", ["--json", "--plain"])
@pytest.mark.parametrize("more", [True, False], ids=["amid events", "in silence"])
def test_lines_whose_terminal_is_gone_end(service: Service, form: str, more: bool) -> None:
    with two_ptys() as (pty, _), ftmon_on(service, pty, pty, pty, form) as process:
        pty.read_until(b"Fine-tune started")
        pty.hang_up()
        if more:
            service.tell("a line that nobody sees")
        assert_ends(process)


def test_a_screen_that_is_stopped_while_its_terminal_is_lost_ends_when_it_goes_on(service: Service) -> None:
    with two_ptys() as (pty, _), ftmon_on(service, pty, pty, pty) as process:
        pty.read_until(b"Fine-tune started")
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        pty.hang_up()
        process.send_signal(signal.SIGCONT)
        assert_ends(process)
