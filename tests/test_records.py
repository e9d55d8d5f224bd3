import csv
import io
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ftmon.commands.recorded import recorded_run
from ftmon.errors import UsageError
from tests.command import FTMON, PATIENCE, environment, ftmon, objects, running
from tests.records import KEY, NOON, OTHER, STORED, damage, job_of, read, record, recorded, told
from tests.servers.fine_tunes import JOB_ID, STORY, event
from tests.service import JOB_ID as SERVED_ID
from tests.service import Service
from tests.terminal import terminal

pytestmark = pytest.mark.slow

FIELDS = [fields["message"] for fields in STORY]


@pytest.fixture
def path(data_home: Path) -> Path:
    return data_home / "ftmon" / "history.sqlite3"


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as served:
        yield served


def a_run(path: Path, status: str = "succeeded") -> None:
    record(path, told(*STORED, job=job_of(status, updated_at=1691665913 + 180)))


# The history is filled by watching


def test_what_is_watched_can_be_shown_again_without_its_service(service: Service, path: Path) -> None:
    service.succeed()
    watched = ftmon(SERVED_ID, *service.options, "--json")
    assert watched.returncode == 0
    again = ftmon("history", SERVED_ID, "--json")
    assert (again.stdout, again.returncode, again.stderr) == (watched.stdout, 0, b"")
    exported = ftmon("export", SERVED_ID)
    assert (exported.stdout, exported.returncode) == (watched.stdout, 0)


def test_a_service_that_is_gone_is_told_and_the_recorded_run_shown(path: Path) -> None:
    with Service().running() as service:
        service.succeed()
        watched = ftmon(SERVED_ID, *service.options, "--json", "--no-stream")
    again = ftmon(SERVED_ID, *service.options, "--json", "--no-stream")
    assert (again.stdout, again.returncode) == (watched.stdout, 0)
    assert b"refused the connection. What this machine has recorded of the job is shown." in again.stderr


@pytest.fixture
def read_only_path(path: Path) -> Iterator[Path]:
    """A history on a file system that is mounted read-only once the run was recorded."""
    folder = path.parent
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "none", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"cannot mount a file system: {mounted.stderr.decode().strip()}")
    try:
        a_run(path)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield path
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_history_on_a_read_only_file_system_can_be_read(read_only_path: Path) -> None:
    shown = ftmon("history", JOB_ID)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert b"Fine-tune succeeded" in shown.stdout
    pruned = ftmon("history", "--prune", "1h", "--yes")
    assert pruned.returncode == 2
    assert b"cannot be used: attempt to write a readonly database" in pruned.stderr


def test_a_job_whose_past_is_on_a_read_only_file_system_is_watched(
    service: Service, read_only_path: Path
) -> None:
    service.succeed()
    watched = ftmon(SERVED_ID, *service.options, "--json")
    assert watched.returncode == 0
    assert [line["object"] for line in objects(watched.stdout)][-2:] == ["fine-tune-event", "fine-tune"]
    assert watched.stderr.decode() == (
        f"ftmon: The history {read_only_path} cannot be written; nothing is recorded in it.\n"
    )


def test_with_no_history_nothing_is_recorded_and_nothing_recorded_is_shown(
    service: Service, path: Path
) -> None:
    service.tell("one")
    service.end("succeeded")
    ftmon(SERVED_ID, *service.options, "--no-history")
    assert not path.exists()
    ftmon(SERVED_ID, *service.options)
    service.events.clear()
    service.frames[:1] = []
    service.job["events"] = []
    without = ftmon(SERVED_ID, *service.options, "--json", "--no-history")
    assert [item["object"] for item in objects(without.stdout)] == ["fine-tune"]
    assert b"one" in ftmon(SERVED_ID, *service.options, "--json").stdout


def test_what_a_killed_ftmon_has_printed_is_recorded(service: Service, path: Path) -> None:
    for number in range(30):
        service.tell(f"Step {number}")
    with running(SERVED_ID, *service.options, "--json") as command:
        printed = [json.loads(command.line())["message"] for _ in range(30)]
        service.tell("the last one")
        printed.append(json.loads(command.line())["message"])
        command.process.kill()
        command.wait()
    key = KEY._replace(service=service.base_url, job_id=SERVED_ID)
    assert [fields["message"] for fields in recorded(path, key)] == printed
    service.end("succeeded")
    again = ftmon(SERVED_ID, *service.options, "--json")
    assert [item["message"] for item in objects(again.stdout)[:-1]] == printed


def test_several_at_once_print_everything_and_record_it_once(service: Service, path: Path) -> None:
    with (
        running(SERVED_ID, *service.options, "--json") as one,
        running(SERVED_ID, *service.options, "--json") as two,
        running(SERVED_ID, *service.options, "--json") as three,
    ):
        service.tell("first")
        for command in (one, two, three):
            assert json.loads(command.line())["message"] == "first"
        for number in range(200):
            service.tell(f"Step {number}")
        service.end("succeeded")
        for command in (one, two, three):
            lines = objects("".join(command.rest()))
            assert [item["message"] for item in lines[:-1]] == [f"Step {number}" for number in range(200)]
            assert command.wait() == 0
    key = KEY._replace(service=service.base_url, job_id=SERVED_ID)
    assert [fields["message"] for fields in recorded(path, key)] == [
        "first",
        *[f"Step {number}" for number in range(200)],
    ]


# Where there is no home

SOMEBODY = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]
"""Runs a command as a user without a name. The interpreter may be in a folder that only root can read."""
READING_ALL = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


