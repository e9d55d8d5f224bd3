import json
import os
import shlex
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from pathlib import Path

import pytest

from tests.command import FTMON, PATIENCE, objects, running
from tests.service import JOB, JOB_ID, STREAM, Answer, Service
from tests.terminal import Terminal, terminal

pytestmark = pytest.mark.slow

ENDINGS = pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)
PAUSES = pytest.mark.parametrize("pause", [signal.SIGTSTP, signal.SIGSTOP], ids=str)

SOON = 2.0
"""The second that an ending may take, and what a busy machine adds to it."""

SENDING_TO_ITSELF = """
import os, sys

def send(event, arguments):
    if event == "import" and os.environ["MOMENT"] in (arguments[0], "the loop" if in_loop() else None):
        os.environ["MOMENT"] = "never again"
        os.kill(os.getpid(), int(os.environ["SIGNAL"]))

def in_loop():
    events = sys.modules.get("asyncio.events")
    return getattr(events, "_get_running_loop", lambda: None)() is not None

sys.addaudithook(send)
"""
"""What Python runs first, to interrupt a command where it imports the module `MOMENT`.

That may be any module, once asyncio's loop runs.
"""


LOSING_KEYS = """
import os, sys, termios, threading

def read(fd, size):
    if threading.current_thread().name == "textual-input" and os.path.exists(os.environ["LOSE"]):
        os.remove(os.environ["LOSE"])
        termios.tcflush(fd, termios.TCIFLUSH)
    return wait_and_read(fd, size)

wait_and_read, os.read = os.read, read
"""
"""What Python runs first, to take one key away between select() and read(), as a shell may do.

The file `LOSE` asks for it. The file is gone once the key is, and the read blocks.
"""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as service:
        yield service


