"""Arguments in, exit status out; a front end is imported only when it is needed."""

import argparse
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NoReturn

from ftmon import __version__
from ftmon.commands.show import crashed, show
from ftmon.errors import FtmonError, UsageError
from ftmon.lines.output import discard_stdout, encoded, say, write

if TYPE_CHECKING:
    from ftmon.model.job import JobKey
    from ftmon.settings import Settings

_COMMANDS = ("demo", "watch", "history", "export")

_KEY_OPTION = re.compile(r"--(api-?)?(key|token)(?![\w-])")
"""What other commands call an option that takes a key."""

_EXIT_STATUS = """\
exit status:
  0 the job succeeded (or --no-stream showed one that goes on)
  1 the job failed     2 usage or configuration     3 the job was cancelled
  4 the service refused     5 gave up: unreachable, or the end unknown
  6 output could not be written     70 a bug     124 --timeout passed
  130 left before the end (143, 129 by signal)     141 the reader of the pipe is gone
"""

_DESCRIPTION = """\
Watch a fine-tuning job until it is over. On a terminal ftmon shows a screen, in a
pipe plain lines; the exit status is the job's outcome. Leaving never touches the job.
"""

_EPILOG = f"""\
commands:
  ftmon demo            train a tiny model here and watch it: no key, no network
                        (see ftmon demo --help)
  ftmon history         the runs recorded here, or with JOB one of them: no network
  ftmon export JOB      a recorded run as JSON Lines or CSV
  ftmon watch JOB       the same as ftmon JOB, for an id that is a command's name

examples:
  ftmon ft-AF1WoRqd3aJAHsqc9NY7iL8F
  ftmon ft-AF1WoRqd3aJAHsqc9NY7iL8F --base-url http://127.0.0.1:8000/v1
  ftmon ft-AF1WoRqd3aJAHsqc9NY7iL8F --json | jq .message
  ftmon ft-AF1WoRqd3aJAHsqc9NY7iL8F --plain && deploy

environment:
  FTMON_BASE_URL, OPENAI_BASE_URL, OPENAI_API_BASE   the service, the first that is set
  FTMON_API_KEY, OPENAI_API_KEY                      the key, the first that is set
  OPENAI_ORG_ID, OPENAI_PROJECT_ID                   sent along as headers

{_EXIT_STATUS}"""


def main(arguments: Sequence[str]) -> int:
    """Run ftmon and return its exit status (see `_EXIT_STATUS`)."""
    sys.excepthook = crashed
    try:
        match list(arguments):
            case ["demo", *rest]:
                return _demo(rest)
            case ["history", *rest]:
                return _history(rest)
            case ["export", *rest]:
                return _export(rest)
            case ["watch", *rest]:
                return _watch(rest, is_job=True)
            case others:
                return _watch(others)
    except FtmonError as error:
        say(str(error))
        return error.exit_status
    except BrokenPipeError:
        discard_stdout()
        return 141
    except KeyboardInterrupt:
        return 130


def _watch(arguments: Sequence[str], *, is_job: bool = False) -> int:
    """Watch a job; `is_job` says that a command's name is meant as its id."""
    parser = _Parser(
        prog="ftmon",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "job", metavar="JOB", nargs="?", help="the job's id; without one the screen asks for it"
    )
    parser.add_argument("--no-stream", action="store_true", help="show the events so far, then stop")
    _add_output(parser)
    parser.add_argument("--base-url", metavar="URL", help="the service, such as http://127.0.0.1:8000/v1")
    parser.add_argument(
        "--api-key-file", metavar="FILE", help="a private file that holds the key (- is stdin)"
    )
    parser.add_argument("--wait", action="store_true", help="keep trying where the service cannot be reached")
    parser.add_argument("--ca-file", metavar="FILE", help="certificates to trust, for a service of your own")
    parser.add_argument(
        "--allow-http", action="store_true", help="send the key in plain http to another host"
    )
    _add_no_history(parser)
    parser.set_defaults(replay=None)
    parser.add_argument(
        "--version", action="version", version=f"ftmon {__version__}", help="show the version"
    )
    options = parser.parse_args(arguments)
    if options.job in _COMMANDS and not is_job:
        raise UsageError(
            f"{options.job} is a command here and stands first, before the options. "
            f"For a job of that name: ftmon watch {options.job}"
        )
    return show(
        options,
        lambda stack: _service(options),
        left="left; the job goes on unharmed.",
        again=lambda job_id: _again(options, job_id),
    )


