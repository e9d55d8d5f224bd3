"""Passes on once what several processes of one training print alike: torchrun's ranks share one output."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from ftmon.local.entry import Entry
from ftmon.model.rank import split_rank

_TOGETHER = 10.0
"""Seconds. Processes start one after the other. A line that comes later tells that the training goes on."""

_MOST = 1000
"""Lines of ranks that are remembered."""


class Repeats:
    """Drops the repeats in one output.

    A line is told as soon as the first process has printed it, because nobody knows whether others will. So
    its count cannot stand in it: an entry says the same at whichever reading. The count is an entry of its
    own, before the next line, where it is greater than those before.

    Where lines name their ranks, a rank's own repeat is another line, and other lines may stand between. Else
    a repeat follows at once: the same line further down may be that of the next epoch. And figures are kept,
    because a curve may be flat; those of one step are told once in any case.
    """

    def __init__(self) -> None:
        self._line = ""
        """The line before, how often it came, and when it came first."""
        self._times = 0
        self._since = 0.0
        self._ranks: OrderedDict[str, set[int]] = OrderedDict()
        """Those that have printed a line, by the line."""
        self._most = 1
        """The largest count so far."""
        self._count: tuple[int, Entry] | None = None
        """That of the lines before, where it is to be told."""

    def drop(self, entries: Iterable[tuple[int, Entry]], at: float) -> Iterator[tuple[int, Entry]]:
        """Yield the numbered entries that repeat none; they were written at this time, in seconds."""
        for number, entry in entries:
            rank, line = split_rank(entry.message)
            if rank is not None:
                times = self._ranks_of(line, rank)
            elif entry.figures:
                times = 1
            else:
                # What has a time of its own repeats nothing of another time.
                times = self._times_of(line if entry.at is None else f"{entry.at} {line}", at)
            if times > self._most:
                self._most = times
                self._count = number, Entry(f"{times} equal lines are shown as one")
            if times == 1:
                if self._count is not None:
                    yield self._count
                    self._count = None
                yield number, entry

    def _times_of(self, line: str, at: float) -> int:
        """Return how often a line has come, one after the other, with this time."""
        if line != self._line or at - self._since > _TOGETHER:
            self._line, self._times, self._since = line, 0, at
        self._times += 1
        return self._times

    def _ranks_of(self, line: str, rank: int) -> int:
        """Return how many ranks have printed a line, with this one."""
        self._line = ""
        ranks = self._ranks.pop(line, set())
        if rank in ranks:
            ranks = set()
        ranks.add(rank)
        self._ranks[line] = ranks
        if len(self._ranks) > _MOST:
            self._ranks.popitem(last=False)
        return len(ranks)
