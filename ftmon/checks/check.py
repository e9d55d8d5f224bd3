"""One checked fact, and what to do where it is not right."""

from enum import StrEnum
from typing import NamedTuple


class Mark(StrEnum):
    """How a fact stands."""

    GOOD = "good"
    DOUBT = "doubt"
    """It may be meant, or pass."""
    BAD = "bad"
    """ftmon cannot work like this."""


SIGNS = {Mark.GOOD: "✔", Mark.DOUBT: "!", Mark.BAD: "✘"}


class Check(NamedTuple):
    """One fact."""

    name: str
    mark: Mark
    text: str
    """What was found."""
    advice: str = ""
    """What to do, as a part of a sentence; empty where nothing is to be done."""


def good(name: str, text: str) -> Check:
    """Return a fact that is right."""
    return Check(name, Mark.GOOD, text)


def doubt(name: str, text: str, advice: str = "") -> Check:
    """Return a fact that may be wrong."""
    return Check(name, Mark.DOUBT, text, advice)


def bad(name: str, text: str, advice: str = "") -> Check:
    """Return a fact that is wrong."""
    return Check(name, Mark.BAD, text, advice)
