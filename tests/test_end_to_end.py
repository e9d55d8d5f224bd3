import json
import os
import re
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.command import FTMON, PATIENCE, ftmon, objects, running
from tests.pane import needs_tmux, pane
from tests.service import HOSTILE, JOB_ID, Service
from tests.terminal import terminal

pytestmark = pytest.mark.slow

QUICK = ("--speed=1000", "--steps=40", "--epochs=2")
SLOW = ("--speed=0.1",)
DEMO = [*FTMON, "demo"]

ENDINGS = pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as service:
        yield service


def child_of(process: int) -> int:
    """Return a descriptor that is readable once the only child of a process has ended."""
    path = Path(f"/proc/{process}/task/{process}/children")
    (child,) = map(int, path.read_text().split())
    return os.pidfd_open(child)


def assert_ends(pidfd: int) -> None:
    try:
        assert select.select([pidfd], [], [], PATIENCE)[0]
    finally:
        os.close(pidfd)


# In a pipe


def test_the_demo_prints_its_run_and_its_outcome() -> None:
    done = ftmon("demo", "--json", *QUICK)
    *events, job = objects(done.stdout)
    messages = [event["message"] for event in events]
    assert messages[0] == f"Created fine-tune: {job['id']}"
    assert messages[-1] == "Fine-tune succeeded"
    steps = [
        int(step[1]) for message in messages if (step := re.match(r"Step (\d+)/40: training loss=", message))
    ]
    assert steps == list(range(1, 41))
    assert (job["status"], job["events"], job["error"]) == ("succeeded", len(events), None)
    assert job["fine_tuned_model"].startswith("ftmon-demo:ft-")
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_demo_that_fails_says_why_and_ends_with_1() -> None:
    done = ftmon("demo", "--plain", "--fail", *QUICK)
    assert re.search(r"\n✘ ft-\w{24} failed\n  error   The training has diverged", done.stdout.decode())
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_stream_that_is_cut_loses_and_repeats_nothing() -> None:
    with running("demo", "--serve", "--cut-after=20", *QUICK) as server:
        told = json.loads(server.line())
        job_id, base_url = told["job_id"], told["base_url"]
        done = ftmon(job_id, "--base-url", base_url, "--json")
        with urlopen(f"{base_url}/fine-tunes/{job_id}", timeout=PATIENCE) as answer:
            job = json.load(answer)
    *events, last = objects(done.stdout)
    assert [event["message"] for event in events] == [event["message"] for event in job["events"]]
    assert len(events) > 40
    assert (last["status"], last["events"]) == ("succeeded", len(events))
    assert done.stderr.count(b"reconnecting in") >= 1
    assert done.returncode == 0


def test_the_service_alone_says_where_it_is_and_goes_on_until_it_is_told_to_stop() -> None:
    with running("demo", "--serve", *QUICK) as server:
        told = json.loads(server.line())
        assert list(told) == ["base_url", "job_id"]
        for _ in range(2):
            done = ftmon(told["job_id"], "--base-url", told["base_url"], "--json")
            *events, job = objects(done.stdout)
            assert len({event["message"] for event in events}) == len(events) == job["events"]
            assert (done.returncode, job["status"]) == (0, "succeeded")
        server.signal(signal.SIGINT)
        assert server.wait() == 130
        assert server.rest() == server.notices() == []


def test_a_signal_ends_the_demo_and_its_service_within_a_second() -> None:
    with running("demo", "--json", *SLOW) as command:
        assert "Created fine-tune" in command.line()
        child = child_of(command.process.pid)
        sent = time.monotonic()
        command.signal(signal.SIGTERM)
        assert command.wait() == 143
        assert time.monotonic() - sent < 1.2
        assert json.loads(command.rest()[-1])["object"] == "fine-tune"
        assert_ends(child)


def test_the_service_ends_with_a_demo_that_was_killed() -> None:
    with running("demo", "--json", *SLOW) as command:
        command.line()
        child = child_of(command.process.pid)
        command.signal(signal.SIGKILL)
        assert_ends(child)


# On a terminal


def test_the_screen_shows_the_demo_to_its_final_status_and_leaves_it_on_the_terminal() -> None:
    with terminal([*DEMO, "--exit", "--speed=10", "--steps=40", "--epochs=2"]) as shown:
        shown.until(lambda: shown.is_alternate)
        shown.until(lambda: re.search(r"Step \d+/40", shown.text) is not None)
        assert shown.wait() == 0
        assert re.search(r"✔ ft-\w{24} succeeded", shown.text)
        shown.assert_restored()


def test_the_screen_stays_with_the_final_status_until_it_is_left() -> None:
    with terminal([*DEMO, "--fail", *QUICK]) as shown:
        shown.until_shown("■ closed")
        shown.until_shown("✘ failed")
        shown.until_shown("diverged")
        shown.press("q")
        assert shown.wait() == 1
        shown.assert_restored()


