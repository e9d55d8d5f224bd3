"""The y axis: from which value to which it goes, and how high a value stands on it.

A chart never hides how a run stands: the last value of each curve is always on the axis. A few points far
from all others may be cut off, and are marked then.
"""

from math import log
from typing import NamedTuple

from ftmon.model.curve import Curve
from ftmon.tui.chart import ticks

_SHARE, _FEW = 50, 20
"""One of so many points may be cut off, and none of fewer than so few."""

_FLATTENING = 2.0
"""Points are cut off if the axis would have to be so many times as long to show them."""

_FLAT = 1e-300
"""A difference that is none. The inverse of a smaller one may be infinite."""

_EQUAL = 1e-9
"""A share of the values: what differs by less is equal."""

_MOST_MARKS = 6

_ROOM, _MORE_ROOM = 1.15, 1.3
"""An axis is at most so many times as long as its values need, to end with round numbers or to have three."""

_LOGARITHMIC = 8.0
"""The axis is logarithmic if the last value makes it so many times as long as most values need."""


class Height(NamedTuple):
    """The y axis."""

    low: float
    high: float
    is_logarithmic: bool
    marks: tuple[float, ...]
    """The values that have a label, ascending."""
    factor: float
    base: float
    """A value's height, from 0 to 1, is `factor` times the value (or its logarithm) less `base`."""

    def of(self, value: float) -> float:
        """Return where a value is: 0 at the bottom, 1 at the top. A value that is cut off is at the edge."""
        if self.is_logarithmic:
            if value <= 0:
                return 0.0
            value = log(value)
        height = value * self.factor - self.base
        return 0.0 if height < 0 else 1.0 if height > 1 else height


def usual(curve: Curve) -> tuple[float, float]:
    """Return between which values a curve is but for a few points far from all others."""
    return _range(sorted(curve.lows), sorted(curve.highs), [curve.lasts[-1]])


def choose(
    lows: list[float], highs: list[float], ends: list[float], is_logarithmic: bool | None, rows: int
) -> Height:
    """Return the y axis for values between these lows and highs, whose curves end at `ends`.

    Each of its labels has one of so many rows. Without a choice it is logarithmic where the curves need that.
    """
    lows, highs = sorted(lows), sorted(highs)
    if is_logarithmic and highs[-1] > _FLAT:
        positive = [each for each in (*lows, *highs) if each > _FLAT]
        return _logarithmic(min(positive), highs[-1], rows)
    low, high = _range(lows, highs, ends)
    if is_logarithmic is None and lows[0] > _FLAT and _is_long(lows, highs, ends, low, high):
        return _logarithmic(low, high, rows)
    return _linear(low, high, rows)


def _range(lows: list[float], highs: list[float], ends: list[float]) -> tuple[float, float]:
    """Return the least and the greatest value to be shown."""
    spare = max(1, len(highs) // _SHARE) if len(highs) >= _FEW else 0
    room = max(0.0, highs[-1 - spare] - lows[spare]) * (_FLATTENING - 1)
    low = min(*ends, next(each for each in lows if lows[spare] - each <= room))
    high = max(*ends, next(each for each in reversed(highs) if each - highs[-1 - spare] <= room))
    return low, high


def _is_long(lows: list[float], highs: list[float], ends: list[float], low: float, high: float) -> bool:
    tenth = len(highs) // 10
    most = max(0.0, highs[-1 - tenth] - lows[tenth])
    return max(ends) - low > _LOGARITHMIC * most and high / low > _LOGARITHMIC


def _linear(low: float, high: float, rows: int) -> Height:
    if high - low <= max(_FLAT, _EQUAL * max(abs(low), abs(high))):
        margin = max(abs(low), abs(high)) / 2
        margin = margin if margin > _FLAT else 1.0
        low, high = low - margin, high + margin
    marks = _marks(low, high, rows)
    low, high = min(low, marks[0]), max(high, marks[-1])
    factor = 1 / (high - low)
    return Height(low, high, False, tuple(marks), factor, low * factor)


def _marks(low: float, high: float, rows: int) -> list[float]:
    """Return round numbers for a linear axis: at its ends, unless that takes too much of the height."""
    # In at most every second row, so that the rows between two numbers look equally many.
    few = max(3, min(_MOST_MARKS, (rows + 1) // 2))
    around = ticks.enclosing(low, high, few)
    if around and around[-1] - around[0] <= _ROOM * (high - low):
        return around
    inside = ticks.within(low, high, max(2, min(few, rows - 2)))
    if len(inside) >= 3:
        return inside
    around = ticks.enclosing(low, high, max(3, min(_MOST_MARKS, rows)))
    if around and around[-1] - around[0] <= _MORE_ROOM * (high - low):
        return around[::2] if len(around) > few else around
    return inside if len(inside) > 1 else around or [low, high]


def _logarithmic(low: float, high: float, rows: int) -> Height:
    if high / low <= 1 + _EQUAL:
        low, high = low / 2, high * 2
    marks = _logarithmic_marks(low, high, rows)
    low, high = min(low, marks[0]), max(high, marks[-1])
    factor = 1 / (log(high) - log(low))
    return Height(low, high, True, tuple(marks), factor, log(low) * factor)


def _logarithmic_marks(low: float, high: float, rows: int) -> list[float]:
    """Return round numbers for a logarithmic axis: at its ends, unless that takes too much of the height."""
    most = max(2, min(_MOST_MARKS, rows))
    around = ticks.powers(low, high, most)
    if log(around[-1]) - log(around[0]) <= _MORE_ROOM * (log(high) - log(low)):
        return around
    for inside in (ticks.powers_within(low, high, most), ticks.within(low, high, most)):
        if len(inside) >= 3:
            return inside
    return around