@contextmanager
def silent() -> Iterator[tuple[str, socket.socket]]:
    """Run a service that takes a connection, and never says a word; yield its URL and its listener."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", listener


def break_down(service: Service) -> None:
    service.answers = {STREAM: repeat(Answer(503)), JOB: repeat(Answer(503))}
    service.hang_up()


def streams(service: Service) -> int:
    return [target for target, _ in service.asked].count(STREAM)


def has_more_streams(service: Service, before: int) -> bool:
    return streams(service) > before


def is_stopped(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def stop(shown: Terminal, number: signal.Signals) -> None:
    shown.process.send_signal(number)
    shown.until(lambda: is_stopped(shown.process.pid))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def child_of(process: int) -> int:
    (child,) = map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
    return child


# Ending


@ENDINGS
def test_a_signal_ends_the_screen_within_a_second_and_leaves_what_was_seen_also_while_backing_off(
    service: Service, number: signal.Signals, status: int
) -> None:
    service.tell("Fine-tune started")
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("Fine-tune started")
        break_down(service)
        shown.until_shown("↻")
        sent = time.monotonic()
        shown.process.send_signal(number)
        assert shown.wait() == status
        assert time.monotonic() - sent < SOON
        assert f"▶ {JOB_ID} running" in shown.text
        shown.assert_restored()


@ENDINGS
def test_a_signal_ends_the_screen_within_a_second_where_nothing_answers(
    number: signal.Signals, status: int
) -> None:
    with silent() as (url, listener), terminal([*FTMON, JOB_ID, "--base-url", url]) as shown:
        shown.until_shown("connecting …")
        with listener.accept()[0]:
            sent = time.monotonic()
            shown.process.send_signal(number)
            assert shown.wait() == status
            assert time.monotonic() - sent < SOON
            shown.assert_restored()


@ENDINGS
@pytest.mark.parametrize("form", ["--json", "--plain"])
def test_a_signal_ends_the_lines_within_a_second_where_nothing_answers(
    number: signal.Signals, status: int, form: str
) -> None:
    with (
        silent() as (url, listener),
        running(JOB_ID, "--base-url", url, form) as command,
        listener.accept()[0],
    ):
        sent = time.monotonic()
        command.signal(number)
        assert command.wait() == status
        assert time.monotonic() - sent < SOON
        assert command.rest() == []


@ENDINGS
def test_a_signal_ends_plain_lines_with_the_summary(
    service: Service, number: signal.Signals, status: int
) -> None:
    service.tell("Fine-tune started")
    with running(JOB_ID, *service.options, "--plain") as command:
        assert "Fine-tune started" in command.line()
        break_down(service)
        assert "reconnecting" in command.notice()
        sent = time.monotonic()
        command.signal(number)
        assert command.wait() == status
        assert time.monotonic() - sent < SOON
        assert f"▶ {JOB_ID} running when last seen\n" in command.rest()


def test_ctrl_c_ends_the_lines_of_the_demo_with_the_job() -> None:
    with running("demo", "--json", "--speed=0.1") as command:
        command.line()
        sent = time.monotonic()
        command.signal(signal.SIGINT)
        assert command.wait() == 130
        assert time.monotonic() - sent < SOON
        assert objects("".join(command.rest()))[-1]["status"] in ("pending", "running")


def test_a_signal_amid_a_flood_loses_nothing_that_was_counted(service: Service) -> None:
    for number in range(20_000):
        service.tell(str(number))
    with running(JOB_ID, *service.options, "--json") as command:
        command.line()
        command.signal(signal.SIGTERM)
        assert command.wait() == 143
        *events, job = objects("".join(command.rest()))
    assert [event["message"] for event in events] == [str(number + 1) for number in range(len(events))]
    assert (job["object"], job["events"]) == ("fine-tune", len(events) + 1)


# While it starts


@pytest.mark.parametrize("moment", ["argparse", "ftmon.watch.watcher", "ftmon.lines.printer"])
def test_ctrl_c_is_quiet_however_early_it_comes(service: Service, tmp_path: Path, moment: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(SENDING_TO_ITSELF)
    hook = {"PYTHONPATH": str(tmp_path), "MOMENT": moment, "SIGNAL": str(int(signal.SIGINT))}
    with running(JOB_ID, *service.options, "--json", **hook) as command:
        assert command.wait() == 130
        assert (command.rest(), command.notices()) == ([], [])


@pytest.mark.parametrize(
    ("moment", "number", "job"),
    [
        ("ftmon.watch.watcher", signal.SIGINT, [JOB_ID]),
        ("textual.app", signal.SIGTERM, [JOB_ID]),
        ("the loop", signal.SIGINT, [JOB_ID]),
        ("ftmon.tui.screens.monitor", signal.SIGTERM, [JOB_ID]),
        ("ftmon.tui.screens.monitor", signal.SIGINT, [JOB_ID]),
        ("ftmon.tui.screens.open_job", signal.SIGTERM, []),
        ("httpx", signal.SIGINT, [JOB_ID]),
    ],
    ids=str,
)
def test_a_signal_while_the_screen_comes_up_restores_the_terminal(
    service: Service, tmp_path: Path, moment: str, number: signal.Signals, job: list[str]
) -> None:
    service.tell("Fine-tune started")
    (tmp_path / "sitecustomize.py").write_text(SENDING_TO_ITSELF)
    hook = {"PYTHONPATH": str(tmp_path), "MOMENT": moment, "SIGNAL": str(int(number))}
    with terminal([*FTMON, *job, *service.options], 100, 30, **hook) as shown:
        assert shown.wait() == 128 + number
        shown.assert_restored()
        for left_behind in ("ftmon: opening", "bug in ftmon", "Traceback"):
            assert left_behind not in shown.text


# Being stopped, and going on


@PAUSES
def test_after_a_stop_the_screen_is_whole_and_up_to_date_and_each_key_acts_once(
    service: Service, pause: signal.Signals
) -> None:
    service.tell("before the stop")
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("before the stop")
        shown.until_shown("q quit")
        stop(shown, pause)
        shown.take_over("\x1b[?1049l\x1b[?25h$ fg\r\n")
        shown.until_shown("$ fg")
        service.tell("while it stood")
        assert streams(service) == 1
        shown.process.send_signal(signal.SIGCONT)
        shown.until_shown("while it stood")
        shown.until(lambda: streams(service) == 2)
        service.tell("after it")
        shown.until_shown("after it")
        shown.until_shown("q quit")
        lines = shown.text.splitlines()
        assert "● live" in lines[0]
        for words in ("before the stop", "while it stood", "after it"):
            assert shown.text.count(words) == 1
        assert "$ fg" not in shown.text
        shown.press("o")
        shown.until_shown("Watch a job")
        shown.press("each-key-once-and-in-its-turn")
        shown.until_shown("each-key-once-and-in-its-turn")
        shown.press("\x03")
        assert shown.wait() == 130
        shown.assert_restored()


@PAUSES
def test_after_a_stop_the_lines_go_on_without_repeating_one(service: Service, pause: signal.Signals) -> None:
    service.tell("before the stop")
    with running(JOB_ID, *service.options, "--json") as command:
        assert json.loads(command.line())["message"] == "before the stop"
        command.signal(pause)
        until(lambda: is_stopped(command.process.pid))
        service.tell("while it stood")
        command.signal(signal.SIGCONT)
        assert json.loads(command.line())["message"] == "while it stood"
        until(lambda: streams(service) == 2)
        service.tell("after it")
        assert json.loads(command.line())["message"] == "after it"
        service.end("succeeded")
        assert command.wait() == 0
        (job,) = objects("".join(command.rest()))
        assert job["events"] == 3
        assert command.notices() == []


def test_while_it_is_stopped_the_terminal_is_the_shell_s(service: Service) -> None:
    service.tell("Fine-tune started")
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("Fine-tune started")
        for _ in range(3):
            stop(shown, signal.SIGTSTP)
            shown.assert_restored()
            shown.process.send_signal(signal.SIGCONT)
            shown.until_shown("Fine-tune started")


def test_ctrl_z_gives_the_terminal_to_the_shell(service: Service) -> None:
    service.tell("Fine-tune started")
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("Fine-tune started")
        shown.press("\x1a")
        shown.until(lambda: is_stopped(shown.process.pid))
        shown.assert_restored()
        assert not shown.text.strip()
        shown.process.send_signal(signal.SIGCONT)
        shown.until_shown("Fine-tune started")


@PAUSES
def test_a_key_that_went_to_the_shell_holds_up_neither_the_stop_nor_what_follows(
    service: Service, tmp_path: Path, pause: signal.Signals
) -> None:
    service.tell("Fine-tune started")
    (tmp_path / "sitecustomize.py").write_text(LOSING_KEYS)
    lose = tmp_path / "lose"
    hook = {"PYTHONPATH": str(tmp_path), "LOSE": str(lose)}
    with terminal([*FTMON, JOB_ID, *service.options], 100, 30, **hook) as shown:
        shown.until_shown("Fine-tune started")
        shown.until_shown("q quit")
        lose.touch()
        shown.press("k")
        shown.until(lambda: not lose.exists())
        stop(shown, pause)
        shown.process.send_signal(signal.SIGCONT)
        shown.until(lambda: streams(service) == 2)
        shown.press("?")
        shown.until_shown("esc closes")
        shown.press("\x03")
        assert shown.wait() == 130
        shown.assert_restored()


@PAUSES
def test_what_is_ended_while_it_is_stopped_leaves_the_terminal_restored(
    service: Service, pause: signal.Signals
) -> None:
    service.tell("Fine-tune started")
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("Fine-tune started")
        stop(shown, pause)
        shown.process.send_signal(signal.SIGTERM)
        shown.process.send_signal(signal.SIGCONT)
        assert shown.wait() == 143
        shown.assert_restored()


def test_to_go_on_without_having_stopped_does_no_harm(service: Service) -> None:
    service.tell("Fine-tune started")
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("Fine-tune started")
        for _ in range(3):
            before = streams(service)
            shown.process.send_signal(signal.SIGCONT)
            shown.until(partial(has_more_streams, service, before))
        shown.until_shown("Fine-tune started")
        shown.press("?")
        shown.until_shown("esc closes")
        shown.press("\x03")
        assert shown.wait() == 130
        shown.assert_restored()


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
def test_a_screen_that_is_left_after_a_cancel_does_not_say_that_the_job_keeps_running(
    service: Service,
) -> None:
    service.tell("Fine-tune started")
    with terminal([*FTMON, JOB_ID, *service.options], columns=120) as shown:
        shown.until_shown("Fine-tune started")
        shown.press("x")
        shown.until_shown("Cancel this job?")
        shown.press("y")
        shown.until_shown("will be cancelled")
        shown.press("q")
        shown.until_shown("left; the service was asked to cancel the job")
        assert f"{JOB_ID} running, asked to cancel" in shown.text
        assert "keeps running" not in shown.text
        assert shown.wait() == 130


@PAUSES
def test_a_shell_stops_it_and_brings_it_back_but_not_into_the_background(
    service: Service, pause: signal.Signals
) -> None:
    service.tell("Fine-tune started")
    with terminal(["bash", "--norc", "--noprofile", "-i"], PS1="$ ", HISTFILE="") as shown:
        shown.until_shown("$ ")
        shown.press(shlex.join([*FTMON, JOB_ID, *service.options]) + "\r")
        shown.until_shown("Fine-tune started")
        command = child_of(shown.process.pid)
        os.kill(command, pause)
        shown.until(lambda: is_stopped(command))
        shown.press('bg; echo "in "vain\r')
        shown.until_shown("in vain")
        shown.until(lambda: is_stopped(command))
        shown.press("fg\r")
        shown.until(lambda: streams(service) == 2)
        shown.press("?")
        shown.until_shown("esc closes")
        shown.press("\x03")
        shown.until_shown("left; that does not touch the job")
        shown.press("exit $?\r")
        assert shown.wait() == 130


def test_a_screen_is_left_also_where_the_terminal_takes_no_output(service: Service) -> None:
    service.tell("Fine-tune started")
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("Fine-tune started")
        shown.until_shown("q quit")
        shown.halt_output()
        shown.press("q")
        assert shown.process.wait(PATIENCE) == 130
        shown.assert_settings_restored()


@ENDINGS
def test_a_signal_ends_a_screen_whose_terminal_takes_no_output(
    service: Service, number: signal.Signals, status: int
) -> None:
    service.tell("Fine-tune started")
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("Fine-tune started")
        shown.until_shown("q quit")
        shown.halt_output()
        sent = time.monotonic()
        shown.process.send_signal(number)
        assert shown.process.wait(PATIENCE) == status
        assert time.monotonic() - sent < SOON
        shown.assert_settings_restored()
