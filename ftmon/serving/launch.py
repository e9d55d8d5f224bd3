"""Run a service of ftmon's own in a process of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from ftmon.errors import FtmonError, UsageError
from ftmon.serving.service import Service

SECONDS_TO_END = 3.0
"""How long the service may take to end before it is killed: about ten times what it needs."""


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
    with (
        _temporary_file() as errors,
        subprocess.Popen(
            # -P keeps modules in the user's working directory from being imported.
            [sys.executable, "-P", "-m", module, setup],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                failure = UsageError if process.wait() == UsageError.exit_status else FtmonError
                errors.seek(0)
                raise failure(errors.read().decode(errors="replace").strip())
            yield Service.from_json(line)
        finally:
            process.stdin.close()
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()


def _temporary_file() -> IO[bytes]:
    """Return a file for what the service says on stderr. A pipe could fill up, with nobody to read it."""
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise UsageError(
            "There is no room for a temporary file in any of the usual places; set TMPDIR to another."
        ) from error
