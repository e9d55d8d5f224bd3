import fcntl
import os
import shutil
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from ftmon.errors import UsageError
from ftmon.local.command import cancel, check_command, forward, is_kept, start
from ftmon.local.run_directory import OUTPUT, End, RunDirectory

pytestmark = pytest.mark.slow

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECONDS = 20.0

# Each prints what it gets, and goes on until it is told to end.
OBEYS = """
import signal, sys, time
def end(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    sys.exit(0)
signal.signal(signal.SIGINT, end)
print("ready")
while True: time.sleep(60)
"""
REFUSES = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: print("got", signal.Signals(number).name))
print("ready")
while True: time.sleep(60)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def left(home: Path, name: str) -> RunDirectory:
    """Return a run that nobody writes any more, and that tells no end."""
    run, output = RunDirectory.create(home, name, NOW, OUTPUT)
    os.close(output)
    return run


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does, which gives no notice."""
    ends_at = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def is_printed(run: RunDirectory, words: str) -> bool:
    return words in run.output.read_text()


def begin(home: Path, code: str, *arguments: str) -> RunDirectory:
    home.mkdir(parents=True, exist_ok=True)
    return start(home, "my run", [sys.executable, "-c", code, *arguments], home)


def begin_and_wait(home: Path, code: str, *arguments: str) -> RunDirectory:
    run = begin(home, code, *arguments)
    until(partial(is_printed, run, "ready"))
    return run


def ended(run: RunDirectory) -> End:
    until(lambda: run.end is not None)
    assert run.end is not None
    return run.end


def keeper_of(run: RunDirectory) -> int:
    """Return the pid of the keeper, by its command line."""
    for process in Path("/proc").iterdir():
        # A process may end meanwhile.
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if (
                process.name.isdecimal()
                and b"ftmon.local.keeper" in words
                and str(run.path).encode() in words
            ):
                return int(process.name)
    raise AssertionError("no keeper")


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("print('done')", 0, ""),
        ("import sys; print('done'); sys.exit(3)", 3, "exit status 3"),
        ("import os; print('done'); os.kill(os.getpid(), 9)", -9, "killed by SIGKILL: out of memory?"),
        ("import os; print('done'); os.kill(os.getpid(), 11)", -11, "killed by SIGSEGV"),
    ],
)
def test_a_command_ends_with_its_status(home: Path, code: str, status: int, reason: str) -> None:
    run = begin(home, code)
    end = ended(run)
    assert (end.status, end.reason, end.is_cancelled) == (status, reason, False)
    assert run.output.read_text() == "done\n"
    until(lambda: not run.socket.exists())
    assert not run.is_running


def test_a_command_has_the_user_s_directory_and_environment_and_no_stdin(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "kept")
    names = "os.environ['MINE'], os.environ['FTMON_RUN']"
    code = f"import os, sys; print(os.getcwd(), {names}, repr(sys.stdin.read()))"
    run = begin(home, code)
    assert ended(run).status == 0
    assert run.output.read_text() == f"{run.path.parent} kept {run.path} ''\n"


def test_a_line_is_there_as_soon_as_it_is_printed(home: Path) -> None:
    run = begin_and_wait(home, OBEYS)
    assert run.is_running
    assert run.end is None
    cancel(run)
    ended(run)


def test_the_first_cancel_is_an_interrupt_and_makes_any_end_a_cancelled_one(home: Path) -> None:
    run = begin_and_wait(home, OBEYS)
    assert cancel(run) == 1
    end = ended(run)
    assert (end.status, end.is_cancelled) == (0, True)
    assert "got SIGINT" in run.output.read_text()


def test_the_second_cancel_is_sigterm_and_the_third_kills(home: Path) -> None:
    run = begin_and_wait(home, REFUSES)
    for number, name in enumerate(("SIGINT", "SIGTERM"), 1):
        assert cancel(run) == number
        until(partial(is_printed, run, f"got {name}"))
        assert run.end is None
    assert cancel(run) == 3
    assert ended(run) == End(-9, True, ended(run).at)


def test_a_cancel_reaches_what_the_command_has_started(home: Path) -> None:
    run = begin_and_wait(home, f"import subprocess, sys; subprocess.run([sys.executable, '-c', {OBEYS!r}])")
    cancel(run)
    ended(run)
    assert "got SIGINT" in run.output.read_text()
    until(lambda: not run.is_running)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
def test_signals_of_schedulers_are_passed_on(home: Path, number: signal.Signals) -> None:
    run = begin_and_wait(home, "import time; print('ready', flush=True); time.sleep(60)")
    forward(run, number)
    end = ended(run)
    assert (end.status, end.is_cancelled) == (-number, False)


WAITS = "print('ready', flush=True); open(sys.argv[1]).read(); print('still here', flush=True)"
"""Goes on until somebody opens the pipe that it is given."""


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_command_outlives_its_keeper_and_its_end_is_not_known_then(home: Path, pipe: Path) -> None:
    run = begin_and_wait(home, f"import sys; {WAITS}", str(pipe))
    assert is_kept(run)
    os.kill(keeper_of(run), signal.SIGKILL)
    until(lambda: not is_kept(run))
    assert run.is_running
    assert cancel(run) is None
    pipe.write_text("")
    until(lambda: not run.is_running)
    assert run.output.read_text() == "ready\nstill here\n"
    assert run.end is None


def test_a_keeper_ends_with_its_command_though_its_run_was_removed(home: Path, pipe: Path) -> None:
    run = begin_and_wait(home, f"print('ready', flush=True); open({str(pipe)!r}).read()")
    keeper = keeper_of(run)
    shutil.rmtree(run.path)
    pipe.open("w").close()
    until(lambda: not Path(f"/proc/{keeper}").exists())


def test_a_command_that_leaves_something_behind_is_over_but_its_output_is_not(home: Path, pipe: Path) -> None:
    run = begin(
        home,
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', *sys.argv[1:]])",
        f"import sys; {WAITS}",
        str(pipe),
    )
    assert ended(run).status == 0
    until(lambda: "ready" in run.output.read_text())
    assert run.is_running
    pipe.write_text("")
    until(lambda: not run.is_running)


def test_a_run_is_never_seen_to_be_over_before_its_end_is_recorded(home: Path) -> None:
    run = begin(home, "print('done')")
    until(lambda: not run.is_running)
    assert run.end is not None


def test_a_run_runs_from_the_moment_it_is_seen(home: Path) -> None:
    seen: list[bool] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            # Its end is asked for last, because it is recorded before a run is seen to run no more.
            seen.extend(run.is_running or run.end is not None for run in list(RunDirectory.all(home)))

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(20):
        ended(begin(home, "pass"))
    over.set()
    watcher.join()
    assert seen
    assert all(seen)


def test_who_asks_whether_a_run_goes_on_does_not_keep_it_from_being_locked(home: Path) -> None:
    run = left(home, "mine")
    asks = os.open(run.output, os.O_RDONLY)
    fcntl.flock(asks, fcntl.LOCK_SH)
    threading.Timer(0.003, os.close, [asks]).start()
    output = run.open_locked(OUTPUT)
    assert run.is_running
    os.close(output)


def test_a_run_whose_name_is_taken_gets_a_number(tmp_path: Path) -> None:
    names = ["my run", "my run", "my run", "../../etc", "", "-x-", "läuft", "a" * 300]
    ids = [left(tmp_path / "runs", name).id for name in names]
    assert ids == ["my-run", "my-run-2", "my-run-3", "etc", "run", "x", "l-uft", "a" * 64]
    assert {run.id for run in RunDirectory.all(tmp_path / "runs")} == set(ids)


def test_only_the_user_can_read_a_run(home: Path) -> None:
    run = begin(home, "print('done')")
    ended(run)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (run.path, *run.path.iterdir())}
    assert modes == {"my-run": 0o700, "run.json": 0o600, "output.log": 0o600, "end.json": 0o600}


def test_a_place_where_no_run_can_be_kept_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"A run cannot be kept in .*/file/runs: Not a directory"):
        RunDirectory.create(tmp_path / "file" / "runs", "x", NOW, OUTPUT)


def test_a_command_that_cannot_be_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "script").touch(0o600)
    for command, why in (
        (["no-such-command-anywhere"], "no-such-command-anywhere cannot be run: there is no such command."),
        ([str(tmp_path / "script")], f"{tmp_path}/script cannot be run: it is no executable file."),
        ([], "Which command? Give it behind --: ftmon run -- python train.py"),
    ):
        with pytest.raises(UsageError) as caught:
            check_command(command)
        assert str(caught.value) == why


def test_a_command_that_does_not_start_is_refused_by_its_keeper(home: Path) -> None:
    home.mkdir()
    script = home / "script"
    script.write_text("no interpreter's name\n")
    script.chmod(0o700)
    with pytest.raises(UsageError, match="cannot be run: Exec format error"):
        start(home, "my run", [str(script)], home)
    assert list(home.iterdir()) == [script]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"status": "0"}', '{"status": true, "at": 1}', '{"status": 0}', "[" * 100_000],
)
def test_an_end_that_was_tampered_with_is_none(home: Path, content: str) -> None:
    run = left(home, "mine")
    (run.path / "end.json").write_text(content)
    assert run.end is None


def test_links_in_a_run_s_directory_lead_nowhere(tmp_path: Path) -> None:
    run = left(tmp_path / "runs", "my run")
    other = tmp_path / "other.json"
    other.write_text('{"status": 0, "at": 1777000000}')
    (run.path / "end.json").symlink_to(other)
    assert run.end is None
    run.output.unlink()
    run.output.symlink_to(other)
    with other.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not run.is_running
    with pytest.raises(OSError, match="symbolic link"):
        run.open_locked(OUTPUT)
    (tmp_path / "runs" / "linked").symlink_to(tmp_path)
    (tmp_path / "runs" / "odd name").mkdir()
    (tmp_path / "runs" / "file").touch()
    assert [found.id for found in RunDirectory.all(tmp_path / "runs")] == ["my-run"]


def test_a_socket_s_path_may_be_long(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 200) / "runs"
    run = begin_and_wait(home, OBEYS)
    assert cancel(run) == 1
    assert ended(run).is_cancelled