def as_somebody(*arguments: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run ftmon as a user without an entry in the list of users, with no environment but this."""
    prefix = [*SOMEBODY, *READING_ALL]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("cannot become another user")
    return ftmon(*arguments, command=[*prefix, *with_only(**env), *FTMON], cwd="/")


def with_only(**env: str) -> list[str]:
    """Return what runs a command with no environment but this."""
    return ["env", "-i", "PATH=/usr/bin:/bin", "LANG=C.UTF-8", *(f"{k}={v}" for k, v in env.items())]


def test_a_user_without_a_home_watches_without_a_history(service: Service) -> None:
    service.tell("one")
    service.succeed()
    watched = as_somebody(SERVED_ID, *service.options, "--json")
    assert watched.returncode == 0
    assert objects(watched.stdout)[-1]["status"] == "succeeded"
    assert watched.stderr.decode().splitlines() == [
        "ftmon: Nothing is recorded: there is no home directory for the history; "
        "set HOME or XDG_DATA_HOME to a full path."
    ]


def test_that_nothing_is_recorded_stays_on_the_screen_and_is_said_again_after_it(service: Service) -> None:
    service.tell("Fine-tune started")
    as_somebody("--version")
    command = [*SOMEBODY, *READING_ALL, *with_only(TERM="xterm-256color"), *FTMON, SERVED_ID]
    with terminal([*command, *service.options], 100, 30) as shown:
        shown.until_shown("▶ running   ▲ not recorded")
        shown.until_shown("Nothing is recorded: there is no home directory")
        shown.press("q")
        assert shown.wait() == 130
        assert shown.text.count("ftmon: Nothing is recorded: there is no home directory") == 1


def test_a_user_without_a_home_has_no_config_file() -> None:
    done = as_somebody("config")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().count("none: there is no home directory") == 2
    done = as_somebody("config", "edit")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"There is no home directory for the config file; set HOME" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["history"],
        ["history", JOB_ID],
        ["history", "--prune", "1h"],
        ["export", JOB_ID],
        ["run", "--", "true"],
    ],
    ids=str,
)
def test_a_user_without_a_home_has_nothing_recorded(arguments: list[str]) -> None:
    done = as_somebody(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().startswith("ftmon: there is no home directory for the history; set HOME")


# Where the history is no file of this user's


@pytest.fixture
def foreign_path() -> Iterator[Path]:
    """The history of root, in a place where everybody can read it."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "ftmon" / "history.sqlite3"
        a_run(path)
        path.parent.chmod(0o755)
        path.chmod(0o644)
        yield path


@pytest.mark.parametrize("is_in_use", [False, True])
def test_a_history_of_another_user_is_read(foreign_path: Path, *, is_in_use: bool) -> None:
    home = {"XDG_DATA_HOME": str(foreign_path.parent.parent)}
    with closing(sqlite3.connect(foreign_path)) if is_in_use else nullcontext() as database:
        if database is not None:
            # Of this one there is a log, with the last event in it.
            database.execute("UPDATE jobs SET organization = 'org-2'")
            database.commit()
        (listed,) = objects(as_somebody("history", "--json", **home).stdout)
        assert (listed["id"], listed["events"]) == (JOB_ID, 10)
        assert listed["organization"] == ("org-2" if is_in_use else None)
        assert [
            line["message"] for line in objects(as_somebody("export", JOB_ID, **home).stdout)[:-1]
        ] == FIELDS
        shown = as_somebody("history", JOB_ID, **home)
        assert (shown.returncode, shown.stderr) == (0, b"")
        pruned = as_somebody("history", "--prune", "1h", "--yes", **home)
        assert (pruned.returncode, pruned.stdout) == (2, b"")
        assert b"cannot be used: attempt to write a readonly database." in pruned.stderr
        assert stat.S_IMODE(foreign_path.stat().st_mode) == 0o644
    assert len(recorded(foreign_path)) == 10


def test_the_past_in_a_history_of_another_user_is_shown(service: Service, foreign_path: Path) -> None:
    key = KEY._replace(service=service.base_url, job_id=SERVED_ID)
    record(foreign_path, told(read(event("recorded")), key=key, job=job_of()))
    foreign_path.chmod(0o644)
    service.tell("told")
    service.succeed()
    home = {"XDG_DATA_HOME": str(foreign_path.parent.parent)}
    watched = as_somebody(SERVED_ID, *service.options, "--json", **home)
    assert watched.returncode == 0
    assert [line["message"] for line in objects(watched.stdout)[:2]] == ["recorded", "told"]
    assert watched.stderr.decode() == (
        f"ftmon: The history {foreign_path} cannot be written; nothing is recorded in it.\n"
    )


def test_a_file_becomes_private_where_its_folder_is_another_users() -> None:
    if os.geteuid():
        pytest.skip("only root can become another user")
    with TemporaryDirectory() as home:
        path = Path(home) / "ftmon" / "history.sqlite3"
        a_run(path)
        for open_to_all in (Path(home), path.parent):
            open_to_all.chmod(0o777)
        os.chown(path, 12345, 12345)
        path.chmod(0o644)
        assert as_somebody("history", XDG_DATA_HOME=home).returncode == 0
        assert [stat.S_IMODE(file.stat().st_mode) for file in (path.parent, path)] == [0o777, 0o600]


def test_a_damaged_history_of_another_user_is_told_and_left_alone(
    service: Service, foreign_path: Path
) -> None:
    service.succeed()
    damage(foreign_path)
    damaged = foreign_path.read_bytes()
    watched = as_somebody(
        SERVED_ID, *service.options, "--json", XDG_DATA_HOME=str(foreign_path.parent.parent)
    )
    assert watched.returncode == 0
    assert b"cannot be written; nothing is recorded in it." in watched.stderr
    assert b"The history cannot be used (database disk image is malformed)." in watched.stderr
    assert foreign_path.read_bytes() == damaged
    assert list(foreign_path.parent.iterdir()) == [foreign_path]


IN_THE_WAY = {
    "a link to /dev/null": (lambda path: link_to_device(path, 3), "it is a device, not a file"),
    "a link to /dev/zero": (lambda path: link_to_device(path, 5), "it is a device, not a file"),
    "a directory": (Path.mkdir, "it is a directory, not a file"),
    "a pipe": (os.mkfifo, "it is a pipe, not a file"),
    "a socket": (lambda path: make_socket(path), "it is a socket, not a file"),
    "a link to itself": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
}


def link_to_device(path: Path, minor: int) -> None:
    """Link to a device of its own, as a mistake would harm the whole machine's."""
    device = path.parent.parent / "device"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, minor))
    except PermissionError:
        pytest.skip("cannot make a device")
    device.chmod(0o666)
    path.symlink_to(device)


