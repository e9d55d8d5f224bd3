"""A run that ftmon has started, or that publishes itself: what its directory tells."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ftmon.local.command import cancel
from ftmon.local.entry import Entry, Outcome, RunSplitter
from ftmon.local.place import News
from ftmon.local.reason import Reason
from ftmon.local.run import LocalRun, Told
from ftmon.local.run_directory import EVENTS, End, RunDirectory
from ftmon.local.source import JSON_LINES, LOG, FileSource, Numbered
from ftmon.local.verdict import Standing, Verdict
from ftmon.model.event import Level
from ftmon.model.job import Status

_SCAN_EVERY = 1.0
"""Seconds between two looks for new runs where the time of the last change tells none: it may be coarse."""


class Signs:
    """What the entries of a run tell of its end."""

    def __init__(self) -> None:
        self._published: Outcome | None = None
        """The end that the training has published."""
        self.published_at: datetime | None = None
        """When it did, where that is told."""
        self._reason = Reason()

    def note(self, entries: Iterable[Entry]) -> None:
        """Take entries, in their order."""
        for entry in entries:
            if entry.outcome is not None:
                self._published, self.published_at = entry.outcome, entry.at
            self._reason.note(entry.message, is_error=entry.level is Level.ERROR)

    def outcome(self, end: End | None) -> Outcome | None:
        """Return the outcome of a run that is over, by the end of its command if that was seen; else None."""
        if end is None:
            return self._published
        is_interrupted = self._published is not None and self._published.status is Status.CANCELLED
        if end.is_cancelled or (is_interrupted and end.status):
            return Outcome(Status.CANCELLED)
        if end.status == 0:
            return Outcome(Status.SUCCEEDED)
        return Outcome(Status.FAILED, ": ".join(filter(None, (end.reason, self._reason.text))))


class KeptRun:
    """The run of one directory."""

    def __init__(self, directory: RunDirectory, begun_at: datetime) -> None:
        self.directory = directory
        self.run = LocalRun(directory.id, begun_at, is_here=True)
        # A link would make ftmon publish another file of the user's.
        self._events = FileSource(directory.path / EVENTS, JSON_LINES, follow_links=False)
        self._output = FileSource(directory.output, LOG, follow_links=False)
        self._signs = Signs()
        self._splitters = {self._events: RunSplitter(), self._output: RunSplitter()}
        """Find where a command begins another training, such as the next fold."""
        self._end: End | None = None
        self._is_over = False
        self.is_settled = False
        """Nobody can write any more, and everything was read."""

    def poll(self, at: datetime) -> Iterator[News]:
        """Yield what is new, a part at a time; nothing at first, so that a run is known before it speaks."""
        # Asked before the files are read: what was written before the end is read before it is told. The end
        # is recorded before a run is no longer seen to go on.
        is_running = self.directory.is_running
        end = self.directory.end
        yield News(self.run, [])
        yield from self._published_since(at)
        for entries in self._output.rest():
            # What a training published before it printed this is taken before this. So a point that it tells
            # in both ways comes from the same file at whichever reading.
            yield from self._published_since(at)
            yield self._taken(self._output, entries, at)
        if end is not None or not is_running:
            yield self._taken(self._output, self._output.finish(), at)
        self._end, self._is_over = end, end is not None or not is_running
        self.is_settled = not is_running

    def verdict(self, run: LocalRun, now: datetime) -> Verdict:
        """Say how the run stands, by what the last `poll` has found."""
        if self._is_over:
            outcome = self._signs.outcome(self._end)
            at = self._signs.published_at if self._end is None else self._end.at
            return Verdict(Standing.OVER if outcome else Standing.ENDED, outcome, at)
        is_silent = run.verdict(now, None).standing in (Standing.STALLED, Standing.ENDED)
        return Verdict(Standing.STALLED if is_silent else Standing.RUNNING)

    def cancel(self, run: LocalRun) -> str:
        """Ask the keeper to cancel its command; return why that cannot be done, as a sentence."""
        is_asked = cancel(self.directory) is not None
        return "" if is_asked else "Nothing keeps this run any more that could cancel it."

    def _published_since(self, at: datetime) -> Iterator[News]:
        for entries in self._events.rest():
            yield self._taken(self._events, entries, at)

    def _taken(self, source: FileSource, entries: Numbered, at: datetime) -> News:
        # Not later than the end, which is told at its own time, also where all is read after it.
        written_at = min(at, datetime.fromtimestamp(source.changed_at, UTC))
        told: list[Told] = []
        part: Numbered = []
        for numbered in entries:
            if self._splitters[source].begins(numbered[1]):
                told += self.run.take(source.path.name, part, written_at)
                self.run.begin_again(source.path.name)
                part = []
            part.append(numbered)
        told += self.run.take(source.path.name, part, written_at)
        self._signs.note(each.entry for each in told)
        return News(self.run, told)


class KeptRuns:
    """All runs that ftmon keeps, also those that begin later."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._runs: dict[str, KeptRun] = {}
        self._scanned_at: datetime | None = None
        self._changed_at = 0
        """When a run came or went before the last look, in nanoseconds."""

    def poll(self, at: datetime) -> Iterator[News]:
        """Yield what is new, a part at a time."""
        with suppress(FileNotFoundError):
            changed_at = self._home.stat().st_mtime_ns
            is_due = self._scanned_at is None or abs((at - self._scanned_at).total_seconds()) >= _SCAN_EVERY
            if is_due or changed_at != self._changed_at:
                self._scanned_at, self._changed_at = at, changed_at
                self._scan()
        for run in list(self._runs.values()):
            if not run.is_settled:
                yield from run.poll(at)

    def _scan(self) -> None:
        for directory in RunDirectory.all(self._home):
            if directory.id not in self._runs and (started_at := directory.started_at) is not None:
                self._runs[directory.id] = KeptRun(directory, started_at)

    def verdict(self, run: LocalRun, now: datetime) -> Verdict:
        """Say how a run stands, by what the last `poll` has found."""
        return self._runs[run.id].verdict(run, now)

    def cancel(self, run: LocalRun) -> str:
        """Ask the keeper of a run to cancel its command; return why that cannot be done, as a sentence."""
        return self._runs[run.id].cancel(run)
