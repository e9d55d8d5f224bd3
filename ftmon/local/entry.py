"""One entry of a run of this machine, whatever file it was read from."""

from datetime import datetime

from msgspec import Struct, field

from ftmon.model.event import Level
from ftmon.model.figures import Figures, count, in_words
from ftmon.model.job import Status

LONG_SILENCE = 1.0
"""Seconds after which what belongs together is not awaited any longer: as a rule it is written at once."""


class Outcome(Struct, frozen=True):
    """How a run ended, as a file tells it."""

    status: Status
    reason: str = ""
    """Why it failed: a part of a sentence, empty where nothing is told."""
    created_at: datetime | None = None
    """When the job was created, where the end tells that too."""


SENTENCES = {
    Status.SUCCEEDED: "The training is done.",
    Status.FAILED: "The training failed.",
    Status.CANCELLED: "The training was stopped.",
}
"""What an entry says that tells an end and has no words of its own."""


class Entry(Struct, frozen=True, gc=False):
    """One line, row or record: what it says, and when. A file may hold millions."""

    message: str
    """Safe text: the trainer's own line, or its figures in words where the format has no lines."""
    figures: Figures = field(default_factory=dict)
    at: datetime | None = None
    """None where the format tells no time."""
    level: Level = Level.INFO
    outcome: Outcome | None = None
    """Set by the last entry of a run that tells how it ended."""
    records: int = 1
    """How many lines, rows or records of its file it was made of."""
    kind: str = ""
    """What the service called it whose event this is: such an entry is told as it is, and its end is final.
    Empty for what a trainer wrote."""

    @property
    def step(self) -> int | None:
        """The step of the figures."""
        return count(self.figures.get("step"))

    def saying(self, message: str, figures: Figures) -> "Entry":
        """Return the entry with other words and figures."""
        return Entry(message, figures, self.at, self.level, self.outcome)


def of_figures(
    figures: Figures, at: datetime | None = None, outcome: Outcome | None = None, records: int = 1
) -> Entry:
    """Return the entry of figures that came without words."""
    return Entry(in_words(figures), figures, at, outcome=outcome, records=records)


class RunSplitter:
    """Finds where a new run begins in a file that several runs were appended to.

    A new run begins where the step goes back. Two processes that write into one file, as a training on
    several GPUs does that was set up wrongly, are one run: one of them is behind by one step of the log.
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self._before: int | None = None
        """The step before the last one."""

    def begins(self, entry: Entry) -> bool:
        """Whether this entry, which follows those that were given before, is the first of a new run."""
        step = entry.step
        return step is not None and not entry.kind and self.goes_back(step)

    def goes_back(self, step: int) -> bool:
        """Whether this step, which follows those that were given before, is the first of a new run."""
        if step == self._last:
            return False
        is_new = self._last is not None and step < self._last and step != self._before
        if is_new or self._last is None or step > self._last:
            self._before, self._last = (None if is_new else self._last), step
        return is_new
