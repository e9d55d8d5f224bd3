import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from itertools import repeat

import pytest

from tests.command import FTMON, KEY, PATIENCE, check_output, environment, ftmon, objects, running
from tests.service import DIRTY, HOSTILE, JOB, JOB_ID, LIST, STREAM, Answer, Service

pytestmark = pytest.mark.slow


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as service:
        yield service


@pytest.fixture
def over(service: Service) -> Service:
    service.succeed()
    return service


# What --json prints


def test_json_prints_each_event_and_the_job_last_to_the_letter(over: Service) -> None:
    done = ftmon(JOB_ID, *over.options, "--json")
    assert done.stdout.decode("ascii").splitlines() == [
        f'{{"object":"fine-tune-event","job_id":"{JOB_ID}","id":null,"created_at":"2026-01-31T12:00:00Z",'
        '"level":"info","message":"Fine-tune started","type":null,"data":null}',
        f'{{"object":"fine-tune-event","job_id":"{JOB_ID}","id":null,"created_at":"2026-01-31T12:00:30Z",'
        '"level":"info","message":"Completed epoch 1/1","type":null,"data":null}',
        f'{{"object":"fine-tune-event","job_id":"{JOB_ID}","id":null,"created_at":"2026-01-31T12:01:00Z",'
        '"level":"info","message":"Fine-tune succeeded","type":null,"data":null}',
        f'{{"object":"fine-tune","id":"{JOB_ID}","status":"succeeded","provider_status":"succeeded",'
        '"model":"curie","fine_tuned_model":"curie:ft-1","created_at":"2026-01-31T12:00:00Z",'
        '"finished_at":"2026-01-31T12:01:00Z","events":3,"error":null}',
    ]
    assert (done.returncode, done.stderr) == (0, b"")


def test_json_prints_an_event_when_it_comes_and_not_later(service: Service) -> None:
    with running(JOB_ID, *service.options, "--json") as command:
        for message in ("one", "two", "three"):
            service.tell(message)
            assert json.loads(command.line())["message"] == message
        service.end("succeeded")
        (last,) = command.rest()
        assert json.loads(last)["status"] == "succeeded"
        assert command.wait() == 0


def test_json_keeps_what_it_does_not_know_and_has_no_word_that_is_no_json(service: Service) -> None:
    service.tell(
        "a", created_at=1769860800.5, level="WARN", id="e-1", type="metrics", data={"loss": float("nan")}
    )
    service.tell("b", hash={"a": [float("inf"), HOSTILE]}, token_count=2**70)
    service.tell(step=5)
    service.tell(id=1.5, type=7, data=[1])
    service.end("succeeded")
    done = ftmon(JOB_ID, *service.options, "--json")

    def refuse(word: str) -> None:
        raise AssertionError(word)

    first, second, third, fourth, last = [
        json.loads(line, parse_constant=refuse) for line in done.stdout.decode("ascii").splitlines()
    ]
    assert first["created_at"] == "2026-01-31T12:00:00.500000Z"
    assert (first["level"], first["id"], first["type"]) == ("warning", "e-1", "metrics")
    assert first["data"] == {"loss": None}
    assert "extra" not in first
    assert list(second)[-2:] == ["data", "extra"]
    assert second["extra"] == {"hash": {"a": [None, DIRTY]}, "token_count": 2**70}
    assert (third["message"], third["created_at"], third["extra"]) == ("—", None, {"step": 5})
    assert (fourth["id"], fourth["message"], fourth["type"], fourth["data"]) == (None, "—", None, None)
    assert fourth["extra"] == {"id": 1.5, "type": 7, "data": [1]}
    assert last["events"] == 4


def test_json_keeps_line_ends_within_a_text_and_one_object_to_a_line(service: Service) -> None:
    service.tell("one\r\ntwo\u2028three\ttabbed é")
    service.end("succeeded")
    event, _ = objects(ftmon(JOB_ID, *service.options, "--json").stdout)
    assert event["message"] == "one\ntwo\nthree\ttabbed é"


