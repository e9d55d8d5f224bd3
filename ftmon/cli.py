"""Arguments in, exit status out. The first word names the command, which is imported when it is run."""

import os
import sys
from collections.abc import Sequence

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
    if "_ARGCOMPLETE" in os.environ:
        from ftmon.commands import completion

        return completion.complete()
    match arguments:
        case ["demo", *rest]:
            from ftmon.commands import demo

            return demo.run(rest)
        case ["history", *rest]:
            from ftmon.commands import history

            return history.run(rest)
        case ["doctor", *rest]:
            from ftmon.commands import doctor

            return doctor.run(rest)
        case ["export", *rest]:
            from ftmon.commands import export

            return export.run(rest)
        case ["config", *rest]:
            from ftmon.commands import config

            return config.run(rest)
        case ["jobs", *rest]:
            from ftmon.commands import jobs

            return jobs.run(rest)
        case ["cancel", *rest]:
            from ftmon.commands import cancel

            return cancel.run(rest)
        case ["pause", *rest]:
            from ftmon.commands import pause

            return pause.run(rest)
        case ["resume", *rest]:
            from ftmon.commands import resume

            return resume.run(rest)
        case ["completion", *rest]:
            from ftmon.commands import completion

            return completion.run(rest)
        case _:
            from ftmon.commands import watch

            return watch.run(arguments)
