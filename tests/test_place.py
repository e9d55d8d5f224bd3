import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.command import FTMON, environment, ftmon, objects, running
from tests.local.test_folder import state, write
from tests.local.test_run import rows
from tests.terminal import terminal

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parent / "samples"
END = '{"status": "finished"}\n'


def watch(path: Path, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    """Watch a path with --json; return the exit status, the objects and what was said."""
    done = ftmon("watch", str(path), "--json", *options)
    return done.returncode, objects(done.stdout), done.stderr.decode()


@contextmanager
def watching(path: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [*FTMON, "watch", str(path), "--json", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    read = process.stdout.readline()
    assert read, "nothing more is printed"
    told: dict[str, Any] = json.loads(read)
    return told


def test_a_file_is_told_to_its_end_and_its_outcome_is_the_exit_status() -> None:
    status, told, said = watch(SAMPLES / "llamafactory_trainer_log_2023_nulls.jsonl")
    assert (status, said) == (0, "")
    *events, job = told
    assert [event["message"] for event in events] == [
        "Step 3200/3235: training loss=4.4671",
        "Step 3210/3235: training loss=4.4577",
        "Step 3220/3235: training loss=4.4458",
        "Step 3230/3235: training loss=4.4598",
        "The training is done.",
        "Fine-tune succeeded",
    ]
    assert events[0]["type"] == "metrics"
    assert events[0]["data"] == {
        "step": 3200,
        "total_steps": 3235,
        "train_loss": 4.4671,
        "learning_rate": 1.4439610072863874e-08,
        "epoch": 0.99,
    }
    # The file tells no times.
    assert events[0]["extra"] == {"time": "estimated"}
    assert (job["status"], job["events"]) == ("succeeded", 6)
    assert job["id"].startswith("llamafactory_trainer_log_2023_nulls.jsonl-")


def test_a_run_that_ended_without_a_word_is_no_success(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1, 2, 10), at=1_700_000_000)
    status, told, said = watch(path)
    assert status == 5
    assert (told[-1]["status"], told[-1]["provider_status"]) == ("unknown", "ended")
    assert told[-2]["message"] == "The run has ended, outcome unknown"
    assert said.startswith("ftmon: to watch it again: ")
    assert len(said.splitlines()) == 1
    run_id = told[-1]["id"]
    for words in (["history", run_id, "--plain"], ["watch", str(path), "--plain", "--no-stream"]):
        done = ftmon(*words)
        assert done.returncode == 5
        assert f"? {run_id} ended, outcome unknown\n" in done.stdout.decode()
        # The file tells no times.
        assert "~2023-11-14 22:13:20 Step 1: training loss=2.5\n" in done.stdout.decode()
    assert ftmon("history").stdout.decode().startswith("? ended, outcome unknown")


@pytest.mark.parametrize(
    ("end", "status", "error"),
    [
        ('{"status": "failed", "error": "CUDA out of memory"}\n', 1, "CUDA out of memory"),
        ('{"event": "cancelled"}\n', 3, None),
    ],
)
def test_a_failure_and_a_cancellation_are_told(
    tmp_path: Path, end: str, status: int, error: str | None
) -> None:
    ended, told, _ = watch(write(tmp_path / "log.jsonl", rows(1) + end))
    assert (ended, told[-1]["error"]) == (status, error)


def test_a_run_is_told_as_it_is_written(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1))
    with watching(path) as process:
        assert line(process)["data"]["step"] == 1
        for step in (2, 3):
            with path.open("a") as file:
                file.write(rows(step))
            assert line(process)["data"]["step"] == step
        with path.open("a") as file:
            file.write(END)
        assert line(process)["message"] == "The training is done."
        assert line(process)["message"] == "Fine-tune succeeded"
        assert line(process)["status"] == "succeeded"
        assert process.wait(20) == 0


def test_a_directory_is_told_by_the_best_of_its_files(tmp_path: Path) -> None:
    write(tmp_path / "trainer_log.jsonl", rows(1, 2) + END)
    write(tmp_path / "checkpoint-2/trainer_state.json", state(2))
    status, told, _ = watch(tmp_path)
    assert status == 0
    assert [event["message"] for event in told[:-1]] == [
        "Step 1: training loss=2.5",
        "Step 2: training loss=2.5",
        "The training is done.",
        "Fine-tune succeeded",
    ]


def test_a_run_that_is_watched_again_is_the_same_one(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1, 2) + END)
    _, first, _ = watch(path)
    status, again, _ = watch(path)
    assert (status, again) == (0, first)
    history = objects(ftmon("history", "--json").stdout)
    mine = [run for run in history if run["id"] == first[-1]["id"]]
    assert [(run["base_url"], run["events"]) for run in mine] == [("local", 4)]


def test_only_the_past_is_told_of_a_run_that_goes_on(tmp_path: Path) -> None:
    status, told, _ = watch(write(tmp_path / "log.jsonl", rows(1, 2)), "--no-stream")
    assert status == 0
    assert [each.get("message") for each in told] == [
        "Step 1: training loss=2.5",
        "Step 2: training loss=2.5",
        None,
    ]
    assert told[-1]["status"] == "running"


