"""What a service echoes of the key, taken out of its answers."""

import json
from typing import Any

from ftmon import json_text
from ftmon.safe import safe, without


def json_without(text: str, secrets: tuple[str, ...]) -> str:
    """Return a JSON text with `[key]` for each of the secrets.

    JSON can write each of their characters in several ways, and what `safe` takes out may stand among them.
    """
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, "[key]")
    if not secrets or ("\\" not in text and text.isascii()):
        return text
    try:
        value = json_text.decode(text)
        cleaned = _cleaned(value, secrets)
        return text if cleaned == value else json.dumps(cleaned)
    except ValueError:
        # Nobody else can read it either.
        return text
    except RecursionError:
        # Deeper than can be looked through, and than any real answer.
        return "null"


def _cleaned(value: Any, secrets: tuple[str, ...]) -> Any:
    """Return a decoded value without the secrets in its strings, at any depth."""
    if isinstance(value, str):
        shown = safe(value)
        cleaned = without(shown, secrets)
        return value if cleaned == shown else cleaned
    if isinstance(value, dict):
        return {_cleaned(name, secrets): _cleaned(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item, secrets) for item in value]
    return value
