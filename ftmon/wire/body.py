"""What a body is, found from its first bytes: services often call a stream by another media type."""

from enum import Enum, auto
from typing import Any

from ftmon import json_text

_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
"""How a line of an event stream begins."""

_LONGEST_LINE = 8 * 2**20


class Kind(Enum):
    """What a body is."""

    EVENT_STREAM = auto()
    """Server-sent events."""
    JSON_LINES = auto()
    """A stream of JSON objects, one per line."""
    JSON = auto()
    """One JSON document."""
    WEB_PAGE = auto()
    OTHER = auto()


def from_text(start: bytes) -> bytes:
    """Return the bytes from the first one that counts, so that blanks without end fill no memory."""
    return start.removeprefix(_BOM).lstrip()


def kind_of(start: bytes, *, is_whole: bool, is_called_stream: bool) -> Kind | None:
    """Return what a body is, or None while more of it is needed to tell.

    Args:
        start: the bytes that have come.
        is_whole: nothing follows.
        is_called_stream: its media type is `text/event-stream`; decides only where the bytes do not.
    """
    text = from_text(start)
    if not text or (_BOM.startswith(text) and not is_whole):
        return Kind.EVENT_STREAM if is_whole else None
    if text.startswith(b"<"):
        return Kind.WEB_PAGE
    if text.startswith(b"["):
        return Kind.JSON
    if text.startswith(b"{"):
        return _kind_of_json(text, is_whole=is_whole)
    if text.startswith(_FIELDS) or is_called_stream:
        return Kind.EVENT_STREAM
    if not is_whole and any(field.startswith(text) for field in _FIELDS):
        return None
    return Kind.OTHER


def _kind_of_json(text: bytes, *, is_whole: bool) -> Kind | None:
    """Tell a document from lines: lines begin with a whole object that is neither a list nor an error."""
    line, line_end, _ = text.partition(b"\n")
    if not (line_end or is_whole):
        return None if len(line) < _LONGEST_LINE else Kind.JSON
    try:
        fields = json_text.decode(line)
    except ValueError:
        return Kind.JSON
    # A service in Go writes a list without entries as null.
    is_list = fields.get("object") == "list" or any(
        isinstance(fields.get(name), list) for name in ("data", "events")
    )
    return Kind.JSON if is_list or _is_error(fields) else Kind.JSON_LINES


def _is_error(fields: dict[str, Any]) -> bool:
    """Whether an object is an error body rather than an event, which has a time."""
    if "error" in fields and "message" not in fields:
        return True
    is_marked = "error" in (fields.get("object"), fields.get("status"))
    has_error = any(fields.get(name) for name in ("error", "detail", "title"))
    return (is_marked or has_error) and "created_at" not in fields