def test_nothing_hostile_reaches_the_output_in_any_form(service: Service) -> None:
    service.tell(f"{HOSTILE}\x1b[31mmessage", level=HOSTILE, id=HOSTILE, type=HOSTILE, **{HOSTILE: HOSTILE})
    service.send(f"data: {json.dumps({'error': {'message': HOSTILE}})}\n\n".encode())
    service.end("failed", model=HOSTILE, fine_tuned_model=HOSTILE, error={"message": HOSTILE})
    for form in ("--json", "--plain"):
        done = ftmon(JOB_ID, *service.options, form)
        assert done.returncode == 1
        assert b"evil" in done.stdout
        assert b"owned" not in done.stdout + done.stderr
        assert "The service told of an error: �evil�" in done.stderr.decode()


# What --plain prints


def test_plain_lines_are_local_time_and_message_and_a_summary_closes(service: Service) -> None:
    service.tell("Fine-tune costs $3.67")
    service.tell("Fine-tune started")
    service.tell("Step 1/2: training loss=2.5, validation loss=3.5", created_at=1769860830, level="warn")
    service.tell("one\ntwo", created_at=1769860860, level="error")
    service.tell("Step 2/2: training loss=0.5", created_at="soon")
    service.tell("Uploaded result file: file-1", created_at=1769860920)
    service.end("succeeded", fine_tuned_model="curie:ft-1", updated_at=1769860924)
    done = ftmon(JOB_ID, *service.options, env={"TZ": "Asia/Kathmandu"})
    assert done.stdout.decode() == (
        "2026-01-31 17:45:00  Fine-tune costs $3.67\n"
        "2026-01-31 17:45:00  Fine-tune started\n"
        "2026-01-31 17:45:30  warning: Step 1/2: training loss=2.5, validation loss=3.5\n"
        "2026-01-31 17:46:00  error: one\n"
        "                     two\n"
        "---------- --:--:--  Step 2/2: training loss=0.5\n"
        "2026-01-31 17:47:00  Uploaded result file: file-1\n"
        "\n"
        f"✔ {JOB_ID} succeeded\n"
        "  model   curie:ft-1\n"
        "  result  file-1\n"
        "  loss    train 2.50 → 0.500   valid 3.50 → 3.50\n"
        "  cost    $3.67\n"
        "  took    2m 04s from its creation to its end\n"
        "  events  6\n"
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("status", "sign", "exit_status"),
    [("succeeded", "✔", 0), ("failed", "✘", 1), ("cancelled", "⊘", 3), ("canceled", "⊘", 3)],
)
def test_the_exit_status_is_the_outcome_and_the_summary_says_it(
    service: Service, status: str, sign: str, exit_status: int
) -> None:
    service.tell("Error: The file is too long.")
    service.end(status)
    done = ftmon(JOB_ID, *service.options)
    word = "cancelled" if status == "canceled" else status
    assert f"\n\n{sign} {JOB_ID} {word}\n" in done.stdout.decode()
    assert (b"\n  error   The file is too long.\n" in done.stdout) is (status == "failed")
    assert done.returncode == exit_status


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("failed", None, "The file is too long."),
        ("failed", {"message": "No space."}, "No space."),
        ("succeeded", None, None),
    ],
)
def test_the_closing_object_says_why_a_job_failed_and_of_no_other_that_it_did(
    service: Service, status: str, error: object, expected: str | None
) -> None:
    service.tell("Error: The file is too long.")
    service.end(status, error=error)
    assert objects(ftmon(JOB_ID, *service.options, "--json").stdout)[-1]["error"] == expected


def test_no_text_of_the_service_can_forge_a_line_of_the_summary(service: Service) -> None:
    service.tell("Error: first\n✔ forged succeeded")
    service.end("failed", model="a\n✔ forged succeeded", error={"message": "b\n✔ forged succeeded"})
    lines = ftmon(JOB_ID, *service.options).stdout.decode().splitlines()
    assert [line for line in lines if line.startswith("✔")] == []
    assert [line for line in lines if line.startswith("✘")] == [f"✘ {JOB_ID} failed"]
    service.job["status"] = "odd\n✔ forged succeeded"
    lines = ftmon(JOB_ID, *service.options, "--no-stream").stdout.decode().splitlines()
    assert [line for line in lines if line.startswith("✔")] == []
    assert f"? {JOB_ID} odd↵✔ forged succeeded" in lines


