"""Puts what several files tell of one run into one row of entries, no point twice."""

from ftmon.local.entry import SENTENCES, Entry, Outcome
from ftmon.model.figures import in_words

_PLACES = frozenset({"step", "total_steps", "epoch", "total_epochs"})
"""Where a measurement stands: no measurement itself."""

_MOST_NAMES = 10_000
"""Names of figures that are remembered. No trainer has so many; a file may."""


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
        self._outcome: Outcome | None = None
        """The end that was told last."""

    def begin_again(self, source: str) -> None:
        """Take the points of a file from the first step on: another training follows in it."""
        for figure, owner in self._owners.items():
            if owner == source:
                self._reached.pop(figure, None)

    def new(self, source: str, entry: Entry) -> Entry | None:
        """Return what an entry of a file tells that is new, or None."""
        if entry.kind:
            return entry
        measured = entry.figures.keys() - _PLACES
        is_told = entry.outcome is not None and entry.outcome == self._outcome
        self._outcome = entry.outcome or self._outcome
        if not measured:
            # A trainer that sums up, and a callback that ends the run, tell one end.
            return None if is_told and entry.message in SENTENCES.values() else entry
        if not measured <= self._owners.keys() and len(self._owners) >= _MOST_NAMES:
            return entry
        step = entry.step
        told = {
            name
            for name in measured
            if self._owners.setdefault(name, source) != source
            or (step is not None and step <= self._reached.get(name, -1))
        }
        if told == measured:
            if entry.outcome is None or is_told:
                return None
            return entry.saying(SENTENCES[entry.outcome.status], {})
        # Figures that follow an end belong to another training of the same run.
        self._outcome = entry.outcome
        if step is not None:
            self._reached.update(dict.fromkeys(measured - told, step))
        if not told:
            return entry
        figures = {name: value for name, value in entry.figures.items() if name not in told}
        is_own_line = entry.message != in_words(entry.figures)
        return entry.saying(entry.message if is_own_line else in_words(figures), figures)
