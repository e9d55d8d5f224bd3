"""Round numbers for an axis, and how they are written."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import ceil, floor, log10, ulp

_ROUND = (1, 2, 2.5, 5)
_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

_LONG = 10_000
"""Numbers from this on are written with a unit."""

_LEAST, _MOST = 1e-3, 1e15
"""Numbers below and beyond are written with an exponent."""

_DECIMALS = 9

_UNSEEN = 1e-6
"""A share of the distance of two marks that nobody sees."""


def steps_from(least: float) -> Iterator[float]:
    """Yield round distances of at least this size, ascending, over two powers of ten."""
    power = floor(log10(least))
    for exponent in range(power, power + 3):
        for each in _ROUND:
            # A negative power of ten is exact only as a divisor.
            step = each * 10.0**exponent if exponent >= 0 else each / 10.0**-exponent
            if step >= least:
                yield step


def multiples(low: float, high: float, step: float) -> list[float]:
    """Return the multiples of a step from `low` to `high`."""
    # A little more room, because in floating point 3 * 0.1 is above 0.3.
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def enclosing(low: float, high: float, most: int) -> list[float]:
    """Return three to `most` round numbers whose ends enclose `low` and `high`, with little room to spare.

    There are seldom none: where the ends are at numbers that are round for any distance but a small one.
    """
    best: tuple[float, list[float]] = (0.0, [])
    for step in steps_from((high - low) / most):
        first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
        if 3 <= last - first + 1 <= most:
            length = (last - first) * step
            if not best[1] or length < best[0] * 0.999:
                best = length, [number * step for number in range(first, last + 1)]
    return best[1]


def within(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` round numbers from `low` to `high`."""
    found = (multiples(low, high, step) for step in steps_from((high - low) / most))
    return next(marks for marks in found if len(marks) <= most)


def powers(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` round numbers on a logarithmic axis, whose ends enclose `low` and `high`."""
    first, last = floor(log10(low)), ceil(log10(high))
    for marks in _powers(first, last):
        below = [mark for mark in marks if mark <= low]
        above = [mark for mark in marks if mark >= high]
        if not below or not above:
            continue
        found = [mark for mark in marks if below[-1] <= mark <= above[0]]
        if 2 <= len(found) <= most:
            return found
    stride = ceil((last - first) / max(1, most - 1))
    return [_scaled(1, first + stride * number) for number in range(ceil((last - first) / stride) + 1)]


def powers_within(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` round numbers on a logarithmic axis, from `low` to `high`; perhaps none."""
    found = (
        [mark for mark in marks if low <= mark <= high]
        for marks in _powers(floor(log10(low)), ceil(log10(high)))
    )
    return next((marks for marks in found if len(marks) <= most), [])


def _powers(first: int, last: int) -> Iterator[list[float]]:
    """Yield round numbers from one power of ten to another, each time fewer."""
    for digits in ((1, 2, 5), (1, 5), (1, 3), (1,)):
        yield [_scaled(digit, power) for power in range(first, last + 1) for digit in digits]


def _scaled(digit: int, power: int) -> float:
    # Beyond what a float can hold, the largest and the smallest will do.
    return float(f"{digit}e{max(-300, min(300, power))}")


def labels(marks: Sequence[float]) -> list[str]:
    """Return how the marks of an axis are written: as they are, in as few decimals as that takes."""
    most = max((abs(mark) for mark in marks), default=0.0)
    gap = min((abs(b - a) for a, b in pairwise(marks)), default=most)
    if most and not _LEAST <= most < _MOST:
        return _exact(marks, gap, _scientific)
    if most >= _LONG and gap > most * 1e-6:
        factor, unit = next(each for each in _UNITS if most >= each[0])
        texts = _exact([mark / factor for mark in marks], gap / factor, _plain)
        return [f"{text}{unit}" if mark else "0" for text, mark in zip(texts, marks, strict=True)]
    return _exact(marks, gap, _plain)


def label(mark: float) -> str:
    """Return how a mark is written for itself, as on a logarithmic axis."""
    return f"{mark:g}" if _LEAST <= mark < _LONG else _scientific(mark, 0)


def _exact(marks: Sequence[float], gap: float, write: Callable[[float, int], str]) -> list[str]:
    """Write marks with the fewest decimals that put none of them elsewhere, as far as can be seen."""
    slack = gap * _UNSEEN + max(map(ulp, marks), default=0.0)
    texts: list[str] = []
    for decimals in range(_DECIMALS + 1):
        texts = [write(mark, decimals) for mark in marks]
        if all(abs(float(text) - mark) <= slack for text, mark in zip(texts, marks, strict=True)):
            break
    return texts


def _plain(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}"


def _scientific(value: float, decimals: int) -> str:
    digits, _, exponent = f"{value:.{decimals}e}".partition("e")
    return f"{digits}e{int(exponent)}" if value else "0"
