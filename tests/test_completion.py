import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftmon.commands import NAMES
from ftmon.providers import KNOWN
from tests.command import PATIENCE, environment, ftmon
from tests.records import KEY as JOB_KEY
from tests.records import STORED, job_of, record, told
from tests.terminal import Terminal, terminal

pytestmark = pytest.mark.slow

CONFIG = """\
[profiles.work]
base_url = "https://gpu-box.example/v1"
api_key_command = ["touch", "{ran}"]
[profiles.wide]
provider = "together"
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with an `ftmon` in it."""
    command = tmp_path / "bin" / "ftmon"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m ftmon \"$@\"\n")
    command.chmod(0o700)
    return f"{command.parent}:{os.environ['PATH']}"


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """Exists once the command of a key has run."""
    return tmp_path / "ran"


@pytest.fixture(autouse=True)
def state(data_home: Path, config_home: Path, ran: Path) -> None:
    """Record two jobs, and write a config file with two profiles."""
    history = data_home / "ftmon" / "history.sqlite3"
    record(history, told(*STORED, job=job_of("succeeded")))
    other = JOB_KEY._replace(job_id="ftjob-a:b")
    record(history, told(*STORED, key=other, job=job_of("running", id=other.job_id)))
    config = config_home / "ftmon" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(CONFIG.format(ran=ran))
    config.chmod(0o600)


def completed(line: str, **env: str) -> list[str]:
    """Ask ftmon as a shell does, and return the words that may stand at the end of the line."""
    asked = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n"}
    ours, theirs = os.pipe()
    with os.fdopen(ours) as answer:
        # argcomplete answers on descriptor 8.
        command = f'exec "$@" 8>&{theirs}'
        done = subprocess.run(
            ["bash", "-c", command, "bash", sys.executable, "-m", "ftmon"],
            env=environment(**asked, **env),
            pass_fds=[theirs],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
        os.close(theirs)
        assert done.stdout == b""
        return [word.rstrip() for word in answer.read().split("\n") if word]


def test_the_first_word_is_a_command_or_a_recorded_job() -> None:
    assert set(completed("ftmon ")) == {*NAMES, JOB_KEY.job_id, "ftjob-a:b"}
    assert completed("ftmon hi") == ["history"]
    assert completed("ftmon ft-") == [JOB_KEY.job_id]
    assert completed("ftmon nothing") == []


@pytest.mark.parametrize("command", ["", "watch ", "history ", "export ", "history --json "])
def test_a_job_is_one_that_is_recorded(command: str) -> None:
    assert completed(f"ftmon {command}ftj") == ["ftjob-a:b"]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_completes_its_own_options(name: str) -> None:
    told = ftmon(name, "--help").stdout.decode()
    lines = re.findall(r"^  (?:-[a-z](?: [A-Z]+)?, )?(--[a-z-]+)(?:, (--no-[a-z-]+))?", told, re.MULTILINE)
    options = [option for pair in lines for option in pair if option]
    assert sorted(completed(f"ftmon {name} --")) == sorted(options)


def test_an_option_s_value_is_one_that_it_takes(tmp_path: Path) -> None:
    assert completed("ftmon --provider ") == list(KNOWN)
    assert completed("ftmon --provider=tog") == ["--provider=together"]
    assert completed("ftmon config --profile w") == ["work", "wide"]
    assert completed("ftmon export x --format ") == ["jsonl", "csv"]
    assert completed("ftmon history x --base-url ") == [JOB_KEY.service]
    assert completed("ftmon completion ") == ["bash", "zsh", "fish"]
    assert completed("ftmon config ") == ["edit"]
    assert completed("ftmon --timeout ") == []
    (tmp_path / "a key").touch()
    assert completed(f"ftmon --api-key-file {tmp_path}/a") == [f"{tmp_path}/a\\ key"]


def test_a_command_is_found_wherever_it_stands_on_the_line() -> None:
    assert completed("cd /tmp && FTMON_PROFILE=work ./bin/ftmon conf") == ["config"]
    assert completed("ls; ftmon config e") == ["edit"]


def test_completion_runs_no_command_for_a_key_and_passes_over_what_is_broken(
    ran: Path, config_home: Path, data_home: Path
) -> None:
    assert completed("ftmon --profile work ft-", FTMON_PROFILE="work") == [JOB_KEY.job_id]
    assert not ran.exists()
    (config_home / "ftmon" / "config.toml").write_text("broken")
    assert completed("ftmon --profile ") == []
    (data_home / "ftmon" / "history.sqlite3").write_bytes(b"broken")
    assert set(completed("ftmon ")) == set(NAMES)


def test_without_a_history_none_is_made(data_home: Path) -> None:
    shutil.rmtree(data_home)
    assert set(completed("ftmon ")) == set(NAMES)
    assert not data_home.exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed(shell: str) -> None:
    done = ftmon("completion", shell)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"ftmon" in done.stdout
    assert b"_ARGCOMPLETE_SHELL" in done.stdout


def test_a_shell_that_is_not_known_is_one_sentence_and_exit_status_2() -> None:
    for arguments in (["tcsh"], []):
        done = ftmon("completion", *arguments)
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(ftmon completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -u -D; eval "$(ftmon completion zsh)"'),
    "fish": (["fish", "--no-config", "-i"], "ftmon completion fish | source"),
}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, path: str, tmp_path: Path) -> Iterator[Terminal]:
    """A shell that has read its script."""
    command, script = SHELLS[request.param]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    with terminal(command, 120, 30, PATH=path, HOME=str(tmp_path), PS1="$ ") as shown:
        shown.press(f"{script}; echo re''ady\n")
        shown.until_shown("ready")
        yield shown


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("hist", "history "),
        ("ftjob", "ftjob-a:b "),
        ("watch ftjob-a:", "watch ftjob-a:b "),
        ("--provider tog", "--provider together "),
        ("--provider=tog", "--provider=together "),
        ("config --profile wo", "config --profile work "),
        ("config --jso", "config --json "),
    ],
)
def test_tab_completes_in_a_shell(shell: Terminal, typed: str, completed: str) -> None:
    shell.press(f"ftmon {typed}\t")
    shell.until(lambda: f"ftmon {completed.rstrip()}" in shell.text)
    # The next word begins after a blank.
    shell.press("END")
    shell.until_shown(f"ftmon {completed}END")
