"""Writing to stdout and stderr; light, because the first word on the screen waits for it."""

import os
import select
import sys
from contextlib import suppress

from ftmon.errors import OutputError


def say(sentence: str) -> None:
    """Write a sentence to stderr, if there is one that takes it: safe, and without what looks like a key."""
    from ftmon.safe import redact, safe

    with suppress(OSError, ValueError, AttributeError):
        # `print` would take stdout where stderr is closed.
        sys.stderr.write(f"ftmon: {redact(safe(sentence))}\n")
        sys.stderr.flush()


def encoded(lines: str) -> bytes:
    """Return a text in the encoding of stdout; what that cannot hold is escaped."""
    return lines.encode(sys.stdout.encoding if sys.stdout else "ascii", "backslashreplace")


def write(lines: bytes) -> None:
    """Write to stdout at once, all of it, however slowly it is taken.

    Raises:
        OutputError, BrokenPipeError: where it cannot be written.
    """
    try:
        _write_all(sys.stdout.fileno(), lines)
    except BrokenPipeError:
        raise
    except (OSError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or "it is closed"
        raise OutputError(f"Standard output cannot be written: {reason}.") from error


def _write_all(file: int, data: bytes) -> None:
    """Write to what may take only a part, as after a stop, or nothing now, as where it does not block."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(file, left) :]
        except BlockingIOError:
            select.select([], [file], [])


def discard_stdout() -> None:
    """Let what Python still wants to write to a broken stdout go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
