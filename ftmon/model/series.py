"""All figures of a run over its steps, by name: losses, rewards, accuracy, learning rate and the rest."""

import re
from collections.abc import Mapping
from functools import lru_cache
from math import nan
from typing import Any, NamedTuple

from ftmon.model.curve import Curve
from ftmon.model.event import Event
from ftmon.model.figures import NAMES, count, number
from ftmon.model.metrics import Metrics
from ftmon.safe import one_line, safe

_MOST_SERIES = 32
"""A service may send any number of names."""

_MOST_MARKS = 1000
_LONGEST_NAME = 28

_VALID = re.compile(r"(?:full_)?(?:valid|validation|val|eval|test)[_/.](.+)")
_TRAIN = re.compile(r"(?:train|training)[_/.](.+)")
"""The names of figures that were measured on validation or training data (PROTOCOL §7, TRAINERS §2.4)."""

_WORDS = {
    "lr": "learning rate",
    "grad_norm": "gradient norm",
    "num_tokens": "tokens",
    "trained_tokens": "tokens",
    "acc": "accuracy",
    "token_acc": "token accuracy",
    "critic_rewards": "reward",
    "nll": "loss",
}
"""What a figure is called on the screen, where other words than its own are better."""

_ORDER = ("loss", "reward", "accuracy", "token accuracy", "learning rate", "gradient norm", "tokens")
"""What is asked for most comes first."""

_SCHEDULED = {"learning rate", "tokens"}
"""Figures that are set or counted. They have no noise, and an average would lag behind them."""

_GREATER_IS_BETTER = re.compile(r"accura|reward|margin|\bf1\b|\br2\b")

_NO_SERIES = re.compile(
    r"steps?_?.*|.*_steps?|(?:.*_)?epochs?(?:_.*)?|(?:.*_)?iter(?:ation)?|eta(?:_.*)?|.*time|.*timestamp|.*_at"
    r"|(?:.*_)?id|seed|percentage.*|progress.*|.*secs|total_flos|eval.*per_second"
)
"""Figures that tell where, when or how, and not how well the training goes."""

_NO_NUMBER = re.compile(r"\b(?:nan|inf(?:inity)?)\b", re.IGNORECASE)


_LONGEST_EPOCH = 1e12
"""Steps. What tells of a longer epoch is wrong."""


class Curves(NamedTuple):
    """One figure as measured on the training and on the validation data."""

    name: str
    train: Curve
    valid: Curve

    @property
    def has_values(self) -> bool:
        """There is a value, be it a number or not."""
        return self.train.newest is not None or self.valid.newest is not None

    @property
    def is_line(self) -> bool:
        """There are two points or more, so there is a line to draw."""
        return len(self.train) > 1 or len(self.valid) > 1

    @property
    def is_noisy(self) -> bool:
        """A moving average helps to read them."""
        return self.name not in _SCHEDULED

    @property
    def is_better_greater(self) -> bool:
        """The best value is the greatest one, as of an accuracy, and not the least."""
        return _GREATER_IS_BETTER.search(self.name) is not None


@lru_cache(maxsize=1024)
def _place(name: str) -> tuple[str, bool] | None:
    """Return what a figure is called, and whether it is of the validation data; None if it is no series."""
    lower = name.lower().replace(" ", "_")
    own = NAMES.get(lower, lower)
    valid, train = _VALID.fullmatch(own), _TRAIN.fullmatch(own)
    rest = valid[1] if valid else train[1] if train else own
    # Most figures are means over a batch; some services say so.
    rest = rest.removeprefix("mean_").removesuffix("_mean")
    if _NO_SERIES.fullmatch(own) or _NO_SERIES.fullmatch(rest):
        return None
    words = _WORDS.get(rest) or one_line(safe(rest)).replace("_", " ").strip()[:_LONGEST_NAME]
    return (words, valid is not None) if words else None


