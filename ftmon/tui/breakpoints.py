"""The sizes of a terminal, in cells, from which a screen has each class of the stylesheet."""

NARROW, WIDE, VAST = 34, 80, 160
FLAT, SHORT, MEDIUM, ROOMY, TALL, HUGE = 4, 9, 15, 22, 30, 50

WIDTHS = [(0, "-tiny"), (NARROW, "-narrow"), (WIDE, "-wide"), (VAST, "-vast")]
HEIGHTS = [
    (0, "-slit"),
    (FLAT, "-flat"),
    (SHORT, "-short"),
    (MEDIUM, "-medium"),
    (ROOMY, "-roomy"),
    (TALL, "-tall"),
    (HUGE, "-huge"),
]


def classes(width: int, height: int) -> tuple[str, str]:
    """Return the classes of a screen of this size, as Textual gives them to it."""
    return (
        max(each for each in WIDTHS if each[0] <= width)[1],
        max(each for each in HEIGHTS if each[0] <= height)[1],
    )
