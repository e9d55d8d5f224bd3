"""Makes untrusted text harmless, once, where bytes become model objects.

Widgets and plain lines do not filter: whatever this module leaves in reaches the terminal.
"""

import re
from collections.abc import Iterable

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"  # CSI: colours, cursor, erasing
    r"|(?:\x1b[]PX^_k]|[\x90\x98\x9d-\x9f])[^\x00-\x1f\x7f-\x9f]*+(?:\x07|\x1b\\|\x9c)"  # OSC, DCS, APC …
    r"|\x1b[ -/]*+[0-OQ-WYZ\\`-jl-~]"  # short ones: reset, keypad, character sets
)
"""A whole control sequence.

The body of a sequence has no control characters. So the search takes linear time, and a sequence that
never ends cannot swallow the lines after it.
"""

_LINE_END = re.compile(r"\r\n?|[\u2028\u2029]")

_INVISIBLE = (
    r"\u00ad\u200b\u2060-\u2064\ufeff"  # soft hyphen, zero-width space, word joiners, invisible operators
    r"\u061c\u200e\u200f\u206a-\u206f"  # directional marks, shaping controls
    r"\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations, and tag characters, which can hide ASCII text
)
"""Zero-width characters. ZWJ, ZWNJ and variation selectors stay: some scripts and emoji need them."""

_HIDDEN = re.compile(f"[{_INVISIBLE}]+")

_HARMFUL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 except tab and newline, DEL, C1
    r"\u2028-\u202e\u2066-\u2069"  # separators, bidirectional overrides and isolates
    rf"\ud800-\udfff\ufffe\uffff{_INVISIBLE}]"  # surrogates and noncharacters: invalid in UTF-8 or XML
)
"""Matches every character that safe text must not contain."""

_KEY = re.compile(r"Bearer\s++\S++|(?<![A-Za-z])sk-[A-Za-z0-9_*-]{6,}+")
"""Text that looks like an API key, even if the service has masked part of it with `*`.

After a letter, `sk-` belongs to a word such as `task-runner`.
"""


def safe(text: str) -> str:
    r"""Return the text without anything that controls a terminal or misleads the reader.

    Removes whole control sequences and invisible characters. Every line end becomes `\n`. Any other
    control character becomes U+FFFD, so that the reader sees something was there. Tabs stay. Safe text is
    returned unchanged.
    """
    if text.isprintable() or not _HARMFUL.search(text):
        return text
    text = _SEQUENCE.sub("", text)
    text = _LINE_END.sub("\n", text)
    text = _HIDDEN.sub("", text)
    return _HARMFUL.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """Return safe text as a single line, with `↵` for each line end and a space for each tab."""
    return text.replace("\n", "↵").replace("\t", " ")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace each secret, and anything that looks like an API key, by `[key]`."""
    return _KEY.sub("[key]", without(text, secrets))


def without(text: str, secrets: Iterable[str]) -> str:
    """Replace each secret by `[key]`, the longest first, also where it goes on in the next line."""
    ordered = sorted(filter(None, secrets), key=len, reverse=True)
    for secret in ordered:
        text = text.replace(secret, "[key]")
    if "\n" not in text:
        return text
    # Encoders write base64 in lines of 76 characters.
    unbroken = "".join(text.split())
    for secret in ordered:
        if secret in unbroken:
            text = re.sub(r"\s*+".join(map(re.escape, secret)), "[key]", text)
    return text
