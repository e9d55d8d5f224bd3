"""`ftmon notify`: say how the user is told of news, or try each way."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ftmon.commands.columns import wrapped
from ftmon.commands.parser import Parser
from ftmon.lines.output import encoded, write

if TYPE_CHECKING:
    from ftmon.settings.notification import Notification

_NAME_WIDTH = 9

_DESCRIPTION = """\
Say how you are told of what is worth looking at, or try each way with --test.

While a job is watched, ftmon tells each of these once: it finished, failed or was
cancelled; it stalled (silent for far longer than is usual for it); its loss diverged
(no number, or exploding); overfitting (the validation loss has risen for long);
disconnected (the service has not been reached for five minutes); and it is back.

The terminal gets its bell, a notification of the desktop where it has those, and the
run in its title. A command of yours gets the facts in variables (FTMON_EVENT,
FTMON_TITLE, FTMON_MESSAGE, FTMON_JOB, FTMON_STATUS, FTMON_LOSS ...) and as JSON on
its standard input. An address gets a POST, as ntfy, Slack and Discord take it, else
one JSON object.
"""

_EPILOG = """\
to set it, FTMON_NOTIFY with an address or a command, or in the config file:
  [notify]
  address = "https://ntfy.sh/my-topic"      # https, or http to this machine; it is never shown
  command = ["notify-send", "ftmon"]        # no shell, 30 s at most
  kind = "ntfy"                             # for a server of your own: ntfy, slack, discord, json
  events = ["failed", "stalled"]            # only these
  terminal = "osc777"                       # osc9, osc777, osc99 or bell, where ftmon does not find out
  enabled = false                           # only with --notify

The screen tells by default, lines where an address or a command is set. --notify and
--no-notify switch that for one run.

exit status: 0 nothing is wrong, 1 a way has failed, 2 it is set wrongly
"""


def run(arguments: Sequence[str]) -> int:
    """Say how the user is told, or try each way, and return the exit status."""
    is_test = parser().parse_args(arguments).test
    from ftmon.model.note import Reason
    from ftmon.settings.config import read_ways

    ways = read_ways()
    _tell_terminal(ways, is_test=is_test)
    failures = _tell_others(ways) if is_test else []
    if not failures:
        _print("–", "others", ways.words)
    _print("–", "told", ", ".join(reason for reason in Reason if reason in ways.reasons))
    if ways.is_on is False:
        _print("–", "switch", "off in the config file; --notify switches it on")
    return 1 if any(failures) else 0


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    parser = Parser(
        prog="ftmon notify",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--test", action="store_true", help="tell something in each way, and say what came of it"
    )
    return parser


def _tell_terminal(ways: "Notification", *, is_test: bool) -> None:
    """Say what the terminal takes, and in a test tell it something."""
    from ftmon.notify.question import terminal_name
    from ftmon.notify.terminal import terminal
    from ftmon.notify.tmux import ask_tmux
    from ftmon.notify.words import TRIAL

    is_terminal = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    if not is_terminal:
        _print("!", "terminal", "none here")
        return
    tmux = ask_tmux(os.environ)
    name = terminal_name() if is_test and tmux is None else ""
    found = terminal(os.environ, tmux, ways.terminal, name)
    said = f"; it says that it is {name}" if name else ""
    _print("✔" if found.protocol else "!", "terminal", f"{found.words}{said}", found.advice)
    if is_test:
        os.write(2, found.notification(str(TRIAL["title"]), str(TRIAL["message"])).encode())
        _print("?", "", "did it ring, and was a notification shown? Only you can see that")


def _tell_others(ways: "Notification") -> list[bool]:
    """Tell something to the command and the address that are set, and return which of them failed."""
    from ftmon.notify.command import without_keys
    from ftmon.notify.errand import done, order
    from ftmon.notify.words import TRIAL

    environ = without_keys(os.environ, ways.key_variables)
    failed = []
    for name, failure in done(order(ways, TRIAL), environ):
        taken = f"it was taken, as {ways.shape}" if name == "address" else "it ended with 0"
        _print("✘" if failure else "✔", name, failure or taken)
        failed.append(bool(failure))
    return failed


def _print(sign: str, name: str, words: str, advice: str = "") -> None:
    line = f"{sign} {name:<{_NAME_WIDTH}} {words}{f' → {advice}' if advice else ''}"
    write(encoded(f"{wrapped(line, _NAME_WIDTH + 3)}\n"))
