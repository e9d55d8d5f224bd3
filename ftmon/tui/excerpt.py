"""Bounds what the screen lays out of a text that comes from elsewhere.

A service may send megabytes as an error, a model's name or a word of status, and Textual lays out the whole
text each time, which takes seconds. The history and the JSON lines have it whole.
"""

from ftmon.safe import one_line
from ftmon.text import count

LONGEST = 2000
"""Characters that are laid out: more than any place on the screen has room for."""

LONGEST_TEXT = 20_000
"""Characters of a text of several lines, where it is the one thing that the user looks at."""

LONGEST_TOAST = 300
"""Characters of a toast, which has room for few rows."""


def excerpt(text: str, longest: int = LONGEST) -> str:
    """Return safe text as a single line of at most `longest` characters; `…` ends one that is cut."""
    return one_line(text) if len(text) <= longest else f"{one_line(text[: longest - 1])}…"


def bounded(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return safe text with its line breaks, and how many of its characters are left out."""
    text = text.replace("\t", " ")
    rest = len(text) - longest
    return f"{text[:longest]} … and {count(rest)} more characters" if rest > 0 else text
