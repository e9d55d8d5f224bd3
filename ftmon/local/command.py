"""Starts a command under a keeper, and asks the keeper of a run."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ftmon.errors import UsageError
from ftmon.local.run_directory import OUTPUT, RunDirectory, Start, now

_ANSWER_TIMEOUT = 5.0


def start(home: Path, name: str, command: list[str], directory: Path) -> RunDirectory:
    """Start a command as a new run, which goes on when this process ends.

    Raises:
        UsageError: where it cannot be started; no directory is left behind.
    """
    run, output = RunDirectory.create(home, name, now(), OUTPUT)
    try:
        with suppress(OSError):
            run.write_start(Start(tuple(command), str(directory)))
        error = _start_keeper(run, output, command, directory)
    finally:
        os.close(output)
    if error is not None:
        shutil.rmtree(run.path, ignore_errors=True)
        raise UsageError(f"{command[0]} cannot be run: {error}.")
    return run


def _start_keeper(run: RunDirectory, output: int, command: list[str], directory: Path) -> str | None:
    """Start the keeper of a command, which starts the command; return why that failed."""
    with subprocess.Popen(
        # -P keeps modules in the user's working directory from being imported.
        [sys.executable, "-P", "-m", "ftmon.local.keeper", str(run.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=[output],
    ) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        question = {"command": command, "directory": str(directory), "output": output}
        with suppress(BrokenPipeError):
            keeper.stdin.write(json.dumps(question).encode() + b"\n")
            keeper.stdin.flush()
        line = keeper.stdout.readline()
        error: str | None = json.loads(line)["error"] if line else "its keeper did not start"
        return error


def check_command(command: list[str]) -> None:
    """Raise a UsageError for a command that is not there, or may not be executed."""
    if not command:
        raise UsageError("Which command? Give it behind --: ftmon run -- python train.py")
    if shutil.which(command[0]) is None:
        why = "it is no executable file" if Path(command[0]).exists() else "there is no such command"
        raise UsageError(f"{command[0]} cannot be run: {why}.")


def cancel(run: RunDirectory) -> int | None:
    """Ask the keeper to cancel its command, and return how often that was asked; None where it is gone."""
    answer = _ask(run, {"ask": "cancel"})
    cancels = answer.get("cancels")
    return cancels if isinstance(cancels, int) else None


def forward(run: RunDirectory, number: signal.Signals) -> None:
    """Ask the keeper to send a signal to its command."""
    _ask(run, {"signal": int(number)})


def is_kept(run: RunDirectory) -> bool:
    """Whether the keeper of a run answers."""
    return bool(_ask(run, {"ask": "end"}))


def _ask(run: RunDirectory, question: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of a run's keeper; an empty one where it does not answer."""
    with (
        suppress(OSError, ValueError),
        run.short_socket() as path,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection,
    ):
        connection.settimeout(_ANSWER_TIMEOUT)
        connection.connect(path)
        connection.sendall(json.dumps(question).encode() + b"\n")
        answer = json.loads(connection.makefile("rb").readline(65_536))
        return answer if isinstance(answer, dict) else {}
    return {}
