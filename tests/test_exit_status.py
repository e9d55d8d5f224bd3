import fcntl
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path

import pytest

from ftmon import __version__
from ftmon.ending import Ending
from ftmon.lines.follow import follow
from ftmon.settings import Settings
from ftmon.watch.watcher import Watcher
from ftmon.wire.pace import Pace
from tests.command import FTMON, KEY, PATIENCE, environment, ftmon, objects, running
from tests.front_end import watch
from tests.servers.scripted import private_port
from tests.service import DIRTY, HOSTILE, JOB, JOB_ID, LIST, STREAM, Answer, Service
from tests.terminal import terminal

pytestmark = pytest.mark.slow


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as service:
        yield service


@pytest.fixture
def over(service: Service) -> Service:
    service.succeed()
    return service


def a_refused_url() -> str:
    return f"http://127.0.0.1:{private_port()}/v1"


def test_a_running_job_without_a_stream_is_shown_so_far(service: Service) -> None:
    service.tell("Fine-tune started")
    done = ftmon(JOB_ID, *service.options, "--json", "--no-stream")
    assert [item["object"] for item in objects(done.stdout)] == ["fine-tune-event", "fine-tune"]
    assert (done.returncode, done.stderr) == (0, b"")
    assert STREAM not in [target for target, _ in service.asked]
    done = ftmon(JOB_ID, *service.options, "--plain", "--no-stream")
    assert f"▶ {JOB_ID} running\n" in done.stdout.decode()


@pytest.mark.parametrize(
    "arguments", [[JOB_ID], [JOB_ID, "--json"], [JOB_ID, "--no-stream"], [JOB_ID, "--wait"]]
)
@pytest.mark.parametrize("base_url", ["", "https://eu.api.openai.com/v1"])
def test_a_missing_key_for_openai_is_told_at_once(arguments: list[str], base_url: str) -> None:
    where = ["--base-url", base_url] if base_url else []
    done = ftmon(*arguments, *where, env={"HTTPS_PROXY": "http://127.0.0.1:9"})
    assert done.returncode == 2
    assert b"api.openai.com wants a key. Set OPENAI_API_KEY" in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize(("status", "exit_status"), [("succeeded", 0), ("failed", 1), ("cancelled", 3)])
def test_without_a_stream_the_exit_status_is_the_outcome_too(
    service: Service, status: str, exit_status: int
) -> None:
    service.end(status)
    assert ftmon(JOB_ID, *service.options, "--no-stream").returncode == exit_status


def test_the_script_that_was_installed_is_the_same_command(over: Service) -> None:
    script = shutil.which("ftmon", path=Path(sys.executable).parent)
    assert script
    done = ftmon(JOB_ID, *over.options, "--json", command=[script])
    assert len(objects(done.stdout)) == 4
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            Answer(
                401, b'{"error": {"message": "Incorrect API key provided: sk-Zx9Kq7Wv-secret-0123456789."}}'
            ),
            "wants a key (401): Incorrect API key provided: [key]",
        ),
        (Answer(401), "Set OPENAI_API_KEY (or FTMON_API_KEY), or give --api-key-file"),
        (Answer(403, b'{"detail": "no access"}'), "forbids it (403): no access"),
        (Answer(404, b'{"error": "job not found"}'), "knows no such job (404): job not found"),
        (Answer(400, b"<html>"), "refuses (400)."),
        (Answer(404, HOSTILE.encode()), "knows no such job (404)."),
        (Answer(404, json.dumps({"error": HOSTILE}).encode()), f"knows no such job (404): {DIRTY}"),
    ],
    ids=["401 that repeats the key", "401", "403", "404", "400", "hostile text", "hostile error"],
)
def test_a_refusal_is_a_sentence_and_exit_status_4(service: Service, answer: Answer, sentence: str) -> None:
    service.answers = {target: repeat(answer) for target in (JOB, LIST, STREAM)}
    done = ftmon(JOB_ID, *service.options, "--json")
    assert sentence in done.stderr.decode()
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (4, b"", 1)