class Series:
    """Every figure of a run as curves, and the steps at which something happened. Its memory is bounded."""

    def __init__(self) -> None:
        self._by_name: dict[str, Curves] = {}
        self.loss = self._named("loss")
        self.reward = self._named("reward")
        self._ends: dict[int, int] = {}
        """The step that had been told when an epoch was completed, by the number of the epoch."""
        self._told_per_epoch: float | None = None
        """Steps in an epoch, as figures tell them that have a step and a fraction of an epoch."""
        self.checkpoints: list[int] = []
        """Steps at which a checkpoint was made."""

    @property
    def main(self) -> Curves:
        """What the run is judged by: its rewards where it has some, else its losses."""
        return self.reward if self.reward.train.points or self.reward.valid.points else self.loss

    @property
    def lines(self) -> list[Curves]:
        """Everything that can be drawn as a line: what the run is judged by, then the rest."""
        order = {name: index for index, name in enumerate(_ORDER)}
        order[self.main.name] = -1
        found = [curves for curves in self._by_name.values() if curves.is_line]
        return sorted(found, key=lambda curves: order.get(curves.name, len(order)))

    @property
    def has_values(self) -> bool:
        """Some figure was told, be it a number or not."""
        return any(curves.has_values for curves in self._by_name.values())

    @property
    def changes(self) -> int:
        """Grows whenever there is something new to draw."""
        points = sum(curves.train.changes + curves.valid.changes for curves in self._by_name.values())
        return points + len(self._ends) + len(self.checkpoints)

    @property
    def per_epoch(self) -> float | None:
        """Steps in an epoch, as far as was seen."""
        if self._told_per_epoch is not None or not self._ends:
            return self._told_per_epoch
        epoch, step = next(reversed(self._ends.items()))
        return step / epoch or None

    @property
    def epochs(self) -> list[int]:
        """Steps at which an epoch was completed, ascending."""
        # A service may tell the end of an epoch before it tells the figures of its steps.
        size = self._told_per_epoch
        found = (step if size is None else round(epoch * size) for epoch, step in self._ends.items())
        return sorted({step for step in found if step})

    def add(self, event: Event, number: int, figures: Metrics, data: object) -> None:
        """Add the points of an event: its combined figures, and what else its data holds.

        `number` counts the events of the run from 0.

        A point without a step stands after the last one.
        """
        train: dict[str, float] = {}
        valid: dict[str, float] = {}
        if isinstance(data, dict):
            _read(data, event.message, train, valid)
            self.note_epoch(count(data.get("epoch")), figures.step)
        if figures.train_loss is not None:
            train["loss"] = figures.train_loss
        if figures.valid_loss is not None:
            valid["loss"] = figures.valid_loss
        if figures.train_reward is not None:
            train["reward"] = figures.train_reward
        if figures.valid_reward is not None:
            valid["reward"] = figures.valid_reward
        if train or valid:
            # A point of the validation stands at that of the training, so the training comes first.
            at = event.created_at.timestamp() if event.created_at else nan
            for name, value in train.items():
                self._add(name, value, figures, at, number, is_valid=False)
            for name, value in valid.items():
                self._add(name, value, figures, at, number, is_valid=True)
        if isinstance(data, dict):
            self._note_fraction(data.get("epoch"), figures.step)

    def _add(
        self, name: str, value: float, figures: Metrics, at: float, number: int, *, is_valid: bool
    ) -> None:
        if name not in self._by_name and len(self._by_name) >= _MOST_SERIES:
            return
        curves = self._named(name)
        curve = curves.valid if is_valid else curves.train
        step = figures.step
        if step is None:
            last = curves.train.reached if is_valid else None
            step = last or (curve.reached or 0) + 1
        curve.add(step, value, at=at, number=number, is_spare=figures.is_spare)

    def note_epoch(self, epoch: int | None, step: int | None) -> None:
        """Note how many epochs were completed at a step, or else at the last one."""
        if epoch is not None and epoch > next(reversed(self._ends), 0) and len(self._ends) < _MOST_MARKS:
            self._ends[epoch] = (self.main.train.reached or 0) if step is None else step

    def _note_fraction(self, told: object, step: int | None) -> None:
        """Note that so many epochs, and a part of one, were completed at a step, or else at the last one."""
        epoch, step = number(told), self.main.train.reached if step is None else step
        if step and epoch is not None and epoch > 0 and epoch % 1:
            size = step / epoch
            if 1 <= size < _LONGEST_EPOCH:
                self._told_per_epoch = size

    def note_checkpoint(self, step: int | None) -> None:
        """Note that a checkpoint was made at a step."""
        _note(self.checkpoints, step)

    def _named(self, name: str) -> Curves:
        if name not in self._by_name:
            self._by_name[name] = Curves(name, Curve(), Curve())
        return self._by_name[name]


def _note(steps: list[int], step: int | None) -> None:
    if step is not None and (not steps or step > steps[-1]) and len(steps) < _MOST_MARKS:
        steps.append(step)


def _read(data: Mapping[Any, Any], message: str, train: dict[str, float], valid: dict[str, float]) -> None:
    """Read the figures of an event's data. Those of the full validation data are better than of a part."""
    for name, value in data.items():
        place = _place(name)
        if place is None:
            continue
        words, is_valid = place
        # JSON has no NaN. A null stands for one where the message says so.
        found = nan if value is None and _NO_NUMBER.search(message) else number(value)
        values = valid if is_valid else train
        if found is not None and (words not in values or name.startswith("full_")):
            values[words] = found
