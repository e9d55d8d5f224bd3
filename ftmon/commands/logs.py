"""`ftmon logs RUN`: what a command under `ftmon run` has printed, as it printed it."""

import os
from collections.abc import Sequence

from ftmon.commands.local import kept_run
from ftmon.commands.parser import Parser
from ftmon.errors import UsageError
from ftmon.lines.output import write

_AT_ONCE = 1 << 20


def run(arguments: Sequence[str]) -> int:
    """Print the output of a run so far, and return the exit status."""
    word: str = parser().parse_args(arguments).run
    from ftmon.local.growing_file import open_regular

    kept = kept_run(word)
    if kept is None:
        raise UsageError(f"ftmon keeps no run of the name {word}. ftmon history lists those that it keeps.")
    try:
        descriptor = open_regular(kept.output, follow_links=False)
    except FileNotFoundError:
        return 0
    try:
        while data := os.read(descriptor, _AT_ONCE):
            write(data)
    finally:
        os.close(descriptor)
    return 0


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    parser = Parser(
        prog="ftmon logs",
        description="Print what a command under ftmon run has written so far, with colours, bars and all.",
        allow_abbrev=False,
    )
    parser.add_argument("run", metavar="RUN", help="the run's id")
    return parser