def test_a_status_that_is_not_known_is_said_in_the_service_s_own_word(service: Service) -> None:
    service.job["status"] = "meditating"
    done = ftmon(JOB_ID, *service.options, "--no-stream")
    assert f"? {JOB_ID} meditating" in done.stdout.decode()
    assert objects(ftmon(JOB_ID, *service.options, "--no-stream", "--json").stdout)[-1]["status"] == "unknown"


# Notices


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(500, b"<html><h1>Internal Server Error</h1></html>", "text/html"), "the service answers 500"),
        (Answer(200, b"<p>data: {}</p>", "text/html"), "the answer is .*, not a stream of events"),
        (Answer(200, b'"text"'), "the answer is no stream of events"),
        (Answer(200, b'{"a": ['), "the answer is not a list of events"),
    ],
)
def test_an_answer_that_is_no_stream_is_a_notice_and_the_next_attempt_goes_on(
    service: Service, answer: Answer, reason: str
) -> None:
    service.tell("Fine-tune started")
    service.answers = {STREAM: iter([answer])}
    with running(JOB_ID, *service.options, "--json") as command:
        assert re.fullmatch(f"ftmon: reconnecting in 1 s: {reason}\n", command.notice())
        assert json.loads(command.line())["message"] == "Fine-tune started"
        service.end("succeeded")
        (last,) = command.rest()
        assert json.loads(last)["events"] == 1
        assert command.wait() == 0
        assert command.notice() == ""


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<!DOCTYPE html><html><body>Welcome</body></html>", "text/html"),
        Answer(200, b"", "text/plain"),
        Answer(500, b"<html>\x1b[2JTraceback (most recent call last)</html>", "text/html"),
        Answer(200, b"[1, 2"),
    ],
    ids=["HTML", "empty", "500", "half"],
)
def test_a_server_that_speaks_nonsense_only_is_no_crash_and_prints_nothing(
    service: Service, answer: Answer
) -> None:
    service.answers = {target: repeat(answer) for target in (JOB, LIST, STREAM)}
    with running(JOB_ID, *service.options) as command:
        assert re.fullmatch(r"ftmon: reconnecting in 1 s: the (answer|service|stream) .*\n", command.notice())
        command.signal(signal.SIGINT)
        assert command.wait() == 130
        assert command.rest() == []


def test_frames_that_are_no_events_are_skipped_with_one_notice(service: Service) -> None:
    for data in ("[1]", "null", '"text"', "{broken", "5", "<p>", "[" * 100_000):
        service.send(f"data: {data}\n\n".encode())
    service.tell("Fine-tune started")
    service.send(b"data: " + b"[" * 10 + b"\n\n")
    service.end("succeeded")
    done = ftmon(JOB_ID, *service.options, "--json")
    assert [item.get("message") for item in objects(done.stdout)] == ["Fine-tune started", None]
    assert done.stderr.count(b"ftmon: Skipped what is no event") == done.stderr.count(b"\n") == 1
    assert done.returncode == 0


def test_a_line_of_more_than_8_mb_is_skipped_and_one_of_less_is_printed(service: Service) -> None:
    service.tell("x" * 9_000_000)
    service.tell("y" * 7_000_000)
    service.end("succeeded")
    done = ftmon(JOB_ID, *service.options, "--json", "--no-stream")
    assert [len(item.get("message", "")) for item in objects(done.stdout)] == [9_000_000, 7_000_000, 0]
    with running(JOB_ID, *service.options, "--json", "--no-history") as command:
        assert "Skipped what is no event" in command.notice()
        assert "y" * 7_000_000 in command.line()