def _service(options: argparse.Namespace) -> "tuple[Settings, JobKey | None]":
    from ftmon.model.job import JobKey, check_job_id
    from ftmon.settings import read_settings

    job_id = None if options.job is None else check_job_id(options.job)
    settings = read_settings(
        base_url=options.base_url,
        api_key_file=options.api_key_file,
        ca_file=options.ca_file,
        allow_http=options.allow_http,
    )
    return settings, None if job_id is None else JobKey(settings.base_url, job_id)


def _again(options: argparse.Namespace, job_id: str) -> str:
    """Return the command that watches a job again."""
    import shlex

    words = ["ftmon", "watch", job_id] if job_id in _COMMANDS else ["ftmon", job_id]
    for name in ("base_url", "api_key_file", "ca_file"):
        if value := getattr(options, name):
            words += [f"--{name.replace('_', '-')}", value]
    if options.allow_http:
        words.append("--allow-http")
    return shlex.join(words)


def _demo(arguments: Sequence[str]) -> int:
    from ftmon.demo import launch

    parser = _Parser(
        prog="ftmon demo",
        description="Train a tiny language model on this machine, serve its events as the fine-tunes API "
        "does, and watch it. Needs no key and no network.",
        allow_abbrev=False,
    )
    _add_output(parser)
    parser.add_argument(
        "--serve",
        action="store_true",
        help="only serve: print base_url and job_id as a line of JSON and go on until Ctrl-C",
    )
    _add_no_history(parser)
    launch.add_options(parser)
    parser.set_defaults(no_stream=False, wait=False, replay=None)
    options = parser.parse_args(arguments)
    if options.serve:
        return launch.serve(options)

    def service(stack: ExitStack) -> "tuple[Settings, JobKey | None]":
        from ftmon.model.job import JobKey
        from ftmon.settings import Settings

        demo = stack.enter_context(launch.running(options))
        return Settings(demo.base_url), JobKey(demo.base_url, demo.job_id)

    return show(options, service, left="left, and the demo's training has ended with it.")


def _history(arguments: Sequence[str]) -> int:
    from ftmon.commands import history as records

    parser = _Parser(
        prog="ftmon history",
        description="Show what was recorded here; no service is asked. Without JOB, list the runs.",
        allow_abbrev=False,
    )
    _add_output(parser)
    records.add_options(parser)
    parser.set_defaults(no_stream=False, wait=False, no_history=False)
    options = parser.parse_args(arguments)
    if options.job is None:
        return records.list_runs(options)
    if options.prune is not None:
        raise UsageError("--prune is for all runs of an age, and goes without JOB.")

    def service(stack: ExitStack) -> "tuple[Settings, JobKey | None]":
        from ftmon.settings import Settings

        key = records.find(options.job, options.base_url)
        return Settings(key.service), key

    return show(options, service, left="left the recorded run.")


def _export(arguments: Sequence[str]) -> int:
    from ftmon.commands import export

    parser = _Parser(
        prog="ftmon export",
        description="Write the events of a recorded run; no service is asked.",
        allow_abbrev=False,
    )
    export.add_options(parser)
    return export.export(parser.parse_args(arguments))


def _add_output(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print JSON Lines: one per event, the job last")
    how.add_argument("--plain", action="store_true", help="print text lines, no screen")
    parser.add_argument("--exit", action="store_true", help="leave the screen when the job is over")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        help="stop watching after this time, with exit status 124",
    )


def _add_no_history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-history", action="store_true", help="record nothing, and show nothing that was recorded"
    )


def _seconds(value: str) -> float:
    with suppress(ValueError):
        if 0 < (seconds := float(value)) < 1e9:
            return seconds
    raise argparse.ArgumentTypeError(f"{value!r} is not a number of seconds above 0")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        if _KEY_OPTION.search(message):
            raise UsageError(
                "No option takes a key, because everyone on this machine can read the command line: "
                "set FTMON_API_KEY (or OPENAI_API_KEY), or give --api-key-file."
            )
        raise UsageError(f"{message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: object = None) -> None:
        # argparse passes over what goes wrong with stdout.
        write(encoded(message))
