"""JSON as a person reads it: over several lines, safe, without secrets, bounded, with colours."""

import json
import re
from collections.abc import Sequence
from math import inf, isfinite
from typing import Any

from textual.content import Content

from ftmon.model.secret_fields import HIDDEN, is_secret, without_access
from ftmon.safe import redact, safe
from ftmon.text import count

_DEEPEST = 100
"""Levels of objects in objects."""

_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*+")(\s*+:)?|(-?\d[\d.eE+-]*+|true|false|null)')
"""A string, perhaps the name of a field, or another value."""


def pretty(value: Any, secrets: Sequence[str], longest: float = inf) -> str:
    """Return a decoded JSON value as text. Beyond `longest` characters, what is left out is counted."""
    shown = _Excerpt(longest, secrets).of(value, _DEEPEST)
    return redact(json.dumps(shown, indent=2, ensure_ascii=False), secrets)


def coloured(text: str) -> Content:
    """Return JSON with colours: names, strings and other values."""
    pieces: list[tuple[str, str]] = []
    end = 0
    for match in _TOKEN.finditer(text):
        string, colon, _ = match.groups()
        look = ".key" if colon else ".good" if string else ".valid"
        pieces += [(text[end : match.start()], ""), (match[0].removesuffix(colon or ""), look)]
        pieces.append((colon or "", ""))
        end = match.end()
    return Content.assemble(*pieces, (text[end:], ""))


class _Excerpt:
    """Copies so much of a value as there is room for, made safe and without what gives access."""

    def __init__(self, room: float, secrets: Sequence[str]) -> None:
        self._room = room
        self._secrets = secrets

    def of(self, value: Any, depth: int) -> Any:
        """Return the value, or a part of it."""
        if isinstance(value, str):
            return self._text(value)
        self._room -= 8
        if isinstance(value, (dict, list)) and not depth:
            return "…"
        if isinstance(value, dict):
            return self._object(value, depth)
        if isinstance(value, list):
            items: list[Any] = []
            for item in value:
                if self._room <= 0:
                    items.append(_rest(len(value) - len(items)))
                    break
                items.append(self.of(item, depth - 1))
            return items
        return None if isinstance(value, float) and not isfinite(value) else value

    def _object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for number, (name, item) in enumerate(value.items()):
            if self._room <= 0:
                shown["…"] = _rest(len(value) - number)
                break
            is_hidden = is_secret(name) and isinstance(item, (str, dict, list)) and item
            shown[self._text(name)] = HIDDEN if is_hidden else self.of(item, depth - 1)
        return shown

    def _text(self, text: str) -> str:
        room = max(self._room, 0)
        self._room -= len(text) + 8
        if len(text) <= room:
            return without_access(safe(text))
        # Before it is cut, so that no half of a key is left.
        text = redact(text, self._secrets)
        kept, rest = text[: int(room)], count(len(text) - int(room))
        return f"{without_access(safe(kept))} … and {rest} more characters"


def _rest(number: int) -> str:
    return f"… and {count(number)} more"
