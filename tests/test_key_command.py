import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftmon.errors import UsageError
from ftmon.settings import Key
from ftmon.settings.choice import choose
from ftmon.settings.key_command import first_line
from tests.command import KEY, ftmon, running
from tests.service import JOB_ID, Service

pytestmark = pytest.mark.slow

Script = Callable[[str], Path]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Write an executable script that notes each run in the file `ran`."""

    def script(body: str) -> Path:
        path = tmp_path / "a key"
        path.write_text(f"#!/bin/sh\necho run >>'{tmp_path}/ran'\n{body}\n")
        path.chmod(0o700)
        return path

    return script


def runs(tmp_path: Path) -> int:
    ran = tmp_path / "ran"
    return ran.read_text().count("run") if ran.exists() else 0


def config_of(config_home: Path, command: Path, base_url: str = "https://gpu-box.example/v1") -> Path:
    path = config_home / "ftmon" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(f'[profiles.box]\nbase_url = "{base_url}"\napi_key_command = ["{command}", "$HOME"]\n')
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"echo ' {KEY} '", f" {KEY} "),
        (f"echo {KEY}; echo user: me", KEY),
        (f"printf {KEY}", KEY),
        ('echo "$1"', "$HOME"),
        ("cat", ""),
        ("true", ""),
        ("echo noise >&2; head -c 300000 /dev/zero | tr '\\0' x", "x" * 8192),
        # What goes on running holds the output open.
        (f"echo {KEY}; sleep 9 & exit 0", KEY),
    ],
    ids=[
        "blanks",
        "lines",
        "no line end",
        "no shell",
        "empty input",
        "nothing",
        "endless line",
        "left behind",
    ],
)
def test_the_first_line_that_a_command_prints_is_the_key(script: Script, body: str, expected: str) -> None:
    started = time.monotonic()
    assert first_line([str(script(body)), "$HOME"], "it") == expected
    assert time.monotonic() - started < 5


def test_a_command_has_no_terminal() -> None:
    code = "import os\ntry: os.open('/dev/tty', os.O_RDWR)\nexcept OSError: print('none')"
    assert first_line([sys.executable, "-c", code], "it") == "none"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (f"echo {KEY}; exit 3", r"^it failed with exit status 3; run it to see why\.$"),
        ("kill -9 $$", "^it failed with exit status -9"),
        ("sleep 60", r"^it was not done after 1 s\.$"),
        (f"echo {KEY}; exec >&-; sleep 60", "^it was not done after"),
        ("yes", "^it was not done after"),
    ],
    ids=["status", "signal", "slow", "slow end", "endless"],
)
def test_a_command_that_fails_is_told_without_what_it_says(
    script: Script, tmp_path: Path, body: str, words: str
) -> None:
    started = time.monotonic()
    with pytest.raises(UsageError, match=words):
        first_line([str(script(f"echo $$ >'{tmp_path}/pid'\n{body}"))], "it", longest=1.0)
    assert time.monotonic() - started < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "No such file or directory"), ("", "Permission denied"), ("~/key", "No such file")],
)
def test_a_command_that_is_none_is_told_with_its_reason(tmp_path: Path, name: str, reason: str) -> None:
    words = [name if name.startswith("~") else str(tmp_path / name)]
    with pytest.raises(UsageError, match=f"^it cannot be run: {reason}"):
        first_line(words, "it")


def test_a_command_is_run_only_when_the_key_is_read(
    script: Script, tmp_path: Path, config_home: Path
) -> None:
    config_of(config_home, script(f"echo {KEY}"))
    choice = choose(profile="box", environ={})
    assert choice.key is not None
    assert (choice.key.name, runs(tmp_path)) == ("api_key_command of the profile box", 0)
    assert choice.with_key().key == Key(KEY, choice.key.name)
    assert runs(tmp_path) == 1
    assert "Zx9Kq7Wv" not in f"{choice}{choice.with_key()}"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_command_of_a_file_that_others_can_write_is_not_run(
    script: Script, tmp_path: Path, config_home: Path, mode: int
) -> None:
    config = config_of(config_home, script(f"echo {KEY}"))
    config.chmod(mode)
    choice = choose(profile="box", environ={})
    with pytest.raises(UsageError, match=f"is not run, because others can write .*: chmod go-w {config}$"):
        choice.with_key()
    assert runs(tmp_path) == 0
    config.chmod(0o644)
    assert choose(profile="box", environ={}).with_key().key


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_command_of_a_file_that_is_somebody_else_s_is_not_run(
    script: Script, tmp_path: Path, config_home: Path
) -> None:
    os.chown(config_of(config_home, script(f"echo {KEY}")), 12_345, -1)
    with pytest.raises(UsageError, match="or it is not yours"):
        choose(profile="box", environ={}).with_key()
    assert runs(tmp_path) == 0


def test_the_key_of_a_command_is_sent_and_neither_shown_nor_recorded(
    script: Script, config_home: Path, data_home: Path
) -> None:
    with Service().running() as service:
        config_of(config_home, script(f"echo {KEY}"), service.base_url)
        service.tell(f"the key {KEY} is known")
        service.succeed()
        done = ftmon(JOB_ID, "--profile", "box", "--json")
        asked = service.asked
    assert done.returncode == 0
    assert b"the key [key] is known" in done.stdout
    assert {headers["Authorization"] for _, headers in asked} == {f"Bearer {KEY}"}
    assert all(b"Zx9Kq7Wv" not in path.read_bytes() for path in (data_home / "ftmon").iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--profile", "box", "../x"],
        ["--profile", "box", "a/b", "--provider", "openai"],
        ["history"],
        ["history", "ft-1"],
        ["export", "ft-1"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_what_asks_no_service_runs_no_command(
    script: Script, tmp_path: Path, config_home: Path, arguments: list[str]
) -> None:
    config_of(config_home, script(f"echo {KEY}"))
    ftmon(*arguments, env={"FTMON_PROFILE": "box"})
    assert runs(tmp_path) == 0


@pytest.mark.parametrize("arguments", [[JOB_ID, "--plain"], [JOB_ID, "--json"], ["jobs"]], ids=" ".join)
def test_a_command_that_fails_is_one_sentence_and_exit_status_2(
    script: Script, config_home: Path, arguments: list[str]
) -> None:
    with Service().running() as service:
        config_of(config_home, script(f"echo {KEY}; echo {KEY} >&2; exit 1"), service.base_url)
        done = ftmon(*arguments, env={"FTMON_PROFILE": "box"})
        assert service.asked == []
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (
        "ftmon: api_key_command of the profile box failed with exit status 1; run it to see why.\n"
    )


def test_leaving_ends_a_command_that_is_waited_for(script: Script, tmp_path: Path, config_home: Path) -> None:
    pid = tmp_path / "pid"
    os.mkfifo(pid)
    # More than a pipe holds, so that the command is being read once it has told its process.
    config_of(config_home, script(f"head -c 300000 /dev/zero; echo $$ >'{pid}'; exec sleep 60"))
    with running(JOB_ID, "--profile", "box", "--plain") as command:
        number = int(pid.read_text())
        command.signal(signal.SIGINT)
        assert command.wait() == 130
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
