"""The directory of a run that ftmon has started: what the command prints, and how it ended.

Only the user can read it. Nothing in it is trusted: no path and no process id is read from it, so whoever
changes it makes nobody read or kill anything else.
"""

import errno
import fcntl
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from time import sleep
from typing import Any, NamedTuple

from ftmon.errors import UsageError
from ftmon.local.encoding import decoded
from ftmon.model.event import iso, parse_time
from ftmon.model.key import check_job_id

OUTPUT = "output.log"
"""What the command writes to stdout and stderr, as it writes it."""

EVENTS = "events.jsonl"
"""What the training says of itself: see `Publication`."""

SOCKET = "keeper.sock"
"""Where the keeper of the run is asked to cancel it."""

RUN_VARIABLE = "FTMON_RUN"
"""Tells a command, and what it starts, the directory of its run."""

_RECORD = "run.json"
_END = "end.json"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+|\.\.+")
_LONGEST_NAME = 64
_LARGEST_RECORD = 65_536
_TAIL = 65_536
"""Bytes at the end of a file in which it is looked for how a run ended."""

_LOCK_TRIES = 20
_BETWEEN_TRIES = 0.001
"""Seconds."""


class End(NamedTuple):
    """How the command ended."""

    status: int
    """Its exit status; below zero the signal that ended it, as `subprocess` has it."""
    is_cancelled: bool
    """The user had asked to cancel it."""
    at: datetime

    @property
    def reason(self) -> str:
        """Why it failed, as a part of a sentence; empty for a success."""
        if self.status >= 0:
            return f"exit status {self.status}" if self.status else ""
        with suppress(ValueError):
            name = signal.Signals(-self.status).name
            # The kernel's out-of-memory killer sends SIGKILL, and says so nowhere that a program could read.
            return f"killed by {name}: out of memory?" if name == "SIGKILL" else f"killed by {name}"
        return f"killed by signal {-self.status}"


class Start(NamedTuple):
    """What was started, to be shown and nothing else; empty where that is not known."""

    command: tuple[str, ...] = ()
    directory: str = ""


class RunDirectory:
    """One run's directory, named by the run's id."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        self.output = path / OUTPUT
        self.socket = path / SOCKET

    @classmethod
    def create(cls, home: Path, name: str, now: datetime, file: str) -> "tuple[RunDirectory, int]":
        """Make the directory of a new run; where its name is taken, with a number behind it.

        Returns the run, and the descriptor of a file that is open and locked as `open_locked` does.

        Raises:
            UsageError: where it cannot be made.
        """
        base = _NOT_IN_NAMES.sub("-", name)[:_LONGEST_NAME].strip("-._") or "run"
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made whole under a hidden name: nobody takes a run that has not begun for one that ended.
            made = cls(Path(mkdtemp(prefix=".", dir=home)))
            descriptor = made.open_locked(file)
            made._write(_RECORD, {"started_at": iso(now)})
            names = (base if number == 1 else f"{base}-{number}" for number in count(1))
            path = next(home / name for name in names if _is_moved(made.path, home / name))
        except OSError as error:
            raise UsageError(f"A run cannot be kept in {home}: {error.strerror}.") from error
        return cls(path), descriptor

    @classmethod
    def all(cls, home: Path) -> "Iterator[RunDirectory]":
        """Yield the runs that are kept here, in no order."""
        with suppress(OSError), os.scandir(home) as entries:
            for entry in entries:
                if (run := cls.find(home, entry.name)) is not None:
                    yield run

    @classmethod
    def find(cls, home: Path, run_id: str) -> "RunDirectory | None":
        """Return the run of this id that is kept here, or None."""
        with suppress(UsageError):
            run = cls(home / check_job_id(run_id))
            is_own = "/" not in run_id and not run.path.is_symlink()
            if is_own and run.started_at is not None:
                return run
        return None

    @property
    def started_at(self) -> datetime | None:
        """When the command was started; None where that cannot be read."""
        return parse_time(self._read(_RECORD).get("started_at"))

    @property
    def start(self) -> Start:
        """The command that was started, and where."""
        fields = self._read(_RECORD)
        command, directory = fields.get("command"), fields.get("directory")
        words = command if isinstance(command, list) else []
        return Start(tuple(map(str, words)), directory if isinstance(directory, str) else "")

    def write_start(self, start: Start) -> None:
        """Record what was started, beside when; raises OSError."""
        self._write(_RECORD, {**self._read(_RECORD), **start._asdict()})

    @property
    def end(self) -> End | None:
        """How the command ended; None before that, and where nobody has seen it."""
        fields = self._read(_END)
        status, at = fields.get("status"), parse_time(fields.get("at"))
        if not isinstance(status, int) or isinstance(status, bool) or at is None:
            return None
        return End(status, fields.get("is_cancelled") is True, at)

    def write_end(self, end: End) -> None:
        """Record how the command ended, at once or not at all; raises OSError."""
        self._write(_END, {"status": end.status, "is_cancelled": end.is_cancelled, "at": iso(end.at)})

    def open_locked(self, name: str) -> int:
        """Open a file to append to, and return its descriptor; raises OSError.

        It is locked as long as anybody has the descriptor, which are a command and its children, too.
        """
        # Where somebody has put a pipe, it is refused and not waited for.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self.path / name, flags, 0o600)
        # Who only asks whether it is locked holds a lock for a moment; another who writes does for good.
        for _ in range(_LOCK_TRIES):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            sleep(_BETWEEN_TRIES)
        return descriptor

    @property
    def written_at(self) -> datetime | None:
        """When somebody wrote last; None where nobody did."""
        times = []
        for name in (OUTPUT, EVENTS):
            with suppress(OSError):
                times.append((self.path / name).stat(follow_symlinks=False).st_mtime)
        return datetime.fromtimestamp(max(times), UTC) if times else None

    def tail(self, name: str) -> str:
        """Return the last whole lines of a text; nothing of an unreadable one."""
        with suppress(OSError), os.fdopen(self._opened(name), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            # Not in the middle of two bytes that are one character.
            start = file.seek(max(0, size - _TAIL) // 2 * 2)
            text = decoded(file.read(_TAIL + 1))
            return text.partition("\n")[2] if start else text
        return ""

    @property
    def is_running(self) -> bool:
        """Somebody can still write: the command, what it has started, or the training that publishes."""
        return self._is_locked(OUTPUT) or self._is_locked(EVENTS)

    def _is_locked(self, name: str) -> bool:
        try:
            descriptor = self._opened(name)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    @contextmanager
    def short_socket(self) -> Iterator[str]:
        """Yield a path of the socket that is short enough for one (108 bytes), while the block runs."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            short = f"/proc/self/fd/{descriptor}"
            yield f"{short if Path(short).exists() else self.path}/{SOCKET}"
        finally:
            os.close(descriptor)

    def _write(self, name: str, fields: dict[str, Any]) -> None:
        temporary = self.path / f".{name}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(fields, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path / name)

    def _opened(self, name: str) -> int:
        return os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)

    def _read(self, name: str) -> dict[str, Any]:
        """Return the object in a file; an empty one where there is none."""
        with suppress(OSError, ValueError, RecursionError), os.fdopen(self._opened(name), "rb") as file:
            value = json.loads(file.read(_LARGEST_RECORD))
            return value if isinstance(value, dict) else {}
        return {}


def _is_moved(directory: Path, place: Path) -> bool:
    """Move a directory to a place, unless that is taken; raises OSError."""
    try:
        directory.rename(place)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            return False
        raise
    return True


def now() -> datetime:
    """Return the time of this machine's clock."""
    return datetime.now(UTC)
