"""JSON as services send it: read fast, and read also where it is more than the fast reader takes."""

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_encode_lines = msgspec.json.Encoder().encode_lines
_encode_sorted = msgspec.json.Encoder(order="sorted").encode

_NON_ASCII = re.compile(r"[^\x00-\x7f]+")

MAX_DEPTH = 100
"""How deep an event may be nested: far beyond any real one, far below what recursion takes."""


def decode(text: str | bytes) -> Any:
    """Decode a JSON text.

    `json` has the last word: it takes lone surrogates, NaN and numbers out of range, which msgspec refuses.
    Bytes that are no UTF-8 are replaced, as they are in a stream.

    Raises:
        ValueError: for text that is not JSON, is nested too deeply or holds an absurdly long number.
    """
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        try:
            return json.loads(text if isinstance(text, str) else text.decode("utf-8-sig", "replace"))
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def in_ascii(text: str) -> str:
    """Return a JSON text in ASCII, its numbers and all else as they stand."""
    # Only the strings of a JSON text can hold anything else.
    return text if text.isascii() else _NON_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], text)


def encode_lines(values: Iterable[Any]) -> bytes:
    """Encode values, msgspec structures among them, as JSON Lines: compact, in ASCII."""
    values = list(values)
    try:
        lines = _encode_lines(values)
        if lines.isascii():
            return lines
    except (msgspec.MsgspecError, OverflowError, UnicodeEncodeError):
        pass
    plain = [json.dumps(msgspec.to_builtins(value), separators=(",", ":")) for value in values]
    return "".join(f"{line}\n" for line in plain).encode()


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a pruned value: sorted keys, numbers as sent."""
    try:
        return _encode_sorted(value)
    except (msgspec.MsgspecError, OverflowError, UnicodeEncodeError):
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def pruned(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Return a decoded value without nulls and empty objects, at any depth.

    Raises:
        ValueError: for a value nested more than `depth` deep.
    """
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        items = ((name, pruned(item, depth - 1)) for name, item in value.items() if item is not None)
        return {name: item for name, item in items if item != {}}
    if isinstance(value, list):
        return [pruned(item, depth - 1) for item in value]
    return value
