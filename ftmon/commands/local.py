"""Runs of this machine as what is watched: served by a process of ftmon's own."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ftmon.commands.question import agrees
from ftmon.commands.view import Target
from ftmon.errors import LEFT, FtmonError, RefusedError, UsageError
from ftmon.lines.output import encoded, say, write

if TYPE_CHECKING:
    from ftmon.local.run_directory import RunDirectory


def is_path(word: str) -> bool:
    """Whether a word behind `watch` is a path, or - for what is piped in, and no job's id."""
    # `Path.exists` raises for a name that is too long.
    return word == "-" or "/" in word or os.path.exists(word)  # noqa: PTH110


def kept_run(word: str) -> "RunDirectory | None":
    """Return a run that ftmon keeps, by its id or by its directory; None for others."""
    from ftmon.paths import runs_directory

    try:
        home = runs_directory()
    except FtmonError:
        return None
    path = home / word if "/" not in word else Path(word).expanduser().absolute()
    # Most words are none. `Path.is_dir` raises for a name that is too long.
    if path.parent != home or not os.path.isdir(path):  # noqa: PTH112
        return None
    from ftmon.local.run_directory import RunDirectory

    return RunDirectory.find(home, path.name)


@contextmanager
def opening_path(
    word: str, *, wait: bool, job_id: str | None, meanwhile: Callable[[], None]
) -> Iterator[Target]:
    """Serve the runs at a path; the target is the one of that id, or else the newest.

    `meanwhile` is called where a service has to be started, which takes a moment.

    Raises:
        UsageError: where there is none, and none is waited for.
    """
    if (kept := kept_run(word)) is not None and job_id in (None, kept.id):
        yield target_of_kept(kept.id)
        return
    from ftmon.model.key import LOCAL, JobKey
    from ftmon.watch.own_service import own_service

    path = str(Path(word).expanduser().absolute())
    meanwhile()
    with own_service({"path": path, "wait": wait, "job": job_id}) as service:
        yield Target(service.settings, service.newest if job_id is None else JobKey(LOCAL, job_id))


def target_of_kept(run_id: str) -> Target:
    """Return a run that ftmon keeps as what is watched. The watcher starts the service that tells it."""
    from ftmon.model.key import LOCAL, JobKey
    from ftmon.settings import Settings

    return Target(Settings(LOCAL), JobKey(LOCAL, run_id))


def record_kept(run_id: str) -> None:
    """Record what a run that ftmon keeps has told so far, unless it is recorded to its end."""
    run = kept_run(run_id)
    if run is None or _is_recorded(run):
        return
    from threading import Event

    from ftmon.paths import history_file
    from ftmon.watch.watcher import Watcher

    target, woken = target_of_kept(run.id), Event()
    assert target.key is not None, "a run has an id"
    with closing(Watcher(target.settings, stream=False, history=history_file())) as watcher:
        watcher.watch(target.key)
        watcher.start(woken.set)
        while True:
            woken.wait()
            woken.clear()
            for update in watcher.drain():
                if update.notice:
                    say(update.notice)
                if update.connection is not None and update.connection.is_over:
                    if update.connection.error is not None:
                        say(str(update.connection.error))
                    return


def _is_recorded(run: "RunDirectory") -> bool:
    """Whether a run is recorded to its end."""
    from ftmon.commands.recorded import opened
    from ftmon.model.key import LOCAL

    with opened() as history:
        runs = history.runs(run.id) if history else []
    return any(each.key.service == LOCAL and each.job.status.is_final for each in runs)


def cancel_kept(directory: "RunDirectory", *, ask: bool) -> int:
    """Ask the keeper of a run to cancel its command, and return the exit status.

    Raises:
        RefusedError: where the run is over, or nothing keeps it.
    """
    from ftmon.local.command import cancel

    if directory.end is not None or not directory.is_running:
        raise RefusedError(f"{directory.id} is over; there is nothing to cancel.")
    if ask and not agrees(f"Cancel {directory.id}?", without="--yes cancels without asking"):
        say("the run was not cancelled.")
        return LEFT
    cancels = cancel(directory)
    if cancels is None:
        raise RefusedError(f"{directory.id} runs, but nothing keeps it any more that could cancel it.")
    names = ("SIGINT", "SIGTERM", "SIGKILL")
    write(encoded(f"{directory.id} was sent {names[min(cancels, len(names)) - 1]}.\n"))
    return 0


@contextmanager
def opening_piped(pipe: int) -> Iterator[Target]:
    """Keep what comes through a pipe as a run, and serve it while the block runs."""
    from threading import Thread

    from ftmon.local.run_directory import OUTPUT, RunDirectory, now
    from ftmon.paths import runs_directory

    directory, output = RunDirectory.create(runs_directory(), "piped", now(), OUTPUT)
    Thread(target=_copy, args=(pipe, output), name="pipe", daemon=True).start()
    yield target_of_kept(directory.id)


def take_pipe() -> int:
    """Return what is piped in, and read keys from the terminal instead, where there is one.

    Raises:
        UsageError: where nothing is piped in.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("Nothing is piped in: python train.py 2>&1 | ftmon watch -")
    pipe = os.dup(0)
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDWR)
        os.dup2(terminal, 0)
        os.close(terminal)
    return pipe


def _copy(pipe: int, output: int) -> None:
    """Copy a pipe to its end; a full disk ends the copy, and the writer is told by the pipe."""
    try:
        with suppress(OSError):
            while data := os.read(pipe, 65_536):
                os.write(output, data)
    finally:
        os.close(pipe)
        os.close(output)
