"""ftmon's own themes, dark and light.

The colours of outcomes (bluish green, vermilion, violet) and of curves (blue, orange) stay distinct for
people with red-green colour blindness. A sign or a word always goes with the colour.
"""

from textual.theme import Theme

DARK = Theme(
    name="ftmon-dark",
    dark=True,
    primary="#6cb6ff",
    secondary="#9aa7bd",
    accent="#f2a65a",
    warning="#f0c45c",
    error="#ff7a59",
    success="#3fd0a4",
    foreground="#d5dbe6",
    background="#12151c",
    surface="#181c25",
    panel="#1f2530",
    variables={
        "ended": "#c3a0f0",
        "scrollbar": "#333c4d",
        "scrollbar-hover": "#46536a",
        "scrollbar-active": "#6cb6ff",
        "scrollbar-background": "#12151c",
        "scrollbar-background-hover": "#12151c",
        "scrollbar-background-active": "#12151c",
    },
)

LIGHT = Theme(
    name="ftmon-light",
    dark=False,
    primary="#0b5cad",
    secondary="#5a6577",
    accent="#b45309",
    warning="#8a6100",
    error="#b83210",
    success="#00705a",
    foreground="#1d2430",
    background="#fbfbf9",
    surface="#f3f3ef",
    panel="#e8e9e4",
    variables={
        "ended": "#7039b0",
        "scrollbar": "#c6cad1",
        "scrollbar-hover": "#a9b0bb",
        "scrollbar-active": "#0b5cad",
        "scrollbar-background": "#fbfbf9",
        "scrollbar-background-hover": "#fbfbf9",
        "scrollbar-background-active": "#fbfbf9",
    },
)
