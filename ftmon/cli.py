"""Arguments in, exit status out; a front end is imported only when it is needed."""

import argparse
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType, TracebackType
from typing import NoReturn

from ftmon import __version__
from ftmon.errors import FtmonError, UsageError
from ftmon.model.job import check_job_id
from ftmon.plain import discard_stdout, follow, say
from ftmon.safe import redact, safe
from ftmon.settings import Settings, read_settings
from ftmon.watch import Watcher

_EXIT_STATUS = """\
exit status:
  0 the job succeeded (or --no-stream showed one that goes on)
  1 the job failed     2 usage or configuration     3 the job was cancelled
  4 the service refused     5 gave up: unreachable, or the end unknown
  6 output could not be written     70 a bug     124 --timeout passed
  130 left before the end (143, 129 by signal)     141 the reader of the pipe is gone
"""

_EPILOG = f"""\
commands:
  ftmon demo            train a tiny model here and watch it: no key, no network
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
    sys.excepthook = _crashed
    try:
        if arguments and arguments[0] == "demo":
            return _demo(arguments[1:])
        return _watch(arguments[1:] if arguments and arguments[0] == "watch" else arguments)
    except FtmonError as error:
        say(safe(str(error)))
        return error.exit_status
    except BrokenPipeError:
        discard_stdout()
        return 141
    except KeyboardInterrupt:
        return 130


def _watch(arguments: Sequence[str]) -> int:
    parser = _Parser(
        prog="ftmon",
        description="Watch a fine-tuning job until it is over. On a terminal ftmon shows a screen, in a pipe "
        "plain lines; the exit status is the job's outcome.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
    parser.add_argument("--wait", action="store_true", help="keep trying until the service can be reached")
    parser.add_argument("--ca-file", metavar="FILE", help="certificates to trust, for a service of your own")
    parser.add_argument(
        "--allow-http", action="store_true", help="send the key in plain http to another host"
    )
    parser.add_argument(
        "--no-history", action="store_true", help="record nothing of this run, and read nothing"
    )
    parser.add_argument("--version", action="version", version=f"ftmon {__version__}")
    options = parser.parse_args(arguments)
    if options.job is not None:
        check_job_id(options.job)
    settings = read_settings(
        base_url=options.base_url,
        api_key_file=options.api_key_file,
        ca_file=options.ca_file,
        allow_http=options.allow_http,
    )
    watcher = Watcher(settings, stream=not options.no_stream, patient=options.wait)
    again = f"ftmon {options.job or 'JOB'}"
    if options.base_url:
        again += f" --base-url {shlex.quote(options.base_url)}"
    return _show(watcher, options.job, options, again)


def _demo(arguments: Sequence[str]) -> int:
    from ftmon.demo import launch

    parser = _Parser(
        prog="ftmon demo",
        description="Train a tiny language model on this machine, serve its events as the fine-tunes API does, "
        "and watch it. Needs no key and no network.",
    )
    _add_output(parser)
    parser.add_argument(
        "--serve",
        action="store_true",
        help="only serve: print base_url and job_id as a line of JSON and go on until Ctrl-C",
    )
    launch.add_options(parser)
    options = parser.parse_args(arguments)
    if options.serve:
        return launch.serve(options)
    with ExitStack() as stack:
        service = stack.enter_context(launch.running(options))
        return _show(Watcher(Settings(service.base_url)), service.job_id, options, "ftmon demo")


def _add_output(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print JSON Lines: one per event, the job last")
    how.add_argument("--plain", action="store_true", help="print text lines, no screen")
    parser.add_argument("--exit", action="store_true", help="leave the screen when the job is over")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, help="stop watching after this time (124)"
    )


def _seconds(value: str) -> float:
    seconds = float(value)
    if not 0 < seconds < 1e9:
        raise ValueError
    return seconds


def _show(watcher: Watcher, job_id: str | None, options: argparse.Namespace, again: str) -> int:
    """Show the job on the screen, or as lines where there is none."""
    if not (options.json or options.plain) and _is_screen():
        return _screen(watcher, job_id, options, again)
    if job_id is None:
        raise UsageError(
            "Which job? Give its id: ftmon JOB. (The screen, which asks for one, needs a terminal.)"
        )
    for notice in watcher.notices:
        say(notice)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ended)
    try:
        status = follow(watcher, job_id, as_json=options.json, timeout=options.timeout)
    except KeyboardInterrupt:
        say(f"left; the job goes on unharmed. To watch it again: {again}")
        return 130
    finally:
        watcher.close()
    if status == 5:
        say(f"to watch it again: {again}")
    return status


def _screen(watcher: Watcher, job_id: str | None, options: argparse.Namespace, again: str) -> int:
    # Importing the screen takes a third of a second: a word before that says that the key was heard.
    os.write(2, f"ftmon: opening {job_id or 'the screen'} …".encode())
    from ftmon.tui.app import FtmonApp

    app = FtmonApp(watcher, job_id, exit_when_over=options.exit, timeout=options.timeout)
    try:
        app.run()
    finally:
        watcher.close()
        os.write(2, b"\r\x1b[K")
    for line in app.closing_lines(again):
        print(line)
    return app.return_code or 0


def _is_screen() -> bool:
    """Textual draws on stderr and reads stdin; a screen in a pipe is of use to nobody."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream is not None and stream.isatty() for stream in streams) and os.environ.get(
        "TERM", "dumb"
    ) not in ("dumb", "unknown", "")


def _ended(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell of a bug: the traceback without values, because values may be secrets."""
    lines = traceback.format_exception(kind, error, trace)
    say(f"this is a bug in ftmon {__version__}; the job is unharmed.\n{redact(safe(''.join(lines)))}")
    os._exit(70)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # The message may repeat what was typed, or what a script put there.
        super().error(safe(message))
