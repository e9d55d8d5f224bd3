"""What is written to show a title, and to bring back the one before. It imports little."""

from collections.abc import Mapping

from ftmon.safe import one_line, safe

SAVE, RESTORE = "\x1b[22;0t", "\x1b[23;0t"
"""Push and pop the titles of the window and of its icon (xterm's ctlseqs); tmux has them for its panes."""

_UNTITLED = ("linux", "dumb", "vt", "cons", "unknown")
"""How the names of terminals begin that have no title. Some would print it."""


def has_title(environ: Mapping[str, str]) -> bool:
    """Whether the terminal has a title."""
    return not (environ.get("TERM") or "dumb").lower().startswith(_UNTITLED)


def shown(title: str) -> str:
    """Return what shows a title, which may be any text."""
    return f"\x1b]0;{one_line(safe(title))}\a"