def modes_behind(path: Path) -> list[int]:
    return [file.stat().st_mode for file in (path.parent, path.parent.parent / "device") if file.exists()]


def make_socket(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))


@pytest.fixture
def short_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory whose path is short enough for a socket in it."""
    with TemporaryDirectory() as folder:
        monkeypatch.setenv("XDG_DATA_HOME", folder)
        yield Path(folder) / "ftmon" / "history.sqlite3"


@pytest.mark.parametrize(("make", "reason"), IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_what_is_no_file_in_the_place_of_the_history_is_told_and_left_alone(
    service: Service, short_home: Path, make: Callable[[Path], None], reason: str
) -> None:
    service.tell("one")
    service.succeed()
    short_home.parent.mkdir(mode=0o755)
    make(short_home)
    before = short_home.lstat().st_mode, modes_behind(short_home)
    watched = ftmon(SERVED_ID, *service.options, "--json")
    assert watched.returncode == 0
    assert objects(watched.stdout)[-1]["status"] == "succeeded"
    assert watched.stderr.decode().splitlines() == [
        f"ftmon: The history cannot be used ({reason}). The watching goes on, "
        "and is recorded as soon as the history can be used again."
    ]
    for arguments in (["history"], ["history", JOB_ID], ["history", "--prune", "1h"], ["export", JOB_ID]):
        done = ftmon(*arguments)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.decode() == f"ftmon: The history {short_home} cannot be used: {reason}.\n"
    assert (short_home.lstat().st_mode, modes_behind(short_home)) == before
    assert list(short_home.parent.iterdir()) == [short_home]


def test_a_file_of_something_else_in_the_place_of_the_history_is_set_aside(
    service: Service, path: Path
) -> None:
    service.succeed()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    assert ftmon("history").returncode == 2
    assert path.read_bytes() == b"x"
    watched = ftmon(SERVED_ID, *service.options)
    (kept,) = path.parent.glob("history.sqlite3.corrupt-*")
    assert kept.read_bytes() == b"x"
    assert watched.returncode == 0
    assert watched.stderr.decode() == (
        f"ftmon: The history is damaged. A new one is begun; the old one is kept as {kept}.\n"
    )
    assert [run["id"] for run in objects(ftmon("history", "--json").stdout)] == [SERVED_ID]


_KILLED = """
import os, signal, sys
from pathlib import Path
from ftmon.history.store import History
from tests.records import STORED, told

history = History(Path(sys.argv[1]))
history.record([told(*STORED[:3])])
Path(sys.argv[1] + "-wal").unlink()
if len(sys.argv) == 3:
    history.record([told(*STORED[3:])])
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_without_its_log(path: Path, *more: str) -> str:
    """Let a process lose its log and be killed; return what the next one tells."""
    subprocess.run([sys.executable, "-c", _KILLED, str(path), *more], check=False)
    return (
        f"ftmon: The log of the history, {path}-wal, was removed while it was in use; "
        "the last events that were recorded may be missing.\n"
    )


def test_a_log_that_was_removed_before_a_kill_is_told_by_the_next_watch(service: Service, path: Path) -> None:
    service.succeed()
    lost = killed_without_its_log(path)
    watched = ftmon(SERVED_ID, *service.options, "--json")
    assert (watched.returncode, watched.stderr.decode()) == (0, lost)
    assert ftmon("history").stderr == b""


@pytest.mark.parametrize("arguments", [["history"], ["history", "--prune", "1y"]], ids=str)
def test_a_log_that_was_removed_before_a_kill_is_told_by_the_next_command(
    path: Path, arguments: list[str]
) -> None:
    lost = killed_without_its_log(path)
    assert ftmon(*arguments).stderr.decode().startswith(lost)
    assert b"-wal" not in ftmon(*arguments).stderr


def test_a_log_that_was_removed_costs_nothing_of_what_is_recorded_afterwards(path: Path) -> None:
    lost = killed_without_its_log(path, "and record")
    listed = ftmon("history")
    assert b"10 events" in listed.stdout
    assert listed.stderr.decode() == lost


# Listing


def test_the_runs_are_listed_the_last_recorded_first(path: Path) -> None:
    a_run(path, "failed")
    record(path, told(*STORED[:1], key=OTHER, after=60, job=job_of("running")))
    done = ftmon("history")
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert [line.split()[:3] for line in lines] == [["▶", "last", "seen"], ["✘", "failed", JOB_ID]]
    assert lines[0].startswith(f"▶ last seen running  {JOB_ID}  2023-08-10 11:11  –  ")
    assert "2023-08-10 11:11  took 3m 00s" in lines[1]
    assert "10 events" in lines[1]
    assert KEY.service in lines[1]
    assert lines[1].endswith("curie")


