"""Puts what several files tell of one run into one row of entries, no point twice."""

from dataclasses import replace

from ftmon.local.entry import Entry
from ftmon.model.figures import in_words

_PLACES = frozenset({"step", "total_steps", "epoch", "total_epochs"})
"""Where a measurement stands: no measurement itself."""


class Merger:
    """Passes on the entries of one run's files.

    Of two files with the same figure, the one that tells it first tells it alone: a trainer's state repeats
    what the log has told. A file that is written anew (Lightning's tables) repeats its points.
    """

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        """The file that tells a figure, by the figure's name."""
        self._reached: dict[str, int] = {}
        """The last step at which a figure was told, by its name."""

    def new(self, source: str, entry: Entry) -> Entry | None:
        """Return what an entry of a file tells that is new, or None."""
        measured = entry.figures.keys() - _PLACES
        if not measured:
            return entry
        step = entry.step
        told = {
            name
            for name in measured
            if self._owners.setdefault(name, source) != source
            or (step is not None and step <= self._reached.get(name, -1))
        }
        if told == measured:
            return replace(entry, figures={}, message=_END) if entry.outcome is not None else None
        if step is not None:
            self._reached.update(dict.fromkeys(measured - told, step))
        if not told:
            return entry
        figures = {name: value for name, value in entry.figures.items() if name not in told}
        is_own_line = entry.message != in_words(entry.figures)
        return replace(entry, figures=figures, message=entry.message if is_own_line else in_words(figures))


_END = "The training is done."
