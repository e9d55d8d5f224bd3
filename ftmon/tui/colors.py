"""The colours of ftmon's own themes. The picture at the start needs them before Textual is there."""

from typing import NamedTuple


class Colors(NamedTuple):
    """The colours of a theme, each as `#rrggbb` or by a name."""

    name: str
    dark: bool
    foreground: str
    muted: str
    faint: str
    raw: str
    background: str
    surface: str
    panel: str
    primary: str
    secondary: str
    accent: str
    warning: str
    error: str
    success: str
    ended: str


DARK = Colors(
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

LIGHT = Colors(
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

CONTRAST = Colors(
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

COLORBLIND = Colors(
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

ANSI = Colors(
    "ftmon-ansi",
    dark=True,
    foreground="default",
    muted="default",
    faint="default",
    raw="default",
    background="default",
    surface="default",
    panel="default",
    primary="cyan",
    secondary="cyan",
    accent="yellow",
    warning="yellow",
    error="red",
    success="green",
    ended="magenta",
)
"""The colours that the user gave the terminal, by their names. What matters less is dim."""

BY_NAME = {colors.name: colors for colors in (DARK, LIGHT, CONTRAST, COLORBLIND, ANSI)}
