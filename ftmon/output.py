"""Writing to stdout and stderr; light, because the first word on the screen waits for it."""

import os
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
    """Write to stdout at once.

    Raises:
        OutputError, BrokenPipeError: where it cannot be written.
    """
    try:
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except (OSError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or "it is closed"
        raise OutputError(f"Standard output cannot be written: {reason}.") from error


def discard_stdout() -> None:
    """Let what Python still wants to write to a broken stdout go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