@pytest.mark.parametrize("source", ["OPENAI_API_KEY", "FTMON_API_KEY", "--api-key-file", "-"])
def test_a_key_is_sent_and_when_refused_its_origin_is_told_but_not_the_key(
    service: Service, tmp_path: Path, source: str
) -> None:
    answer = Answer(401, json.dumps({"error": f"Bad key {KEY}"}).encode())
    service.answers = {JOB: repeat(answer)}
    key_file = tmp_path / "key"
    key_file.write_text(f"{KEY}\n")
    key_file.chmod(0o600)
    arguments = {"--api-key-file": ("--api-key-file", str(key_file)), "-": ("--api-key-file", "-")}
    done = ftmon(
        JOB_ID,
        *service.options,
        *arguments.get(source, ()),
        env={source: f" {KEY}\n"} if source.endswith("KEY") else {},
        input=f"{KEY}\n".encode(),
    )
    assert service.asked[0][1]["Authorization"] == f"Bearer {KEY}"
    name = "--api-key-file" if source == "-" else source
    said = done.stderr.decode()
    assert "Bad key [key]" in said
    assert f"The key came from {name}." in said
    assert done.returncode == 4


@pytest.mark.parametrize("job_id", [f"{JOB_ID}\r", f"\n {JOB_ID}\t"], ids=ascii)
def test_blanks_around_an_id_do_no_harm(over: Service, job_id: str) -> None:
    for arguments in ([job_id, *over.options], ["history", job_id], ["export", job_id]):
        done = ftmon(*arguments)
        assert done.returncode == 0
        assert b"Fine-tune succeeded" in done.stdout


def test_without_a_key_no_key_is_sent(over: Service) -> None:
    assert ftmon(JOB_ID, *over.options).returncode == 0
    assert over.asked
    assert not any("Authorization" in headers for _, headers in over.asked)


def test_organization_and_project_are_sent(over: Service) -> None:
    ftmon(JOB_ID, *over.options, env={"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1"})
    assert over.asked
    for _, headers in over.asked:
        assert (headers["OpenAI-Organization"], headers["OpenAI-Project"]) == ("org-1", "proj-1")


def test_a_service_that_cannot_be_reached_is_given_up_with_exit_status_5(
    capfd: pytest.CaptureFixture[str],
) -> None:
    url = a_refused_url()
    watcher = Watcher(Settings(url), pace=Pace(first_delay=0.01, longest_delay=0.01, give_up=0.1))
    try:
        assert follow(watcher, watch(watcher, JOB_ID), Ending(), as_json=True) == 5
    finally:
        watcher.close()
    out, err = capfd.readouterr()
    assert out == ""
    assert re.search(r"Gave up after .* s: 127\.0\.0\.1:\d+ refused the connection\.", err.splitlines()[-1])


