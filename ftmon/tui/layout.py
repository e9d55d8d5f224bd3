"""The layout of the screen, and what of it is kept for the next start."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from ftmon.tui.chart.view import SMOOTHINGS, View
from ftmon.tui.log.event_row import Times
from ftmon.tui.split import Split

_Choice = TypeVar("_Choice", bound=Enum)


class Layout(NamedTuple):
    """How the user has arranged the screen."""

    view: View = View()
    split: Split = Split()
    has_losses: bool = True
    """The line of the losses is shown where there is room."""
    times: Times = Times.ABSOLUTE
    is_wrapped: bool = True
    theme: str = ""
    """Empty until the user has chosen one."""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Layout":
        """Read what was kept. Whatever is missing or odd is as it is at first."""
        usual = View()
        view = View(
            is_shown=_claim(fields.get("chart")),
            is_many=_claim(fields.get("several")),
            is_logarithmic=_claim(fields.get("logarithmic")),
            across=_choice(fields.get("across"), usual.across),
            smoothing=next((each for each in SMOOTHINGS if each == fields.get("smoothing")), usual.smoothing),
        )
        theme = fields.get("theme")
        return cls(
            view,
            Split(_share(fields.get("above")), _share(fields.get("beside"))),
            fields.get("losses") is not False,
            _choice(fields.get("times"), Times.ABSOLUTE),
            fields.get("wrap") is not False,
            theme if isinstance(theme, str) else "",
        )

    @property
    def fields(self) -> dict[str, Any]:
        """What is kept: what the user likes, not where in a run they are."""
        view, split = self.view, self.split
        return {
            "chart": view.is_shown,
            "several": view.is_many,
            "logarithmic": view.is_logarithmic,
            "across": view.across.value,
            "smoothing": view.smoothing,
            "above": split.above,
            "beside": split.beside,
            "losses": self.has_losses,
            "times": self.times.value,
            "wrap": self.is_wrapped,
            "theme": self.theme,
        }


def _claim(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _share(value: object) -> float | None:
    return value if isinstance(value, float) and 0 < value < 1 else None


def _choice(value: object, default: _Choice) -> _Choice:
    try:
        return type(default)(value)
    except ValueError:
        return default
