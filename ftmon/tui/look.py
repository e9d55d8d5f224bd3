"""How things look: the names that widgets give to parts of a line, and the signs beside the words.

A look is a component class of every screen, and `styles/app.tcss` gives it its colour. In a `Content` it is
`.good`.
"""

from rich.segment import Segment
from rich.style import Style
from textual.widget import Widget

from ftmon.model.job import Status

LOOKS = {
    "strong",  # what the eye should find first
    "muted",  # what is there for the second look
    "faint",  # rules and empty parts of bars
    "alive",  # goes on
    "waiting",  # will go on
    "good",
    "bad",
    "ended",  # stopped by somebody's wish
    "warning",
    "train",
    "valid",
    "key",  # a key to press
    "chosen",  # the marked event
    "pill",  # how many new events are below
}

STATUS_LOOKS = {
    Status.PENDING: "waiting",
    Status.RUNNING: "alive",
    Status.PAUSED: "waiting",
    Status.SUCCEEDED: "good",
    Status.FAILED: "bad",
    Status.CANCELLED: "ended",
    Status.UNKNOWN: "muted",
}


def rich_style(widget: Widget, *looks: str) -> Style:
    """Return the style of a text in these looks, on the ground of a widget that renders its own lines.

    The style of a component class alone would lose what is half transparent.
    """
    style = widget.visual_style
    for look in looks:
        if look:
            style += widget.screen.get_visual_style(look, partial=True)
    return style.rich_style


def overlaid(segments: list[Segment], start: int, end: int, style: Style) -> list[Segment]:
    """Return the segments with a style over some characters; an `end` of -1 is the end of the row."""
    result: list[Segment] = []
    length = sum(len(segment.text) for segment in segments)
    start, end = min(start, length), length if end == -1 else end
    for text, own, _ in segments:
        before = min(max(start, 0), len(text))
        inside = max(before, min(end, len(text)))
        cuts = (
            (text[:before], own),
            (text[before:inside], (own or Style.null()) + style),
            (text[inside:], own),
        )
        result.extend(Segment(piece, look) for piece, look in cuts if piece)
        start, end = start - len(text), end - len(text)
    return result
