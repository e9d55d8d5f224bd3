"""The file that keeps the layout of the screen. That it is missing, damaged or read-only never matters."""

from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from ftmon import json_text
from ftmon.errors import UsageError
from ftmon.settings.file import regular_file

_LONGEST = 65_536


def read(path: Path | None) -> dict[str, Any]:
    """Return what the file has; nothing if there is no such file, or it is no JSON object."""
    if path is None:
        return {}
    try:
        with regular_file(str(path), "layout") as file:
            fields = json_text.decode(file.read(_LONGEST))
    except (UsageError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}


class LayoutFile:
    """Writes the newest layout. Two writes, each in a thread, never leave the older one."""

    def __init__(self, path: Path, fields: dict[str, Any]) -> None:
        """`fields` is what the file has."""
        self.newest = fields
        """What the file is to have."""
        self._path = path
        self._written = fields
        self._lock = Lock()

    def write(self) -> None:
        """Write the newest layout if that is not written yet. A home in a network makes this slow."""
        with self._lock:
            fields = self.newest
            if fields != self._written:
                write(self._path, fields)
                self._written = fields


def write(path: Path, fields: dict[str, Any]) -> None:
    """Replace the file as a whole, where that is possible. Of several ftmons, the last one wins."""
    from secrets import token_hex

    part = path.with_name(f".{path.name}-{token_hex(8)}")
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            part.touch(mode=0o600, exist_ok=False)
            part.write_bytes(json_text.encode_lines([fields]))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
