"""Draws a captured pane as a window in a PNG, twice as large as it is to be shown."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.pictures.capture import DEFAULT, Cell, rows
from tests.pictures.geometry import HEIGHT, WIDTH, shape

FONTS = Path("/usr/share/fonts/truetype/dejavu")
"""Where Debian's fonts-dejavu-core has its files."""

_FONT_SIZE = 26.5
"""In pixels. A character of DejaVu Sans Mono is as wide as a cell then."""
_BASELINE = 24
"""Pixels from the top of a cell."""

MARGIN = 16
BAR = 56
_RADIUS = 20
_EDGE = 2
_FINE = 8
"""Round shapes are drawn this many times as large and made smaller, so that their edges are smooth."""

_COLORS = 128
"""Colours of the picture. What else a palette holds is for the half-transparent pixels of the corners."""
_LEVELS = 15

_Color = tuple[int, int, int]
_WHITE: _Color = (255, 255, 255)
_BLACK: _Color = (0, 0, 0)


def png(captured: str, columns: int, lines: int, title: str) -> bytes:
    """Return the picture of a pane in a window with this title."""
    cells = list(rows(captured, columns, lines))
    paper = _usual_paper(cells)
    window = Image.new("RGB", (columns * WIDTH + 2 * MARGIN, lines * HEIGHT + BAR + MARGIN), paper)
    _draw_bar(window, title, paper)
    pane = _drawn(cells, columns, lines, paper)
    window.paste(pane, (MARGIN, BAR))
    return _framed(window, _blend(paper, _contrast(paper), 0.3))


# The cells


