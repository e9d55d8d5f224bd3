"""Whether a loss goes where it should not."""

from collections.abc import Sequence

_ENOUGH = 3
"""Points in a row that are too high: one spike is none."""

_OVER_FIRST = 1.5
_OVER_LOWEST = 5.0
"""A loss explodes where it is so many times as high as it was at first, and as at its lowest."""

_CALM = 20
"""Points in a row that are as they should be, after which a new divergence is news."""

_LONG = 5
"""Validations in a row that are worse than the best one."""

_WORSE = 0.02
"""By what part of the best one the last of them is worse."""


class Explosion:
    """Follows the training loss. `told` is set while a divergence is known, so that it is told once."""

    def __init__(self, past: Sequence[float] = ()) -> None:
        """Begin with the losses of the past."""
        self.lowest = min(past, default=None)
        self._first = past[0] if past else None
        self._high = 0
        self._calm = 0
        self.told = bool(past) and self._is_high(past[-1])

    def add(self, value: float | None) -> bool:
        """Take the next loss, None for one that is no number; True where that is news."""
        if value is not None and not self._is_high(value):
            self._first = value if self._first is None else self._first
            self.lowest = value if self.lowest is None else min(self.lowest, value)
            self._high = 0
            self._calm += 1
            self.told = self.told and self._calm < _CALM
            return False
        self._calm = 0
        self._high += 1
        is_news = not self.told and (value is None or self._high >= _ENOUGH)
        self.told = self.told or is_news
        return is_news

    def _is_high(self, value: float) -> bool:
        if self._first is None or self.lowest is None or self.lowest <= 0:
            # A loss that may be negative has no scale.
            return False
        return value > max(_OVER_FIRST * self._first, _OVER_LOWEST * self.lowest)


class Rise:
    """Follows the validation loss. A rise is told once, until there is a new best one."""

    def __init__(self, past: Sequence[float] = ()) -> None:
        """Begin with the losses of the past."""
        self.best = min(past, default=None)
        self._worse = 0 if self.best is None else len(past) - 1 - past.index(self.best)
        self.told = bool(past) and self._is_long(past[-1])

    def add(self, value: float) -> bool:
        """Take the next validation loss; True where that it rises is news."""
        if self.best is None or value < self.best:
            self.best, self._worse, self.told = value, 0, False
            return False
        self._worse += 1
        is_news = not self.told and self._is_long(value)
        self.told = self.told or is_news
        return is_news

    def _is_long(self, value: float) -> bool:
        return self.best is not None and self._worse >= _LONG and value - self.best > _WORSE * abs(self.best)
