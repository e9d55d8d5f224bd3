"""Runs of this machine as what is watched: served by a process of ftmon's own."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from ftmon.commands.question import agrees
from ftmon.commands.view import Target
from ftmon.errors import LEFT, FtmonError, RefusedError, UsageError
from ftmon.lines.output import encoded, say, write

_BYTES = 32
"""Of the key between ftmon and its own service."""


def is_local(word: str) -> bool:
    """Whether a word behind `watch` is a path, or the id of a run that ftmon keeps, and no service's job."""
    # `Path.exists` raises for a name that is too long.
    is_there = os.path.exists(word)  # noqa: PTH110
    return word == "-" or "/" in word or is_there or kept_run(word) is not None


def kept_run(word: str) -> Path | None:
    """Return the directory of a run that ftmon keeps, by its id or by this directory; None for others."""
    from ftmon.model.key import check_job_id
    from ftmon.paths import runs_directory

    try:
        home = runs_directory()
        path = home / word if "/" not in word else Path(word).expanduser().absolute()
        check_job_id(path.name)
    except FtmonError:
        return None
    return path if path.parent == home and (path / "run.json").is_file() else None


def opening_local(word: str, *, wait: bool) -> AbstractContextManager[Target]:
    """Serve the run of this id, or the runs at this path; the target is the newest of them.

    Raises:
        UsageError: where there is none, and none is waited for.
    """
    kept = kept_run(word)
    if kept is not None:
        return opening_run(kept)
    return _opening({"path": str(Path(word).expanduser().absolute()), "wait": wait})


def opening_run(directory: Path) -> AbstractContextManager[Target]:
    """Serve the run in a directory that ftmon keeps while the block runs."""
    return _opening({"run": str(directory)})


def cancel_kept(path: Path, *, ask: bool) -> int:
    """Ask the keeper of a run to cancel its command, and return the exit status.

    Raises:
        RefusedError: where the run is over, or nothing keeps it.
    """
    from ftmon.local.command import cancel
    from ftmon.local.run_directory import RunDirectory

    directory = RunDirectory(path)
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
    with opening_run(directory.path) as target:
        yield target


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


@contextmanager
def _opening(setup: dict[str, object]) -> Iterator[Target]:
    import json
    import secrets

    from ftmon.model.key import LOCAL, JobKey
    from ftmon.serving.launch import kept_running
    from ftmon.serving.service import TOKEN_VARIABLE
    from ftmon.settings import Key, Settings

    token = secrets.token_urlsafe(_BYTES)
    with kept_running("ftmon.serving", json.dumps(setup), {TOKEN_VARIABLE: token}) as service:
        settings = Settings(
            service.base_url, Key(token, "ftmon's own"), provider="fine-tunes", known_as=LOCAL
        )
        yield Target(settings, JobKey(LOCAL, service.job_id))