def _drawn(cells: Iterable[list[Cell]], columns: int, lines: int, paper: _Color) -> Image.Image:
    """Draw the cells: first all backgrounds, because a character may be wider than its cell."""
    pane = Image.new("RGB", (columns * WIDTH, lines * HEIGHT), paper)
    draw = ImageDraw.Draw(pane)
    placed = list(_placed(cells))
    for x, y, cell in placed:
        box = (x, y, x + cell.width * WIDTH - 1, y + HEIGHT - 1)
        draw.rectangle(box, fill=_color(cell.paper, paper))
    for x, y, cell in placed:
        ink = _color(cell.ink, _contrast(paper))
        _draw_text(pane, draw, x, y, cell, ink)
        right = x + cell.width * WIDTH - 1
        if cell.is_underlined:
            draw.rectangle((x, y + _BASELINE + 3, right, y + _BASELINE + 4), fill=ink)
        if cell.is_struck:
            draw.rectangle((x, y + HEIGHT // 2, right, y + HEIGHT // 2 + 1), fill=ink)
    return pane


def _placed(cells: Iterable[list[Cell]]) -> Iterable[tuple[int, int, Cell]]:
    for row, line in enumerate(cells):
        column = 0
        for cell in line:
            yield column * WIDTH, row * HEIGHT, cell
            column += cell.width


def _draw_text(pane: Image.Image, draw: ImageDraw.ImageDraw, x: int, y: int, cell: Cell, ink: _Color) -> None:
    if cell.text.isspace():
        return
    if (mask := _mask(cell.text[0])) is not None:
        pane.paste(ink, (x, y), mask)
        return
    place = (x + cell.width * WIDTH / 2, y + _BASELINE)
    draw.text(place, cell.text, fill=ink, font=_font_of(cell.text[0], cell.is_bold), anchor="ms")


@cache
def _mask(character: str) -> Image.Image | None:
    """Return which part of its cell a character covers, or None if the font shall draw it."""
    found = shape(character)
    if found is None:
        return None
    mask = Image.new("L", (WIDTH * _FINE, HEIGHT * _FINE))
    draw = ImageDraw.Draw(mask)
    full = round(255 * found.strength)
    for left, top, right, bottom in found.rectangles:
        draw.rectangle((left * _FINE, top * _FINE, right * _FINE - 1, bottom * _FINE - 1), fill=full)
    for x, y, start in found.arcs:
        # The line is two pixels thick, as the lines are that it joins.
        reach = (WIDTH // 2 + 1) * _FINE
        box = (x * _FINE - reach, y * _FINE - reach, x * _FINE + reach - 1, y * _FINE + reach - 1)
        draw.arc(box, start, start + 90, fill=full, width=2 * _FINE)
    for x, y in found.dots:
        draw.circle((x * _FINE, y * _FINE), found.radius * _FINE, fill=full)
    return mask.resize((WIDTH, HEIGHT), Image.Resampling.BOX)


@cache
def _font(name: str, size: float = _FONT_SIZE) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / name, size)


@cache
def _font_of(character: str, is_bold: bool) -> ImageFont.FreeTypeFont:
    """Return the font that has a character.

    Raises:
        LookupError: if none has it.
    """
    for name in ("DejaVuSansMono-Bold.ttf" if is_bold else "DejaVuSansMono.ttf", "DejaVuSans.ttf"):
        font = _font(name)
        # A font draws one sign for all that it does not have.
        if bytes(font.getmask(character)) != bytes(font.getmask("\U0010ffff")):
            return font
    raise LookupError(f"No font here has {character!r}.")


# Colours


def _usual_paper(cells: Iterable[list[Cell]]) -> _Color:
    (name, _), *_ = Counter(cell.paper for row in cells for cell in row).most_common(1)
    return _color(name, (19, 21, 24))


def _color(name: str, default: _Color) -> _Color:
    if name == DEFAULT:
        return default
    red, green, blue = bytes.fromhex(name)
    return red, green, blue


def _contrast(color: _Color) -> _Color:
    return _WHITE if sum(color) < 3 * 128 else _BLACK


def _blend(under: _Color, over: _Color, share: float) -> _Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(under, over, strict=True))
    return red, green, blue


# The window


def _draw_bar(window: Image.Image, title: str, paper: _Color) -> None:
    """Draw the bar at the top of the window: three buttons, and the title."""
    draw = ImageDraw.Draw(window)
    contrast = _contrast(paper)
    draw.rectangle((0, 0, window.width, BAR - 10), fill=_blend(paper, contrast, 0.07))
    button = Image.new("L", (24 * _FINE, 24 * _FINE))
    ImageDraw.Draw(button).circle((12 * _FINE, 12 * _FINE), 11 * _FINE, fill=255)
    mask = button.resize((24, 24), Image.Resampling.BOX)
    for x in (22, 58, 94):
        window.paste(_blend(paper, contrast, 0.25), (x, 11), mask)
    font = _font("DejaVuSansMono.ttf", 22)
    fitting = int((window.width - 2 * 140) / font.getlength(" "))
    words = title if len(title) <= fitting else f"{title[: max(0, fitting - 1)]}…"
    draw.text((window.width / 2, 31), words, fill=_blend(paper, contrast, 0.65), font=font, anchor="ms")


def _framed(window: Image.Image, edge: _Color) -> bytes:
    """Return a PNG with an edge around the window, and round corners."""
    line, seen = Image.new("L", window.size), Image.new("L", window.size, 255)
    ImageDraw.Draw(line).rectangle((0, 0, window.width - 1, window.height - 1), outline=255, width=_EDGE)
    for degrees, x, y in (
        (0, 0, 0),
        (90, 0, window.height - _RADIUS),
        (180, window.width - _RADIUS, window.height - _RADIUS),
        (270, window.width - _RADIUS, 0),
    ):
        # Counted counter-clockwise, as Pillow turns.
        line.paste(_corner(_EDGE).rotate(degrees), (x, y))
        seen.paste(_corner(_RADIUS).rotate(degrees), (x, y))
    window.paste(edge, mask=line)
    return _packed(window, seen, edge)


def _corner(thickness: int) -> Image.Image:
    """Return the left upper corner: a quarter of a ring, or with all of its radius of a disc."""
    size = _RADIUS * _FINE
    corner = Image.new("L", (size, size))
    box = (0, 0, 2 * size - 1, 2 * size - 1)
    if thickness == _RADIUS:
        ImageDraw.Draw(corner).ellipse(box, fill=255)
    else:
        ImageDraw.Draw(corner).ellipse(box, outline=255, width=thickness * _FINE)
    return corner.resize((_RADIUS, _RADIUS), Image.Resampling.BOX)


def _packed(window: Image.Image, seen: Image.Image, edge: _Color) -> bytes:
    """Return a PNG with a palette. Pixels that are partly seen have the colour of the edge."""
    packed = window.quantize(_COLORS, dither=Image.Dither.NONE)
    colors = (packed.getpalette() or [])[: 3 * _COLORS]
    packed.putpalette(colors + [0] * (3 * _COLORS - len(colors)) + list(edge) * _LEVELS)
    for level in range(_LEVELS):
        here = seen.point([255 if value * _LEVELS // 255 == level else 0 for value in range(256)])
        packed.paste(_COLORS + level, mask=here)
    transparency = bytes([255] * _COLORS + [255 * level // _LEVELS for level in range(_LEVELS)])
    file = BytesIO()
    packed.save(file, "PNG", optimize=True, transparency=transparency)
    return file.getvalue()
