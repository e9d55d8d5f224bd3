import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat

import pytest

from tests.command import FTMON, PATIENCE, environment, ftmon, running
from tests.service import JOB_ID, LIST, STREAM, Answer, Service
from tests.terminal import terminal

pytestmark = pytest.mark.slow

FORMS = pytest.mark.parametrize("form", ["--json", "--plain"])
LIMIT = ("--timeout", "1")
LATER = ("--timeout", "1000")


@pytest.fixture
def service() -> Iterator[Service]:
    """A service with more events than any pipe or terminal holds."""
    with Service().running() as service:
        for number in range(100):
            service.tell(f"{number} " + "x" * 10_000)
        yield service


@pytest.fixture
def recorded(service: Service) -> Service:
    service.end("succeeded")
    assert ftmon(JOB_ID, *service.options, "--json").returncode == 0
    return service


@contextmanager
def unread(command: Sequence[str], file: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command whose output goes into a file that nobody reads."""
    process = subprocess.Popen(
        command, env=environment(), stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def a_pipe() -> Iterator[int]:
    reading, writing = os.pipe()
    try:
        yield writing
    finally:
        os.close(reading)
        os.close(writing)


@contextmanager
def a_pty() -> Iterator[int]:
    ours, theirs = os.openpty()
    try:
        yield theirs
    finally:
        os.close(ours)
        os.close(theirs)


def let_it_pass(process: subprocess.Popen[bytes], file: int) -> None:
    """Let the timeout pass once the file holds no more, so that the command waits amid a write."""
    deadline = time.monotonic() + PATIENCE
    while select.select([], [file], [], 0)[1]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # What the timeout sends when it passes.
    process.send_signal(signal.SIGALRM)


@FORMS
@pytest.mark.parametrize("place", [a_pipe, a_pty])
def test_a_timeout_ends_lines_that_nobody_reads(service: Service, form: str, place: object) -> None:
    assert callable(place)
    with place() as file, unread([*FTMON, JOB_ID, *service.options, form, *LATER], file) as process:
        let_it_pass(process, file)
        assert process.wait(PATIENCE) == 124


@FORMS
@pytest.mark.parametrize("place", [a_pipe, a_pty])
@pytest.mark.parametrize("options", [[], ["--replay"]], ids=["at once", "replayed"])
def test_a_timeout_ends_a_recorded_run_that_nobody_reads(
    recorded: Service, form: str, place: object, options: list[str]
) -> None:
    assert callable(place)
    with place() as file, unread([*FTMON, "history", JOB_ID, form, *options, *LATER], file) as process:
        let_it_pass(process, file)
        assert process.wait(PATIENCE) == 124


def test_a_timeout_ends_a_screen_that_nobody_reads_and_restores_the_terminal(service: Service) -> None:
    with terminal([*FTMON, JOB_ID, *service.options, *LIMIT]) as shown:
        assert shown.process.wait(PATIENCE) == 124
        shown.assert_settings_restored()


def test_a_timeout_counts_while_the_key_is_read() -> None:
    reading, writing = os.pipe()
    try:
        done = ftmon(JOB_ID, "--json", "--api-key-file", "-", *LIMIT, stdin=reading)
    finally:
        os.close(reading)
        os.close(writing)
    assert (done.returncode, done.stdout) == (124, b"")
    assert done.stderr == b"ftmon: Nothing was known of the job after 1 s.\n"


@pytest.mark.parametrize(
    ("status", "words"), [("succeeded", "succeeded"), ("failed", "failed"), ("cancelled", "was cancelled")]
)
def test_a_timeout_before_the_last_events_does_not_deny_the_outcome(
    service: Service, status: str, words: str
) -> None:
    service.answers = {STREAM: repeat(Answer(503)), LIST: repeat(Answer(503))}
    service.end(status)
    with running(JOB_ID, *service.options, "--json", *LATER) as watching:
        # By the second time the job was read, too.
        assert [watching.notice().startswith("ftmon: reconnecting") for _ in range(2)] == [True, True]
        watching.signal(signal.SIGALRM)
        assert json.loads(watching.rest()[-1])["status"] == status
        assert watching.notices()[-1] == (
            f"ftmon: The job {words}, but its last events had not all come after 1000 s.\n"
        )
        assert watching.wait() == 124


def test_a_screen_that_leaves_when_the_job_is_over_does_not_deny_its_outcome_either(service: Service) -> None:
    service.answers = {STREAM: repeat(Answer(503)), LIST: repeat(Answer(503))}
    service.end("succeeded")
    with terminal([*FTMON, JOB_ID, *service.options, "--exit", *LATER]) as shown:
        shown.until_shown("✔ succeeded")
        shown.process.send_signal(signal.SIGALRM)
        assert shown.wait() == 124
        assert "The job succeeded, but its last events had not all come after 1000 s." in shown.text
        shown.assert_restored()


def test_a_screen_that_shows_an_outcome_outlasts_the_timeout(service: Service) -> None:
    service.end("failed")
    with terminal([*FTMON, JOB_ID, *service.options, "--timeout", "1000"]) as shown:
        shown.until_shown("✘ failed")
        # What the timeout sends when it passes.
        shown.process.send_signal(signal.SIGALRM)
        shown.press("?")
        shown.until_shown("esc closes")
        shown.press("\x03")
        assert shown.wait() == 1
        shown.assert_restored()
