"""The forms in which a service may echo a key, so that none of them is shown or recorded."""

import re
from base64 import b64encode
from urllib.parse import quote

_LEAST = 8
_LONGEST_PLACEHOLDER = 20
_WORD = "[A-Za-z]?[a-z]{1,11}|[A-Z]{1,12}"
_PLACEHOLDER = re.compile(rf"(?:{_WORD}|[0-9]{{1,12}})(?:[-_.](?:{_WORD}|[0-9]{{1,4}}))*")
"""Words and a number as people write them. Random letters are longer, or mix digits and cases."""

_URL_SAFE = str.maketrans("+/", "-_")


def is_placeholder(key: str) -> bool:
    """Whether a key is none, such as `none`, `lm-studio` or `95000000`. To hide it would garble messages."""
    return len(key) < _LEAST or (len(key) <= _LONGEST_PLACEHOLDER and bool(_PLACEHOLDER.fullmatch(key)))


def forms(key: str) -> tuple[str, ...]:
    """Return the texts that show a key, the longest first; none for a placeholder.

    They are the key itself, percent-encoded, in hexadecimal digits, as JSON writes it, and in base64, at any
    place in what was encoded, such as `user:key`.
    """
    if is_placeholder(key):
        return ()
    # Where there is no key, the first paint does not wait for this.
    import json

    raw = key.encode()
    in_json = json.dumps(key)[1:-1]
    percent = (quote(key, safe=""), quote(key))
    found = {key, in_json, in_json.replace("/", "\\/"), raw.hex(), raw.hex().upper()}
    found |= {*percent, *(re.sub("%..", lambda code: code[0].lower(), text) for text in percent)}
    for before in range(3):
        core = _base64(raw, before)
        found |= {core, core.translate(_URL_SAFE)}
    return tuple(sorted(found, key=len, reverse=True))


def _base64(raw: bytes, before: int) -> str:
    """Return the base64 characters that depend on `raw` alone, where it follows so many other bytes."""
    encoded = b64encode(bytes(before) + raw).decode()
    return encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
