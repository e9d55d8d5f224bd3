"""Reads and writes JSON with msgspec, which is fast, and with `json` where msgspec refuses the input."""

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines
_encode_sorted = msgspec.json.Encoder(order="sorted").encode

_NON_ASCII = re.compile(r"[^\x00-\x7f]+")

MAX_DEPTH = 100
"""Levels of nesting allowed in an event: more than any real event has, far below Python's recursion limit."""


def decode(text: str | bytes) -> Any:
    """Decode a JSON text.

    Text that msgspec refuses goes to `json`, which accepts lone surrogates, NaN and numbers beyond 64 bits.
    Invalid UTF-8 becomes U+FFFD, as it does in a stream.

    Raises:
        ValueError: for text that is not JSON, is nested too deeply, or has a number with too many digits for
            Python to convert.
    """
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        try:
            return json.loads(text if isinstance(text, str) else text.decode("utf-8-sig", "replace"))
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def is_valid(text: str) -> bool:
    """Whether a text is JSON."""
    try:
        decode(text)
    except ValueError:
        return False
    return True


def in_ascii(text: str) -> str:
    r"""Escape every non-ASCII character of a JSON text as `\uXXXX`; the rest stays as it is."""
    # Non-ASCII characters occur only inside the strings of a JSON text, so escaping them keeps it valid.
    return text if text.isascii() else _NON_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], text)


def encode_lines(values: Iterable[Any]) -> bytes:
    """Encode values, including msgspec structs, as compact ASCII JSON Lines."""
    values = list(values)
    try:
        lines = _encode_lines(values)
        if lines.isascii():
            return lines
    except (msgspec.MsgspecError, OverflowError, UnicodeEncodeError):
        pass
    plain = [json.dumps(msgspec.to_builtins(value), separators=(",", ":")) for value in values]
    return "".join(f"{line}\n" for line in plain).encode()


def encode_exactly(fields: dict[str, Any]) -> bytes:
    """Encode fields without nulls as compact JSON, with NaN and infinities as Python's `json` writes them."""
    try:
        text = _encode(fields)
    except (msgspec.MsgspecError, OverflowError, UnicodeEncodeError):
        text = b"null"
    # msgspec writes null for what is not finite. `json` takes far longer.
    return json.dumps(fields).encode() if b"null" in text else text


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a pruned value: keys sorted, no white space, numbers unchanged."""
    try:
        return _encode_sorted(value)
    except (msgspec.MsgspecError, OverflowError, UnicodeEncodeError):
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def may_be_deep(text: str) -> bool:
    """Whether the value of a JSON text may be too deep for `pruned`: False only where it is not."""
    return text.count("{") + text.count("[") >= MAX_DEPTH


def pruned(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Return a decoded value without the nulls and empty objects that objects hold, at any depth.

    Raises:
        ValueError: if the value is nested `depth` levels or deeper.
    """
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        items = ((name, pruned(item, depth - 1)) for name, item in value.items() if item is not None)
        return {name: item for name, item in items if item != {}}
    if isinstance(value, list):
        return [pruned(item, depth - 1) for item in value]
    return value
