"""Untrusted text made harmless, once, where bytes become model objects.

No widget and no plain line is a filter: what is left in here reaches the terminal.
"""

import re
from collections.abc import Iterable

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"  # CSI: colours, cursor, erasing
    r"|(?:\x1b[]PX^_k]|[\x90\x98\x9d-\x9f])[^\x00-\x1f\x7f-\x9f]*+(?:\x07|\x1b\\|\x9c)"  # OSC, DCS and kin
    r"|\x1b[ -/]*+[0-OQ-WYZ\\`-jl-~]"  # two characters or a few: reset, keypad, character sets
)
"""A whole control sequence. No body holds a control, so the search is linear and no sequence hides a line."""

_LINE_END = re.compile(r"\r\n?|[\u2028\u2029]")

_INVISIBLE = (
    r"\u00ad\u200b\u2060-\u2064\ufeff"  # soft hyphen, zero-width space, word joiner and its kind
    r"\u061c\u200e\u200f\u206a-\u206f"  # directional marks, shaping switches
    r"\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations, and tags, which spell a hidden ASCII text
)
"""Characters that take no room. ZWJ, ZWNJ and variation selectors stay: scripts and emoji need them."""

_HIDDEN = re.compile(f"[{_INVISIBLE}]+")

_HARMFUL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    r"\u2028-\u202e\u2066-\u2069"  # separators, bidirectional overrides and isolates
    rf"\ud800-\udfff\ufffe\uffff{_INVISIBLE}]"  # what neither UTF-8 nor XML can hold
)
"""Safe text is text that this does not find."""

_KEY = re.compile(r"Bearer\s++\S++|(?<![A-Za-z])sk-[A-Za-z0-9_*-]{6,}+")
"""A key by its looks, also half-masked as services echo it; `task-runner` and `risk-model` are words."""


def safe(text: str) -> str:
    r"""Return the text with nothing in it that acts on a terminal or deceives its reader.

    Whole control sequences and invisible characters are taken out. Every line end becomes `\n`. Any other
    control becomes U+FFFD, to show that something was there. Tabs stay; safe text comes back as it is.
    """
    if text.isprintable() or not _HARMFUL.search(text):
        return text
    text = _SEQUENCE.sub("", text)
    text = _LINE_END.sub("\n", text)
    text = _HIDDEN.sub("", text)
    return _HARMFUL.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """Return safe text as one line of a list: `↵` for each line end, a space for each tab."""
    return text.replace("\n", "↵").replace("\t", " ")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text with `[key]` for each of the secrets and for whatever looks like a key."""
    return _KEY.sub("[key]", without(text, secrets))


def without(text: str, secrets: Iterable[str]) -> str:
    """Return the text with `[key]` for each of the secrets."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "[key]")
    return text
