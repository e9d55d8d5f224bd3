import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.command import FTMON, ftmon, running
from tests.notify.listener import listening
from tests.pane import needs_tmux, pane
from tests.service import JOB_ID, Service
from tests.terminal import Terminal, terminal

pytestmark = pytest.mark.slow

SAVE, RESTORE = b"\x1b[22;0t", b"\x1b[23;0t"
SHORT = JOB_ID[:7] + "…"
TITLE = re.compile(rb"\x1b\]0;([^\x00-\x1f\x7f]*)\x07")
NOTIFICATION = re.compile(rb"\x1b\]777;notify;([ -~]*)\x07")


def titles(shown: Terminal) -> list[str]:
    return [each.decode() for each in TITLE.findall(shown.written)]


def bells(shown: Terminal) -> int:
    """Return how often the bell was rung. A BEL also ends sequences."""
    return re.sub(rb"\x1b\][^\x07]*\x07", b"", shown.written).count(b"\x07")


def now() -> int:
    return int(datetime.now(UTC).timestamp())


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as service:
        service.tell("Fine-tune started")
        service.tell("Step 58/100: training loss=0.48")
        yield service


def test_the_title_tells_the_run_and_is_restored(service: Service) -> None:
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until(lambda: f"58% loss 0.480 · {SHORT}" in titles(shown))
        service.end("failed", error="out of memory")
        shown.until(lambda: titles(shown)[-1] == f"✘ failed · {SHORT}")
        shown.press("q")
        assert shown.wait() == 1
        shown.assert_restored()
    assert (shown.written.count(SAVE), shown.written.count(RESTORE)) == (1, 1)
    assert not TITLE.search(shown.written.partition(RESTORE)[2])
    assert bells(shown) == 1


def test_the_title_is_the_shells_while_ftmon_is_suspended(service: Service) -> None:
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until(lambda: f"58% loss 0.480 · {SHORT}" in titles(shown))
        shown.process.send_signal(signal.SIGTSTP)
        shown.until(lambda: RESTORE in shown.written)
        before = len(titles(shown))
        shown.process.send_signal(signal.SIGCONT)
        shown.until(lambda: len(titles(shown)) > before)
        assert titles(shown)[-1] == f"58% loss 0.480 · {SHORT}"
        shown.press("q")
        assert shown.wait() == 130
    assert (shown.written.count(SAVE), shown.written.count(RESTORE)) == (2, 2)


@pytest.mark.parametrize(
    ("option", "kind", "count"),
    [([], "foot", 1), (["--no-notify"], "foot", 0), (["--plain", "--notify"], "foot", 1)],
)
def test_a_terminal_that_has_notifications_gets_one(
    service: Service, option: list[str], kind: str, count: int
) -> None:
    command = ["env", f"TERM={kind}", *FTMON, JOB_ID, *service.options, "--exit", *option]
    with terminal(command) as shown:
        shown.until(lambda: f"58% loss 0.480 · {SHORT}" in titles(shown))
        service.end("failed", error="out of\x1b]0;x\x07 memory; \x9b2J…")
        assert shown.wait() == 1
    told = [f"{SHORT[:-1]}? failed;out of memory, ?".encode()] * count
    assert NOTIFICATION.findall(shown.written) == told
    assert bells(shown) == count
    assert (shown.written.count(SAVE), shown.written.count(RESTORE)) == (1, 1)


def test_the_palette_tries_the_notification_and_a_way_that_fails_is_told(service: Service) -> None:
    command = ["env", "TERM=foot", *FTMON, JOB_ID, *service.options]
    with terminal(command, FTMON_NOTIFY="false") as shown:
        shown.until_shown("Step 58/100")
        shown.press("\x10")
        shown.until_shown("Search for commands")
        shown.press("try the not")
        shown.until_shown("Try the notification")
        shown.press("\r")
        shown.until_shown("Told: the bell, and a notification by OSC 777")
        shown.until_shown("A notification has failed.")
        shown.press("q")
        shown.wait()
    assert NOTIFICATION.findall(shown.written) == [b"ftmon notify --test;This is how ftmon tells you."]


def test_lines_tell_an_address_that_is_set_and_wait_until_it_is_told(service: Service) -> None:
    with listening() as listener:
        address = f"http://127.0.0.1:{listener.port}/secret"
        with running(JOB_ID, *service.options, "--json", FTMON_NOTIFY=address) as command:
            command.line()
            command.line()
            service.end("succeeded")
            assert command.wait() == 0
            (request,) = listener.rest
            assert b'"event": "finished"' in request.body
            assert command.notices() == []


def test_nothing_is_told_of_the_past_when_a_run_is_watched_again(service: Service, tmp_path: Path) -> None:
    told = tmp_path / "told"
    env = {"FTMON_NOTIFY": f"sh -c 'echo $FTMON_EVENT >>{told}'"}
    service.tell("Step 59/100: training loss=nan", created_at=now() + 5)
    with running(JOB_ID, *service.options, "--plain", **env) as command:
        [command.line() for _ in range(3)]
        service.end("failed", finished_at=now())
        assert command.wait() == 1
    assert sorted(told.read_text().split()) == ["diverged", "failed"]
    assert ftmon(JOB_ID, *service.options, "--plain", env=env).returncode == 1
    assert ftmon("history", JOB_ID, "--plain", env=env).returncode == 1
    assert sorted(told.read_text().split()) == ["diverged", "failed"]


def test_a_way_that_cannot_be_used_is_told_before_anything_is_started(tmp_path: Path) -> None:
    done = ftmon(
        "run", "--", "touch", str(tmp_path / "ran"), env={"FTMON_NOTIFY": "http://a.example/Zx9Kq7Wv"}
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"ftmon: FTMON_NOTIFY ")
    assert not (tmp_path / "ran").exists()


@needs_tmux
def test_a_notification_goes_through_tmux_to_the_terminal_that_shows_it(
    service: Service, config_home: Path
) -> None:
    config = config_home / "ftmon" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[notify]\nterminal = "osc777"\n')
    with pane([*FTMON, JOB_ID, *service.options], 100, 30) as inside:
        inside.do("set", "-g", "allow-passthrough", "on")
        with terminal(inside.attaching, TMUX="") as outside:
            outside.until_shown("running")
            service.end("failed", error="out of memory")
            outside.until(lambda: bool(NOTIFICATION.search(outside.written)))
    assert NOTIFICATION.findall(outside.written) == [f"{SHORT[:-1]}? failed;out of memory".encode()]