def test_the_list_is_had_as_json(path: Path) -> None:
    record(path, told(*STORED[:2], job=job_of("running")), told(*STORED[2:], after=60.5))
    (listed,) = objects(ftmon("history", "--json").stdout)
    assert listed["id"] == JOB_ID
    assert (listed["object"], listed["status"], listed["events"]) == ("fine-tune", "running", 10)
    assert (listed["base_url"], listed["organization"]) == (KEY.service, None)
    assert listed["first_recorded_at"] == "2026-01-31T12:00:00Z"
    assert listed["last_recorded_at"] == "2026-01-31T12:01:00.500000Z"


@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=str)
def test_where_nothing_was_recorded_that_is_told_and_nothing_is_made(
    path: Path, arguments: list[str]
) -> None:
    done = ftmon("history", *arguments)
    assert (done.returncode, done.stdout) == (0, b"")
    with pytest.raises(UsageError, match="No run with this id is recorded"), recorded_run("ft-other", None):
        pass
    assert not path.exists()


@pytest.mark.parametrize(
    ("status", "exit_status"), [("succeeded", 0), ("failed", 1), ("cancelled", 3), ("running", 0)]
)
def test_a_recorded_run_ends_with_its_outcome(path: Path, status: str, exit_status: int) -> None:
    a_run(path, status)
    done = ftmon("history", JOB_ID)
    assert done.returncode == exit_status
    lines = done.stdout.decode().splitlines()
    assert [line[21:] for line in lines[:10]] == FIELDS
    assert f" {JOB_ID} {status}" in done.stdout.decode()
    took = "took    3m 00s from its creation to its end"
    assert (took in done.stdout.decode()) == (status != "running")


@pytest.mark.parametrize("typed", [f" {JOB_ID}", f"{JOB_ID}\r", f"\n{JOB_ID} \t"])
def test_blanks_around_an_id_do_no_harm(path: Path, service: Service, typed: str) -> None:
    a_run(path)
    assert ftmon("history", typed).returncode == 0
    assert ftmon("export", typed).returncode == 0
    assert ftmon(typed.replace(JOB_ID, SERVED_ID), *service.options, "--no-stream").returncode == 0


def test_a_run_is_replayed_in_lines(path: Path) -> None:
    a_run(path)
    with running("history", JOB_ID, "--replay", "100000") as command:
        assert [line[21:].rstrip() for line in command.rest()[:10]] == FIELDS
        assert command.wait() == 0


def test_a_replay_in_its_own_rhythm_can_be_left(path: Path) -> None:
    a_run(path)
    with running("history", JOB_ID, "--replay") as command:
        assert command.line().endswith(f"{FIELDS[0]}\n")
        command.signal(signal.SIGINT)
        assert command.wait() == 130


UNUSABLE = {
    "a job that was never recorded": (["history", "ft-other"], "No run with this id"),
    "an export of one": (["export", "ft-other"], "No run with this id"),
    "two services": (["history", JOB_ID], "choose one with --base-url: http://127.0.0.1:"),
    "another service": (
        ["history", JOB_ID, "--base-url", "http://127.0.0.1:3"],
        "No run with this id",
    ),
    "a base URL that is none": (["export", JOB_ID, "--base-url", "x"], "This is no base URL"),
    "a speed of nothing": (["history", JOB_ID, "--replay", "0"], "not a number above 0"),
    "an endless speed": (["history", JOB_ID, "--replay", "inf"], "not a number above 0"),
    "an age without a unit": (["history", "--prune", "90"], "is not an age such as 36h, 90d"),
    "an age in words": (["history", "--prune", "ages"], "is not an age such as 36h, 90d"),
    "a format that is none": (["export", JOB_ID, "--format", "xml"], "invalid choice"),
    "a table of JSON": (["export", JOB_ID, "--metrics"], "--metrics goes with --format csv"),
    "an age beyond all": (["history", "--prune", "9999y"], "up to 1000y"),
    "to remove one run": (["history", JOB_ID, "--prune", "1h"], "takes no JOB"),
    "to replay all runs": (["history", "--replay"], "Which run shall be replayed?"),
    "a file without a name": (["export", JOB_ID, "--base-url", KEY.service, "-o", ""], "is not a file"),
    "a directory": (["export", JOB_ID, "--base-url", KEY.service, "--force", "-o", "/"], "is not a file"),
    "a table in a directory": (
        ["export", JOB_ID, "--base-url", KEY.service, "--format", "csv", "-o", "/"],
        "cannot be the name of a file",
    ),
    "a file of nobody": (
        ["export", JOB_ID, "--base-url", KEY.service, "-o", "~nobody-of-this-name/x"],
        "cannot be the name of a file",
    ),
    "a file whose name is too long": (
        ["export", JOB_ID, "--base-url", KEY.service, "-o", "x" * 300],
        "cannot be the name of a file",
    ),
    "an export of nothing": (["export"], "required: JOB"),
}


