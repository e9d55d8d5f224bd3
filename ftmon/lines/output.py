"""Writing to stdout and stderr. It imports little, because the first words on the screen wait for it."""

import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from errno import EIO
from stat import S_ISCHR

from ftmon.errors import HungUpError, OutputError


def say(sentence: str) -> None:
    """Write a sentence to stderr, made safe and with anything that looks like a key hidden.

    It is dropped when stderr cannot be written.
    """
    from ftmon.safe import redact, safe

    with suppress(OSError, ValueError, AttributeError):
        # Not `print`, which falls back to stdout when stderr is closed.
        sys.stderr.write(f"ftmon: {redact(safe(sentence))}\n")
        sys.stderr.flush()


def encoded(lines: str) -> bytes:
    """Encode text for stdout; characters that its encoding lacks are escaped."""
    return lines.encode(sys.stdout.encoding if sys.stdout else "ascii", "backslashreplace")


def write(lines: bytes) -> None:
    """Write all of the bytes to stdout at once. A slow reader makes this wait.

    Raises:
        OutputError, BrokenPipeError, HungUpError: when stdout cannot be written.
    """
    try:
        _write_all(sys.stdout.fileno(), lines)
    except BrokenPipeError:
        raise
    except (OSError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno == EIO and _is_device(sys.stdout.fileno()):
            raise HungUpError("The terminal is gone.") from error
        reason = getattr(error, "strerror", None) or "it is closed"
        raise OutputError(f"Standard output cannot be written: {reason}.") from error


def _write_all(file: int, data: bytes) -> None:
    """Write all of the data, also after partial writes and to a file that does not block."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(file, left) :]
        except BlockingIOError:
            select.select([], [file], [])


def _is_device(file: int) -> bool:
    """Return whether this is a device such as a terminal. A terminal that is gone no longer says so."""
    return S_ISCHR(os.fstat(file).st_mode)


def call_when_gone(action: Callable[[], object]) -> None:
    """Call the action once stdout is a terminal that is gone, which a write would notice only much later.

    It is called on a thread of its own.
    """
    if sys.stdout is None or not sys.stdout.isatty():
        return
    poll = select.poll()
    # A hang-up is reported though no event is asked for.
    poll.register(sys.stdout, 0)

    def wait() -> None:
        poll.poll()
        action()

    threading.Thread(target=wait, name="terminal", daemon=True).start()


def discard_stdout() -> None:
    """Redirect stdout to /dev/null, so that Python's last flush cannot fail on a broken pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
