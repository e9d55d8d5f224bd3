"""What Textual and Rich read from the environment, reduced to what a user of ftmon means by it."""

import os

_PREFERENCES = ("TEXTUAL_ANIMATIONS", "TEXTUAL_DISABLE_KITTY_KEY", "TEXTUAL_SMOOTH_SCROLL")
"""Variables for terminals and tastes. All others of Textual are for those who develop with it."""

_COLOR_SYSTEMS = ("auto", "standard", "256", "truecolor")
"""Values of TEXTUAL_COLOR_SYSTEM. Any other value would be an error."""


def clean_environment() -> None:
    """Remove the variables that would break the screen. Call it before Textual is imported."""
    for name, value in list(os.environ.items()):
        is_foreign = name == "TEXTUAL" or name.startswith("TEXTUAL_")
        is_color_system = name == "TEXTUAL_COLOR_SYSTEM" and value in _COLOR_SYSTEMS
        if is_foreign and name not in _PREFERENCES and not is_color_system:
            del os.environ[name]
    # https://no-color.org: an empty NO_COLOR means nothing. For Textual, it would mean no colour.
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)
    # A shell may export the size that it had when it started. It counts only if the terminal has none.
    if all(_terminal_size()):
        os.environ.pop("COLUMNS", None)
        os.environ.pop("LINES", None)


def _terminal_size() -> tuple[int, int]:
    try:
        return os.get_terminal_size(2)
    except OSError:
        return 0, 0
