"""Arguments in, exit status out. The first word names the command, which is imported when it is run."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from ftmon.commands import NAMES
from ftmon.commands.crash import crashed
from ftmon.errors import FtmonError
from ftmon.lines.output import discard_stdout, say


def main(arguments: Sequence[str]) -> int:
    """Run ftmon and return its exit status, which `ftmon --help` explains."""
    sys.excepthook = crashed
    try:
        return _run(list(arguments))
    except FtmonError as error:
        say(str(error))
        return error.exit_status
    except BrokenPipeError:
        discard_stdout()
        return 141
    except KeyboardInterrupt:
        return 130


def _run(arguments: list[str]) -> int:
    # Set by a shell that wants words to complete.
    if "_ARGCOMPLETE" in os.environ:
        from ftmon.commands import completion

        return completion.complete()
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:2], "--help"]
    name = arguments[0] if arguments and arguments[0] in NAMES else "watch"
    module = import_module(f"ftmon.commands.{name}")
    # `watch` takes its own name too: only then may a command's name be the job's id.
    status: int = module.run(arguments if name == "watch" else arguments[1:])
    return status
