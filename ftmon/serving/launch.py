"""Run a service of ftmon's own in a process of its own."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Lock, Thread
from time import monotonic
from typing import IO

from ftmon.errors import FtmonError, UsageError
from ftmon.serving.service import LISTENER_VARIABLE, Service

SECONDS_TO_END = 3.0
"""How long the service may take to end before it is killed: about ten times what it needs."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 60.0
"""Seconds before a service that died is started again."""


@contextmanager
def running(module: str, setup: str, environment: Mapping[str, str] | None = None) -> Iterator[Service]:
    """Run a module that serves while the block runs. It also ends when this process does, even by SIGKILL.

    The module gets the setup as its argument, and these variables, which other users cannot read. It prints
    its `Service` as a line of JSON once it answers, and ends when its standard input is closed. It has its
    own session, so Ctrl-C in the terminal does not reach it, and it prints nothing there.

    Raises:
        UsageError: when the setup cannot be used.
        FtmonError: when the service does not start.
    """
    with _temporary_file() as errors:
        child = _Child(module, setup, environment or {}, errors)
        try:
            yield child.start()
        finally:
            child.stop()


@contextmanager
def kept_running(module: str, setup: str, environment: Mapping[str, str]) -> Iterator[Service]:
    """Run a module as `running` does, and start it again where it dies, at the same address.

    This process holds the socket that it listens at, so its clients wait meanwhile and are not refused.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, _temporary_file() as errors:
        number = listener.fileno()
        child = _Child(module, setup, {**environment, LISTENER_VARIABLE: str(number)}, errors, [number])
        try:
            yield child.start(is_kept=True)
        finally:
            child.stop()


class _Child:
    """The process of a module that serves."""

    def __init__(
        self,
        module: str,
        setup: str,
        environment: Mapping[str, str],
        errors: IO[bytes],
        descriptors: Sequence[int] = (),
    ) -> None:
        # -P keeps modules in the user's working directory from being imported.
        self._command = [sys.executable, "-P", "-m", module, setup]
        self._environment = {**os.environ, **environment}
        self._errors = errors
        self._descriptors = descriptors
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._is_stopped = Event()

    def start(self, *, is_kept: bool = False) -> Service:
        """Start the process and wait until it serves; with `is_kept`, start it again whenever it dies."""
        self._process = self._started(subprocess.PIPE)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            failure = UsageError if self._process.wait() == UsageError.exit_status else FtmonError
            self._errors.seek(0)
            raise failure(self._errors.read().decode(errors="replace").strip())
        if is_kept:
            Thread(target=self._keep, name="keep the service", daemon=True).start()
        return Service.from_json(line)

    def stop(self) -> None:
        """End the process; if it takes too long, kill it."""
        self._is_stopped.set()
        with self._lock:
            if (process := self._process) is None:
                return
            with process:
                assert process.stdin is not None
                process.stdin.close()
                try:
                    process.wait(SECONDS_TO_END)
                except subprocess.TimeoutExpired:
                    process.kill()

    def _keep(self) -> None:
        """Start the process again whenever it has died, at first at once."""
        pause = _FIRST_PAUSE
        while True:
            process, began = self._process, monotonic()
            assert process is not None
            process.wait()
            pause = _FIRST_PAUSE if monotonic() - began > _LONGEST_PAUSE else min(2 * pause, _LONGEST_PAUSE)
            self._is_stopped.wait(pause)
            with self._lock:
                if self._is_stopped.is_set():
                    return
                for pipe in filter(None, (process.stdin, process.stdout)):
                    pipe.close()
                # Where it serves is known.
                self._process = self._started(subprocess.DEVNULL)

    def _started(self, output: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=self._errors,
            env=self._environment,
            start_new_session=True,
            pass_fds=self._descriptors,
        )


def _temporary_file() -> IO[bytes]:
    """Return a file for what the service says on stderr. A pipe could fill up, with nobody to read it."""
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise UsageError(
            "There is no room for a temporary file in any of the usual places; set TMPDIR to another."
        ) from error
