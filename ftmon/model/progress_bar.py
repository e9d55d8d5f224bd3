"""The progress bars of tqdm in a trainer's output, and the step that they tell of a line that has none."""

import re
from collections.abc import Iterator
from math import isfinite
from typing import NamedTuple

from ftmon.safe import safe

_BAR = re.compile(
    r"(?:\d{1,3}%\|[^|]{0,1000}\|\s{0,8}|(?<!\S))(?P<done>\d{1,15})/(?P<total>\d{1,15}) \[[^\]]{0,100}\]"
)
"""A bar without its name: `Map:  12%|█▏  | 120/1000 [00:01<00:09, 97.3 examples/s]`."""

_TOLERANCE = 0.001
"""Trainer writes an epoch with four digits."""


_MOST = 64
"""Bars that are remembered."""


class Bar(NamedTuple):
    """What a bar has counted."""

    done: int
    total: int


class ProgressBars:
    """The bars of one output: the training's, and beside it those of evaluations, files and shards."""

    def __init__(self) -> None:
        self._bars: dict[int, Bar] = {}
        """Each as it was drawn last, by its total. The oldest is first, and evaluations begin later."""
        self._redrawn: dict[int, Bar] = {}
        """Those that were drawn again behind the line."""
        self._drawn: dict[int, Bar] = {}
        """Those that were drawn since the last line that had figures."""
        self._training: Bar | None = None
        """The training's at that line."""
        self._epoch = 0.0

    def take_from(self, text: str) -> str:
        """Note the bars in a text, and return it without them."""
        if "/" not in text or "[" not in text:
            return text
        kept, end = [], 0
        for before, bar, bar_end in _bars(text):
            end = bar_end
            if not _is_name(before):
                kept.append(before)
                _keep(self._bars, bar)
                _keep(self._drawn, bar)
        return "".join([*kept, text[end:]]).lstrip() if end else text

    def expect(self, after: str) -> None:
        r"""Note the bar that follows the next line.

        tqdm prints a line in the place of its bar, and draws the bar again behind it. Only that one is sure
        to have the step of the line: a bar is drawn ten times a second, however many steps that are.
        """
        first = next((safe(part) for part in after.split("\r") if part.strip()), "")
        self._redrawn = {bar.total: bar for before, bar, _ in _bars(first) if not _is_name(before)}

    def of_training(self, total: int | None, epoch: float | None) -> Bar | None:
        """Return the training's bar at a line of this epoch, by the total of the steps where that was told.

        Else it is that of the line before, or else the oldest one that agrees with the epoch.
        """
        if epoch is not None and epoch < self._epoch:
            self._begin_again()
        self._epoch = epoch or self._epoch
        if total is None and self._training is not None:
            total = self._training.total
        bars = self._bars | self._redrawn
        found = (bar for bar in bars.values() if bar.total == total or (not total and _agrees(bar, epoch)))
        self._training, self._drawn = next(found, None), {}
        return self._training

    def _begin_again(self) -> None:
        """Keep only the bars of the training that has begun."""
        before, self._training = self._training, None
        self._bars = {total: bar for total, bar in self._drawn.items() if bar != before}


def has_bar(text: str) -> bool:
    """Whether there is a whole bar in a text."""
    return _BAR.search(text) is not None


def _keep(bars: dict[int, Bar], bar: Bar) -> None:
    if bar.total in bars or len(bars) < _MOST:
        bars[bar.total] = bar


def _bars(text: str) -> Iterator[tuple[str, Bar, int]]:
    """Yield the bars in a text: each with the text before it, and where it ends."""
    end = 0
    for match in _BAR.finditer(text):
        yield text[end : match.start()], Bar(int(match["done"]), int(match["total"])), match.end()
        end = match.end()


def _is_name(text: str) -> bool:
    """Whether the text before a bar is its name: such a bar counts files or examples, and no steps."""
    return text.rstrip().endswith(":")


def _agrees(bar: Bar, epoch: float | None) -> bool:
    """Whether a bar can count the steps of a training that is in this epoch.

    Its total is a whole number of epochs, or an epoch is a whole number of steps.
    """
    if not bar.done or not epoch or bar.done > bar.total:
        return False
    return _is_whole(epoch * bar.total / bar.done, 0.02) or _is_whole(bar.done / epoch, _TOLERANCE)


def _is_whole(number: float, tolerance: float) -> bool:
    return isfinite(number) and round(number) >= 1 and abs(number - round(number)) <= tolerance * number
