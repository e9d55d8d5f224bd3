import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from ftmon.paths import history_file
from tests.command import FTMON, PATIENCE, check_output, environment, ftmon, objects
from tests.service import JOB_ID, Service
from tests.terminal import Terminal, terminal

pytestmark = pytest.mark.slow

NARROW = pytest.mark.parametrize(
    ("env", "encoding"),
    [
        ({"PYTHONIOENCODING": "ascii"}, "ascii"),
        ({"PYTHONIOENCODING": "latin-1"}, "latin-1"),
        ({"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, "ascii"),
    ],
    ids=["ascii", "latin-1", "POSIX"],
)


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as service:
        yield service


@pytest.fixture
def recorded(service: Service) -> Service:
    """A service whose job is over and recorded here."""
    service.tell("Übung 訓練 😀")
    service.end("succeeded", fine_tuned_model="curie:ft-größe")
    assert ftmon(JOB_ID, *service.options).returncode == 0
    return service


def redirected(redirection: str) -> list[str]:
    return ["sh", "-c", f'exec "$@" {redirection}', "sh", *FTMON]


# The size of the screen


def test_of_two_hundred_sizes_in_a_second_the_last_is_drawn(service: Service) -> None:
    service.tell("Fine-tune started")
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("Fine-tune started")
        for number in range(200):
            shown.resize(20 + 7 * number % 120, 5 + 3 * number % 50)
        shown.resize(91, 23)
        shown.until(partial(is_drawn_for, shown, 91, 23))
        shown.press("q")
        assert shown.wait() == 130
        shown.assert_restored()


@pytest.mark.parametrize("size", [("40", "10"), ("0", "0"), ("", "x"), ("999999", "999999")], ids=str)
def test_the_terminal_knows_its_size_better_than_exported_variables(
    service: Service, size: tuple[str, str]
) -> None:
    service.tell("Fine-tune started")
    command = ["env", f"COLUMNS={size[0]}", f"LINES={size[1]}", *FTMON, JOB_ID, *service.options]
    with terminal(command) as shown:
        for columns, lines in [(100, 30), (91, 23), (60, 20)]:
            shown.resize(columns, lines)
            shown.until(partial(is_drawn_for, shown, columns, lines))
        shown.press("q")
        assert shown.wait() == 130
        shown.assert_restored()


def test_a_terminal_that_has_no_size_is_as_large_as_the_variables_say_until_it_has_one(
    service: Service,
) -> None:
    service.tell("Fine-tune started")
    script = 'stty rows 0 cols 0; COLUMNS=60 LINES=20 exec "$@"'
    with terminal(["sh", "-c", script, "sh", *FTMON, JOB_ID, *service.options], 60, 20) as shown:
        shown.until(partial(is_drawn_for, shown, 60, 20))
        shown.resize(91, 23)
        shown.until(partial(is_drawn_for, shown, 91, 23))


def is_drawn_for(shown: Terminal, columns: int, lines: int) -> bool:
    rows = shown.text.splitlines()
    return (
        rows[0].startswith(f" {JOB_ID}")
        and len(rows[0].rstrip()) == columns - 1
        and f" {'─' * (columns - 2)} " in rows
        and "Fine-tune started" in shown.text
        and rows[lines - 1].rstrip().endswith("q quit")
    )


# Its colours


def colours(written: bytes) -> set[bytes]:
    return set(re.findall(rb"\x1b\[(?:\d+;)*((?:[349][0-7]|10[0-7]|[34]8)(?:;\d+)*)m", written))


BLUE = b"38;2;108;182;255"
"""What runs is blue. Greys would be colours too, and are what Textual paints where none are wanted."""


@pytest.mark.parametrize(("value", "has_colours"), [("", True), ("1", False)])
def test_no_color_means_something_only_if_it_is_not_empty(
    service: Service, value: str, *, has_colours: bool
) -> None:
    service.tell("Fine-tune started")
    command = [*FTMON, JOB_ID, *service.options]
    with terminal(command, 100, 30, NO_COLOR=value, COLORTERM="truecolor") as shown:
        shown.until_shown("Fine-tune started")
        shown.until_shown("q quit")
    assert (BLUE in shown.written) == bool(colours(shown.written)) == has_colours


# What else stands in its environment


OF_TEXTUAL = (
    "TEXTUAL=headless,devtools,debug",
    "TEXTUAL_DRIVER=nowhere:Nothing",
    "TEXTUAL_PRESS=q",
    "TEXTUAL_SCREENSHOT=0",
    "TEXTUAL_DEBUG=1",
    "TEXTUAL_LOG=log",
    "TEXTUAL_SHOW_RETURN=1",
    "TEXTUAL_THEME=none",
    "TEXTUAL_FPS=1",
    "TEXTUAL_ALLOW_SIGNALS=1",
    "TEXTUAL_SMOOTH_SCROLL=0",
    "TEXTUAL_ANIMATIONS=purple",
)
OF_RICH = ("FORCE_COLOR=", "TTY_COMPATIBLE=0", "TTY_INTERACTIVE=0", "JUPYTER_COLUMNS=5", "UNICODE_VERSION=x")
OF_TERMINALS = ("COLORTERM=purple", "TERM=xterm-purple", "ESCDELAY=x")


@pytest.mark.parametrize(
    "variables",
    [
        OF_TEXTUAL,
        OF_RICH,
        OF_TERMINALS,
        ("TEXTUAL_COLOR_SYSTEM=purple",),
        ("TEXTUAL_COLOR_SYSTEM=256", "TERM=xterm"),
        ("TEXTUAL_PRESS=q",),
    ],
    ids=lambda variables: variables[0],
)
def test_no_variable_of_a_library_breaks_the_screen(
    service: Service, tmp_path: Path, variables: Sequence[str]
) -> None:
    service.tell("Fine-tune started")
    place = tmp_path / "here"
    place.mkdir()
    command = ["env", "-C", str(place), *variables, *FTMON, JOB_ID, *service.options]
    with terminal(command) as shown:
        shown.until(partial(is_drawn_for, shown, 100, 30))
        shown.press("?")
        shown.until_shown("esc closes")
        shown.press("\x03")
        assert shown.wait() == 130
        shown.assert_restored()
        assert "The app returned" not in shown.text
    assert not list(place.iterdir())


# Where there is no screen


@pytest.mark.parametrize("redirection", ["</dev/null", "2>/dev/null", "| cat"])
def test_each_of_the_three_streams_must_be_a_terminal_for_a_screen(
    recorded: Service, redirection: str
) -> None:
    command = ["sh", "-c", f'"$@" {redirection}', "sh", *FTMON, JOB_ID, *recorded.options]
    with terminal(command) as shown:
        assert shown.wait() == 0
        assert "Übung" in shown.text
        check_output(shown.written.replace(b"\r\n", b"\n"))


@pytest.mark.parametrize("kind", [["-u", "TERM"], ["TERM=dumb"], ["TERM=Unknown"], ["TERM="]], ids=" ".join)
def test_a_terminal_of_no_kind_gets_lines(recorded: Service, kind: list[str]) -> None:
    with terminal(["env", *kind, *FTMON, JOB_ID, *recorded.options]) as shown:
        assert shown.wait() == 0
        assert "Übung" in shown.text
        check_output(shown.written.replace(b"\r\n", b"\n"))


@NARROW
def test_a_terminal_whose_encoding_does_not_have_the_signs_gets_lines(
    recorded: Service, env: dict[str, str], encoding: str
) -> None:
    with terminal([*FTMON, JOB_ID, *recorded.options], 100, 30, **env) as shown:
        assert shown.wait() == 0
        written = shown.written.replace(b"\r\n", b"\n")
        assert "Übung 訓練 😀\n".encode(encoding, "backslashreplace") in written
        assert b"\x1b" not in written


def test_the_c_locale_has_the_screen_too(recorded: Service) -> None:
    with terminal([*FTMON, JOB_ID, *recorded.options, "--exit"], 100, 30, LC_ALL="C") as shown:
        shown.until(lambda: shown.is_alternate)
        assert shown.wait() == 0
        shown.assert_restored()


def test_without_a_screen_there_must_be_a_job() -> None:
    with terminal(FTMON, 100, 30, PYTHONIOENCODING="ascii") as shown:
        assert shown.wait() == 2
        assert "Which job? Give its id: ftmon JOB." in shown.text


# What is recorded, in few characters


@NARROW
def test_what_is_recorded_is_shown_in_any_encoding(
    recorded: Service, env: dict[str, str], encoding: str
) -> None:
    job = f"✔ succeeded  {JOB_ID}".encode(encoding, "backslashreplace")
    listed = ftmon("history", env=env)
    assert listed.stdout.startswith(job)
    assert "größe\n".encode(encoding, "backslashreplace") in listed.stdout
    plain = ftmon("history", JOB_ID, "--plain", env=env)
    assert "Übung 訓練 😀\n".encode(encoding, "backslashreplace") in plain.stdout
    for arguments in (["history", "--json"], ["history", JOB_ID, "--json"], ["export", JOB_ID]):
        done = ftmon(*arguments, env=env)
        assert done.stdout.isascii()
        assert objects(done.stdout)[-1]["id"] == JOB_ID
        assert done.returncode == 0
    # A file of comma-separated values is UTF-8 wherever it is written.
    assert "Übung 訓練 😀" in ftmon("export", JOB_ID, "--format", "csv", env=env).stdout.decode()
    assert (listed.returncode, plain.returncode, listed.stderr, plain.stderr) == (0, 0, b"", b"")


# Where it writes

COMMANDS = pytest.mark.parametrize(
    "arguments",
    [
        [JOB_ID, "--json"],
        ["history"],
        ["history", JOB_ID, "--json"],
        ["export", JOB_ID],
        ["export", JOB_ID, "--format", "csv"],
        ["--help"],
    ],
    ids=" ".join,
)


@COMMANDS
def test_output_that_is_lost_is_6_and_what_else_is_missing_changes_nothing(
    recorded: Service, arguments: list[str]
) -> None:
    env = {"FTMON_BASE_URL": recorded.base_url}
    usual = ftmon(*arguments, env=env)
    assert (usual.returncode, usual.stderr) == (0, b"")
    for redirection in ("2>&-", "2>/dev/full", "<&-"):
        done = ftmon(*arguments, command=redirected(redirection), env=env)
        assert (done.returncode, done.stdout, done.stderr) == (0, usual.stdout, b""), redirection
    for redirection in (">/dev/full", ">&-"):
        done = ftmon(*arguments, command=redirected(redirection), env=env)
        assert done.returncode == 6, redirection
        assert done.stderr.startswith(b"ftmon: Standard output cannot be written: "), redirection
        assert done.stderr.count(b"\n") == 1, redirection


@COMMANDS
def test_a_pipe_that_nobody_reads_is_141_quietly(recorded: Service, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [*FTMON, *arguments],
            env=environment(FTMON_BASE_URL=recorded.base_url),
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_the_demo_runs_without_the_streams_that_it_does_not_need() -> None:
    arguments = ("demo", "--json", "--speed=1000", "--steps=5", "--epochs=1")
    done = ftmon(*arguments, command=redirected("<&- 2>&-"))
    assert objects(done.stdout)[-1]["status"] == "succeeded"
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_python_warns_of_is_not_said_to_the_user(recorded: Service, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "async def forgotten(): pass\n"
        "sys.addaudithook(lambda event, what: "
        "event == 'import' and what[0] == 'ftmon.lines.printer' and forgotten())"
    )
    done = ftmon(JOB_ID, *recorded.options, "--json", env={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, b"")


# Where the history is

NOWHERE = pytest.mark.parametrize(
    "home",
    [
        {"XDG_DATA_HOME": "{file}"},
        {"XDG_DATA_HOME": "/proc/none"},
        {"XDG_DATA_HOME": f"/{'x' * 300}"},
        {"XDG_DATA_HOME": "", "HOME": "{file}"},
    ],
    ids=["a file", "a place that takes nothing", "too long", "a home that is a file"],
)


def placed(home: dict[str, str], tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "file"
    file.touch()
    return {name: value.format(file=file) for name, value in home.items()}


@NOWHERE
def test_where_no_history_can_be_kept_the_watching_goes_on_with_one_warning(
    service: Service, tmp_path: Path, home: dict[str, str]
) -> None:
    service.succeed()
    done = ftmon(JOB_ID, *service.options, "--json", env=placed(home, tmp_path))
    assert [item["object"] for item in objects(done.stdout)] == [*["fine-tune-event"] * 3, "fine-tune"]
    assert done.stderr.count(b"\n") == 1
    assert b"ftmon: The history cannot be used (" in done.stderr
    assert done.returncode == 0


@NOWHERE
def test_where_no_history_can_be_kept_there_is_none_to_show_and_that_is_no_bug(
    tmp_path: Path, home: dict[str, str]
) -> None:
    env = placed(home, tmp_path)
    for arguments in (["history"], ["history", JOB_ID], ["export", JOB_ID]):
        done = ftmon(*arguments, env=env)
        assert done.returncode in (0, 2)
        assert done.stdout == b""
        assert done.stderr.count(b"\n") == 1


def test_the_screen_warns_where_no_history_can_be_kept(service: Service, tmp_path: Path) -> None:
    service.tell("Fine-tune started")
    env = placed({"XDG_DATA_HOME": "{file}"}, tmp_path)
    with terminal([*FTMON, JOB_ID, *service.options], 100, 30, **env) as shown:
        shown.until_shown("Fine-tune started")
        shown.until_shown("The history cannot be used")
        service.end("failed", error={"message": "out of memory"})
        shown.until_shown("✘ failed")
        shown.press("q")
        assert shown.wait() == 1
        shown.assert_restored()


def test_without_home_the_history_is_in_that_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.delenv("HOME", raising=False)
    assert history_file().is_absolute()
