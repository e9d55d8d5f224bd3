"""Writing a file so that it appears whole or not at all."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType

from ftmon.errors import OutputError, UsageError
from ftmon.part_file import part_beside, put

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def save(path: Path, pieces: Iterator[bytes], *, overwrites: bool) -> None:
    """Write the pieces to a stream, or to a file.

    Raises:
        UsageError: when the file exists by then, and is not to be overwritten.
        OutputError: when it cannot be written.
    """
    try:
        if is_stream(path):
            with path.open("wb") as stream:
                stream.writelines(pieces)
        else:
            # Resolved, so that a link stays and its target is replaced.
            _write(path.resolve() if overwrites else path, pieces, overwrites=overwrites)
    except FileExistsError as error:
        raise taken(path) from error
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def taken(path: Path) -> UsageError:
    """Return what to say of a file that exists."""
    return UsageError(f"{path} exists; --force overwrites it.")


def is_stream(path: Path) -> bool:
    """Return whether this is a pipe or a device such as /dev/stdout, which is written to, not replaced."""
    return path.is_fifo() or path.is_char_device()


def _write(path: Path, pieces: Iterator[bytes], *, overwrites: bool) -> None:
    """Write to a file beside it and put that in its place. The mode of an old file is kept."""
    mode = path.stat().st_mode & 0o777 if overwrites and path.exists() else None
    # The new file begins with the old one's mode, so that nobody can read more than before at any time.
    opener = partial(os.open, mode=0o666 if mode is None else mode)
    with _part_beside(path) as part:
        with open(part, "xb", opener=opener) as file:
            file.writelines(pieces)
        if mode is not None:
            part.chmod(mode)
        put(part, path, overwrites=overwrites)


@contextmanager
def _part_beside(path: Path) -> Iterator[Path]:
    """Yield an unused name beside the file. The file of that name is removed at the end, also by a signal."""
    part = part_beside(path)

    def end(number: int, frame: FrameType | None) -> None:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        os._exit(128 + number)

    # Signals that nohup or a background shell ignore stay ignored.
    handled = [number for number in _ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in handled}
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        for number, handler in before.items():
            signal.signal(number, handler)
