"""Writing a file so that it appears whole or not at all."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from secrets import token_hex
from types import FrameType

from ftmon.errors import OutputError

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def save(path: Path, pieces: Iterator[bytes]) -> None:
    """Write the pieces to a stream, or replace the file.

    Raises:
        OutputError: when it cannot be written.
    """
    try:
        if is_stream(path):
            with path.open("wb") as stream:
                stream.writelines(pieces)
        else:
            # Resolved, so that a link stays and its target is replaced.
            _replace(path.resolve(), pieces)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def is_stream(path: Path) -> bool:
    """Return whether this is a pipe or a device such as /dev/stdout, which is written to, not replaced."""
    return path.is_fifo() or path.is_char_device()


def _replace(path: Path, pieces: Iterator[bytes]) -> None:
    """Write to a file beside it and rename that. The mode of the old file is kept."""
    mode = path.stat().st_mode & 0o777 if path.exists() else None
    # The new file begins with the old one's mode, so that nobody can read more than before at any time.
    opener = partial(os.open, mode=0o666 if mode is None else mode)
    with _part_beside(path) as part:
        with open(part, "xb", opener=opener) as file:
            file.writelines(pieces)
        if mode is not None:
            part.chmod(mode)
        part.replace(path)


@contextmanager
def _part_beside(path: Path) -> Iterator[Path]:
    """Yield an unused name beside the file. The file of that name is removed at the end, also by a signal."""
    part = path.with_name(f".ftmon-{token_hex(8)}.part")

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
