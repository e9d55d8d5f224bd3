"""Looks: named text styles, such as `good` or `muted`, that widgets give to parts of a line.

Every screen has each look as a component class, and `styles/app.tcss` gives it a colour. A `Content` refers
to the look `good` as `.good`.
"""

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.style import Style as VisualStyle
from textual.widget import Widget

LOOKS = {
    "strong",  # most important
    "muted",  # less important
    "faint",  # rules and empty parts of bars
    "alive",  # running
    "waiting",  # will run later
    "good",
    "bad",
    "ended",  # stopped on purpose, as by a cancel
    "warning",
    "train",  # training loss
    "valid",  # validation loss
    "raw",  # the points of a curve, behind their moving average
    "key",  # a key to press
    "chosen",  # the event that the user is at
    "hit",  # what was searched for
    "chip",  # the count of new events below
}


def key_hints(*keys: tuple[str, str]) -> Content:
    """Return what keys do, as the last line of a dialog says it."""
    return Content("   ").join(Content.assemble((key, ".key"), (f" {word}", ".muted")) for key, word in keys)


def rich_style(widget: Widget, *looks: str) -> Style:
    """Return the style of text in these looks, over the background of a widget that renders its own lines.

    Half-transparent colours blend with that background. The style of the component class alone loses them.
    """
    style = widget.visual_style
    for look in filter(None, looks):
        style += whole_style(widget, look)
    return style.rich_style


def whole_style(widget: Widget, look: str) -> VisualStyle:
    """Return the style of a look for a `Content`, which leaves out the background of a look that it names."""
    style = widget.screen.get_visual_style(look, partial=True)
    # A partial style of Textual 8 has no background if that is opaque, and is never reversed.
    whole = widget.screen.get_component_styles(look)
    return style + VisualStyle(background=whole.background, reverse=whole.text_style.reverse)


def overlaid(segments: list[Segment], start: int, end: int, style: Style) -> list[Segment]:
    """Return the segments with a style added from character `start` to `end`; -1 is the end of the row."""
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
