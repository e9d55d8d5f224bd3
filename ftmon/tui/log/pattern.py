"""What is looked for in messages: a text, or a regex between slashes."""

import re
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ftmon.errors import UsageError
from ftmon.tui.log.milestone import LONGEST


class Pattern(NamedTuple):
    """A text or a regex to look for. Capital letters in it make upper and lower case differ."""

    text: str
    """As it was typed."""
    matches: Callable[[str], bool]
    """Whether a message has it."""
    expression: re.Pattern[str]

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of each place where a text has it."""
        return (match.span() for match in self.expression.finditer(text) if match[0])


def is_unfinished(text: str) -> bool:
    """Return whether more must be typed before a text means something: a regex lacks its closing slash."""
    return text.startswith("/") and not (len(text) > 1 and text.endswith("/"))


def read_pattern(text: str) -> Pattern:
    """Read what was typed.

    Raises:
        UsageError: for a regex that is none.
    """
    is_regex = len(text) > 1 and text.startswith("/") and text.endswith("/")
    source = text[1:-1] if is_regex else re.escape(text)
    # The capitals of `\S` or `\D` are no letters to look for.
    ignores_case = not any(letter.isupper() for letter in re.sub(r"\\.", "", source))
    expression = _compiled(source, re.IGNORECASE if ignores_case else re.NOFLAG)
    if is_regex:
        search = expression.search
        return Pattern(text, lambda message: search(message[:LONGEST]) is not None, expression)
    if ignores_case:
        lower = text.lower()
        # Three times as fast as a regex.
        return Pattern(text, lambda message: lower in message.lower(), expression)
    return Pattern(text, lambda message: text in message, expression)


def _compiled(source: str, flags: re.RegexFlag) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(source, flags)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"This is no regex: {error}.") from error
