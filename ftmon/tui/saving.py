"""Saves the events that are shown as text, JSON Lines or CSV, by the ending of the file's name."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ftmon import json_text
from ftmon.csv_text import csv_row
from ftmon.errors import OutputError, UsageError
from ftmon.model.event import Event, event_json
from ftmon.model.events import Events
from ftmon.part_file import part_beside, put
from ftmon.paths import is_of_history
from ftmon.safe import redact
from ftmon.text import LEVEL_WORDS, stamp

_PIECE = 1000
"""Events that are written together."""

_INDENT = "\n" + " " * 21
"""Further lines of a message stand below its beginning."""

_Format = Callable[[Sequence[Event], str], bytes]
"""Returns some events of a job as they are saved."""


def _as_text(events: Sequence[Event], job_id: str) -> bytes:
    lines = []
    for event in events:
        message = LEVEL_WORDS[event.level] + event.message.replace("\n", _INDENT)
        lines.append(f"{stamp(event.created_at)}  {message}\n")
    return "".join(lines).encode()


def _as_json_lines(events: Sequence[Event], job_id: str) -> bytes:
    return json_text.encode_lines([event_json(event, job_id) for event in events])


def _as_csv(events: Sequence[Event], job_id: str) -> bytes:
    rows = []
    for event in events:
        told = event_json(event, job_id)
        data = "" if told.data is None else json_text.encode_lines([told.data]).decode().rstrip()
        rows.append(csv_row(told.created_at, told.level, told.type, told.id, told.message, data))
    return b"".join(rows)


_FORMATS: dict[str, _Format] = {".jsonl": _as_json_lines, ".json": _as_json_lines, ".csv": _as_csv}
_CSV_HEAD = csv_row("created_at", "level", "type", "id", "message", "data")


def check(name: str) -> Path:
    """Return the path that a name means.

    Raises:
        UsageError: if nothing can be saved there.
    """
    try:
        path = Path(name).expanduser()
        is_other = path.exists() and not path.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError("This cannot be the name of a file.") from error
    if not name or is_other:
        raise UsageError(
            f"{path} is a directory or a device. Type the name of a file." if name else "Type a name."
        )
    if not path.parent.is_dir():
        raise UsageError(f"There is no directory {path.parent}.")
    if is_of_history(path):
        raise UsageError(f"{path} belongs to the history; choose another name.")
    return path


def save(
    path: Path,
    events: Events,
    shown: Sequence[int],
    job_id: str,
    secrets: Sequence[str],
    *,
    overwrites: bool,
) -> None:
    """Write the events at these indices into a file, which appears whole or not at all.

    It takes time: call it in a thread.

    Raises:
        OutputError: if they cannot be written, or the file exists and must not be overwritten.
    """
    # Resolved, so that a link stays and its target is replaced.
    file = path.resolve() if overwrites else path
    part = part_beside(file)
    try:
        with part.open("xb") as new:
            new.writelines(_pieces(path, events, shown, job_id, secrets))
        put(part, file, overwrites=overwrites)
    except FileExistsError as error:
        raise OutputError(f"{path} exists by now. Save once more to overwrite it.") from error
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _pieces(
    path: Path, events: Events, shown: Sequence[int], job_id: str, secrets: Sequence[str]
) -> Iterator[bytes]:
    form = _FORMATS.get(path.suffix.lower(), _as_text)
    if form is _as_csv:
        yield _CSV_HEAD
    for first in range(0, len(shown), _PIECE):
        piece = form([events[index] for index in shown[first : first + _PIECE]], job_id)
        yield redact(piece.decode(), secrets).encode()