def test_a_run_that_diverges_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1) + '{"step": 2, "loss": NaN}\n' + END)
    for options in ([], ["--no-stream"]):
        status, told, _ = watch(path, *options)
        assert status == 0
        assert told[1]["message"] == "Step 2: training loss=nan"
        assert told[1]["data"] == {"step": 2, "train_loss": None}


def test_a_path_may_be_awaited(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with watching(path, "--wait") as process:
        write(path, rows(1) + END)
        assert line(process)["data"]["step"] == 1
        assert process.wait(20) == 0


@pytest.mark.parametrize("what", ["nothing", "an empty directory", "a pipe", "/dev/zero"])
def test_a_path_without_a_run_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x"
    match what:
        case "an empty directory":
            path.mkdir()
        case "a pipe":
            os.mkfifo(path)
        case "/dev/zero":
            path = Path("/dev/zero")
    status, told, said = watch(path)
    assert (status, told) == (2, [])
    assert str(path) in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("word", ["x" * 300, "x" * 300 + "/y", "a\nb"])
def test_a_word_that_is_no_path_and_no_id_is_refused(word: str) -> None:
    done = ftmon("watch", word, "--json")
    assert (done.returncode, done.stdout) == (2, b"")


def test_the_screen_shows_the_losses_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", "".join(rows(step, loss=3 / step) for step in range(1, 30)) + END)
    with terminal([*FTMON, "watch", str(path)]) as shown:
        shown.until_shown("succeeded")
        shown.until_shown("train 3.00 → 0.103")
        shown.press("q")
        assert shown.wait() == 0


def test_a_timeout_ends_the_watch_and_not_the_training(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1))
    with running("watch", str(path), "--plain", "--timeout", "1000") as watching:
        assert "Step 1: training loss=2.5" in watching.line()
        # What the timeout sends when it passes.
        watching.signal(signal.SIGALRM)
        assert watching.wait() == 124


def test_nobody_else_can_ask_the_service_of_a_run(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1))
    setup = json.dumps({"path": str(path), "wait": False})
    command = [*FTMON[:1], "-P", "-m", "ftmon.serving", setup]
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            env=environment(FTMON_SERVE_TOKEN="right", FTMON_SERVE_LISTENER=str(listener.fileno())),
        ) as process,
    ):
        assert process.stdin is not None
        base_url = line(process)["base_url"]
        for key, status in (("right", 200), ("wrong", 401), ("", 401)):
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            assert httpx.get(f"{base_url}/fine-tunes", headers=headers).status_code == status
        process.stdin.close()
        assert process.wait(20) == 0


def test_one_of_several_runs_is_chosen_and_the_picker_has_the_others(tmp_path: Path) -> None:
    write(tmp_path / "new/log.jsonl", rows(1, loss=1.5) + END)
    write(tmp_path / "old/log.jsonl", rows(1, loss=3.5) + END, at=1_700_000_000)
    status, told, _ = watch(tmp_path)
    assert (status, told[0]["message"]) == (0, "Step 1: training loss=1.5")
    status, told, said = watch(tmp_path, "--job", "none")
    assert (status, told) == (2, [])
    found = re.search(r"holds no run of that id\. It holds .*(old-\w+)", said)
    assert found
    old_id = found[1]
    status, told, _ = watch(tmp_path, "--job", old_id)
    assert (status, told[0]["message"]) == (0, "Step 1: training loss=3.5")
    with terminal([*FTMON, "watch", str(tmp_path)]) as shown:
        shown.until_shown("train 1.50")
        shown.press("o")
        shown.until_shown(old_id)
        shown.press(f"{old_id}\r")
        shown.until_shown("train 3.50")
        shown.press("q")
        assert shown.wait() == 0


def test_an_id_is_no_path_where_it_is_given_as_one(tmp_path: Path) -> None:
    (tmp_path / "ft-1").mkdir()
    done = ftmon("watch", "--job", "ft-1", "--plain", cwd=tmp_path)
    assert done.returncode == 2
    assert b"wants a key" in done.stderr
    done = ftmon("ft-1", "--job", "ft-2", "--plain", cwd=tmp_path)
    assert b"--job chooses among the runs at a PATH" in done.stderr


def test_what_others_have_started_is_not_offered_to_be_cancelled(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1))
    with terminal([*FTMON, "watch", str(path)], 120, 30) as shown:
        shown.until_shown("● live")
        shown.until_shown("i info")
        assert "cancel job" not in shown.text


def test_a_run_that_stands_still_is_marked_and_told_once_however_often_it_is_watched(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1, 2), at=time.time() - 300)
    for _ in range(2):
        with terminal([*FTMON, "watch", str(path)]) as shown:
            shown.until_shown("▶ running   ▲ stalled")
            shown.until_shown("▲ The run stands still: nothing new is written")
            assert "events   3 " in shown.text
            shown.press("q")
            assert shown.wait() == 130
    with path.open("a") as file:
        file.write(rows(3))
    with terminal([*FTMON, "watch", str(path)]) as shown:
        shown.until_shown("events   4 ")
        assert "▲ stalled" not in shown.text
