"""Finds the files of trainers in a directory, and which of them belong to one run."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ftmon.errors import UsageError
from ftmon.local.growing_file import head_of
from ftmon.local.source import EVENT_FILE, LOG, TRAINER_STATE, FileSource, Format, format_of

MOST_FILES = 20_000
"""Entries of a directory that are looked at."""

_DEEPEST = 5

_LOGS = re.compile(r"(?:.*\.(?:log|out)|running_log\.txt|log(?:_\d+)?\.txt)", re.IGNORECASE)
"""Names of logs: Axolotl's `debug.log`, Slurm's `slurm-17.out`, `nohup.out`, LLaMA-Factory's."""

_DATA = re.compile(r".*\.(?:jsonl|ndjson|csv|tsv)", re.IGNORECASE)
_RESULTS = frozenset({"all_results.json", "train_results.json"})
"""Files that trainers write after a good end."""

_PARTS = re.compile(
    r"checkpoint-\d+|runs|logs|tb|tensorboard|train|validation|eval|val|[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d_.*"
)
"""Folders inside a run's: checkpoints, and where Trainer and Keras put TensorBoard's files."""

_PASSED_OVER = frozenset({"node_modules", "__pycache__", "wandb", "site-packages"})


@dataclass(slots=True)
class RunFolder:
    """The files of one run."""

    path: Path
    files: list[tuple[Path, Format]] = field(default_factory=list)
    results: list[Path] = field(default_factory=list)
    changed_at: float = 0.0
    """When one of the files was written last, in seconds since 1970."""

    def sources(self) -> list[FileSource]:
        """Return the files to read, those that tell most first: one of each role."""
        files = sorted(self.files, key=lambda each: (each[1].rank, -_changed_at(each[0])))
        states = [path for path, kind in files if kind is TRAINER_STATE]
        newest = max(states, key=_step_of_state) if states else None
        event_folders: set[Path] = set()
        chosen = []
        for path, kind in files:
            if kind is TRAINER_STATE and path != newest:
                continue
            # Each start of a trainer writes another event file.
            if kind is EVENT_FILE and path.parent in event_folders:
                continue
            event_folders.add(path.parent)
            chosen.append(FileSource(path, kind))
        return chosen


def find_runs(root: Path) -> tuple[list[RunFolder], bool]:
    """Return the runs below a directory, the last written first, and whether all of it was looked at.

    Raises:
        UsageError: where it is no directory, or cannot be read.
    """
    try:
        if not stat.S_ISDIR(root.stat().st_mode):
            raise UsageError(f"{root} is no directory.")
        os.scandir(root).close()
    except OSError as error:
        raise UsageError(f"{root} cannot be read: {error.strerror}.") from error
    runs: dict[Path, RunFolder] = {}
    walk = _Walk()
    for entry in walk.files(root, 0):
        path = Path(entry.path)
        is_result = entry.name in _RESULTS
        kind = None if is_result else _kind(path)
        if not is_result and kind is None:
            continue
        home = _home(path.parent, root)
        run = runs.setdefault(home, RunFolder(home))
        if kind is None:
            run.results.append(path)
        else:
            run.files.append((path, kind))
            run.changed_at = max(run.changed_at, _changed_at(path))
    found = [run for run in runs.values() if run.files]
    return sorted(found, key=lambda run: -run.changed_at), walk.is_whole


class _Walk:
    """Walks through a directory, without hidden folders, links to folders, and what lies too deep."""

    def __init__(self) -> None:
        self.is_whole = True
        self._left = MOST_FILES

    def files(self, folder: Path, depth: int) -> Iterator["os.DirEntry[str]"]:
        folders = []
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if not self._left:
                    self.is_whole = False
                    return
                self._left -= 1
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry)
                elif entry.is_file():
                    yield entry
        for entry in sorted(folders, key=lambda each: each.name):
            if entry.name.startswith(".") or entry.name in _PASSED_OVER or depth == _DEEPEST:
                continue
            yield from self.files(Path(entry.path), depth + 1)


def _kind(path: Path) -> Format | None:
    """Return the format of a file in a directory; None for one that is no trainer's."""
    name = path.name
    is_event_file = ".tfevents." in name
    if not (is_event_file or name == "trainer_state.json" or _LOGS.fullmatch(name) or _DATA.fullmatch(name)):
        return None
    head = _head(path)
    kind = format_of(name, head)
    if _LOGS.fullmatch(name) or kind in (TRAINER_STATE, EVENT_FILE):
        return kind
    # A data set has the same name as a log of figures, but no figures.
    return kind if kind is not LOG and _has_points(kind, head) else None


def _has_points(kind: Format, head: bytes) -> bool:
    with suppress(ValueError):
        for entry in kind.reader().feed(head):
            if any(name.endswith("loss") or "reward" in name for name in entry.figures):
                return True
    return False


def _home(folder: Path, root: Path) -> Path:
    """Return the folder of the run that a folder belongs to, which is not above the root."""
    while folder != root and _PARTS.fullmatch(folder.name):
        folder = folder.parent
    return folder


def _step_of_state(path: Path) -> tuple[int, float]:
    """Order the states of a run: by the step, then by the time. Names do not count: 1000 sorts before 200."""
    # The keys of the file are sorted; the long history comes after this one.
    match = re.search(rb'"global_step":\s*(\d{1,15})', _head(path))
    return (int(match[1]) if match else -1, _changed_at(path))


def _head(path: Path) -> bytes:
    """Return the first bytes of a file; none where it cannot be read."""
    with suppress(FileNotFoundError, UsageError):
        return head_of(path)
    return b""


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