@pytest.mark.parametrize(("arguments", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_meant_is_one_sentence_and_exit_status_2(
    path: Path, arguments: list[str], words: str
) -> None:
    a_run(path)
    record(path, told(*STORED, key=OTHER))
    done = ftmon(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr.decode()
    assert len(done.stderr.splitlines()) == 1


def test_a_run_of_several_services_is_had_by_its_base_url(path: Path) -> None:
    a_run(path)
    record(path, told(*STORED[:2], key=OTHER))
    done = ftmon("export", JOB_ID, "--base-url", OTHER.service)
    assert [item["message"] for item in objects(done.stdout)] == FIELDS[:2]


@pytest.mark.parametrize("arguments", [["history"], ["history", JOB_ID], ["export", JOB_ID]], ids=str)
def test_a_damaged_history_is_one_sentence_and_is_left_as_it_is(path: Path, arguments: list[str]) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"garbage" * 1000)
    done = ftmon(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"The history {path} cannot be used: file is not a database." in done.stderr.decode()
    assert path.read_bytes() == b"garbage" * 1000
    assert [file.name for file in path.parent.iterdir()] == [path.name]


# Removing


def old_and_new(path: Path) -> None:
    recent = datetime.now(UTC) - timedelta(days=10)
    record(path, told(*STORED), told(*STORED[:3], key=OTHER, after=(recent - NOON).total_seconds()))


def kept(path: Path) -> list[int]:
    return [len(recorded(path, key)) for key in (KEY, OTHER)]


def test_old_runs_are_removed_after_a_yes(path: Path) -> None:
    old_and_new(path)
    with terminal([*FTMON, "history", "--prune", "30d"]) as shown:
        shown.until_shown("Remove 1 run with 10 events, of which nothing came since")
        shown.press("y\n")
        assert shown.wait() == 0
        assert "removed 1 run with 10 events" in shown.text
    assert kept(path) == [0, 3]


def test_a_run_that_goes_on_while_the_question_is_asked_is_not_removed(path: Path) -> None:
    record(path, told(*STORED), told(*STORED[:3], key=OTHER))
    with terminal([*FTMON, "history", "--prune", "30d"]) as shown:
        shown.until_shown("Remove 2 runs with 13 events")
        since_noon = (datetime.now(UTC) - NOON).total_seconds()
        record(path, told(read(event("It goes on", 999)), after=since_noon))
        shown.press("y\n")
        assert shown.wait() == 0
        assert "removed 1 run with 3 events; the others have changed meanwhile." in shown.text
    assert kept(path) == [11, 0]


def test_what_is_removed_where_the_disk_is_full_is_told_as_removed(path: Path) -> None:
    recent = (datetime.now(UTC) - NOON).total_seconds()
    many = [read(event(f"Step {step} " + "x" * 200, step)) for step in range(5000)]
    record(path, told(*STORED), told(*many, key=OTHER, after=recent))

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, 2**18))

    done = ftmon("history", "--prune", "30d", "--yes", preexec_fn=limit_files)
    removed, room = done.stderr.decode().splitlines()
    assert removed == "ftmon: removed 1 run with 10 events."
    assert room.startswith("ftmon: the disk space could not be freed: ")
    assert done.returncode == 0
    assert kept(path) == [0, 5000]


@pytest.fixture
def full_disk(path: Path) -> Iterator[Path]:
    """A history of an old run and a new one, on a disk of its own that is then filled."""
    path.parent.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", path.parent], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a file system: {mounted.stderr.decode().strip()}")
    try:
        recent = (datetime.now(UTC) - NOON).total_seconds()
        many = [read(event(f"Step {step} " + "x" * 200, step)) for step in range(6000)]
        record(path, told(*many), told(*STORED, key=OTHER, after=recent))
        yield path
    finally:
        subprocess.run(["umount", path.parent], check=True)


def fill(path: Path) -> None:
    with (path.parent / "filling").open("wb", buffering=0) as filling, suppress(OSError):
        while filling.write(b"x" * 4096):
            pass


@pytest.mark.parametrize("is_left_open", [False, True])
def test_old_runs_are_removed_where_the_disk_is_full(full_disk: Path, *, is_left_open: bool) -> None:
    if is_left_open:
        # A process that was killed leaves a log and its shared memory.
        script = "import os, sqlite3, sys; d = sqlite3.connect(sys.argv[1]); " + (
            "d.execute('UPDATE jobs SET organization = 1'); d.commit(); os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", script, str(full_disk)], check=False)
    fill(full_disk)
    size = full_disk.stat().st_size
    assert [run["events"] for run in objects(ftmon("history", "--json").stdout)] == [10, 6000]
    exported = ftmon("export", JOB_ID, "--base-url", OTHER.service)
    assert [line["message"] for line in objects(exported.stdout)] == FIELDS
    pruned = ftmon("history", "--prune", "30d", "--yes")
    assert (pruned.returncode, pruned.stderr) == (0, b"ftmon: removed 1 run with 6,000 events.\n")
    assert full_disk.stat().st_size < size / 10
    listed = ftmon("history")
    assert (listed.returncode, listed.stderr) == (0, b"")
    assert kept(full_disk) == [0, 10]
    with closing(sqlite3.connect(full_disk)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_the_past_is_shown_where_the_disk_is_full(service: Service, full_disk: Path) -> None:
    key = KEY._replace(service=service.base_url, job_id=SERVED_ID)
    record(full_disk, told(read(event("recorded")), key=key, job=job_of()))
    service.tell("told")
    service.succeed()
    fill(full_disk)
    watched = ftmon(SERVED_ID, *service.options, "--json")
    assert watched.returncode == 0
    assert [line["message"] for line in objects(watched.stdout)[:2]] == ["recorded", "told"]
    assert b"The history cannot be used" in watched.stderr


def test_a_full_disk_that_another_ftmon_uses_is_told(full_disk: Path) -> None:
    with closing(sqlite3.connect(full_disk)) as other:
        other.execute("UPDATE jobs SET organization = 1")
        other.commit()
        fill(full_disk)
        pruned = ftmon("history", "--prune", "30d", "--yes")
        assert pruned.returncode == 2
        assert pruned.stderr.decode() == (
            "ftmon: The disk is full, and another ftmon uses the history. "
            "End that one, or make some room first.\n"
        )
    assert kept(full_disk) == [6000, 10]


def test_what_could_not_be_recorded_is_told_at_the_end(service: Service) -> None:
    def limit_files() -> None:
        # Enough for the tables and the first events.
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**17, 2**17))

    service.tell("x" * 1000)
    command = subprocess.Popen(
        [*FTMON, SERVED_ID, *service.options, "--plain"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=limit_files,
    )
    with command:
        assert command.stdout is not None
        assert b"xxx" in command.stdout.readline()
        for _ in range(200):
            service.tell("y" * 1000)
            command.stdout.readline()
        service.end("succeeded")
        _, notices = command.communicate(timeout=PATIENCE)
    assert command.returncode == 0
    said = notices.decode().splitlines()
    assert re.fullmatch(r"ftmon: [0-9]+ events could not be recorded\.", said[-1])
    assert "The history cannot be used" in said[0]


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04"])
def test_nothing_is_removed_without_a_yes(path: Path, answer: str) -> None:
    old_and_new(path)
    with terminal([*FTMON, "history", "--prune", "30d"]) as shown:
        shown.until_shown("[y/N]")
        shown.press(answer)
        assert shown.wait() == 0
        assert "nothing was removed" in shown.text
    assert kept(path) == [10, 3]


def test_where_there_is_nobody_to_ask_nothing_is_removed(path: Path) -> None:
    old_and_new(path)
    done = ftmon("history", "--prune", "30d")
    assert done.returncode == 2
    assert b"--yes removes them without asking" in done.stderr
    assert kept(path) == [10, 3]


@pytest.mark.parametrize(
    ("age", "left"), [("1h", [0, 0]), ("9d", [0, 0]), ("2w", [0, 3]), ("1y", [0, 3]), ("20y", [10, 3])]
)
def test_with_yes_runs_of_an_age_are_removed_without_asking(path: Path, age: str, left: list[int]) -> None:
    old_and_new(path)
    years = timedelta(days=366)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "UPDATE events SET received_at = ? WHERE job = 1", ((datetime.now(UTC) - years).timestamp(),)
        )
    assert ftmon("history", "--prune", age, "--yes").returncode == 0
    assert kept(path) == left


