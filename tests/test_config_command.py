import json
import signal
import stat
from pathlib import Path

import pytest

from tests.command import FTMON, KEY, ftmon
from tests.service import DIRTY, HOSTILE, JOB_ID, Service
from tests.terminal import terminal

pytestmark = pytest.mark.slow

CONFIG = """\
default_profile = "box"

[profiles.box]
base_url = "https://gpu-box.example/v1"
api_key_env = "BOX_KEY"
namespace = "team"

[profiles.together]
provider = "together"
api_key_command = ["touch", "{ran}"]
"""


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """Exists once the command of the profile `together` has run."""
    return tmp_path / "ran"


@pytest.fixture
def config(config_home: Path, ran: Path) -> Path:
    path = config_home / "ftmon" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(CONFIG.format(ran=ran))
    path.chmod(0o600)
    return path


def shown(*arguments: str, **env: str) -> dict[str, str]:
    """Run `ftmon config`, and return what it shows by its names."""
    done = ftmon("config", *arguments, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    return {line[:13].rstrip(): line[14:] for line in lines}


def test_config_shows_what_is_in_effect_and_why(config: Path, data_home: Path) -> None:
    assert shown(BOX_KEY=KEY) == {
        "config file": str(config),
        "profiles": "box, together",
        "profile": "box (default)",
        "service": "https://gpu-box.example/v1 (the profile box)",
        "provider": "auto (ftmon finds out)",
        "key": "BOX_KEY",
        "namespace": "team",
        "notify": "no address and no command",
        "history": str(data_home / "ftmon" / "history.sqlite3"),
    }
    assert not data_home.exists()


def test_config_reads_no_key_and_runs_no_command(config: Path, ran: Path, tmp_path: Path) -> None:
    facts = shown("--profile", "together")
    assert facts["key"] == "api_key_command of the profile together"
    assert (facts["profile"], facts["provider"]) == ("together", "together (the profile together)")
    assert not ran.exists()
    assert shown("--api-key-file", str(tmp_path / "nowhere"))["key"] == "--api-key-file"
    assert shown("--profile", "box")["key"] == "api_key_env of the profile box (not set)"


def test_config_without_a_file_says_how_to_make_one(config_home: Path) -> None:
    facts = shown(FTMON_BASE_URL="http://127.0.0.1:8000/v1")
    path = config_home / "ftmon" / "config.toml"
    assert facts["config file"] == f"{path} (not there yet: ftmon config edit)"
    assert facts["service"] == "http://127.0.0.1:8000/v1 (FTMON_BASE_URL)"
    assert (facts["profile"], facts["key"]) == ("none", "none")
    assert (
        shown("--base-url", "https://eu.api.mistral.ai/v1")["provider"]
        == "auto (the host is that of mistral)"
    )


def test_what_config_shows_of_a_path_is_safe(tmp_path: Path) -> None:
    folder = tmp_path / HOSTILE[:-1]
    folder.mkdir()
    (folder / "config.toml").touch()
    assert shown(FTMON_CONFIG=str(folder / "config.toml"))["config file"] == str(
        tmp_path / DIRTY[:-1] / "config.toml"
    )


def test_config_is_a_json_object_too(config: Path) -> None:
    done = ftmon("config", "--json", "--base-url", "https://other.example", "--profile", "together")
    facts = json.loads(done.stdout)
    assert (facts["object"], facts["config_file"]) == ("config", str(config))
    assert facts["profiles"] == ["box", "together"]
    assert (facts["profile"], facts["provider"], facts["default_profile"]) == ("together", "together", "box")
    assert facts["provider_source"] == "the profile together"
    assert (facts["base_url"], facts["base_url_source"]) == ("https://other.example", "--base-url")
    assert (facts["key_source"], facts["namespace"]) == (None, None)
    assert facts["notices"] == [done.stderr.decode().removeprefix("ftmon: ").rstrip()]
    assert "is not sent to https://other.example" in facts["notices"][0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["config"], "line 2: api_key would keep a key in this file"),
        (["config", "--json"], "line 2: api_key would keep a key in this file"),
        (["ft-1"], "line 2: api_key would keep a key in this file"),
        (["config", "show"], "invalid choice: 'show'"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_one_sentence_and_exit_status_2(
    config: Path, arguments: list[str], words: str
) -> None:
    config.write_text(f'[profiles.a]\napi_key = "{KEY}"\n')
    done = ftmon(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert words in done.stderr.decode()


def test_what_means_nothing_in_the_file_is_said_and_the_watching_goes_on(config: Path) -> None:
    config.write_text('[profiles.a]\nbase_ulr = "x"\n')
    with Service().running() as service:
        service.succeed()
        done = ftmon(JOB_ID, *service.options, "--plain")
    assert done.returncode == 0
    assert done.stderr.decode().splitlines()[0] == (
        f"ftmon: {config}, line 2: base_ulr means nothing here; did you mean base_url?"
    )


def editor(tmp_path: Path, body: str) -> str:
    """Return a command for EDITOR: a script in a directory with a blank in its name."""
    path = tmp_path / "an editor" / "edit"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return f"'{path}' --wait"


def test_edit_makes_a_private_file_that_can_be_used_as_it_is(config_home: Path, tmp_path: Path) -> None:
    path = config_home / "ftmon" / "config.toml"
    done = ftmon("config", "edit", env={"EDITOR": editor(tmp_path, 'echo "$@"')})
    assert (done.returncode, done.stdout.decode()) == (0, f"--wait {path}\n")
    assert done.stderr.decode() == f"ftmon: {path} can be used; its profiles: none.\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    # Every example of it is right, too.
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line.removeprefix("# ") for line in lines if " = " in line or "[" in line))
    done = ftmon("config", "edit", env={"EDITOR": "true"})
    assert done.returncode == 2
    assert "a profile has one key: api_key_env or api_key_file or api_key_command" in done.stderr.decode()
    path.write_text(path.read_text().replace("api_key_file =", "#").replace("api_key_command =", "#"))
    done = ftmon("config", "edit", env={"EDITOR": "true"})
    assert (done.returncode, done.stderr.decode()) == (
        0,
        f"ftmon: {path} can be used; its profiles: work.\n",
    )


def test_visual_goes_before_editor_and_an_existing_file_is_kept(config: Path, tmp_path: Path) -> None:
    before = config.read_text()
    done = ftmon("config", "edit", env={"VISUAL": editor(tmp_path, "exit 3"), "EDITOR": "false"})
    assert done.returncode == 0
    assert done.stderr.decode().splitlines() == [
        "ftmon: the editor ended with 3.",
        f"ftmon: {config} can be used; its profiles: box, together.",
    ]
    assert config.read_text() == before


def test_edit_says_what_is_wrong_afterwards(config: Path, tmp_path: Path) -> None:
    body = "echo '[profiles.a]' >\"$2\"; echo 'base_ulr = 1' >>\"$2\"; echo 'allow_http = 1' >>\"$2\""
    done = ftmon("config", "edit", env={"EDITOR": editor(tmp_path, body)})
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"{config}, line 3: allow_http must be true or false" in done.stderr.decode()


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"EDITOR": "/nowhere/edit"}, "The editor /nowhere/edit cannot be run: No such file"),
        ({"EDITOR": "'vi"}, "EDITOR cannot be read as a command: No closing quotation."),
        ({}, "config.toml in; VISUAL or EDITOR may name an editor without one."),
        ({"EDITOR": "true", "FTMON_CONFIG": "/dev/null/x"}, "/dev/null/x cannot be made: "),
        ({"EDITOR": "rm", "FTMON_CONFIG": "{tmp}/mine.toml"}, "mine.toml cannot be read: No such file"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_edit_that_cannot_be_is_one_sentence_and_exit_status_2(
    tmp_path: Path, env: dict[str, str], words: str
) -> None:
    done = ftmon("config", "edit", env={key: value.format(tmp=tmp_path) for key, value in env.items()})
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert words in done.stderr.decode()


def test_ctrl_c_in_the_editor_is_the_editor_s(config: Path, tmp_path: Path) -> None:
    body = "trap 'echo kept' INT; echo editing; until read line; do :; done; echo \"read $line\""
    command = [*FTMON, "config", "edit"]
    # The path that is told may be long.
    with terminal(command, 250, 24, EDITOR=editor(tmp_path, body)) as shown:
        shown.until_shown("editing")
        shown.press("\x03")
        shown.until_shown("kept")
        assert shown.process.poll() is None
        shown.press("on\n")
        shown.until_shown("can be used")
        assert shown.wait() == 0


def test_the_handler_of_the_editor_s_interrupt_is_not_handed_down(config: Path, tmp_path: Path) -> None:
    body = "grep SigIgn /proc/$$/status"
    if not Path("/proc/self/status").exists():
        pytest.skip("there is no /proc here")
    done = ftmon("config", "edit", env={"EDITOR": editor(tmp_path, body)})
    assert not int(done.stdout.split()[1], 16) & 1 << (signal.SIGINT - 1)
