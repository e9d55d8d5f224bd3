"""The checkpoints of a run, as its events tell of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

_MOST = 1000
"""Checkpoints that are kept, the newest."""


class Checkpoint(NamedTuple):
    """One checkpoint."""

    name: str = ""
    """By which the service knows it; empty where it gives none."""
    step: int | None = None
    at: datetime | None = None
    """When it was told, by the service's clock."""
    figures: Mapping[str, float] = {}
    """What was measured with it, by ftmon's names of figures."""

    @property
    def key(self) -> int | str:
        """What tells it from the others: its step, else its name."""
        return self.name if self.step is None else self.step


class Checkpoints:
    """The checkpoints of a run. A message and the list of checkpoints may each tell a part of one."""

    def __init__(self) -> None:
        self._by_key: dict[int | str, Checkpoint] = {}

    def add(self, told: Checkpoint) -> None:
        """Add a checkpoint, or what is new of one."""
        known = self._by_key.pop(told.key, told)
        self._by_key[told.key] = Checkpoint(
            told.name or known.name, told.step, known.at or told.at, told.figures or known.figures
        )
        if len(self._by_key) > _MOST:
            del self._by_key[next(iter(self._by_key))]

    @property
    def newest_first(self) -> list[Checkpoint]:
        """The checkpoints by their steps, the last step first."""
        told = reversed(self._by_key.values())
        return sorted(told, key=lambda each: -1 if each.step is None else each.step, reverse=True)
