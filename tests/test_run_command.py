import os
import re
import resource
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ftmon.local.run_directory import OUTPUT, End, RunDirectory
from ftmon.model.key import LOCAL, JobKey
from tests.command import FTMON, environment, ftmon, objects
from tests.local.test_command import OBEYS
from tests.records import STORED, record, told
from tests.terminal import terminal
from tests.test_place import line

pytestmark = pytest.mark.slow

PYTHON = (sys.executable, "-c")
NAME = Path(sys.executable).stem
TRAINS = "\nfor n in range(1, 4): print({'loss': 3 / n, 'epoch': n / 3})\n"
DONE = "print({'train_runtime': 1.0})"
WAITS = "print('waiting', flush=True); open(sys.argv[1]).read()"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def run(code: str, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    # Not by `ftmon`, which takes the traceback of a training for one of ours.
    command = [*FTMON, "run", "--json", *options, "--", *PYTHON, code]
    done = subprocess.run(command, capture_output=True, env=environment(), check=False, timeout=60)
    return done.returncode, objects(done.stdout), done.stderr.decode()


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [*FTMON, "run", "--json", "--", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_command_s_lines_are_the_events_and_its_success_is_the_job_s() -> None:
    status, told, said = run(TRAINS + DONE)
    assert (status, said) == (0, "")
    *events, job = told
    assert [event["data"]["train_loss"] for event in events[:3]] == [3.0, 1.5, 1.0]
    assert events[0]["message"] == "{'loss': 3.0, 'epoch': 0.3333333333333333}"
    assert events[0]["extra"] == {"time": "estimated"}
    assert events[-1]["message"] == "Fine-tune succeeded"
    assert (job["status"], job["error"]) == ("succeeded", None)


def test_a_run_that_only_says_that_it_is_done_is_over_when_its_command_is() -> None:
    status, told, _ = run(f"{DONE}; raise ValueError('after all')")
    assert status == 1
    assert told[-1]["error"] == "exit status 1: ValueError: after all"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import sys; sys.exit(3)", "exit status 3"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL: out of memory?"),
        (f"{TRAINS}raise ValueError('loss is NaN')", "exit status 1: ValueError: loss is NaN"),
    ],
)
def test_a_failure_is_told_with_its_reason_and_its_whole_traceback(code: str, error: str) -> None:
    status, told, _ = run(code)
    assert status == 1
    assert (told[-1]["status"], told[-1]["error"]) == ("failed", error)
    if "ValueError" in error:
        messages = [event["message"] for event in told[:-1]]
        assert "Traceback (most recent call last):" in messages
        assert messages[-2:] == ["ValueError: loss is NaN", f"Fine-tune failed. {error}"]


def test_what_four_processes_print_alike_is_told_once_with_its_count() -> None:
    code = """
import os
for line in ("Loading", "[rank{}]: Starting", "Saving"):
    for rank in range(4):
        if os.fork() == 0:
            print(line.format(rank), flush=True)
            os._exit(0)
        os.wait()
"""
    _, told, _ = run(code)
    assert [event["message"] for event in told[:-2]] == [
        "Loading",
        "4 equal lines are shown as one",
        "[rank0]: Starting",
        "Saving",
    ]


def test_ctrl_c_cancels_the_training_and_the_job_is_cancelled() -> None:
    with running(*PYTHON, OBEYS) as process:
        assert line(process)["message"] == "ready"
        process.send_signal(signal.SIGINT)
        assert line(process)["message"] == "got SIGINT"
        assert line(process)["message"] == "Fine-tune cancelled"
        assert line(process)["status"] == "cancelled"
        assert process.wait(20) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_scheduler_s_signal_reaches_the_training(number: signal.Signals) -> None:
    with running(*PYTHON, "import time; print('ready', flush=True); time.sleep(60)") as process:
        assert line(process)["message"] == "ready"
        process.send_signal(number)
        line(process)
        assert line(process)["error"] == f"killed by {number.name}"
        assert process.wait(20) == 1


