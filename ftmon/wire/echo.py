"""Removes the key from answers of a service that echoes it."""

import json
from typing import Any

from ftmon import json_text
from ftmon.safe import safe, without


def json_without(text: str, secrets: tuple[str, ...]) -> str:
    """Return a JSON text with each secret replaced by `[key]`.

    JSON can escape each character of a secret, and characters that `safe` removes may stand between them.
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
        # The text is not JSON, so no reader uses it.
        return text
    except RecursionError:
        # The text is nested deeper than any real answer, and too deep to search.
        return "null"


def _cleaned(value: Any, secrets: tuple[str, ...]) -> Any:
    """Return a decoded value with the secrets removed from its strings, at any depth."""
    if isinstance(value, str):
        shown = safe(value)
        cleaned = without(shown, secrets)
        return value if cleaned == shown else cleaned
    if isinstance(value, dict):
        return {_cleaned(name, secrets): _cleaned(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item, secrets) for item in value]
    return value
