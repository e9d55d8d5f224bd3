"""The sentence in a service's error body, and what ftmon says when a service refuses or fails."""

from typing import Any
from urllib.parse import urlsplit

from ftmon import json_text
from ftmon.providers import key_variable
from ftmon.safe import one_line, safe

_LONGEST = 300
"""Characters of a service's sentence that are told."""

_NAMES = ("error", "message", "Message", "detail", "msg", "error_description", "errors", "title")
"""Where bodies keep their sentence. OpenAI and Azure nest one under `error`, Mistral's is flat, LocalAI's
`error` is a text, FastAPI's `detail` a text or a list, `title` is that of RFC 9457 (PROTOCOL §8)."""

_WORDS = {401: "does not accept the key", 403: "forbids it", 404: "knows no such job"}


def sentence(value: Any) -> str | None:
    """Find the sentence in a decoded error body of any shape, made safe; None where there is none."""
    for _ in range(5):
        if isinstance(value, str):
            return safe(value).strip() or None
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, dict):
            value = next((value[name] for name in _NAMES if value.get(name)), None)
        else:
            return None
    return None


def sentence_of_body(body: bytes) -> str | None:
    """Find the sentence in an error body: JSON of any shape, or one short line of plain text."""
    try:
        return sentence(json_text.decode(body))
    except ValueError:
        text = body.decode("utf-8", "replace").strip()
    is_sentence = len(text) <= _LONGEST and "\n" not in text and text[:1].isalpha()
    return (safe(text) or None) if is_sentence else None


def told(said: str | None) -> str:
    """Return a service's sentence as one short line that ends with a full stop; empty where there is none."""
    line = one_line(said or "")[:_LONGEST].strip()
    return line if not line or line.endswith((".", "!", "?")) else f"{line}."


def refused(status: int, said: str, *, key_source: str | None, base_url: str) -> str:
    """Return what to say of a refusal.

    Args:
        status: the HTTP status.
        said: the service's own sentence as `told` returns it, or "".
        key_source: where the key came from, in words; None where no key was sent.
        base_url: where the service is.
    """
    words = "wants a key" if status == 401 and key_source is None else _WORDS.get(status, "refuses")
    match status:
        case 401 if key_source is None:
            variable = key_variable(urlsplit(base_url).hostname or "")
            hint = f"Set {variable} (or FTMON_API_KEY), or give --api-key-file."
        case 401:
            hint = f"The key came from {key_source}."
        case 403 if said:
            hint = ""
        case 403 if key_source is None:
            hint = "No key was sent: does it want one?"
        case 403:
            hint = "Is it the right key, project and organization?"
        case 404:
            hint = f"Is the id right, and the base URL {base_url}, and the organization?"
        case _:
            hint = ""
    return " ".join(filter(None, (f"The service {words} ({status}){f': {said}' if said else '.'}", hint)))


def failed(status: int, said: str) -> str:
    """Return the words for a fault that may pass, as a part of a sentence."""
    return f"the service answers {status}" + (f": {said.removesuffix('.')}" if said else "")