def test_a_training_outlives_a_watch_that_is_killed_and_is_watched_again(pipe: Path) -> None:
    code = f"import sys; print('first', flush=True); {WAITS}; print('last')"
    with running(*PYTHON, code, str(pipe)) as process:
        first = line(process)
        assert first["message"] == "first"
        process.kill()
    again = [*FTMON, "watch", first["job_id"], "--json"]
    with subprocess.Popen(again, stdout=subprocess.PIPE, env=environment()) as process:
        assert [line(process)["message"] for _ in range(2)] == ["first", "waiting"]
        pipe.write_text("")
        assert [line(process)["message"] for _ in range(2)] == ["last", "Fine-tune succeeded"]
        assert line(process)["status"] == "succeeded"
        assert process.wait(20) == 0
    history = objects(ftmon("history", "--json").stdout)
    mine = [each for each in history if each["id"] == first["job_id"]]
    assert [(each["base_url"], each["events"]) for each in mine] == [("local", 4)]
    told = objects(ftmon("watch", first["job_id"], "--json").stdout)
    assert [event["message"] for event in told[:-1]] == ["first", "waiting", "last", "Fine-tune succeeded"]


@pytest.mark.parametrize("key", ["q", "\x03"], ids=["q", "Ctrl-C"])
def test_the_screen_may_be_left_and_the_training_goes_on(pipe: Path, key: str) -> None:
    code = f"import sys{TRAINS}{WAITS}"
    with terminal([*FTMON, "run", "--name", "left", "--", *PYTHON, code, str(pipe)]) as shown:
        shown.until_shown("train 3.00 → 1.00")
        shown.press(key)
        assert shown.wait() == 130
        said = shown.text.replace("\n", "")
        assert "left; the training goes on. To watch it again: ftmon watch left" in said
    pipe.write_text("")
    done = ftmon("watch", "left", "--json")
    assert done.returncode == 0
    assert objects(done.stdout)[-1]["status"] == "succeeded"


def test_x_on_the_screen_cancels_the_training() -> None:
    with terminal([*FTMON, "run", "--exit", "--", *PYTHON, OBEYS]) as shown:
        shown.until_shown("ready")
        shown.press("x")
        shown.until_shown("It is sent SIGINT, the second time SIGTERM")
        shown.press("y")
        assert shown.wait() == 3


