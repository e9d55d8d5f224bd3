"""What `ftmon watch PATH` and `ftmon serve PATH` read: the runs of a file or a directory, as they come."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from time import process_time
from typing import NamedTuple, Protocol

from ftmon.local.entry import Outcome
from ftmon.local.folder import MOST_FILES, find_runs
from ftmon.local.growing_file import head_of
from ftmon.local.run import LocalRun, RunFiles, Told
from ftmon.local.source import FileSource, format_of
from ftmon.local.verdict import Standing, Verdict
from ftmon.model.job import Status

SCAN_EVERY = 5.0
"""Seconds between two looks for new files in a directory; more, where a look takes long."""

_SHARE = 1 / 1000
"""Part of the time that is spent on looking."""


class News(NamedTuple):
    """What is new of one run."""

    run: LocalRun
    told: list[Told]


class Runs(Protocol):
    """Where runs come from. `poll` is called again and again, and reads what is new."""

    def poll(self, now: datetime) -> Iterator[News]:
        """Yield what is new, a part at a time.

        Raises:
            UsageError, FileNotFoundError: where there is nothing that can be read.
        """
        ...

    def verdict(self, run: LocalRun, now: datetime) -> Verdict:
        """Say how a run stands, by what the last `poll` has found."""
        ...

    def cancel(self, run: LocalRun) -> str:
        """Ask for a run to be cancelled; return why that cannot be done, as a sentence."""
        ...


class Place:
    """The runs of a file or a directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_whole = True
        self._files: dict[Path, RunFiles] = {}
        self._results: dict[Path, list[Path]] = {}
        self._scanned_at: datetime | None = None
        self._scan_every = SCAN_EVERY

    @property
    def runs(self) -> list[LocalRun]:
        """All runs that have told something, the newest first."""
        runs = [run for files in self._files.values() for run in files.runs]
        return sorted(runs, key=lambda run: run.heard_at, reverse=True)

    @property
    def may_have_newer(self) -> bool:
        """Behind what was read, there seem to be runs that are newer than those."""
        return any(files.may_begin_again for files in self._files.values())

    @property
    def faults(self) -> list[str]:
        """What of the place is not read, and why: sentences."""
        cut = [] if self._is_whole else [f"Only {MOST_FILES:,} entries of {self.path} were looked at."]
        return [*cut, *(fault for files in self._files.values() for fault in files.faults)]

    def cancel(self, run: LocalRun) -> str:
        """Say that a run which others have started is theirs to end."""
        return "ftmon did not start this run, and cannot cancel it."

    def poll(self, now: datetime) -> Iterator[News]:
        """Yield what is new, a part at a time; raises as `Runs.poll`."""
        # The clock may be put back.
        if self._scanned_at is None or abs((now - self._scanned_at).total_seconds()) >= self._scan_every:
            began = process_time()
            self._scan()
            self._scanned_at = now
            self._scan_every = max(SCAN_EVERY, (process_time() - began) / _SHARE)
        for files in list(self._files.values()):
            for run, told in files.poll(now):
                yield News(run, told)

    def verdict(self, run: LocalRun, now: datetime) -> Verdict:
        """Say how a run stands. Only the last one in its files can still run."""
        folder, files = next(item for item in self._files.items() if run in item[1].runs)
        if run is not files.runs[-1]:
            standing = run.verdict(now, None)
            return standing if standing.standing is Standing.OVER else Verdict(Standing.ENDED)
        return run.verdict(now, _newest(self._results.get(folder, [])))

    def _scan(self) -> None:
        # `Path.is_dir` raises for a name that is too long.
        if not os.path.isdir(self.path):  # noqa: PTH112
            if self.path not in self._files:
                source = FileSource(self.path, format_of(self.path.name, head_of(self.path)))
                self._files[self.path] = RunFiles(self.path, [source])
            return
        folders, self._is_whole = find_runs(self.path)
        for folder in folders:
            self._results[folder.path] = folder.results
            if folder.path in self._files:
                self._files[folder.path].update(folder.sources())
            else:
                self._files[folder.path] = RunFiles(folder.path, folder.sources())


def outcome_of(verdict: Verdict) -> Outcome | None:
    """Return the outcome of a run that is over, an unknown one where nothing tells it; None while it runs."""
    if verdict.standing is Standing.ENDED:
        return Outcome(Status.UNKNOWN)
    return verdict.outcome


def _newest(paths: list[Path]) -> float | None:
    times = []
    for path in paths:
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(times, default=None)
