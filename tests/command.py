"""Runs the ftmon command in a process of its own."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

from ftmon.providers import PROVIDERS

KEY = "sk-Zx9Kq7Wv-secret-0123456789"
PATIENCE = 20.0
"""Seconds to wait for something before the test fails."""

FTMON = [sys.executable, "-m", "ftmon"]

_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]")


def environment(**more: str) -> dict[str, str]:
    """Return the environment in UTC, without variables that would lead to a real service.

    COLUMNS and LINES, which workers of pytest-xdist inherit, would set the width of `--help`. The terminal in
    which the tests run is not that of the command.
    """
    prefixes = ["OPENAI_", "FTMON_", "LC_", "PYTEST_", "PYTHONUNBUFFERED", "COLUMNS", "LINES"]
    prefixes += ["TMUX", "STY", "TERM_PROGRAM", "KITTY_WINDOW_ID", "VTE_VERSION"]
    for provider in PROVIDERS.values():
        prefixes += provider.variables
    kept = {name: value for name, value in os.environ.items() if not name.startswith(tuple(prefixes))}
    return {**kept, "TZ": "UTC", "LANG": "C.UTF-8", **more}


def check_output(*outputs: bytes) -> None:
    """Check that no output has a secret, a traceback, or a control character other than tab and newline."""
    for output in outputs:
        assert not _CONTROL.search(output), output
        assert b"Zx9Kq7Wv" not in output, output
        assert b"Traceback" not in output, output


def ftmon(
    *arguments: str, command: Sequence[str] = FTMON, env: Mapping[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run ftmon to its end and check its output. Standard input is empty unless the options set it."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(
        [*command, *arguments],
        env=environment(**(env or {})),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        **options,
    )
    check_output(done.stdout, done.stderr)
    return done


def objects(output: bytes | str) -> list[dict[str, Any]]:
    """Decode JSON Lines."""
    return [json.loads(line) for line in output.splitlines()]


class Running:
    """A running command. Threads read its lines as they arrive."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._threads: list[threading.Thread] = []
        assert process.stdout is not None
        assert process.stderr is not None
        self._lines = self._reader(process.stdout)
        self._notices = self._reader(process.stderr)

    def line(self) -> str:
        """Wait for the next line of standard output; an empty string at its end."""
        return self._next(self._lines)

    def notice(self) -> str:
        """Wait for the next line of standard error; an empty string at its end."""
        return self._next(self._notices)

    def notices(self) -> list[str]:
        """Wait for the end of standard error and return the remaining lines."""
        return list(iter(self.notice, ""))

    def rest(self) -> list[str]:
        """Wait for the end of standard output and return the remaining lines."""
        return list(iter(self.line, ""))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for the exit status."""
        return self.process.wait(timeout)

    def close(self) -> None:
        """Kill the command and wait for the reader threads."""
        self.process.kill()
        for thread in self._threads:
            thread.join()

    def _reader(self, stream: IO[bytes]) -> "queue.Queue[bytes]":
        lines: queue.Queue[bytes] = queue.Queue()

        def read() -> None:
            for line in stream:
                lines.put(line)
            lines.put(b"")

        thread = threading.Thread(target=read)
        thread.start()
        self._threads.append(thread)
        return lines

    def _next(self, lines: "queue.Queue[bytes]") -> str:
        line = lines.get(timeout=PATIENCE)
        check_output(line)
        return line.decode()


@contextmanager
def running(*arguments: str, command: Sequence[str] = FTMON, **env: str) -> Iterator[Running]:
    """Run ftmon until the block ends, then kill it."""
    process = subprocess.Popen(
        [*command, *arguments],
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # SIGTSTP does not stop an orphaned process group, and that of the tests may be one. Use a new group.
        process_group=0,
    )
    with process:
        started = Running(process)
        try:
            yield started
        finally:
            started.close()
