import json
from pathlib import Path

import pytest

from ftmon.checks.check import Mark
from ftmon.notify.check import notification
from ftmon.notify.terminal import LET_THROUGH
from tests.command import FTMON, KEY, ftmon
from tests.notify.listener import listening
from tests.notify.test_attention import NOTIFICATION
from tests.terminal import terminal

pytestmark = pytest.mark.slow

NAME_ASKED = b"\x1b[>q\x1b[c"


def test_a_test_tells_each_way_and_says_what_came_of_it(tmp_path: Path) -> None:
    told = tmp_path / "told"
    env = {"FTMON_NOTIFY": f"sh -c 'cat >{told}'", "OPENAI_API_KEY": KEY}
    done = ftmon("notify", "--test", env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "✔ command   it ended with 0\n" in done.stdout.decode()
    assert json.loads(told.read_bytes())["event"] == "test"
    with listening() as listener:
        env = {"FTMON_NOTIFY": f"http://127.0.0.1:{listener.port}/Zx9Kq7Wv"}
        done = ftmon("notify", "--test", env=env)
        assert (done.returncode, len(listener.rest)) == (0, 1)
        assert "✔ address   it was taken, as json\n" in done.stdout.decode()


def test_a_way_that_fails_is_told_by_a_word_and_the_exit_status() -> None:
    with listening(403) as listener:
        done = ftmon("notify", "--test", env={"FTMON_NOTIFY": f"http://127.0.0.1:{listener.port}/Zx9Kq7Wv"})
    assert done.returncode == 1
    assert "✘ address   The address answered with 403.\n" in done.stdout.decode()


def test_without_test_nothing_is_told(tmp_path: Path) -> None:
    told = tmp_path / "told"
    done = ftmon("notify", env={"FTMON_NOTIFY": f"touch {told}"})
    assert done.returncode == 0
    assert "– others    a command, by FTMON_NOTIFY\n" in done.stdout.decode()
    assert not told.exists()


@pytest.mark.parametrize("command", ["config", "doctor"])
def test_what_is_set_is_told_without_the_address(command: str) -> None:
    env = {"FTMON_NOTIFY": "https://hooks.slack.com/services/Zx9Kq7Wv"}
    done = ftmon(command, "--base-url", "http://127.0.0.1:1/v1", env=env)
    assert "an address (slack), by FTMON_NOTIFY" in done.stdout.decode()


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        ("foot", b"\x1bP>|foot(1.16)\x1b\\\x1b[?62;4c", "by OSC 777; it says that it is foot(1.16)"),
        ("xterm-256color", b"\x1bP>|WezTerm 2024\x1b\\\x1b[?65c", 'it takes OSC 777: terminal = "osc777"'),
    ],
)
def test_a_terminal_is_asked_which_one_it_is(kind: str, answer: bytes, words: str) -> None:
    with terminal(["env", f"TERM={kind}", *FTMON, "notify", "--test"], columns=200) as shown:
        shown.until(lambda: NAME_ASKED in shown.written)
        shown.type(answer)
        assert shown.wait() == 0
        assert words in shown.text
        shown.assert_settings_restored()
    assert len(NOTIFICATION.findall(shown.written)) == (kind == "foot")


def test_the_doctor_says_what_tmux_keeps_back_and_what_cannot_be_used(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[notify]\nterminal = "osc777"\n')
    environ = {"FTMON_CONFIG": str(config), "TMUX": "/no/socket,1,0"}
    check = notification(environ)
    assert (check.mark, check.advice) == (Mark.DOUBT, LET_THROUGH)
    assert check.text == "the bell only: tmux lets nothing through; no address and no command"
    assert notification({"FTMON_CONFIG": str(config)}).mark is Mark.GOOD
    check = notification({**environ, "FTMON_NOTIFY": "http://a.example/Zx9Kq7Wv"})
    assert check.mark is Mark.BAD
    assert check.text.startswith("FTMON_NOTIFY must begin with https://")