# Exporting


def rows(table: bytes | str) -> list[dict[str, str]]:
    text = table.decode() if isinstance(table, bytes) else table
    return list(csv.DictReader(io.StringIO(text)))


def test_events_are_exported_as_csv(path: Path) -> None:
    said = [
        event('a \u00e9, "b"\nc'),
        event("Step 1/2", 1, level="warn", id="e1", type="metrics", data={"step": 1}),
    ]
    record(path, told(*map(read, said)))
    first, second = rows(ftmon("export", JOB_ID, "--format", "csv").stdout)
    assert first["message"] == 'a \u00e9, "b"\nc'
    assert (first["created_at"], first["received_at"]) == ("2023-08-10T11:11:53Z", "2026-01-31T12:00:00Z")
    assert (second["level"], second["type"], second["id"]) == ("warning", "metrics", "e1")
    assert json.loads(second["data"]) == {"step": 1}


@pytest.mark.parametrize("message", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_spreadsheet_runs_nothing_of_what_a_service_wrote(path: Path, message: str) -> None:
    record(path, told(read(event(message))))
    (row,) = rows(ftmon("export", JOB_ID, "--format", "csv").stdout)
    assert row["message"] == f"'{message}"


def test_the_figures_are_exported_as_a_table(path: Path) -> None:
    said = [
        event("Fine-tune started"),
        event("Step 1/20: training loss=2.5, validation loss=2.75", 1),
        event("metrics", 2, data={"step": 2, "total_steps": 20, "train_loss": 2.25}),
        event("Completed epoch 1/4", 3),
    ]
    record(path, told(*map(read, said)))
    table = rows(ftmon("export", JOB_ID, "--format", "csv", "--metrics").stdout)
    assert [list(row.values())[1:] for row in table] == [
        ["1", "20", "", "2.5", "2.75"],
        ["2", "20", "", "2.25", ""],
        ["", "", "1", "", ""],
    ]


def test_files_are_written_whole_and_not_overwritten(path: Path, tmp_path: Path) -> None:
    a_run(path)
    target = tmp_path / "run.csv"
    arguments = ["export", JOB_ID, "--format", "csv", "--output", str(target)]
    done = ftmon(*arguments)
    assert (done.returncode, done.stdout) == (0, b"")
    assert [row["message"] for row in rows(target.read_text())] == FIELDS
    assert len(rows((tmp_path / "run.metrics.csv").read_text())) == 2
    target.write_text("mine")
    refused = ftmon(*arguments)
    assert refused.returncode == 2
    assert b"run.csv exists; --force overwrites it." in refused.stderr
    assert target.read_text() == "mine"
    assert ftmon(*arguments, "--force").returncode == 0
    assert [row["message"] for row in rows(target.read_text())] == FIELDS
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data", "run.csv", "run.metrics.csv"]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("run", "run.metrics.csv"),
        ("run.CSV", "run.metrics.csv"),
        ("run.A", "run.A.metrics.csv"),
        ("run.v1.csv", "run.v1.metrics.csv"),
        (".csv", ".csv.metrics.csv"),
    ],
)
def test_the_table_of_losses_is_named_after_the_whole_name(
    path: Path, tmp_path: Path, name: str, table: str
) -> None:
    a_run(path)
    assert ftmon("export", JOB_ID, "--format", "csv", "-o", str(tmp_path / name)).returncode == 0
    assert {file.name for file in tmp_path.iterdir()} == {"data", name, table}