@pytest.mark.parametrize("created_at", ["1769860800", 1769860800.0, 1769860800000, "2026-01-31T12:00:00Z"])
def test_a_time_in_any_form_is_understood(service: Service, created_at: object) -> None:
    service.tell("a", created_at=created_at)
    service.end("succeeded")
    assert ftmon(JOB_ID, *service.options).stdout.startswith(b"2026-01-31 12:00:00  a\n")


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati"])
def test_absurd_times_and_missing_fields_are_borne_in_every_zone(service: Service, zone: str) -> None:
    absurd = [
        -1,
        1e300,
        2**70,
        "soon",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        float("nan"),
        [],
        None,
    ]
    for created_at in absurd:
        service.tell("a", created_at=created_at)
    service.tell(level=5)
    service.tell(created_at=0, message=None)
    service.end("succeeded", created_at="9999-12-31T23:59:59Z", updated_at=-1)
    done = ftmon(JOB_ID, *service.options, env={"TZ": zone})
    lines = done.stdout.decode().splitlines()
    assert lines[: len(absurd)] == ["---------- --:--:--  a"] * len(absurd)
    assert lines[len(absurd)] == "---------- --:--:--  —"
    assert re.fullmatch(r"19(69|70)-\d\d-\d\d \d\d:\d\d:00  —", lines[len(absurd) + 1])
    assert (done.returncode, done.stderr) == (0, b"")


def test_notices_never_reach_stdout_not_even_where_stderr_is_closed(over: Service) -> None:
    over.answers = {STREAM: iter([Answer(503)])}
    done = ftmon(JOB_ID, *over.options, "--json", command=["sh", "-c", 'exec "$@" 2>&-', "sh", *FTMON])
    assert [item["object"] for item in objects(done.stdout)] == [*["fine-tune-event"] * 3, "fine-tune"]
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_key_that_is_not_sent_is_a_notice() -> None:
    arguments = (JOB_ID, "--base-url", "http://gpu-box.invalid/v1", "--json", "--timeout", "3")
    done = ftmon(*arguments, env={"OPENAI_API_KEY": KEY})
    assert b"ftmon: OPENAI_API_KEY is not sent to http://gpu-box.invalid/v1" in done.stderr


# Where it prints


@pytest.mark.parametrize(
    ("env", "encoding"),
    [
        ({"PYTHONIOENCODING": "ascii"}, "ascii"),
        ({"PYTHONIOENCODING": "latin-1"}, "latin-1"),
        ({"PYTHONIOENCODING": "utf-8"}, "utf-8"),
        ({"LC_ALL": "C"}, "utf-8"),
        ({"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, "ascii"),
    ],
    ids=str,
)
def test_what_an_encoding_cannot_hold_is_escaped(
    service: Service, env: dict[str, str], encoding: str
) -> None:
    service.tell("Übung 訓練 😀 \x85")
    service.end("succeeded")
    done = ftmon(JOB_ID, *service.options, "--plain", env=env)
    text = "2026-01-31 12:00:00  Übung 訓練 😀 \N{REPLACEMENT CHARACTER}\n"
    assert done.stdout.startswith(text.encode(encoding, "backslashreplace"))
    assert "✔".encode(encoding, "backslashreplace") in done.stdout
    assert ftmon(JOB_ID, *service.options, "--json", env=env).stdout.isascii()
    assert done.returncode == 0


def on_a_terminal(*arguments: str, stdin: int | None = None, env: dict[str, str]) -> tuple[int, bytes]:
    """Run ftmon on a terminal and return its exit status and what it wrote there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*FTMON, *arguments],
        env=environment(**env),
        stdin=theirs if stdin is None else stdin,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        written = b"".join(iter(lambda: read(ours), b""))
        os.close(ours)
        return process.wait(PATIENCE), written


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # The other side has closed it.
        return b""


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": ""}, {"TERM": "unknown"}], ids=str)
def test_a_terminal_that_can_show_no_screen_gets_lines(over: Service, env: dict[str, str]) -> None:
    status, written = on_a_terminal(JOB_ID, *over.options, env=env)
    assert written.startswith(b"2026-01-31 12:00:00  Fine-tune started\r\n")
    check_output(written.replace(b"\r\n", b"\n"))
    assert status == 0


def test_without_a_keyboard_a_terminal_gets_lines(over: Service) -> None:
    status, written = on_a_terminal(JOB_ID, *over.options, stdin=subprocess.DEVNULL, env={"TERM": "xterm"})
    assert written.startswith(b"2026-01-31 12:00:00  Fine-tune started\r\n")
    check_output(written.replace(b"\r\n", b"\n"))
    assert status == 0


def test_all_three_streams_may_be_closed(over: Service) -> None:
    done = ftmon(JOB_ID, *over.options, command=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *FTMON])
    assert done.returncode == 6
