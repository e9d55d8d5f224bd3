"""`ftmon run -- COMMAND`: run a trainer, and watch it; its exit status is the job's outcome."""

import shlex
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ftmon.commands.local import target_of_kept
from ftmon.commands.parser import Parser, add_no_history, add_notify, add_view_options
from ftmon.commands.show import has_screen, show
from ftmon.commands.view import Target, View, Watching
from ftmon.errors import UsageError

if TYPE_CHECKING:
    from ftmon.local.run_directory import RunDirectory

_FORWARDED = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""Signals for the trainer: those of Slurm, systemd and docker."""


def run(arguments: Sequence[str]) -> int:
    """Run a command and watch it."""
    own, command = _split(arguments)
    options, others = parser().parse_known_args(own)
    if others:
        raise UsageError(_advice(own, others))
    from ftmon.local.command import check_command

    check_command(command)
    view = View(options.json, options.plain, options.exit, options.timeout, notify=options.notify)
    return show(
        view,
        Watching(record=not options.no_history),
        _opening(options.name or _name(command), command, passes_signals=not has_screen(view)),
        left="left; the training goes on.",
    )


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    parser = Parser(
        prog="ftmon run",
        usage="ftmon run [-h] [--name NAME] [--json | --plain] [--exit] [--notify | --no-notify] "
        "[--timeout SECONDS] -- COMMAND …",
        description="Run a trainer, unchanged, and watch it. Its lines are the events, and losses, steps and "
        "epochs are read out of them, as of `step 10/500: loss=0.85` or `Epoch 2/3, val_loss 0.9`; its exit "
        "status is the outcome. Leaving the screen does not touch it.",
        allow_abbrev=False,
    )
    parser.add_argument("--name", metavar="NAME", help="the beginning of the run's id (default: the script)")
    add_view_options(parser)
    add_notify(parser)
    add_no_history(parser)
    return parser


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return ftmon's own options and the command behind `--`."""
    words = list(arguments)
    if "--" not in words:
        return words, []
    place = words.index("--")
    return words[:place], words[place + 1 :]


def _advice(words: list[str], others: list[str]) -> str:
    """Return what to type instead of words of which some are no options."""
    if others[0].startswith("-"):
        return f"unrecognized arguments: {' '.join(others)} (see ftmon run --help)"
    place = words.index(others[0])
    command = shlex.join(["ftmon", "run", *words[:place], "--", *words[place:]])
    return f"The command stands behind --: {command}"


def _name(command: list[str]) -> str:
    """Return a name for a run: that of the script, or else of the program."""
    scripts = [word for word in command[1:] if word.endswith((".py", ".sh"))]
    return Path(scripts[0] if scripts else command[0]).stem


@contextmanager
def _opening(name: str, command: list[str], *, passes_signals: bool) -> Iterator[Target]:
    """Start the command as a run."""
    from ftmon.local.command import start
    from ftmon.paths import runs_directory

    directory = start(runs_directory(), name, command, Path.cwd())
    if passes_signals:
        _pass_signals_on(directory)
    yield target_of_kept(directory.id)


def _pass_signals_on(directory: "RunDirectory") -> None:
    """Cancel the command on Ctrl-C, and give it the signals that are meant for it. Its end ends the watch."""
    from ftmon.local.command import cancel, forward

    def interrupt(number: int, frame: FrameType | None) -> None:
        cancel(directory)

    def pass_on(number: int, frame: FrameType | None) -> None:
        forward(directory, signal.Signals(number))

    signal.signal(signal.SIGINT, interrupt)
    for number in _FORWARDED:
        signal.signal(number, pass_on)
