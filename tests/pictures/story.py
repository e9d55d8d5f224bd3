"""The pictures: how large each is, which run it shows, and what is done until the screen shows it."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.demo.process import Demo
from tests.pane import Pane

_LONGEST = 300.0
"""Seconds that anything may take. A training takes its time."""


class Story(NamedTuple):
    """How a picture comes about."""

    columns: int
    lines: int
    play: Callable[[Pane, Demo], None]
    """Presses keys, and waits until the screen shows what it shall show."""
    demo: Sequence[str] = ()
    """Arguments of the demo, besides those of all."""


def _trained(pane: Pane, percent: int) -> None:
    """Wait until so much of the training is done, as the title of the pane tells."""

    def is_there() -> bool:
        told = re.match(r"(\d+)%", pane.told("#{pane_title}"))
        return told is not None and int(told[1]) >= percent

    pane.until(is_there, _LONGEST)


def _running(pane: Pane, demo: Demo) -> None:
    _trained(pane, 58)


def _finished(pane: Pane, demo: Demo) -> None:
    pane.until(lambda: pane.told("#{pane_title}").startswith(("✔", "✘")), _LONGEST)
    pane.until_shown("■ closed", _LONGEST)
    # The log goes to its end once there is the banner.
    pane.until(lambda: re.search("Fine-tune succeeded|Error: The", pane.text) is not None, _LONGEST)


def _reconnecting(pane: Pane, demo: Demo) -> None:
    _trained(pane, 40)
    demo.process.kill()
    # Long enough to be captured before the next try.
    pane.until(lambda: re.search(r"in ([4-9]|\d\d)s", pane.text) is not None, _LONGEST)


def _chart(pane: Pane, demo: Demo) -> None:
    _trained(pane, 75)
    # The lines of the log do not scroll sideways while they are wrapped, so the keys move the cursor.
    pane.press(*["S-Left"] * 3)
    pane.until_shown("smooth", _LONGEST)
    # The log goes to the event of that step.
    pane.until(lambda: "following" not in pane.text, _LONGEST)


def _filter(pane: Pane, demo: Demo) -> None:
    _trained(pane, 58)
    pane.press("&")
    pane.until_shown("leaves out", _LONGEST)
    pane.type("validation")
    pane.press("Enter")
    pane.until_shown("filter: validation", _LONGEST)


def _event(pane: Pane, demo: Demo) -> None:
    _trained(pane, 58)
    pane.press("/")
    pane.until_shown("previous", _LONGEST)
    pane.type("validation")
    pane.press("Enter")
    pane.until_shown("search: validation", _LONGEST)
    pane.press("Enter")
    pane.until_shown("esc closes", _LONGEST)


def _light(pane: Pane, demo: Demo) -> None:
    _trained(pane, 58)
    pane.press("d")
    pane.until_shown("Search for themes", _LONGEST)
    pane.type("light")
    pane.until(lambda: "high contrast" not in pane.text, _LONGEST)
    pane.press("Enter")
    pane.until(lambda: "╭" not in pane.text, _LONGEST)


STORIES = {
    "running": Story(110, 32, _running),
    "finished": Story(110, 32, _finished),
    "failed": Story(110, 32, _finished, ["--fail"]),
    "reconnecting": Story(110, 24, _reconnecting),
    "chart": Story(120, 50, _chart),
    "filter": Story(110, 24, _filter),
    "event": Story(110, 40, _event, ["--api", "fine-tuning-jobs"]),
    "narrow": Story(40, 10, _running),
    "wide": Story(200, 44, _running),
    "light": Story(110, 32, _light),
}
