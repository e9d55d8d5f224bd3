"""One file of a run: which format it has, and what is new in it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from pathlib import Path
from time import monotonic, time
from typing import NamedTuple, Protocol

from ftmon.errors import UsageError
from ftmon.local.encoding import TextDecoder, decoded
from ftmon.local.entry import LONG_SILENCE, Entry
from ftmon.local.growing_file import GrowingFile, LineSplitter
from ftmon.local.json_lines import JsonLinesReader
from ftmon.local.log import LogReader
from ftmon.local.own_events import OwnEventsReader, is_own
from ftmon.local.own_table import OwnTableReader, is_own_table
from ftmon.local.repeats import Repeats
from ftmon.local.saved_text import SavedTextReader, is_saved
from ftmon.local.table import TableReader
from ftmon.local.tensorboard import EventFileReader, is_event_file
from ftmon.local.trainer_state import TrainerStateReader
from ftmon.model.event import Level

Numbered = list[tuple[int, Entry]]
"""Entries, each with its number in its file."""


class Reader(Protocol):
    """Reads one file from its beginning, however its bytes are cut."""

    def feed(self, data: bytes) -> Iterable[Entry]:
        """Return the entries that are complete now.

        Raises:
            ValueError: where the file is not of this format, or is damaged: nothing after it is read.
        """
        ...

    def flush(self, silence: float) -> Iterable[Entry]:
        """Return what has waited for more, and does not wait longer: nothing came for so many seconds."""
        ...


class LineReader(Protocol):
    """Reads one file line by line; raises ValueError as `Reader.feed`."""

    def read(self, line: str, after: str = "", *, is_open: bool = False) -> list[Entry] | None:
        """Return the entries of a line without its end; `after` is what is written of the next line.

        Returns None where that `is_open`, and the line cannot be read before there is more of it.
        """
        ...


class Lines:
    """Reads the lines of a file with the reader of its format."""

    def __init__(self, reader: LineReader) -> None:
        self._decoder = TextDecoder()
        self._splitter = LineSplitter()
        self._reader = reader
        self._held: list[str | None] = []
        """The last line, where more of the next one is needed to read it."""

    def feed(self, data: bytes) -> Iterator[Entry]:
        """Yield the entries of the lines that are complete now."""
        return self._read([*self._held, *self._splitter.feed(self._decoder.feed(data))], is_open=True)

    def flush(self, silence: float) -> Iterator[Entry]:
        """Yield the entries of a line that has waited. One without its end is never complete."""
        return self._read(self._held if silence >= LONG_SILENCE else [], is_open=False)

    def _read(self, lines: Sequence[str | None], *, is_open: bool) -> Iterator[Entry]:
        for index, line in enumerate(lines, 1):
            is_last = index == len(lines)
            after = self._splitter.pending if is_last else lines[index]
            if line is None:
                entries: list[Entry] | None = [_TOO_LONG]
            else:
                entries = self._reader.read(line, after or "", is_open=is_last and is_open)
            self._held = [line] if entries is None else []
            yield from entries or ()


_TOO_LONG = Entry("A line of more than 8 MiB was passed over.", level=Level.WARNING)


class Format(NamedTuple):
    """A format of files that trainers write."""

    name: str
    rank: int
    """Of two files that tell the same, the one of the lower rank is shown: it is written sooner."""
    reader: Callable[[], Reader]


JSON_LINES = Format("JSON Lines", 0, lambda: Lines(JsonLinesReader()))
OWN_EVENTS = Format("events of ftmon", 0, lambda: Lines(OwnEventsReader()))
OWN_TABLE = Format("events of ftmon as a table", 0, lambda: Lines(OwnTableReader()))
SAVED_TEXT = Format("events of ftmon as text", 1, lambda: Lines(SavedTextReader()))
LOG = Format("a log", 1, lambda: Lines(LogReader()))
TABLE = Format("a table", 2, lambda: Lines(TableReader()))
EVENT_FILE = Format("a TensorBoard file", 3, EventFileReader)
TRAINER_STATE = Format("a trainer's state", 4, TrainerStateReader)


def format_of(name: str, head: bytes) -> Format:
    """Return the format of a file by its name and its first bytes; a log where it is nothing else."""
    if is_event_file(head):
        return EVENT_FILE
    if name == "trainer_state.json":
        return TRAINER_STATE
    text = decoded(head).lstrip("\ufeff \t\r\n")
    first = text.partition("\n")[0]
    if is_own(first):
        return OWN_EVENTS
    if is_own_table(first):
        return OWN_TABLE
    if is_saved(first):
        return SAVED_TEXT
    # Trainer prints Python's dicts, which begin with `{'`.
    if name.endswith((".jsonl", ".ndjson")) or first.startswith('{"'):
        return JSON_LINES
    return TABLE if _is_table(text) else LOG


def _is_table(text: str) -> bool:
    reader = TableReader()
    try:
        for line in text.split("\n")[:-1]:
            reader.read(line)
    except ValueError:
        return False
    return reader.has_header


class FileSource:
    """Reads what is new in one file of a run."""

    def __init__(self, path: Path, kind: Format, *, follow_links: bool = True) -> None:
        self.path = path
        self.format = kind
        self.fault = ""
        """Why the file is not read any further: a sentence that may be published."""
        self._file = GrowingFile(path, follow_links=follow_links)
        self._reader = kind.reader()
        self._heard_at = monotonic()
        """When something new came last, by this machine's monotonic clock."""
        self.readings = 0
        """How often the file has begun anew."""
        self._count = 0
        """Lines, rows or records that were told since the file's beginning."""
        self._repeats = Repeats()

    @property
    def name(self) -> str:
        """What the file is called to others: that of TensorBoard's has the name of the machine in it."""
        return "A TensorBoard file" if self.format is EVENT_FILE else self.path.name

    @property
    def changed_at(self) -> float:
        """When the file was written last, in seconds since 1970; 0 before it was read."""
        return self._file.changed_at

    def poll(self) -> Numbered:
        """Return what is new, each entry with its number in the file; of a large file, a part of it."""
        entries: Numbered = []
        if self.fault:
            return []
        try:
            # What comes before a fault stays in the list.
            entries.extend(self._new())
        except UsageError as error:
            self.fault = str(error).replace(str(self.path), self.name)
        except ValueError as error:
            entries.extend(self._numbered(self._reader.flush(inf)))
            self.fault = f"{self.name} is read no further: {error}."
        return self._without_repeats(entries)

    def finish(self) -> Numbered:
        """Return what has waited for more, which nobody will write."""
        return self._without_repeats(self._numbered(self._reader.flush(inf)))

    def rest(self) -> Iterator[Numbered]:
        """Yield what is new up to the end of what is written, in parts."""
        is_first = True
        while is_first or not self.is_at_end:
            is_first = False
            if entries := self.poll():
                yield entries

    def _new(self) -> Iterator[tuple[int, Entry]]:
        data, is_anew = self._file.read()
        if is_anew:
            yield from self._numbered(self._reader.flush(inf))
            self._reader = self.format.reader()
            self._repeats = Repeats()
            self._count = 0
            self.readings += 1
        if data:
            self._heard_at = monotonic()
            yield from self._numbered(self._reader.feed(data))
        else:
            # What was written long ago does not wait again, unless the clock was put back.
            yield from self._numbered(
                self._reader.flush(max(monotonic() - self._heard_at, time() - self.changed_at))
            )

    def _numbered(self, entries: Iterable[Entry]) -> Iterator[tuple[int, Entry]]:
        for entry in entries:
            number = self._count + 1
            self._count += entry.records
            yield number, entry

    def _without_repeats(self, entries: Iterable[tuple[int, Entry]]) -> Numbered:
        return list(self._repeats.drop(entries, self.changed_at) if self.format is LOG else entries)

    @property
    def is_at_end(self) -> bool:
        """Everything that is written was read."""
        return bool(self.fault) or self._file.is_at_end