def test_an_end_that_nobody_tells_is_exit_status_5(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    service.tell("Fine-tune succeeded")
    service.end("evaporated")
    watcher = Watcher(Settings(service.base_url), pace=Pace(first_delay=0.01, longest_delay=0.01, lag=0.1))
    try:
        assert follow(watcher, watch(watcher, JOB_ID), Ending(), as_json=True) == 5
    finally:
        watcher.close()
    out, err = capfd.readouterr()
    assert [item["object"] for item in objects(out)] == ["fine-tune-event", "fine-tune"]
    assert "does not say how the job ended" in err


def test_a_timeout_ends_with_124_and_the_job_last(service: Service) -> None:
    service.tell("Fine-tune started")
    started = time.monotonic()
    done = ftmon(JOB_ID, *service.options, "--json", "--timeout", "3")
    assert time.monotonic() - started > 3
    assert [item["object"] for item in objects(done.stdout)] == ["fine-tune-event", "fine-tune"]
    assert done.stderr == b"ftmon: No end of the job was seen after 3 s; leaving does not touch it.\n"
    assert done.returncode == 124


def test_a_timeout_does_not_deny_what_was_heard_of_a_job_that_cannot_be_read(service: Service) -> None:
    service.answers[JOB] = repeat(Answer(404, b"{}"))
    service.tell("Fine-tune started")
    with running(JOB_ID, *service.options, "--plain", "--timeout", "1000") as watching:
        assert "Fine-tune started" in watching.line()
        # What the timeout sends when it passes.
        watching.signal(signal.SIGALRM)
        assert "No end of the job was seen after 1000 s" in watching.notices()[-1]
        assert watching.wait() == 124


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--exit"], 4, "The service forbids it (403)."),
        (["--timeout", "1000"], 124, "No end of the job was seen after 1000 s; leaving does not touch it."),
    ],
    ids=["refused", "timeout"],
)
def test_why_the_screen_was_left_by_itself_is_left_behind(
    service: Service, options: list[str], status: int, words: str
) -> None:
    service.tell("Fine-tune started")
    if status == 4:
        service.answers[JOB] = repeat(Answer(403, b"{}"))
    with terminal([*FTMON, JOB_ID, *service.options, *options]) as shown:
        if status == 124:
            shown.until_shown("Fine-tune started")
            # What the timeout sends when it passes.
            shown.process.send_signal(signal.SIGALRM)
        assert shown.wait() == status
        assert words in shown.text.replace("\n", "")
        shown.assert_restored()


def test_a_timeout_counts_also_where_nothing_answers() -> None:
    done = ftmon(JOB_ID, "--base-url", a_refused_url(), "--json", "--timeout", "0.3")
    assert (done.returncode, done.stdout) == (124, b"")


ENDINGS = pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)


@ENDINGS
@pytest.mark.parametrize("state", ["live", "backing off"])
def test_a_signal_ends_within_a_second_and_the_job_is_the_last_line(
    service: Service, number: signal.Signals, status: int, state: str
) -> None:
    service.tell("Fine-tune started")
    with running(JOB_ID, *service.options, "--json") as command:
        assert json.loads(command.line())["message"] == "Fine-tune started"
        if state == "backing off":
            service.answers = {STREAM: repeat(Answer(503)), JOB: repeat(Answer(503))}
            service.hang_up()
            assert "reconnecting" in command.notice()
        sent = time.monotonic()
        command.signal(number)
        assert command.wait() == status
        assert time.monotonic() - sent < 1
        (last,) = command.rest()
        assert json.loads(last)["status"] == "running"
        again = f"To watch it again: ftmon {JOB_ID} --base-url {service.base_url}"
        told = f"ftmon: left; that does not touch the job. {again}\n"
        assert command.notices() == ([told] if number == signal.SIGINT else [])


