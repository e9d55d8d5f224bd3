"""The shapes of the signs that join from cell to cell: lines of boxes, blocks, and braille.

A font draws them shorter or longer than a cell, which leaves gaps.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 16, 32
"""A cell, in pixels: braille dots then stand 8 pixels apart in both directions."""

_MIDDLE, _CENTRE = WIDTH // 2, HEIGHT // 2
_THICKNESS = {"LIGHT": 2, "HEAVY": 6}
_DASHES = {"DOUBLE": 2, "TRIPLE": 3, "QUADRUPLE": 4}
_ARMS = {
    "LEFT": ("LEFT",),
    "RIGHT": ("RIGHT",),
    "UP": ("UP",),
    "DOWN": ("DOWN",),
    "HORIZONTAL": ("LEFT", "RIGHT"),
    "VERTICAL": ("UP", "DOWN"),
}


class Rectangle(NamedTuple):
    """A part of a cell, from its left upper corner. The right and the lower edge are outside."""

    left: int
    top: int
    right: int
    bottom: int


class Arc(NamedTuple):
    """A quarter of a circle, whose radius is half of a cell's width."""

    x: int
    y: int
    """The middle of the circle."""
    start: int
    """In degrees, clockwise from the right."""


class Shape(NamedTuple):
    """What is drawn of a sign."""

    rectangles: Sequence[Rectangle] = ()
    arcs: Sequence[Arc] = ()
    dots: Sequence[tuple[int, int]] = ()
    """Their middles."""
    radius: float = 3.0
    """Of the dots."""
    strength: float = 1.0
    """How much of the colour is seen, of 1."""


def shape(character: str) -> Shape | None:
    """Return the shape of a character, or None if the font shall draw it."""
    code = ord(character)
    if 0x2500 <= code < 0x2580:
        return _box(unicodedata.name(character).removeprefix("BOX DRAWINGS "))
    if 0x2580 <= code < 0x25A0:
        return _block(code)
    if 0x2800 <= code < 0x2900:
        return Shape(dots=[place for bit, place in enumerate(_DOTS) if code >> bit & 1])
    return None


_LOWER_ARM = Rectangle(_MIDDLE - 1, _CENTRE + _MIDDLE, _MIDDLE + 1, HEIGHT)
_UPPER_ARM = Rectangle(_MIDDLE - 1, 0, _MIDDLE + 1, _CENTRE - _MIDDLE)

# Lines of boxes. Their names in Unicode say which arms they have: DOWN LIGHT AND RIGHT HEAVY.


def _box(name: str) -> Shape | None:
    if name in _ARCS:
        return _ARCS[name]
    if dashes := re.fullmatch(r"(\w+) (\w+) DASH (\w+)", name):
        weight, count, direction = dashes.groups()
        is_upright = direction == "VERTICAL"
        return Shape(list(_dashed(_THICKNESS[weight], _DASHES[count], is_upright=is_upright)))
    if re.search("DIAGONAL|DOUBLE", name):
        return None
    return Shape(list(_crossing(_arms(name))))


_ARCS = {
    "LIGHT ARC DOWN AND RIGHT": Shape([_LOWER_ARM], [Arc(WIDTH, _CENTRE + _MIDDLE, 180)]),
    "LIGHT ARC DOWN AND LEFT": Shape([_LOWER_ARM], [Arc(0, _CENTRE + _MIDDLE, 270)]),
    "LIGHT ARC UP AND LEFT": Shape([_UPPER_ARM], [Arc(0, _CENTRE - _MIDDLE, 0)]),
    "LIGHT ARC UP AND RIGHT": Shape([_UPPER_ARM], [Arc(WIDTH, _CENTRE - _MIDDLE, 90)]),
}


def _arms(name: str) -> dict[str, int]:
    """Return the thickness of each arm."""
    arms: dict[str, int] = {}
    usual = re.search("LIGHT|HEAVY", name)
    assert usual
    for part in name.split(" AND "):
        words = part.split()
        weight = next((word for word in words if word in _THICKNESS), usual[0])
        arms |= {arm: _THICKNESS[weight] for word in words for arm in _ARMS.get(word, ())}
    return arms


