import os
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from ftmon import __version__, cli, commands
from ftmon.commands import NAMES
from ftmon.providers import PROVIDERS
from tests.command import KEY, check_output, ftmon, running
from tests.service import HOSTILE, JOB_ID, Service

pytestmark = pytest.mark.slow


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as service:
        yield service


def test_the_version_is_told() -> None:
    done = ftmon("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ftmon {__version__}\n".encode(), b"")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"], ["help", "demo"]], ids=str)
def test_help_is_ascii_that_fits_a_terminal(arguments: list[str]) -> None:
    done = ftmon(*arguments, env={"COLUMNS": "80"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert max(map(len, done.stdout.decode("ascii").splitlines())) <= 88
    assert done.stdout.startswith(b"usage: ftmon")


def test_help_tells_of_every_option_command_variable_and_exit_status() -> None:
    told = ftmon("--help").stdout.decode()
    for word in (
        *["--no-stream", "--json", "--plain", "--exit", "--base-url URL", "--api-key-file FILE", "--wait"],
        *["--timeout SECONDS", "--ca-file FILE", "--allow-http", "--version"],
        *["--profile NAME", "FTMON_PROFILE", "FTMON_CONFIG"],
        *["ftmon demo", "ftmon watch JOB", "OPENAI_API_KEY", "OPENAI_BASE_URL", "FTMON_API_KEY"],
        *[" 0 ", " 1 ", " 2 ", " 3 ", " 4 ", " 5 ", " 6 ", " 70 ", " 124 ", " 130 ", "143, 129", " 141 "],
    ):
        assert word in told
    for provider in PROVIDERS.values():
        for variable in (*provider.addresses, *provider.keys, provider.namespace):
            assert variable in told


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_listed_and_has_its_own_help(name: str) -> None:
    assert f"ftmon {name}" in ftmon("--help").stdout.decode()
    usage = "usage: ftmon [-h]" if name == "watch" else f"usage: ftmon {name} [-h]"
    assert ftmon(name, "--help").stdout.decode().startswith(usage)


def test_every_module_that_runs_is_a_command() -> None:
    modules = [import_module(f"ftmon.commands.{found.name}") for found in iter_modules(commands.__path__)]
    runnable = {module.__name__.rpartition(".")[2] for module in modules if hasattr(module, "run")}
    assert runnable == set(NAMES)


def test_watch_takes_an_id_that_is_a_command_s_name(service: Service) -> None:
    done = ftmon("watch", "demo", *service.options)
    assert service.asked[0][0] == "/v1/fine-tunes/demo"
    assert (done.returncode, done.stdout) == (4, b"")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Which job? Give its id: ftmon JOB."),
        (["watch"], "Which job? Give its id: ftmon JOB."),
        (["--json"], "Which job?"),
        (["--json", "demo"], "For a job of that name: ftmon watch demo"),
        (["--json", "watch"], "For a job of that name: ftmon watch watch"),
        (
            ["demoo"],
            "There is no command demoo. Did you mean ftmon demo? (A job of that name: ftmon watch demoo)",
        ),
        (["--json", "Histroy"], "Did you mean ftmon history?"),
        (["helpp"], "Did you mean ftmon help?"),
        (["prune"], "Did you mean ftmon history --prune?"),
        (["ft-1", "ft-2"], "unrecognized arguments: ft-2 (see ftmon --help)"),
        (["ft-1", "--bogus"], "unrecognized arguments: --bogus (see ftmon --help)"),
        (["ft-1", "--js"], "unrecognized arguments: --js (see ftmon --help)"),
        (["ft-1", "--json", "--plain"], "not allowed with argument --json (see ftmon --help)"),
        (["ft-1", "--base-url"], "--base-url: expected one argument (see ftmon --help)"),
        (["ft-1", "--timeout", "soon"], "'soon' is not a number of seconds above 0"),
        (["ft-1", "--timeout", "0"], "'0' is not a number of seconds above 0"),
        (["ft-1", "--timeout=-1"], "'-1' is not a number of seconds above 0"),
        (["ft-1", "--timeout", "nan"], "'nan' is not a number of seconds above 0"),
        (["ft-1", "--timeout", "1e400"], "'1e400' is not a number of seconds above 0"),
        (["demo", "--steps", "0"], "(see ftmon demo --help)"),
        (["demo", "--speed", "fast"], "(see ftmon demo --help)"),
        (["demo", "--port", "99999"], "(see ftmon demo --help)"),
        (["demo", "ft-1"], "unrecognized arguments: ft-1 (see ftmon demo --help)"),
        (["../x"], "This is no job id: an id has only letters, digits and _ . : - in it"),
        (["a..b"], "This is no job id"),
        (["ft-1/../../admin"], "This is no job id"),
        ([""], "The job id is empty."),
        (["x" * 10_000], "This is no job id: it has 10,000 characters"),
        (["\x1b]0;owned\x07\x1b[2J"], "This is no job id"),
        (["\x9b31m\u202e"], "This is no job id"),
        ([b"\xff\x9b"], "This is no job id"),
        (["--", "--json"], "This is no job id"),
        (["ft-1", f"--{HOSTILE[:-1]}"], "unrecognized arguments"),
        (["ft-1", "--timeout", HOSTILE[:-1]], "is not a number of seconds above 0"),
        (["ft-1", "--base-url", ""], "The base URL is empty"),
        (["ft-1", "--base-url", "127.0.0.1:8000/v1"], "does not begin with http:// or https://"),
        (["ft-1", "--base-url", "http://127.0.0.1/v1/../admin"], "has a . or .. in its path"),
        (["ft-1", "--base-url", "http://127.0.0.1/%2e%2e/"], "has a . or .. in its path"),
        (["ft-1", "--base-url", "http://127.0.0.1:99999/v1"], "its port is none of 1 to 65535"),
        (["ft-1", "--base-url", f"http://me:{KEY}@127.0.0.1/v1"], "a user name or password in it"),
        (["ft-1", "--base-url", f"http://me:{KEY}@127.0.0.1:99999/v1"], "a user name or password in it"),
        (["ft-1", "--base-url", f"http://127.0.0.1/v1?key={KEY}"], "must end with its path, without ? or #"),
        (["ft-1", "--base-url", "http://127.0.0.1/\x1b[2J"], "blanks or control characters"),
        (["ft-1", "--base-url", "http://☃☃.example/v1"], "its host is no name"),
        (
            ["ft-1", "--api-key-file", "/nowhere/key"],
            "The key file /nowhere/key cannot be read: No such file",
        ),
        (["ft-1", "--api-key-file", f"/nowhere/{KEY}"], "The key file /nowhere/[key] cannot be read"),
        (["ft-1", "--api-key-file", "/"], "The key file / cannot be read: Is a directory."),
        (["ft-1", "--api-key-file", "/dev/null"], "The key file /dev/null is not a regular file."),
        (["ft-1", "--api-key-file", "~nobody-of-this-name/key"], "Could not determine home directory."),
        (["ft-1", "--api-key-file", "\x1b[2J"], "cannot be read: No such file"),
        (["ft-1", "--api-key-file", "-"], "There is no key in --api-key-file: it is empty."),
        (
            ["ft-1", "--ca-file", "/nowhere/ca.pem"],
            "The CA file /nowhere/ca.pem cannot be read: No such file",
        ),
    ],
    ids=lambda value: ascii(value)[-60:],
)
def test_what_cannot_be_meant_is_one_sentence_and_exit_status_2(
    arguments: list[str | bytes],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    # Restored afterwards: the command sets it for its own process.
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main([*map(os.fsdecode, arguments)]) == 2
    out, err = capfdbinary.readouterr()
    check_output(out, err)
    said = err.decode()
    assert said.startswith("ftmon: ")
    assert words in said
    assert (out, said.count("\n")) == (b"", 1)
    assert len(said) < 400


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("FTMON_API_KEY", f"{KEY} x", "The key of FTMON_API_KEY cannot be sent"),
        ("OPENAI_API_KEY", f"{KEY}\nX-Evil: 1", "The key of OPENAI_API_KEY cannot be sent"),
        ("OPENAI_API_KEY", f"{KEY}\x1b[2J", "The key of OPENAI_API_KEY cannot be sent"),
        ("OPENAI_ORG_ID", "a\r\nX-Evil: 1", "OPENAI_ORG_ID has a blank"),
        ("FTMON_BASE_URL", "ftp://127.0.0.1", "does not begin with http:// or https://"),
        ("OPENAI_BASE_URL", f"http://me:{KEY}@127.0.0.1/v1", "a user name or password in it"),
        ("OPENAI_API_BASE", "http://127.0.0.1:99999", "its port is none of 1 to 65535"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_variable_that_cannot_be_used_is_one_sentence_and_exit_status_2(
    variable: str, value: str, words: str
) -> None:
    done = ftmon("ft-1", env={variable: value})
    said = done.stderr.decode()
    assert words in said
    assert "Evil" not in said
    assert (done.returncode, done.stdout, said.count("\n")) == (2, b"", 1)


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (f"{KEY}\n", 0o644, "can be read by others (or is not yours); make it private first: chmod 600"),
        (f"{KEY} x", 0o600, "The key of --api-key-file cannot be sent"),
        (f"{KEY}\n{KEY}\n", 0o600, "The key of --api-key-file cannot be sent"),
        ("\n", 0o600, "There is no key in --api-key-file: it is empty."),
    ],
    ids=["too open", "blank", "two lines", "empty"],
)
def test_a_key_file_that_cannot_be_used_is_one_sentence_and_exit_status_2(
    service: Service, tmp_path: Path, text: str, mode: int, words: str
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(text)
    key_file.chmod(mode)
    done = ftmon(JOB_ID, *service.options, "--api-key-file", str(key_file))
    said = done.stderr.decode()
    assert words in said
    assert (done.returncode, done.stdout, said.count("\n"), service.asked) == (2, b"", 1, [])


def test_certificates_that_are_none_are_one_sentence_and_exit_status_2(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text("no certificate")
    done = ftmon("ft-1", "--base-url", "https://127.0.0.1:9/v1", "--ca-file", str(ca_file))
    said = done.stderr.decode()
    assert f"The certificates of --ca-file {ca_file} cannot be read" in said
    assert (done.returncode, done.stdout, said.count("\n")) == (2, b"", 1)


def test_the_command_to_watch_again_is_the_one_that_was_typed(service: Service, tmp_path: Path) -> None:
    key_file = tmp_path / "a key"
    key_file.write_text(f"{KEY}\n")
    key_file.chmod(0o600)
    service.tell("Fine-tune started")
    config = tmp_path / "config.toml"
    config.write_text("[profiles.box]\n")
    options = [*service.options, "--profile", "box", "--api-key-file", str(key_file)]
    with running(JOB_ID, "--json", *options, FTMON_CONFIG=str(config)) as command:
        command.line()
        command.signal(signal.SIGINT)
        told = f"ftmon {JOB_ID} --base-url {service.base_url} --profile box --api-key-file '{key_file}'\n"
        assert command.notice().endswith(told)
