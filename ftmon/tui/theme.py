"""ftmon's own themes, dark and light.

The colours of outcomes (bluish green, vermilion, violet) and of curves (blue, orange) stay distinct for
people with red-green colour blindness. A sign or a word always goes with the colour.

A terminal of 256 or 16 colours shows the nearest colour that it has. Text must stay readable then, and the
backgrounds must stay grey. Rich takes a colour for a grey only while its saturation is below 15 %; a bluish
grey beyond that becomes navy. `tests/tui/test_colors.py` holds both for every colour that is painted.
"""

from textual.theme import Theme


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
