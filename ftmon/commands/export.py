"""`ftmon export`: write a recorded run as JSON Lines or CSV, to files or stdout. No service is asked."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ftmon.commands.export_file import is_stream, save, taken
from ftmon.commands.export_format import FORMATS, Format, metrics_csv
from ftmon.commands.parser import Parser, add_recorded_service
from ftmon.commands.recorded import recorded_run
from ftmon.errors import UsageError
from ftmon.history.reader import PARTIAL
from ftmon.lines.output import say, write
from ftmon.paths import is_of_history


@dataclass(frozen=True, slots=True)
class Destination:
    """In which format to write, and where."""

    format: str
    output: str
    """The name of a file, or - for stdout."""
    metrics: bool
    """Write the table of losses instead of the events, to stdout."""
    force: bool
    """Overwrite files."""


def run(arguments: Sequence[str]) -> int:
    """Export a recorded run, and return the exit status.

    Raises:
        UsageError: when the run is not recorded, or a file exists.
        OutputError, BrokenPipeError: when the output cannot be written.
    """
    options = parser().parse_args(arguments)
    destination = Destination(options.format, options.output, options.metrics, options.force)
    if destination.metrics and (destination.format != "csv" or destination.output != "-"):
        raise UsageError("--metrics goes with --format csv and stdout; a file gets that table beside it.")
    with recorded_run(options.job, options.base_url) as (history, recorded):
        key = recorded.key
        if recorded.is_partial:
            say(PARTIAL)
        if destination.output == "-":
            chosen = metrics_csv if destination.metrics else FORMATS[destination.format]
            for piece in chosen(history, key):
                write(piece)
            return 0
        files = _files(destination)
        for file, form in files.items():
            save(file, form(history, key), overwrites=destination.force)
    say(f"wrote {' and '.join(map(str, files))}.")
    return 0


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    parser = Parser(
        prog="ftmon export",
        description="Write the events of a recorded run, or of a run of this machine. No service is asked.",
        allow_abbrev=False,
    )
    parser.add_argument("job", metavar="JOB", help="the run's id")
    parser.add_argument("--format", choices=tuple(FORMATS), default="jsonl", help="default: jsonl")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default="-",
        help="the file to write; csv also writes its losses beside it, run.metrics.csv for run.csv; "
        "default: stdout",
    )
    parser.add_argument(
        "--metrics", action="store_true", help="to stdout: the table of losses instead of the events"
    )
    parser.add_argument("--force", action="store_true", help="overwrite files")
    add_recorded_service(parser)
    return parser


def _files(destination: Destination) -> dict[Path, Format]:
    """Return the files to write and the format of each, after checking that each may be written."""
    try:
        path = Path(destination.output).expanduser()
        files = {path: FORMATS[destination.format]}
        if destination.format == "csv" and not is_stream(path):
            files[_table_beside(path)] = metrics_csv
        for file in files:
            _check(file, force=destination.force)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{destination.output!r} cannot be the name of a file: {error}") from error
    return files


def _table_beside(path: Path) -> Path:
    """Return the file for the table of losses. Two files of different names have two tables."""
    # Only .csv is dropped: `with_suffix` would take the end of `runs.A` for a suffix too.
    name = path.name[:-4] if path.suffix.lower() == ".csv" else path.name
    return path.with_name(f"{name}.metrics.csv")


def _check(path: Path, *, force: bool) -> None:
    """Raise a UsageError if the file must not be written."""
    with suppress(FileNotFoundError, NotADirectoryError):
        # Raises an OSError for a link in /tmp that the system refuses to follow because another user owns it.
        # From Python 3.14 on, the questions below would answer False instead.
        path.stat()
    if is_of_history(path):
        raise UsageError(f"{path} belongs to the history; choose another name.")
    if is_stream(path):
        return
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} exists and is not a file; choose another name.")
    if not force and (path.exists() or path.is_symlink()):
        raise taken(path)
