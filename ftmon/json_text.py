"""JSON as services send it: read fast, and read also where it is more than the fast reader takes."""

import json
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode

MAX_DEPTH = 100
"""How deep an event may be nested: far beyond any real one, far below what recursion takes."""


def decode(text: str | bytes) -> Any:
    """Decode a JSON text.

    `json` has the last word: it takes lone surrogates, NaN and numbers out of range, which msgspec refuses.

    Raises:
        ValueError: for text that is not JSON, is nested too deeply or holds an absurdly long number.
    """
    try:
        return _decode(text)
    except (msgspec.MsgspecError, RecursionError):
        try:
            return json.loads(text)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a decoded value: sorted keys, numbers as sent, no nulls, no empty objects.

    Two texts of the same event (in a stream, in a list, in a job) have the same canonical form.

    Raises:
        ValueError: for a value nested more than `MAX_DEPTH` deep.
    """
    pruned = _pruned(value, MAX_DEPTH)
    try:
        return _encode_sorted(pruned)
    except (msgspec.MsgspecError, OverflowError, UnicodeEncodeError):
        return json.dumps(pruned, sort_keys=True, separators=(",", ":")).encode()


def _pruned(value: Any, depth: int) -> Any:
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        for item in value.values():
            if item is None or isinstance(item, (dict, list)):
                break
        else:
            return value
        pruned = {name: _pruned(item, depth - 1) for name, item in value.items()}
        return {name: item for name, item in pruned.items() if item is not None and item != {}}
    if isinstance(value, list):
        return [_pruned(item, depth - 1) for item in value]
    return value