def stalled(
    service: Service, command: Sequence[str] = FTMON, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start ftmon and wait until it stands still because nobody reads what it prints."""
    for number in range(100):
        service.tell(f"{number} " + "x" * 10_000)
    process = subprocess.Popen(
        [*command, JOB_ID, *service.options, "--json"],
        env=environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    capacity = fcntl.fcntl(process.stdout, fcntl.F_GETPIPE_SZ)
    deadline = time.monotonic() + PATIENCE
    filled = 0
    while filled < capacity - 4096:
        assert time.monotonic() < deadline
        time.sleep(0.01)
        (filled,) = struct.unpack("i", fcntl.ioctl(process.stdout, termios.FIONREAD, b"\0" * 4))
    return process


def test_a_signal_ends_within_a_second_also_where_nobody_reads(service: Service) -> None:
    with stalled(service) as process:
        sent = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 143
        assert time.monotonic() - sent < 1.2


def test_a_signal_cuts_no_line_in_two(service: Service) -> None:
    with stalled(service) as process:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE)
        *events, last = objects(out)
        assert [event["message"].split()[0] for event in events] == [
            str(number) for number in range(len(events))
        ]
        assert (last["object"], last["events"]) == ("fine-tune", len(events))
        assert process.returncode == 143


def test_a_second_signal_does_not_wait(service: Service) -> None:
    with stalled(service) as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode in (130, 143)
        # One signal alone would have waited for what is being written, and for the job after it.
        assert b'"object":"fine-tune",' not in out


def assert_nothing_is_lost(process: subprocess.Popen[bytes]) -> None:
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, b"")
    *events, last = objects(out)
    assert [event["message"].split()[0] for event in events] == [str(number) for number in range(100)]
    assert (last["object"], last["events"]) == ("fine-tune", 100)


unbuffered = pytest.mark.parametrize("env", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])


@unbuffered
def test_what_is_stopped_and_goes_on_while_nobody_reads_loses_no_line(
    service: Service, env: dict[str, str]
) -> None:
    with stalled(service, env=env) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        process.send_signal(signal.SIGCONT)
        service.end("succeeded")
        assert_nothing_is_lost(process)


@unbuffered
def test_a_pipe_that_does_not_block_is_waited_for_and_loses_no_line(
    service: Service, env: dict[str, str]
) -> None:
    script = "import os, sys; os.set_blocking(1, False); os.execv(sys.argv[1], sys.argv[1:])"
    with stalled(service, [sys.executable, "-c", script, *FTMON], env) as process:
        service.end("succeeded")
        assert_nothing_is_lost(process)


def test_what_nohup_ignores_stays_ignored(service: Service) -> None:
    with running(JOB_ID, *service.options, "--json", command=["nohup", *FTMON]) as command:
        service.tell("one")
        command.line()
        command.signal(signal.SIGHUP)
        service.tell("two")
        assert json.loads(command.line())["message"] == "two"
        service.end("succeeded")
        assert command.wait() == 0


@pytest.mark.parametrize("form", ["--json", "--plain"])
def test_a_reader_that_leaves_ends_it_quietly_with_141(service: Service, form: str) -> None:
    service.tell("one")
    process = subprocess.Popen(
        [*FTMON, JOB_ID, *service.options, form],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout
        assert process.stderr
        assert b"one" in process.stdout.readline()
        process.stdout.close()
        service.tell("two")
        assert process.wait(PATIENCE) == 141
        assert process.stderr.read() == b""


def test_a_pipe_into_head_takes_its_line_and_no_more(over: Service) -> None:
    script = '"$@" | head -n 1; echo "${PIPESTATUS[0]}" >&2'
    done = ftmon(JOB_ID, *over.options, "--json", command=["bash", "-c", script, "bash", *FTMON])
    assert objects(done.stdout)[0]["message"] == "Fine-tune started"
    assert done.stderr in (b"141\n", b"0\n")


@pytest.mark.parametrize(
    "arguments", [[JOB_ID, "--json"], [JOB_ID, "--plain"], ["--version"], ["--help"]], ids=str
)
@pytest.mark.parametrize(
    ("redirection", "reason"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
def test_output_that_cannot_be_written_is_exit_status_6(
    over: Service, arguments: list[str], redirection: str, reason: str
) -> None:
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", *FTMON]
    done = ftmon(*arguments, command=command, env={"FTMON_BASE_URL": over.base_url})
    assert done.stderr.decode() == f"ftmon: Standard output cannot be written: {reason}.\n"
    assert done.returncode == 6


def test_a_bug_is_told_with_a_traceback_that_shows_no_key_and_exit_status_70() -> None:
    script = f"from ftmon import cli; cli.main(['--base-url', '']); raise RuntimeError('{KEY} \x1b[31mred')"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, check=False, timeout=PATIENCE
    )
    said = done.stderr.decode()
    assert f"ftmon: this is a bug in ftmon {__version__}; the job is not affected.\nTraceback" in said
    assert "RuntimeError: [key] red" in said
    assert "\x1b" not in said
    assert done.returncode == 70
