"""Which events the log shows: the filter that was typed, and how much the steps are thinned."""

from typing import NamedTuple

from ftmon.errors import UsageError
from ftmon.model.event import Event, Level
from ftmon.model.message import step_at_start, step_of
from ftmon.tui.log.milestone import is_milestone
from ftmon.tui.log.pattern import is_unfinished, read_pattern
from ftmon.tui.log.scan import Test

AND = " & "
"""Stands between two conditions of a filter."""

_LEVELS = tuple(Level)
"""The levels, the least serious first."""


class Filter(NamedTuple):
    """Conditions that each event must meet to be shown."""

    text: str = ""
    """As it was typed; empty shows all events."""
    every: int = 1
    """Of the steps, only each so many is shown, and what is a milestone."""

    @property
    def is_unfinished(self) -> bool:
        """Whether more must be typed before the last condition means something."""
        last = self.text.split(AND)[-1].strip().lstrip("! ")
        return is_unfinished(last) or last.endswith(AND.rstrip())

    def test(self) -> Test | None:
        """Return the test of an event; None where all events are shown.

        Raises:
            UsageError: for a text that is no filter.
        """
        tests = [_condition(part.strip()) for part in self.text.split(AND) if part.strip()]
        if self.every > 1:
            tests.append(_thinned(self.every))
        if len(tests) < 2:
            return tests[0] if tests else None
        return lambda event: all(test(event) for test in tests)


def _condition(text: str) -> Test:
    """Read one condition: a text, a regex, `level:warning` or `type:metrics`. A `!` before it negates it."""
    if text.startswith("!"):
        test = _condition(text[1:].strip())
        return lambda event: not test(event)
    name, _, value = text.partition(":")
    if name == "level":
        return _level(value)
    if name == "type":
        return lambda event: event.type.lower() == value.lower()
    if not text:
        raise UsageError("Type what to leave out after the !.")
    matches = read_pattern(text).matches
    return lambda event: matches(event.message)


def _level(word: str) -> Test:
    """Return the test for events of this level, and more serious ones."""
    if word not in _LEVELS:
        raise UsageError(f"There is no level {word!r}; there are {', '.join(_LEVELS)}.")
    levels = _LEVELS[_LEVELS.index(Level(word)) :]
    return lambda event: event.level in levels


def _thinned(every: int) -> Test:
    def test(event: Event) -> bool:
        # Most events begin with their step and tell no more: a glance at them is half of what reading takes.
        step = step_at_start(event.message)
        if step is not None and event.level is Level.INFO and '"data"' not in event.raw:
            return step % every == 0 or "heckpoint" in event.message
        step = step_of(event)
        return step is None or step % every == 0 or is_milestone(event)

    return test


def thinning(last_step: int) -> int:
    """Return how many steps one of a thinned log stands for, so that about fifty are left: 2, 5, 10 or so."""
    every, factors = 2, (2.5, 2, 2)
    place = 0
    while last_step / every > 75:
        every = int(every * factors[place % 3])
        place += 1
    return every