@pytest.mark.parametrize(("columns", "lines"), [(140, 40), (40, 10), (20, 5)])
def test_the_final_status_is_seen_at_every_size(columns: int, lines: int) -> None:
    with terminal([*DEMO, *QUICK], columns, lines) as shown:
        shown.until(lambda: shown.is_alternate)
        shown.until_shown("■ closed")
        shown.until_shown("✔ succeeded")
        shown.press("q")
        assert shown.wait() == 0
        shown.assert_restored()


@pytest.mark.parametrize("keys", ["q", "\x03"], ids=["q", "Ctrl-C"])
def test_a_key_leaves_before_the_end_with_130(keys: str) -> None:
    with terminal([*DEMO, *SLOW]) as shown:
        shown.until_shown("Created fine-tune")
        shown.press(keys)
        assert shown.wait() == 130
        shown.assert_restored()


@ENDINGS
def test_a_signal_restores_the_terminal_and_ends_the_service(number: signal.Signals, status: int) -> None:
    with terminal([*DEMO, *SLOW]) as shown:
        shown.until_shown("Created fine-tune")
        child = child_of(shown.process.pid)
        sent = time.monotonic()
        shown.process.send_signal(number)
        assert shown.wait() == status
        assert time.monotonic() - sent < 1.5
        shown.assert_restored()
        assert_ends(child)


def test_a_terminal_that_is_closed_ends_the_screen_and_the_service() -> None:
    with terminal([*DEMO, *SLOW]) as shown:
        shown.until_shown("Created fine-tune")
        child = child_of(shown.process.pid)
        shown.hang_up()
        assert shown.process.wait(PATIENCE) in (129, -signal.SIGHUP)
        assert_ends(child)


def test_the_terminal_may_change_its_size_while_it_is_watched() -> None:
    with terminal([*DEMO, *SLOW]) as shown:
        shown.until_shown("Created fine-tune")
        for columns, lines in [(40, 10), (20, 5), (200, 60), (100, 30)] * 5:
            shown.resize(columns, lines)
        shown.until_shown("Created fine-tune")
        shown.press("q")
        assert shown.wait() == 130
        shown.assert_restored()


def test_nothing_hostile_reaches_the_terminal(service: Service) -> None:
    markup = "[/x] [b]bold[/b] [@click=app.quit]x[/] [red"
    service.job["model"] = f"{HOSTILE}{markup}"
    service.tell(f"{HOSTILE}{markup}", level=HOSTILE, id=HOSTILE)
    service.tell(f"Uploaded model: {HOSTILE}")
    service.tell("\x1b]52;c;cm0gLXJm\x07\x1bPtmux;\x1b\x1b]0;owned\x07\x1b\\harmless")
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("harmless")
        shown.until_shown("[b]bold[/b]")
        service.end("failed", error={"message": f"{HOSTILE}{markup} at last"})
        shown.until_shown("at last")
        shown.until_shown("■ closed")
        shown.press("q")
        assert shown.wait() == 1
        shown.assert_restored()
    assert "evil" in shown.written.decode()
    for hostile in ("owned", "\x9b", "\u202e", "\x1b]52", "\x1bP", "cm0gLXJm"):
        assert hostile.encode() not in shown.written


def test_a_locale_without_signs_does_not_break_the_last_words() -> None:
    with terminal([*DEMO, "--exit", *QUICK], PYTHONIOENCODING="ascii") as shown:
        assert shown.wait() == 0
        assert re.search(r"\\u2714 ft-\w{24} succeeded", shown.text)
        shown.assert_restored()


# In tmux


@needs_tmux
@pytest.mark.parametrize(("columns", "lines"), [(140, 40), (40, 10)])
def test_in_tmux_the_demo_is_shown_to_its_final_status(columns: int, lines: int) -> None:
    with pane([*DEMO, "--speed=40", "--steps=40", "--epochs=2"], columns, lines) as shown:
        shown.until_shown("Step" if columns > 40 else "loss ")
        shown.until_shown("■ closed")
        shown.until_shown("✔ succeeded")
        assert shown.told("#{pane_width} #{pane_height} #{alternate_on}") == f"{columns} {lines} 1"
        shown.press("q")
        shown.until_shown("left with 0")
        assert re.search(r"✔ ft-\w{24} succeeded", shown.text)


@needs_tmux
def test_in_tmux_the_shell_is_as_before_once_the_screen_is_left() -> None:
    with pane([*DEMO, *SLOW], 100, 30) as shown:
        shown.until_shown("Created fine-tune")
        shown.press("C-c")
        shown.until_shown("left with 130")
        shown.until_shown(" icanon ")
        shown.until_shown(" echo ")
        assert shown.told("#{alternate_on} #{mouse_any_flag} #{cursor_flag}") == "0 0 1"
