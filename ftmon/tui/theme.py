"""ftmon's own themes.

A sign or a word always goes with a colour. In the colour-blind safe theme, outcomes and curves stay apart
with each kind of colour blindness.

A terminal of 256 or 16 colours shows the nearest colour that it has. Text must stay readable then, and the
backgrounds must stay grey. Rich takes a colour for a grey only while its saturation is below 15 %; a bluish
grey beyond that becomes navy. `tests/tui/test_colors.py` holds both for every colour that is painted.
No green of the 16 can be read on white, so that the light theme's success is a bold grey there.
"""

from textual.theme import Theme

from ftmon.tui import colors
from ftmon.tui.colors import Colors

DEFAULT = "ansi_default"
"""The colour that the terminal has for text, or for its background."""


def _theme(of: Colors) -> Theme:
    """Return a theme of opaque colours.

    Textual's own variables are set where their defaults are half-transparent: a blend of two good colours
    may have no good neighbour among 16.
    """
    cursor = {"foreground": of.background, "background": of.primary}
    return Theme(
        name=of.name,
        dark=of.dark,
        primary=of.primary,
        secondary=of.secondary,
        accent=of.accent,
        warning=of.warning,
        error=of.error,
        success=of.success,
        foreground=of.foreground,
        background=of.background,
        surface=of.surface,
        panel=of.panel,
        variables={
            "ended": of.ended,
            "raw": of.raw,
            "foreground-muted": of.muted,
            "foreground-disabled": of.faint,
            "text-disabled": of.muted,
            "border-blurred": of.faint,
            **{f"block-cursor-{part}": color for part, color in cursor.items()},
            **{f"block-cursor-blurred-{part}": color for part, color in cursor.items()},
            **{f"input-selection-{part}": color for part, color in cursor.items()},
            **{f"screen-selection-{part}": color for part, color in cursor.items()},
            "block-hover-background": of.panel,
            "scrollbar": of.faint,
            "scrollbar-hover": of.muted,
            "scrollbar-active": of.primary,
            "scrollbar-background": of.background,
            "scrollbar-background-hover": of.background,
            "scrollbar-background-active": of.background,
        },
    )


DARK = _theme(colors.DARK)
LIGHT = _theme(colors.LIGHT)
CONTRAST = _theme(colors.CONTRAST)
COLORBLIND = _theme(colors.COLORBLIND)

_REVERSE = {
    f"{cursor}-{part}": value
    for cursor in ("block-cursor", "block-cursor-blurred", "input-cursor")
    for part, value in (("foreground", DEFAULT), ("background", DEFAULT), ("text-style", "reverse"))
}

ANSI = Theme(
    name=colors.ANSI.name,
    ansi=True,
    primary=f"ansi_{colors.ANSI.primary}",
    secondary=f"ansi_{colors.ANSI.secondary}",
    accent=f"ansi_{colors.ANSI.accent}",
    warning=f"ansi_{colors.ANSI.warning}",
    error=f"ansi_{colors.ANSI.error}",
    success=f"ansi_{colors.ANSI.success}",
    foreground=DEFAULT,
    background=DEFAULT,
    variables={
        "surface": DEFAULT,
        "panel": DEFAULT,
        "ansi-background": DEFAULT,
        "ansi-foreground": DEFAULT,
        "ended": f"ansi_{colors.ANSI.ended}",
        "raw": DEFAULT,
        "foreground-muted": DEFAULT,
        "foreground-disabled": DEFAULT,
        "text-muted": DEFAULT,
        "text-disabled": DEFAULT,
        "border-blurred": DEFAULT,
        "input-selection-foreground": "ansi_black",
        "scrollbar": "ansi_bright_black",
        "scrollbar-hover": "ansi_bright_black",
        "scrollbar-active": f"ansi_{colors.ANSI.primary}",
        "scrollbar-background": DEFAULT,
        "scrollbar-background-hover": DEFAULT,
        "scrollbar-background-active": DEFAULT,
        **_REVERSE,
    },
)
"""The colours that the user gave the terminal, on its own background. What matters less is dim."""

THEMES = {
    "dark": DARK,
    "light": LIGHT,
    "high contrast": CONTRAST,
    "colour-blind safe": COLORBLIND,
    "the terminal's own 16 colours": ANSI,
}
"""The themes to choose from, by what they are called on the screen."""
