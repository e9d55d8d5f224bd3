"""Opening a file that the user names."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ftmon.errors import UsageError


@contextmanager
def regular_file(name: str, what: str) -> Iterator[BinaryIO]:
    """Open a regular file to read it. `what` is its kind, in words.

    Raises:
        UsageError: where it cannot be read, with the reason.
    """
    try:
        with open(Path(name).expanduser(), "rb", opener=_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"The {what} {name} is not a regular file.")
            yield file
    except (OSError, RuntimeError) as error:
        raise UsageError(f"The {what} {name} cannot be read: {_reason(error)}.") from error


def _at_once(name: str, flags: int) -> int:
    """Open a file without blocking on a FIFO or a device."""
    return os.open(name, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _reason(error: OSError | RuntimeError) -> str:
    # `expanduser` raises RuntimeError where the home directory is unknown.
    return (error.strerror if isinstance(error, OSError) else None) or str(error).rstrip(".")
