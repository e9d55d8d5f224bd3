from io import BytesIO

import pytest
from PIL import Image

from tests.pictures import drawing
from tests.pictures.geometry import HEIGHT, WIDTH

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not drawing.FONTS.exists(), reason="fonts-dejavu-core is not installed"),
]

RED, BLUE = (255, 0, 0, 255), (0, 0, 255, 255)
CAPTURED = "\x1b[38;2;255;0;0;48;2;0;0;255m█─\x1b[7m \x1b[27m⠁A \x1b[m\n"


def test_a_captured_pane_is_drawn_in_its_colours() -> None:
    png = drawing.png(CAPTURED, 6, 2, "a title")
    picture = Image.open(BytesIO(png)).convert("RGBA")
    left, top = drawing.MARGIN, drawing.BAR
    assert picture.size == (6 * WIDTH + 2 * left, 2 * HEIGHT + top + left)

    def pixel(x: int, y: int) -> tuple[int, ...]:
        found = picture.getpixel((x, y))
        assert isinstance(found, tuple)
        return found

    def colour(column: int, x: int, y: int) -> tuple[int, ...]:
        return pixel(left + column * WIDTH + x, top + y)

    assert {colour(0, x, y) for x in range(WIDTH) for y in range(HEIGHT)} == {RED}
    assert [colour(1, 0, y) for y in (14, 15, 16, 17)] == [BLUE, RED, RED, BLUE]
    assert colour(2, 0, 0) == RED
    assert [colour(3, 4, 4), colour(3, 12, 4)] == [RED, BLUE]
    letter = {colour(4, x, y) for x in range(WIDTH) for y in range(HEIGHT)}
    assert {RED, BLUE} < letter
    # The corner of the window is round.
    assert pixel(0, 0)[3] == 0


def test_a_sign_that_no_font_has_is_told() -> None:
    with pytest.raises(LookupError, match="No font here has"):
        drawing.png("\ue123", 1, 1, "")
