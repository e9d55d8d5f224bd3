"""The runs that some files hold, as they are written: which there are, and what each one tells."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from ftmon.local.entry import Entry, RunSplitter
from ftmon.local.glimpse import holds_several_runs
from ftmon.local.merge import Merger
from ftmon.local.source import EVENT_FILE, JSON_LINES, TABLE, TRAINER_STATE, FileSource, Numbered
from ftmon.local.verdict import Judge, Verdict
from ftmon.model.event import Level

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.-]+|\.\.+")
_LONGEST_NAME = 64

_MOST_RUNS = 1000
"""Runs of one file. Where there seem to be more, something counts down."""

_CLOCK_STEP = timedelta(minutes=1)
"""A clock may be put forward or back a little while a run goes on."""


class Told(NamedTuple):
    """An entry of a run, as it is told."""

    entry: Entry
    at: datetime
    is_estimated: bool
    """The format tells no time: this is when the entry was read, or when its file was written last."""
    id: str
    """Tells the entry apart from all others of its run, at whichever reading."""


class LocalRun:
    """One run: what its files tell, in the order in which it was read."""

    def __init__(self, own_id: str, begun_at: datetime, *, is_here: bool = False) -> None:
        """`is_here`: it was started on this machine at `begun_at`."""
        self.id = own_id
        """The same whenever the same files are read."""
        self.begun_at = begun_at
        self.heard_at = begun_at
        """When its files told something last."""
        self.last_at = begun_at
        """When the last entry was written, as it says itself, else as its file does."""
        self._earliest = begun_at - _CLOCK_STEP if is_here else None
        self._merger = Merger()
        self._judge = Judge()

    def begin_again(self, source: str) -> None:
        """Take another training that follows in a file as a part of this run."""
        self._merger.begin_again(source)

    def take(self, source: str, entries: Numbered, written_at: datetime) -> list[Told]:
        """Return what is new among the entries of a file, which was written then."""
        told = []
        for number, entry in entries:
            if (new := self._merger.new(source, entry)) is not None:
                # Its place in the file alone does not identify an entry: where a log is rotated, another line
                # has that.
                own_id = _hash(repr((source, number, entry.step, entry.message)))
                at = None if self._is_of_another_clock(new.at) else new.at
                told.append(Told(new, at or written_at, at is None, own_id))
        if told:
            self.heard_at, self.last_at = written_at, told[-1].at
        self._judge.note((each.entry for each in told), written_at.timestamp())
        return told

    def _is_of_another_clock(self, at: datetime | None) -> bool:
        """Whether a time is before the run, as that of a container may be.

        One that is ahead stays: whether it is depends on when it is read, and an event has one time.
        """
        return at is not None and self._earliest is not None and at < self._earliest

    def verdict(self, now: datetime, results_at: float | None) -> Verdict:
        """Say how the run stands now. `results_at` is when a file with its results was written."""
        return self._judge.verdict(now.timestamp(), results_at=results_at)


class RunFiles:
    """The files of one folder, which several runs may have been appended to."""

    def __init__(self, path: Path, sources: list[FileSource]) -> None:
        self.path = path
        self.runs: list[LocalRun] = []
        """Oldest first."""
        self._sources = sources
        self._leader: tuple[FileSource, int] | None = None
        """The first file, and how often it had begun anew when it was read last."""
        self._splitter = RunSplitter()
        """Finds the runs in it."""
        self._current = -1
        """The run that it is in."""
        self._is_first_reading = True
        self._faulty: set[FileSource] = set()
        """Those whose fault was told."""

    @property
    def faults(self) -> list[str]:
        """Why files are read no further: sentences."""
        return [source.fault for source in self._sources if source.fault]

    @property
    def may_begin_again(self) -> bool:
        """The first file, which is not read to its end yet, seems to hold further runs."""
        first = self._sources[0]
        is_cut = first.format is JSON_LINES and not first.is_at_end
        return is_cut and holds_several_runs(first.path)

    def update(self, sources: list[FileSource]) -> None:
        """Read these files from now on; those that are read already go on where they are."""
        known = {source.path: source for source in self._sources}
        self._sources = [known.get(source.path, source) for source in sources]

    def poll(self, now: datetime) -> Iterator[tuple[LocalRun, list[Told]]]:
        """Yield what is new, a part of one file at a time; the first file is read to its end first."""
        for source in self._sources:
            for entries in source.rest():
                yield from self._take(source, entries, now)
            if source.fault and source not in self._faulty and self.runs:
                self._faulty.add(source)
                entry = Entry(source.fault, level=Level.WARNING)
                yield self.runs[-1], [Told(entry, now, False, _hash(source.fault))]
        self._is_first_reading = False

    def _take(
        self, source: FileSource, entries: Numbered, now: datetime
    ) -> Iterator[tuple[LocalRun, list[Told]]]:
        written_at = datetime.fromtimestamp(source.changed_at, UTC) if self._is_first_reading else now
        # Each checkpoint has the state in another folder.
        is_alone = source.format is TRAINER_STATE or source.path == self.path
        name = source.path.name if is_alone else str(source.path.relative_to(self.path))
        is_leading = source is self._sources[0]
        if is_leading:
            self._find_place(source, entries[0][1])
        part: Numbered = []
        for numbered in entries:
            entry = numbered[1]
            begins = is_leading and self._splitter.begins(entry) and self._current < _MOST_RUNS - 1
            if begins or (is_leading and self._current < 0):
                if part:
                    run = self.runs[self._current]
                    yield run, run.take(name, part, written_at)
                    part = []
                self._current += 1
            if self._current >= len(self.runs) or not self.runs:
                self.runs.append(LocalRun(self._run_id(entry), entry.at or written_at))
            part.append(numbered)
        # The files beside the first one hold, as a rule, the newest run alone.
        run = self.runs[self._current if is_leading else -1]
        yield run, run.take(name, part, written_at)

    def _find_place(self, source: FileSource, first: Entry) -> None:
        """Say which run the first file is in, where it is another file now or has begun anew.

        Lightning writes its table anew for each new column. Any other file that begins anew may hold another
        training, with the beginning of the one before.
        """
        before, self._leader = self._leader, (source, source.readings)
        if before is None or before[0] is not source:
            self._current, self._splitter = len(self.runs) - 1, RunSplitter()
        elif before != self._leader and source.format is TABLE:
            ids = [run.id for run in self.runs]
            if (own := self._own_id(first)) in ids:
                self._current, self._splitter = ids.index(own), RunSplitter()

    def _run_id(self, first: Entry) -> str:
        """Return the id of the run that begins with this entry; where another one has it, with a number."""
        own = self._own_id(first)
        alike = sum(run.id.startswith(own) for run in self.runs)
        return f"{own}-{alike + 1}" if alike else own

    def _own_id(self, first: Entry) -> str:
        """Return the name of the folder, and a hash of the run's own beginning.

        An event file of TensorBoard has the name of its machine in its own, which is not published.
        """
        place = self.path.resolve()
        named = place.parent if self._sources[0].format is EVENT_FILE and place.is_file() else place
        name = _NOT_IN_IDS.sub("-", named.name)[:_LONGEST_NAME].strip("-.") or "run"
        beginning = repr((str(place), first.message, sorted(first.figures.items()), first.at))
        return f"{name}-{_hash(beginning)[:8]}"


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=12).hexdigest()