def test_json_lines_are_written_to_a_file(path: Path, tmp_path: Path) -> None:
    a_run(path, "failed")
    target = tmp_path / "run.jsonl"
    assert ftmon("export", JOB_ID, "-o", str(target)).returncode == 0
    *lines, last = objects(target.read_text())
    assert [line["message"] for line in lines] == FIELDS
    assert (last["status"], last["events"]) == ("failed", 10)


def test_a_place_that_cannot_be_written_is_exit_status_6(path: Path, tmp_path: Path) -> None:
    a_run(path)
    done = ftmon("export", JOB_ID, "--output", str(tmp_path / "nowhere" / "run.jsonl"))
    assert done.returncode == 6
    assert b"run.jsonl cannot be written: No such file or directory." in done.stderr


@pytest.mark.parametrize("name", ["run.jsonl", "nothing.jsonl"])
def test_a_link_is_followed_and_what_it_leads_to_overwritten_only_with_force(
    path: Path, tmp_path: Path, name: str
) -> None:
    a_run(path)
    folder = tmp_path / "folder"
    folder.mkdir()
    target, link = folder / name, tmp_path / "link"
    (folder / "run.jsonl").write_text("mine")
    link.symlink_to(target)
    refused = ftmon("export", JOB_ID, "-o", str(link))
    assert refused.returncode == 2
    assert b"link exists; --force overwrites it." in refused.stderr
    assert [(file.name, file.read_text()) for file in folder.iterdir()] == [("run.jsonl", "mine")]
    assert ftmon("export", JOB_ID, "-o", str(link), "--force").returncode == 0
    assert link.readlink() == target
    assert target.read_bytes() == ftmon("export", JOB_ID).stdout
    assert {file.name for file in folder.iterdir()} == {"run.jsonl", name}


@pytest.mark.parametrize("mode", [0o600, 0o666, 0o400])
def test_a_file_that_is_replaced_keeps_its_mode(path: Path, tmp_path: Path, mode: int) -> None:
    a_run(path)
    target = tmp_path / "run.jsonl"
    target.touch()
    target.chmod(mode)
    assert ftmon("export", JOB_ID, "-o", str(target), "--force", umask=0o022).returncode == 0
    assert target.stat().st_size
    assert target.stat().st_mode & 0o777 == mode


def test_a_new_file_has_the_mode_that_the_user_wants(path: Path, tmp_path: Path) -> None:
    a_run(path)
    target = tmp_path / "run.jsonl"
    assert ftmon("export", JOB_ID, "-o", str(target), umask=0o027).returncode == 0
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("force", [[], ["--force"]], ids=str)
def test_a_pipe_with_a_name_is_written_to_and_not_replaced(
    path: Path, tmp_path: Path, form: str, force: list[str]
) -> None:
    a_run(path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        done = ftmon("export", JOB_ID, "--format", form, "-o", str(pipe), *force)
        assert done.stderr.decode() == f"ftmon: wrote {pipe}.\n"
        assert reader.read() == ftmon("export", JOB_ID, "--format", form).stdout
    assert pipe.is_fifo()
    assert {file.name for file in tmp_path.iterdir()} == {"data", "pipe"}


def test_a_device_is_written_to_and_not_replaced(path: Path) -> None:
    a_run(path)
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    device = Path(os.ttyname(theirs))
    assert ftmon("export", JOB_ID, "-o", str(device), "--force").returncode == 0
    written = ftmon("export", JOB_ID).stdout
    with os.fdopen(ours, "rb") as reader:
        assert reader.read(len(written)) == written
        assert device.is_char_device()
    os.close(theirs)


def test_stdout_has_a_name_too(path: Path) -> None:
    a_run(path)
    named = ftmon("export", JOB_ID, "-o", "/dev/stdout")
    assert (named.stdout, named.returncode) == (ftmon("export", JOB_ID).stdout, 0)


def test_what_is_no_file_is_not_replaced(path: Path, tmp_path: Path) -> None:
    a_run(path)
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "s"))
    refused = ftmon("export", JOB_ID, "-o", str(tmp_path / "s"), "--force")
    assert refused.returncode == 2
    assert b"/s exists and is not a file; choose another name." in refused.stderr
    assert (tmp_path / "s").is_socket()


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("is_linked", [False, True])
def test_an_export_does_not_overwrite_the_history(
    path: Path, tmp_path: Path, end: str, *, is_linked: bool
) -> None:
    a_run(path)
    target = Path(f"{path}{end}")
    if is_linked:
        (tmp_path / "link").symlink_to(target)
        target = tmp_path / "link"
    refused = ftmon("export", JOB_ID, "-o", str(target), "--force")
    assert refused.returncode == 2
    assert refused.stderr.decode() == f"ftmon: {target} belongs to the history; choose another name.\n"
    assert len(recorded(path)) == 10


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)
def test_a_signal_ends_an_export_and_leaves_nothing_behind(
    path: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    record(path, told(*[read(event(f"Step {step} " + "x" * 200, step)) for step in range(50_000)]))
    folder = tmp_path / "folder"
    folder.mkdir()
    deadline = time.monotonic() + PATIENCE
    with running("export", JOB_ID, "-o", str(folder / "run.jsonl")) as command:
        while not list(folder.iterdir()):
            assert time.monotonic() < deadline
        command.signal(number)
        assert command.wait() == status
        assert command.notices() == []
    assert list(folder.iterdir()) == []


def test_what_a_killed_export_has_left_is_in_nobodys_way(path: Path, tmp_path: Path) -> None:
    a_run(path)
    left = tmp_path / "run.jsonl.part"
    left.write_text("left")
    assert ftmon("export", JOB_ID, "-o", str(tmp_path / "run.jsonl")).returncode == 0
    assert left.read_text() == "left"
    assert {file.name for file in tmp_path.iterdir()} == {"data", "run.jsonl", "run.jsonl.part"}


def test_an_export_that_fails_leaves_nothing_behind(path: Path, tmp_path: Path) -> None:
    record(path, told(*[read(event(f"Step {step} " + "x" * 200, step)) for step in range(1000)]))
    target = tmp_path / "run.jsonl"
    target.write_text("mine")

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))

    failed = ftmon("export", JOB_ID, "-o", str(target), "--force", preexec_fn=limit_files)
    assert failed.returncode == 6
    assert failed.stderr.decode() == f"ftmon: {target} cannot be written: File too large.\n"
    assert target.read_text() == "mine"
    assert {file.name for file in tmp_path.iterdir()} == {"data", "run.jsonl"}


