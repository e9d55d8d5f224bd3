"""`ftmon completion`: print what makes a shell complete ftmon's words, and complete them for it.

The shell asks by running ftmon with `_ARGCOMPLETE` set. Otherwise none of this is imported.
"""

import argparse
import os
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING

from argcomplete import autocomplete
from argcomplete.completers import BaseCompleter, FilesCompleter
from argcomplete.lexers import split_line
from argcomplete.shell_integration import shellcode

from ftmon.commands import NAMES
from ftmon.commands.parser import Parser
from ftmon.errors import FtmonError
from ftmon.lines.output import encoded, write

if TYPE_CHECKING:
    from ftmon.history.reader import RecordedRun

_DESCRIPTION = """\
Print a script that completes commands, options, profiles, recorded jobs and runs with Tab.

bash, in ~/.bashrc:                   eval "$(ftmon completion bash)"
zsh, in ~/.zshrc after compinit:      eval "$(ftmon completion zsh)"
fish, in ~/.config/fish/config.fish:  ftmon completion fish | source
"""


def run(arguments: Sequence[str]) -> int:
    """Print the script of a shell, and return the exit status."""
    script = shellcode(["ftmon"], use_defaults=False, shell=parser().parse_args(arguments).shell)
    write(encoded(f"{script.strip()}\n"))
    return 0


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    parser = Parser(
        prog="ftmon completion",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell to print it for")
    return parser


def complete() -> int:
    """Answer a shell with the words that may stand at its cursor. No service is asked, and no key read.

    `argcomplete` ends the process.
    """
    words = split_line(os.environ["COMP_LINE"], int(os.environ["COMP_POINT"]))[3]
    # zsh hands over the whole line, where other commands may stand before this one.
    start = max((at for at, word in enumerate(words) if PurePath(word).name == "ftmon"), default=0)
    command = next((word for word in words[start + 1 : start + 2] if word in NAMES), "")
    # The number of the word before the arguments, from 1 on.
    os.environ["_ARGCOMPLETE"] = str(start + (2 if command else 1))
    autocomplete(
        import_module(f"ftmon.commands.{command or 'watch'}").parser(),
        always_complete_options=False,
        default_completer=_Candidates(is_first=len(words) == start + 1),
    )
    return 0


class _Candidates(BaseCompleter):
    """Knows what may stand for an argument."""

    def __init__(self, *, is_first: bool) -> None:
        self._is_first = is_first
        """The argument is the first word, which may be a command."""

    def __call__(
        self,
        *,
        prefix: str,
        action: argparse.Action,
        parser: argparse.ArgumentParser,
        parsed_args: argparse.Namespace,
    ) -> Iterable[str]:
        """Return the words, or each with what it is."""
        match action.dest:
            case "job":
                commands = dict.fromkeys(NAMES, "a command") if self._is_first else {}
                return {**_jobs(), **_kept(), **commands}
            case "own_id":
                return {**_jobs(), **_kept()}
            case "run":
                return _kept()
            case "base_url":
                return {run.key.service: "recorded here" for run in _runs()}
            case "profile":
                return _profiles()
            case "provider":
                from ftmon.providers import KNOWN

                return KNOWN
        return FilesCompleter()(prefix) if action.metavar == "FILE" else ()


def _profiles() -> dict[str, str]:
    from ftmon.settings.config import read_config

    try:
        profiles = read_config().profiles
    except FtmonError:
        return {}
    return {name: profile.base_url or profile.provider for name, profile in profiles.items()}


def _jobs() -> dict[str, str]:
    from ftmon import text
    from ftmon.safe import one_line

    return {run.key.job_id: one_line(f"{text.last_seen(run.job)} {run.job.model or ''}") for run in _runs()}


def _kept() -> dict[str, str]:
    from ftmon import text
    from ftmon.local.catalog import kept_jobs

    return {job.id: f"{text.STATUS_SIGNS[job.status]} {job.status_word}" for job in kept_jobs()}


def _runs() -> "list[RecordedRun]":
    from ftmon.commands.recorded import opened

    try:
        with opened() as history:
            return history.runs() if history else []
    except FtmonError:
        return []
