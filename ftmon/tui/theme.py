"""ftmon's own themes.

A sign or a word always goes with a colour. In the colour-blind safe theme, outcomes and curves stay apart
with each kind of colour blindness.

A terminal of 256 or 16 colours shows the nearest colour that it has. Text must stay readable then, and the
backgrounds must stay grey. Rich takes a colour for a grey only while its saturation is below 15 %; a bluish
grey beyond that becomes navy. `tests/tui/test_colors.py` holds both for every colour that is painted.
No green of the 16 can be read on white, so that the light theme's success is a bold grey there.
"""

from textual.theme import Theme

DEFAULT = "ansi_default"
"""The colour that the terminal has for text, or for its background."""


def _theme(
    name: str,
    *,
    dark: bool,
    foreground: str,
    muted: str,
    faint: str,
    raw: str,
    background: str,
    surface: str,
    panel: str,
    primary: str,
    secondary: str,
    accent: str,
    warning: str,
    error: str,
    success: str,
    ended: str,
) -> Theme:
    """Return a theme of opaque colours.

    Textual's own variables are set where their defaults are half-transparent: a blend of two good colours
    may have no good neighbour among 16.
    """
    cursor = {"foreground": background, "background": primary}
    return Theme(
        name=name,
        dark=dark,
        primary=primary,
        secondary=secondary,
        accent=accent,
        warning=warning,
        error=error,
        success=success,
        foreground=foreground,
        background=background,
        surface=surface,
        panel=panel,
        variables={
            "ended": ended,
            "raw": raw,
            "foreground-muted": muted,
            "foreground-disabled": faint,
            "text-disabled": muted,
            "border-blurred": faint,
            **{f"block-cursor-{part}": color for part, color in cursor.items()},
            **{f"block-cursor-blurred-{part}": color for part, color in cursor.items()},
            **{f"input-selection-{part}": color for part, color in cursor.items()},
            **{f"screen-selection-{part}": color for part, color in cursor.items()},
            "block-hover-background": panel,
            "scrollbar": faint,
            "scrollbar-hover": muted,
            "scrollbar-active": primary,
            "scrollbar-background": background,
            "scrollbar-background-hover": background,
            "scrollbar-background-active": background,
        },
    )


DARK = _theme(
    "ftmon-dark",
    dark=True,
    foreground="#e4e6ea",
    muted="#a2a8b2",
    faint="#535965",
    raw="#7d8590",
    background="#131518",
    surface="#1a1c20",
    panel="#24272c",
    primary="#6cb6ff",
    secondary="#a2a8b2",
    accent="#ffb14a",
    warning="#f0d060",
    error="#ff7a6b",
    success="#48d394",
    ended="#d58cf5",
)

LIGHT = _theme(
    "ftmon-light",
    dark=False,
    foreground="#22252a",
    muted="#5c626c",
    faint="#b4b8be",
    raw="#6f757f",
    background="#fdfdfc",
    surface="#f7f7f5",
    panel="#f1f1ef",
    primary="#0b55ad",
    secondary="#5c626c",
    accent="#a34a00",
    warning="#7d5800",
    error="#b02a10",
    success="#0b6b2e",
    ended="#7c2aa8",
)

CONTRAST = _theme(
    "ftmon-contrast",
    dark=True,
    foreground="#ffffff",
    muted="#d0d0d0",
    faint="#8a8a8a",
    raw="#b2b2b2",
    background="#000000",
    surface="#000000",
    panel="#121212",
    primary="#87d7ff",
    secondary="#d0d0d0",
    accent="#ffaf5f",
    warning="#ffff5f",
    error="#ff8787",
    success="#5fff87",
    ended="#ff87ff",
)
"""Text has at least the contrast that WCAG 2.2 asks for in 1.4.6, seven to one."""

COLORBLIND = _theme(
    "ftmon-colorblind",
    dark=True,
    foreground="#e4e6ea",
    muted="#a2a8b2",
    faint="#535965",
    raw="#7d8590",
    background="#131518",
    surface="#1a1c20",
    panel="#24272c",
    primary="#5fd7ff",
    secondary="#a2a8b2",
    accent="#ffaf00",
    warning="#ffd75f",
    error="#ff5f00",
    success="#00af87",
    ended="#d75fff",
)

_REVERSE = {
    f"{cursor}-{part}": value
    for cursor in ("block-cursor", "block-cursor-blurred", "input-cursor")
    for part, value in (("foreground", DEFAULT), ("background", DEFAULT), ("text-style", "reverse"))
}

ANSI = Theme(
    name="ftmon-ansi",
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_cyan",
    accent="ansi_yellow",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground=DEFAULT,
    background=DEFAULT,
    variables={
        "surface": DEFAULT,
        "panel": DEFAULT,
        "ansi-background": DEFAULT,
        "ansi-foreground": DEFAULT,
        "ended": "ansi_magenta",
        "raw": DEFAULT,
        "foreground-muted": DEFAULT,
        "foreground-disabled": DEFAULT,
        "text-muted": DEFAULT,
        "text-disabled": DEFAULT,
        "border-blurred": DEFAULT,
        "input-selection-foreground": "ansi_black",
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
