"""A question that the user is asked below the log."""

from collections.abc import Callable
from typing import NamedTuple


class Question(NamedTuple):
    """What is asked, and what is done with the text."""

    label: str
    hint: str
    answer: Callable[[str], object]
    """Takes the text, or raises a UsageError whose sentence is shown."""
    value: str = ""
    """The text to begin with."""
    preview: Callable[[str], object] = lambda text: None
    """Takes the text while it is typed."""
    undo: Callable[[], object] = lambda: None
    """Ends the preview, where the question is not answered."""