def _crossing(arms: dict[str, int]) -> Iterator[Rectangle]:
    # Each arm reaches over the middle by half of what crosses it, so that corners are whole.
    across = max(arms.get("UP", 0), arms.get("DOWN", 0)) // 2
    along = max(arms.get("LEFT", 0), arms.get("RIGHT", 0)) // 2
    for arm, thickness in arms.items():
        half = thickness // 2
        match arm:
            case "LEFT":
                yield Rectangle(0, _CENTRE - half, _MIDDLE + across, _CENTRE + half)
            case "RIGHT":
                yield Rectangle(_MIDDLE - across, _CENTRE - half, WIDTH, _CENTRE + half)
            case "UP":
                yield Rectangle(_MIDDLE - half, 0, _MIDDLE + half, _CENTRE + along)
            case _:
                yield Rectangle(_MIDDLE - half, _CENTRE - along, _MIDDLE + half, HEIGHT)


def _dashed(thickness: int, count: int, *, is_upright: bool) -> Iterator[Rectangle]:
    length = (HEIGHT if is_upright else WIDTH) // count
    half, gap = thickness // 2, max(1, length // 4)
    for start in range(gap, count * length, length):
        end = start + length - 2 * gap
        if is_upright:
            yield Rectangle(_MIDDLE - half, start, _MIDDLE + half, end)
        else:
            yield Rectangle(start, _CENTRE - half, end, _CENTRE + half)


# Blocks, in the order of their code points.

_LEFT_UPPER = Rectangle(0, 0, _MIDDLE, _CENTRE)
_RIGHT_UPPER = Rectangle(_MIDDLE, 0, WIDTH, _CENTRE)
_LEFT_LOWER = Rectangle(0, _CENTRE, _MIDDLE, HEIGHT)
_RIGHT_LOWER = Rectangle(_MIDDLE, _CENTRE, WIDTH, HEIGHT)
_WHOLE = Rectangle(0, 0, WIDTH, HEIGHT)
_QUADRANTS = (
    (_LEFT_LOWER,),
    (_RIGHT_LOWER,),
    (_LEFT_UPPER,),
    (_LEFT_UPPER, _LEFT_LOWER, _RIGHT_LOWER),
    (_LEFT_UPPER, _RIGHT_LOWER),
    (_LEFT_UPPER, _RIGHT_UPPER, _LEFT_LOWER),
    (_LEFT_UPPER, _RIGHT_UPPER, _RIGHT_LOWER),
    (_RIGHT_UPPER,),
    (_RIGHT_UPPER, _LEFT_LOWER),
    (_RIGHT_UPPER, _LEFT_LOWER, _RIGHT_LOWER),
)


def _block(code: int) -> Shape:
    match code:
        case 0x2580:
            return Shape([Rectangle(0, 0, WIDTH, _CENTRE)])
        case _ if code <= 0x2588:
            return Shape([Rectangle(0, HEIGHT - HEIGHT * (code - 0x2580) // 8, WIDTH, HEIGHT)])
        case _ if code <= 0x258F:
            return Shape([Rectangle(0, 0, WIDTH * (0x2590 - code) // 8, HEIGHT)])
        case 0x2590:
            return Shape([Rectangle(_MIDDLE, 0, WIDTH, HEIGHT)])
        case _ if code <= 0x2593:
            return Shape([_WHOLE], strength=(code - 0x2590) / 4)
        case 0x2594:
            return Shape([Rectangle(0, 0, WIDTH, HEIGHT // 8)])
        case 0x2595:
            return Shape([Rectangle(WIDTH - WIDTH // 8, 0, WIDTH, HEIGHT)])
        case _:
            return Shape(_QUADRANTS[code - 0x2596])


_DOTS = [
    (WIDTH // 4 + WIDTH // 2 * column, HEIGHT // 8 + HEIGHT // 4 * row)
    for column, row in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
]
"""Where the dots of braille are, by their bits."""
