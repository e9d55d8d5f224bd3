from tests.pictures.geometry import HEIGHT, WIDTH, Rectangle, Shape, shape


def of(sign: str) -> Shape:
    found = shape(sign)
    assert found is not None
    return found


def touched(sign: str) -> str:
    """Return which edges of the cell a sign reaches: left, right, upper, down."""
    boxes = of(sign).rectangles
    edges = {
        "l": any(box.left == 0 for box in boxes),
        "r": any(box.right == WIDTH for box in boxes),
        "u": any(box.top == 0 for box in boxes),
        "d": any(box.bottom == HEIGHT for box in boxes),
    }
    return "".join(edge for edge, is_reached in edges.items() if is_reached)


def test_lines_reach_the_edges_at_which_they_go_on() -> None:
    signs = {"─": "lr", "━": "lr", "╸": "l", "│": "ud", "┤": "lud", "└": "ru", "┴": "lru", "┡": "rud"}
    assert {sign: touched(sign) for sign in signs} == signs


def test_a_corner_has_no_gap() -> None:
    assert of("┏").rectangles == [Rectangle(5, 13, 11, HEIGHT), Rectangle(5, 13, WIDTH, 19)]


def test_blocks_are_cut_in_eighths_and_quarters() -> None:
    assert [of(sign).rectangles[0].top for sign in "▁▂▃▄▅▆▇█"] == [28, 24, 20, 16, 12, 8, 4, 0]
    assert (touched("▐"), touched("▔"), touched("▙"), of("▒").strength) == ("rud", "lru", "lrud", 0.5)


def test_the_dots_of_braille_stand_equally_far_apart_from_cell_to_cell() -> None:
    assert sorted(of("⣿").dots) == [(x, y) for x in (4, 12) for y in (4, 12, 20, 28)]
    assert (of("⠁").dots, of("⢀").dots) == ([(4, 4)], [(12, 28)])


def test_letters_are_left_to_the_font() -> None:
    assert shape("A") is None
