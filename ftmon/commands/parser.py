"""The parser of every command, and the options that several commands take."""

import argparse
import re
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from ftmon.errors import UsageError
from ftmon.lines.output import encoded, write

_KEY_OPTION = re.compile(r"--(api-?)?(key|token)(?![\w-])")
"""Names that other commands give to an option that takes a key."""


class Parser(argparse.ArgumentParser):
    """Raises a UsageError for arguments that it does not take."""

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError."""
        if _KEY_OPTION.search(message):
            raise UsageError(
                "No option takes a key, because everyone on this machine can read the command line: "
                "set FTMON_API_KEY (or OPENAI_API_KEY), or give --api-key-file."
            )
        raise UsageError(f"{message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: object = None) -> None:
        # argparse would ignore errors of stdout.
        write(encoded(message))


def add_view_options(parser: Parser) -> None:
    """Add the options of a `View`."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON Lines: one per event, the job last")
    form.add_argument("--plain", action="store_true", help="print text lines, no screen")
    parser.add_argument("--exit", action="store_true", help="leave the screen when the job is over")
    add_timeout(parser, "stop watching after this time, with exit status 124")


def add_timeout(parser: Parser, words: str) -> None:
    """Add `--timeout`."""
    parser.add_argument("--timeout", metavar="SECONDS", type=_seconds, help=words)


def add_notify(parser: Parser) -> None:
    """Add `--notify` and `--no-notify`."""
    parser.add_argument(
        "--notify",
        action=argparse.BooleanOptionalAction,
        help="tell of endings, stalls and other news, or not (see ftmon notify --help)",
    )


def add_tail(parser: Parser) -> None:
    """Add `--tail`."""
    parser.add_argument(
        "--tail", metavar="N", type=whole(0), help="show only the last N events of the past; all are counted"
    )


def add_no_history(parser: Parser) -> None:
    """Add `--no-history`."""
    parser.add_argument("--no-history", action="store_true", help="record nothing, and show no recorded past")


def add_recorded_service(parser: Parser) -> None:
    """Add the `--base-url` that chooses among recorded runs."""
    parser.add_argument(
        "--base-url", metavar="URL", help="the service, if several services had a job of this id"
    )


def positive(text: str) -> float:
    """Convert a finite number above 0."""
    with suppress(ValueError):
        if 0 < (number := float(text)) < float("inf"):
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")


def whole(least: int) -> Callable[[str], int]:
    """Return a conversion of whole numbers that are no less than `least`."""

    def convert(text: str) -> int:
        if re.fullmatch("[0-9]{1,9}", text, re.ASCII) and (number := int(text)) >= least:
            return number
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")

    return convert


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 < (seconds := float(text)) < 1e9:
            return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
