"""Bounds what the screen lays out of a text that comes from elsewhere.

A service may send megabytes as an error, a model's name or a word of status, and Textual lays out the whole
text each time, which takes seconds. The history and the JSON lines have it whole.
"""

from ftmon.safe import one_line

LONGEST = 2000
"""Characters that are laid out: more than any place on the screen has room for."""

LONGEST_TOAST = 300
"""Characters of a toast, which has room for few rows."""


def excerpt(text: str, longest: int = LONGEST) -> str:
    """Return safe text as a single line of at most `longest` characters; `…` ends one that is cut."""
    return one_line(text) if len(text) <= longest else f"{one_line(text[: longest - 1])}…"
