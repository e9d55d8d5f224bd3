"""Removes the key from answers of a service that echoes it."""

import json
import re
from collections.abc import Sequence

from ftmon.safe import safe, without

_STRING = re.compile(r'[^"]*+("(?:[^"\\]|\\.)*+")', re.DOTALL)
"""The next string of a JSON text."""

_ODD_STRING = re.compile(r'(?:[^"]++|"[ !#-\[\]-~]*+")*+("(?:[^"\\]|\\.)*+")', re.DOTALL)
"""The next string that may hold an escape or a character beyond ASCII, after strings of plain ones."""


def json_without(text: str, secrets: Sequence[str]) -> str:
    """Return a JSON text with each secret in its strings replaced by `[key]`; the rest stays as it is.

    JSON can escape each character of a secret, and characters that `safe` removes may stand between them.
    Numbers are left alone, so that the text stays JSON.
    """
    if not may_echo(text, secrets):
        return text
    pattern = _STRING if any(secret in text for secret in secrets) else _ODD_STRING
    pieces, end, at = [], 0, 0
    # Each match begins where the last one ended. A search would try every quote of a text that is no JSON.
    while match := pattern.match(text, at):
        at = match.end()
        cleaned = _cleaned(match[1], secrets)
        if cleaned is not None:
            pieces += [text[end : match.start(1)], cleaned]
            end = at
    return "".join([*pieces, text[end:]]) if pieces else text


def may_echo(text: str, secrets: Sequence[str]) -> bool:
    """Whether JSON texts may hold a secret: a cheap test for many of them at once."""
    is_odd = "\\" in text or not text.isascii()
    return bool(secrets) and (is_odd or any(secret in text for secret in secrets))


def _cleaned(string: str, secrets: Sequence[str]) -> str | None:
    """Return a string of a JSON text without the secrets; None where there are none in it."""
    is_plain = "\\" not in string and string.isascii()
    if is_plain and not any(secret in string for secret in secrets):
        return None
    try:
        shown = safe(json.loads(string, strict=False))
    except ValueError:
        # An escape that is none, so no reader uses the text.
        shown = string
    cleaned = without(shown, secrets)
    return None if cleaned == shown else json.dumps(cleaned)
