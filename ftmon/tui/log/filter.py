"""Which events the log shows: the filter that was typed, and how much the steps are thinned."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ftmon.errors import UsageError
from ftmon.model.event import Event, Level
from ftmon.model.events import Events
from ftmon.model.message import step_at_start, step_of
from ftmon.tui.log.milestone import is_milestone
from ftmon.tui.log.pattern import Pattern, is_unfinished, read_pattern
from ftmon.tui.log.scan import Test

AND = " & "
"""Stands between two conditions of a filter."""

_LEVELS = tuple(Level)
"""The levels, the least serious first."""


NO_STEPS = 0
"""As `every` of a filter: only what matters is shown."""


class Filter(NamedTuple):
    """Conditions that each event must meet to be shown."""

    text: str = ""
    """As it was typed; empty shows all events."""
    every: int = 1
    """Of the steps, only each so many is shown, or none (`NO_STEPS`), and what is a milestone."""

    @property
    def steps(self) -> str:
        """Which steps are shown: `every 5th step`; empty where all are."""
        if self.every == NO_STEPS:
            return "no steps"
        return f"every {self.every}{'nd' if self.every == 2 else 'th'} step" if self.every > 1 else ""

    @property
    def is_unfinished(self) -> bool:
        """Whether more must be typed before the last condition means something."""
        last = self.text.split(AND)[-1].strip().lstrip("! ")
        return is_unfinished(last) or last.endswith(AND.rstrip())

    def test(self) -> Test | None:
        """Return the test of events; None where all events are shown.

        Raises:
            UsageError: for a text that is no filter.
        """
        tests = [_condition(part.strip()) for part in self.text.split(AND) if part.strip()]
        if self.every != 1:
            tests.append(_thinned(self.every))
        return all_of(tests) if tests else None


def all_of(tests: Sequence[Test]) -> Test:
    """Return the test for events that pass each of these."""

    def test(events: Events, indices: Iterable[int]) -> list[int]:
        for each in tests:
            indices = each(events, indices)
        return list(indices)

    return tests[0] if len(tests) == 1 else test


def matching(pattern: Pattern) -> Test:
    """Return the test for events whose message has a pattern."""
    matches = pattern.matches

    def test(events: Events, indices: Iterable[int]) -> list[int]:
        messages = events.messages
        return [index for index in indices if matches(messages[index])]

    return test


def _condition(text: str) -> Test:
    """Read one condition: a text, a regex, `level:warning` or `type:metrics`. A `!` before it negates it."""
    if text.startswith("!"):
        return _without(_condition(text[1:].strip()))
    name, _, value = text.partition(":")
    if name == "level":
        return _level(value)
    if name == "type":
        return _type(value.lower())
    if not text:
        raise UsageError("Type what to leave out after the !.")
    return matching(read_pattern(text))


def _without(test: Test) -> Test:
    def others(events: Events, indices: Iterable[int]) -> list[int]:
        asked = list(indices)
        found = set(test(events, asked))
        return [index for index in asked if index not in found]

    return others


def _level(word: str) -> Test:
    """Return the test for events of this level, and more serious ones."""
    if word not in _LEVELS:
        raise UsageError(f"There is no level {word!r}; there are {', '.join(_LEVELS)}.")
    wanted = _LEVELS[_LEVELS.index(Level(word)) :]
    return lambda events, indices: [index for index in indices if events.levels[index] in wanted]


def _type(word: str) -> Test:
    return lambda events, indices: [index for index in indices if events[index].type.lower() == word]


def _thinned(nth: int) -> Test:
    def is_nth(step: int) -> bool:
        return nth != NO_STEPS and step % nth == 0

    def is_left(event: Event) -> bool:
        step = step_of(event)
        return step is None or is_nth(step) or is_milestone(event.level, event.message)

    def test(events: Events, indices: Iterable[int]) -> list[int]:
        levels, messages, has_data = events.levels, events.messages, events.has_data
        left = []
        for index in indices:
            message = messages[index]
            # Most events begin with their step and tell no more: a glance at them is enough.
            step = None if has_data[index] or levels[index] is not Level.INFO else step_at_start(message)
            if step is None:
                if is_left(events[index]):
                    left.append(index)
            elif is_nth(step) or "heckpoint" in message:
                left.append(index)
        return left

    return test


def thinning(last_step: int) -> int:
    """Return how many steps one of a thinned log stands for, so that about fifty are left: 2, 5, 10 or so."""
    every, factors = 2, (2.5, 2, 2)
    place = 0
    while last_step / every > 75:
        every = int(every * factors[place % 3])
        place += 1
    return every
