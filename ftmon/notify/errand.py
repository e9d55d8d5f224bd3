"""An errand: to tell the command and the address of a note, in a process that may outlast ftmon."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ftmon.notify.words import Facts
from ftmon.settings.notification import Notification

_LONGEST = 60
"""Seconds that the process may take."""


class Errand:
    """A process that tells the command and the address of one note.

    It has a session of its own and everything that it needs, so it goes on where ftmon is left meanwhile. No
    front end waits for it.
    """

    def __init__(
        self, ways: Notification, told: Facts, environ: Mapping[str, str], report: Callable[[str], None]
    ) -> None:
        """Start it. `report` is called on a thread, with a sentence for each way that has failed.

        `environ` holds no keys.
        """
        self._report = report
        self._thread: threading.Thread | None = None
        try:
            self._process = subprocess.Popen(
                # -P keeps modules in the user's working directory from being imported.
                [sys.executable, "-P", "-m", "ftmon.notify"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=dict(environ),
                start_new_session=True,
            )
            assert self._process.stdin is not None
            # At once, so that it has all of it should ftmon end now. A pipe holds more than that.
            with self._process.stdin as pipe:
                pipe.write(json.dumps(order(ways, told)).encode())
        except OSError as error:
            report(f"A notification has failed: no process for it ({error.strerror}).")
            return
        self._thread = threading.Thread(target=self._wait, name="errand", daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait until it is done, so many seconds at most."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _wait(self) -> None:
        with self._process:
            assert self._process.stdout is not None
            output = self._process.stdout.read()
        for sentence in output.decode(errors="replace").splitlines():
            self._report(f"A notification has failed. {sentence}")
        if self._process.returncode:
            self._report("A notification has failed: it was not done in time.")


def order(ways: Notification, told: Facts) -> Mapping[str, Any]:
    """Return what an errand needs, as JSON has it."""
    return {"address": ways.address, "command": ways.command, "shape": ways.shape, "told": told}


def done(order: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Do an errand. Yield the name of each way, and a sentence if it has failed."""
    # Both are imported late: most people have set one of them.
    if order["command"]:
        from ftmon.notify.command import run

        yield "command", run(order["command"], order["told"], environ)
    if order["address"]:
        from ftmon.notify.address import send

        yield "address", send(order["address"], order["shape"], order["told"])


def main() -> None:
    """Do the errand that is read from standard input, and print what has failed."""
    # An address that sends its answer byte by byte would keep this process for ever.
    signal.alarm(_LONGEST)
    errand = json.loads(sys.stdin.buffer.read())
    for _, sentence in done(errand, os.environ):
        if sentence:
            print(sentence)
