"""Draws rows of pieces with control sequences, in the colours that the screen will have."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from rich.color import Color, ColorSystem

from ftmon.tui.colors import ANSI, Colors
from ftmon.tui.parts.part import filled
from ftmon.tui.picture import Row

_LOOKS = {
    "": ("foreground", False),
    "strong": ("foreground", True),
    "muted": ("muted", False),
    "faint": ("faint", False),
    "alive": ("primary", False),
    "waiting": ("secondary", False),
    "good": ("success", True),
    "bad": ("error", True),
    "ended": ("ended", True),
    "warning": ("warning", False),
    "train": ("primary", False),
    "valid": ("accent", False),
    "key": ("primary", True),
}
"""The colour of each look, and whether it is bold, as `styles/app.tcss` has them."""

_DIM = ("muted", "faint")
"""Looks that are dim where there are no colours."""

_SYSTEMS = {
    "256color": ColorSystem.EIGHT_BIT,
    "kitty": ColorSystem.EIGHT_BIT,
    "16color": ColorSystem.STANDARD,
}
"""By the end of TERM, as in Rich."""

_CHOSEN = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
}
"""By TEXTUAL_COLOR_SYSTEM."""


def color_system(environ: Mapping[str, str]) -> ColorSystem:
    """Return how many colours a terminal has. Rich, and so Textual, finds out in the same way."""
    chosen = _CHOSEN.get(environ.get("TEXTUAL_COLOR_SYSTEM", ""))
    if chosen is not None:
        return chosen
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return ColorSystem.TRUECOLOR
    kind = environ.get("TERM", "").strip().lower().rpartition("-")[2]
    return _SYSTEMS.get(kind, ColorSystem.STANDARD)


def drawn(rows: Sequence[Row], width: int, colors: Colors, environ: Mapping[str, str]) -> str:
    """Return what draws the rows from the top of a screen on. Each has its place, whatever is before it."""
    system, is_plain = color_system(environ), "NO_COLOR" in environ

    @lru_cache
    def codes(look: str, background: str) -> str:
        color, is_bold = _LOOKS[look]
        is_dim = look in _DIM and (is_plain or colors is ANSI)
        found = ["1"] * is_bold + ["2"] * is_dim
        for name, is_front in () if is_plain else ((color, True), (background, False)):
            shown = Color.parse(getattr(colors, name)).downgrade(system)
            found += shown.get_ansi_codes(foreground=is_front)
        return ";".join(found)

    lines = []
    for y, row in enumerate(rows, 1):
        pieces = filled(row.pieces, width)
        texts = [f"\x1b[{codes(look, row.background)}m{text}\x1b[m" for text, look, _ in pieces]
        lines.append(f"\x1b[{y};1H{''.join(texts)}")
    return "".join(lines)