def test_a_run_whose_name_is_taken_gets_a_number() -> None:
    ids = [run("pass", "--name", "mine")[1][-1]["id"] for _ in range(2)]
    assert ids == ["mine", "mine-2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Which command? Give it behind --: ftmon run -- python train.py"),
        (["--"], "Which command?"),
        (["--", "no-such-command-anywhere"], "there is no such command"),
        (["--oops"], "unrecognized arguments: --oops (see ftmon run --help)"),
        (
            ["--name", "a", "python", "train.py", "--lr", "1"],
            "The command stands behind --: ftmon run --name a -- python train.py --lr 1",
        ),
    ],
)
def test_what_cannot_be_run_is_a_sentence(words: list[str], said: str) -> None:
    done = ftmon("run", *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()


def test_where_no_run_can_be_kept_is_a_sentence() -> None:
    # Not even root can write there.
    done = ftmon("run", "--", *PYTHON, "pass", env={"XDG_DATA_HOME": "/proc/1"})
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"A run cannot be kept in /proc/1/ftmon/runs: " in done.stderr


def test_a_training_that_fills_the_disk_fails_by_itself_and_its_end_is_told() -> None:
    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    code = "import sys; print('first', flush=True)\nwhile True: print('x' * 100, flush=True)"
    command = [*FTMON, "run", "--json", "--no-history", "--", *PYTHON, code]
    done = subprocess.run(
        command, capture_output=True, env=environment(), check=False, timeout=60, preexec_fn=fill
    )
    told = objects(done.stdout)
    assert done.returncode == 1
    assert told[0]["message"] == "first"
    assert (told[-1]["status"], told[-1]["events"]) == ("failed", len(told) - 1)


def test_the_output_of_a_run_is_printed_as_it_is() -> None:
    with running(*PYTHON, r"import sys; sys.stdout.buffer.write(b'\x1b[31mred\x1b[0m\r50%\xff')") as process:
        run_id = line(process)["job_id"]
        process.wait(20)
    command = [*FTMON, "logs", run_id]
    done = subprocess.run(command, capture_output=True, env=environment(), check=True)
    assert done.stdout == b"\x1b[31mred\x1b[0m\r50%\xff"


def test_a_run_that_is_not_kept_has_no_output() -> None:
    done = ftmon("logs", "no-such-run")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"ftmon keeps no run of the name no-such-run" in done.stderr


def test_a_run_is_cancelled_from_another_terminal() -> None:
    with running(*PYTHON, OBEYS) as process:
        run_id = line(process)["job_id"]
        done = ftmon("cancel", run_id, "--yes")
        assert (done.returncode, done.stdout) == (0, f"{run_id} was sent SIGINT.\n".encode())
        assert process.wait(20) == 3
    done = ftmon("cancel", run_id, "--yes")
    assert done.returncode == 4
    assert f"{run_id} is over; there is nothing to cancel.".encode() in done.stderr


def test_a_run_s_directory_goes_with_the_run_in_the_history() -> None:
    home = Path(environment()["XDG_DATA_HOME"]) / "ftmon"
    directory, output = RunDirectory.create(home / "runs", "old", datetime(2026, 1, 1, tzinfo=UTC), OUTPUT)
    os.close(output)
    (directory.output).write_text("line\n")
    record(home / "history.sqlite3", told(STORED[0], key=JobKey(LOCAL, "old")))
    unwatched, output = RunDirectory.create(home / "runs", "old", datetime(2026, 1, 1, tzinfo=UTC), OUTPUT)
    unwatched.write_end(End(0, False, datetime(2026, 1, 1, tzinfo=UTC)))
    os.close(output)
    new = run("print('x')")[1][-1]["id"]
    done = ftmon("history", "--prune", "1d", "--yes")
    assert done.returncode == 0
    assert [path.name for path in (home / "runs").iterdir()] == [new]


def piped(data: bytes, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    command = [*FTMON, "watch", "-", "--json", *options]
    done = subprocess.run(
        command, input=data, capture_output=True, env=environment(), check=False, timeout=60
    )
    return done.returncode, objects(done.stdout), done.stderr.decode()


@pytest.mark.parametrize(
    ("last", "status"),
    [(b"{'train_runtime': 60.5}\n", 0), (b"Saving \xe2\x80\xa6\n", 5)],
    ids=["end", "no end"],
)
def test_what_is_piped_in_is_told_and_its_end_only_where_it_is_known(last: bytes, status: int) -> None:
    ended, told, _ = piped(b"{'loss': 2.5, 'epoch': 0.1}\n{'loss': 2.25, 'epoch': 0.2}\n" + last)
    assert ended == status
    assert [event["data"]["train_loss"] for event in told[:2]] == [2.5, 2.25]
    assert told[-1]["status"] == ("succeeded" if status == 0 else "unknown")


def test_nothing_piped_in_is_a_sentence() -> None:
    with terminal([*FTMON, "watch", "-"]) as shown:
        assert shown.wait() == 2
        assert "Nothing is piped in: python train.py 2>&1 | ftmon watch -" in shown.text


def test_the_screen_reads_its_keys_from_the_terminal_where_something_is_piped_in() -> None:
    command = " ".join(["printf \"{'loss': %s, 'epoch': 1}\\\\n\" 3.5 2.5 |", *FTMON, "watch", "-"])
    with terminal(["sh", "-c", command]) as shown:
        shown.until_shown("train 3.50 → 2.50")
        shown.until_shown("? The job ended, outcome unknown")
        shown.until_shown("■ closed")
        shown.press("q")
        assert shown.wait() == 5


def test_the_readme_s_run_ends_with_a_loss_curve() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    found = re.search(r'^ftmon (run [^\n]*-- python3 -c "\n.*?")$', readme, re.MULTILINE | re.DOTALL)
    assert found
    with terminal(["sh", "-c", f"exec {shlex.join(FTMON)} {found[1]}"]) as shown:
        shown.until_shown("✔ The job succeeded")
        shown.until_shown("train 3.00 → 0.0769")
        shown.press("q")
        assert shown.wait() == 0