# Removing what is read


def unread(*arguments: str) -> subprocess.Popen[bytes]:
    """Run ftmon with nobody reading its output, so that it waits in the middle of a long run."""
    return subprocess.Popen(
        [*FTMON, *arguments], 0, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_run_that_is_removed_while_it_is_exported_is_exported_whole(path: Path) -> None:
    many = [read(event(f"Step {step} " + "x" * 100, step)) for step in range(20_000)]
    record(path, told(*many, job=job_of("succeeded")))
    with unread("export", JOB_ID) as command:
        assert command.stdout is not None
        first = command.stdout.readline()
        assert ftmon("history", "--prune", "0h", "--yes").stderr.startswith(
            b"ftmon: removed 1 run with 20,000"
        )
        rest, notices = command.communicate(timeout=PATIENCE)
    assert (command.returncode, notices) == (0, b"")
    *lines, last = objects(first + rest)
    assert [line["message"] for line in lines] == [each.message for each in many]
    assert (last["status"], last["events"]) == ("succeeded", 20_000)
    assert recorded(path) == []


def test_a_run_that_is_removed_while_it_is_shown_says_what_is_missing(path: Path) -> None:
    many = [read(event(f"Step {step}", step)) for step in range(60_000)]
    record(path, told(*many, job=job_of("succeeded")))
    with unread("history", JOB_ID, "--json") as command:
        assert command.stdout is not None
        first = command.stdout.readline()
        assert ftmon("history", "--prune", "0h", "--yes").returncode == 0
        rest, notices = command.communicate(timeout=PATIENCE)
    assert command.returncode == 6
    shown = len([line for line in objects(first + rest) if line["object"] == "fine-tune-event"])
    missing = re.fullmatch(
        r"ftmon: The run was removed from the history while it was read; "
        r"([0-9,]+) of 60,000 events are missing\.\n",
        notices.decode(),
    )
    assert missing
    assert shown + int(missing[1].replace(",", "")) == 60_000


def test_a_run_of_which_events_are_missing_is_told_as_partial_wherever_it_is_shown(
    path: Path, service: Service
) -> None:
    service.tell("one")
    with running(SERVED_ID, *service.options, "--json") as command:
        assert "one" in command.line()
        assert ftmon("history", "--prune", "0h", "--yes").stderr == b"ftmon: removed 1 run with 1 event.\n"
        service.tell("two")
        assert "two" in command.line()
        service.succeed()
        assert command.wait() == 0
    partial = b"ftmon: Some events of this run are missing in the history.\n"
    (listed,) = objects(ftmon("history", "--json").stdout)
    assert listed["partial"] is True
    assert b" events, partial " in ftmon("history").stdout
    for arguments in (["history", SERVED_ID], ["export", SERVED_ID]):
        shown = ftmon(*arguments)
        assert (shown.returncode, shown.stderr) == (0, partial)
        assert b"two" in shown.stdout
    with terminal([*FTMON, "history", SERVED_ID]) as screen:
        screen.until_shown("Some events of this run are missing")
        screen.press("q")
        screen.wait()
    again = ftmon(SERVED_ID, *service.options, "--json")
    assert [line["message"] for line in objects(again.stdout)[:2]] == ["one", "two"]
    assert objects(ftmon("history", "--json").stdout)[0]["partial"] is False


# The screen


def test_a_recorded_run_is_shown_on_the_screen(path: Path) -> None:
    a_run(path)
    with terminal([*FTMON, "history", JOB_ID]) as shown:
        shown.until_shown("■ recorded")
        shown.until_shown("✔ The job succeeded")
        assert FIELDS[-1] in shown.text
        shown.press("q")
        assert shown.wait() == 0
        shown.assert_restored()


def test_a_demo_is_recorded_unless_it_shall_not_be(path: Path) -> None:
    demo = ["demo", "--json", "--speed=1000", "--steps=8", "--epochs=1"]
    assert ftmon(*demo, "--no-history").returncode == 0
    assert not path.exists()
    *_, job = objects(ftmon(*demo).stdout)
    assert [run["id"] for run in objects(ftmon("history", "--json").stdout)] == [job["id"]]


def test_a_history_of_a_later_ftmon_is_not_pruned(path: Path) -> None:
    old_and_new(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    done = ftmon("history", "--prune", "1h", "--yes")
    assert done.returncode == 2
    assert b"cannot be used: attempt to write a readonly database" in done.stderr
    assert kept(path) == [10, 3]


def test_a_run_of_a_damaged_history_is_not_told_as_whole(path: Path) -> None:
    many = [read(event(f"Step {step} " + "x" * 200, step)) for step in range(5000)]
    record(path, told(*many, job=job_of("succeeded")))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 4096)
    damaged = path.read_bytes()
    done = ftmon("history", JOB_ID, "--json")
    assert done.returncode == 2
    assert b"cannot be used: database disk image is malformed" in done.stderr
    assert path.read_bytes() == damaged
