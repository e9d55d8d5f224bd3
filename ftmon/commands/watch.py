"""`ftmon JOB`: watch a job of a service."""

import argparse
import shlex
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial

from ftmon import __version__
from ftmon.commands import NAMES
from ftmon.commands.parser import Parser, add_no_history, add_notify, add_tail, add_view_options
from ftmon.commands.service import ServiceOptions, add_service_options
from ftmon.commands.show import import_screen, show
from ftmon.commands.target import target_of
from ftmon.commands.view import Target, View, Watching
from ftmon.errors import UsageError
from ftmon.providers import PROVIDERS

_LONGEST_COMMAND, _LIKENESS = 12, 0.75
"""A word without digits that is no longer, and so much like a command, is one that was mistyped: ids are
longer."""

_OTHER_WORDS = {"prune": "history --prune", "list": "jobs"}
"""What other programs call a command, and what it is called here."""

_DESCRIPTION = """\
Watch a fine-tuning job until it is over. On a terminal ftmon shows a screen, in a
pipe plain lines; the exit status is the job's outcome. Leaving never touches the job.
"""

_EPILOG = """\
commands:
  ftmon demo            train a tiny model here and watch it: no key, no network
                        (see ftmon demo --help)
  ftmon history         the runs recorded here, or with JOB one of them: no network
  ftmon export JOB      a recorded run as JSON Lines or CSV
  ftmon config          which service and key are used, and why; ftmon config edit
  ftmon doctor [JOB]    checks service, key, network, terminal and history
  ftmon notify          how you are told when to look; --test tries each way
  ftmon jobs            the jobs of the service, the runs here, and those recorded here
  ftmon cancel JOB      ask the service to cancel a job; ftmon pause JOB and
                        ftmon resume JOB, where the API has that
  ftmon completion      print what makes bash, zsh or fish complete words with Tab
  ftmon run -- COMMAND  run a trainer here and watch it
  ftmon serve [PATH]    publish the runs of this machine, for a watcher elsewhere
  ftmon logs RUN        what it has printed, unchanged; ftmon RUN watches it again
  ftmon watch PATH      the run of a trainer here, read from its log, file or directory;
                        - for what is piped in
  ftmon watch JOB       the same as ftmon JOB, for an id that is a command's name
  ftmon help [COMMAND]  the options of a command

examples:
  ftmon ft-AF1WoRqd3aJAHsqc9NY7iL8F
  ftmon ft-AF1WoRqd3aJAHsqc9NY7iL8F --base-url http://127.0.0.1:8000/v1
  ftmon ft-AF1WoRqd3aJAHsqc9NY7iL8F --json | jq .message
  ftmon ft-AF1WoRqd3aJAHsqc9NY7iL8F --plain && deploy
  ftmon --latest --tail 20

environment:
  FTMON_BASE_URL, OPENAI_BASE_URL, OPENAI_API_BASE   the service, the first that is set
  FTMON_API_KEY, OPENAI_API_KEY                      the key, the first that is set
  OPENAI_ORG_ID, OPENAI_PROJECT_ID                   sent along as headers
  FTMON_PROFILE, FTMON_CONFIG                        a profile; another config file
  FTMON_NOTIFY                                       an address or a command to tell

variables of the providers, which --provider and their hosts use:
{variables}

exit status:
  0 the job succeeded (or --no-stream showed a job that still runs)
  1 the job failed     2 usage or configuration     3 the job was cancelled
  4 the service refused     5 gave up: unreachable, or the end unknown
  6 output could not be written     70 a bug     124 --timeout passed
  130 left before the end (143, 129 by signal)     141 the reader of the pipe is gone
"""


def run(arguments: Sequence[str]) -> int:
    """Watch a job.

    The arguments may begin with the word `watch`. Only then may a command's name be the job's id.
    """
    is_named = arguments[:1] == ["watch"]
    options = parser().parse_args(arguments[1:] if is_named else arguments)
    word: str | None = options.job
    own_id: str | None = options.own_id
    service = ServiceOptions.of(options)
    if word in NAMES and not is_named:
        raise UsageError(
            f"{word} is a command, and a command stands first, before the options. "
            f"For a job of that name: ftmon watch {word}"
        )
    if options.latest and (word, own_id) != (None, None):
        raise UsageError("--latest picks the job itself and takes no JOB.")
    view = View(
        options.json, options.plain, options.exit, options.timeout, options.tail, notify=options.notify
    )
    watching = Watching(stream=not options.no_stream, patient=options.wait, record=not options.no_history)
    here = (
        None if service.is_named else _opening_here(word, own_id, view, wait=options.wait, is_named=is_named)
    )
    if here is not None:
        return show(
            view,
            watching,
            here,
            left="left; that does not touch the training.",
            again=lambda run_id: shlex.join(["ftmon", "watch", word or "", "--job", run_id]),
        )
    if word is not None and not is_named:
        _check_spelling(word)
    if word is not None and own_id is not None:
        raise UsageError("--job chooses among the runs at a PATH: ftmon watch PATH --job ID")
    return show(
        view,
        watching,
        _latest(service) if options.latest else _opening(service, own_id if word is None else word),
        left="left; that does not touch the job.",
        again=lambda job_id: _command(service, job_id),
    )


def _check_spelling(word: str) -> None:
    """Raise a UsageError for a word that was meant as a command."""
    if meant := _meant(word):
        raise UsageError(
            f"There is no command {word}. Did you mean ftmon {meant}? "
            f"(A job of that name: ftmon watch {word})"
        )


def _meant(word: str) -> str:
    """Return the command that a word is, or is nearly; empty where it is unlike all of them."""
    if len(word) > _LONGEST_COMMAND or not word.isalpha():
        return ""
    from difflib import get_close_matches

    near = get_close_matches(word.casefold(), (*NAMES, "help", *_OTHER_WORDS), 1, _LIKENESS)
    return _OTHER_WORDS.get(near[0], near[0]) if near else ""


def _opening_here(
    word: str | None, own_id: str | None, view: View, *, wait: bool, is_named: bool
) -> AbstractContextManager[Target] | None:
    """Return what opens a path, a pipe, or a run that ftmon keeps; None for a service's job.

    Only behind the word `watch` may a word be a path. An id behind `--job` alone is never one.
    """
    from ftmon.commands import local

    if word is None:
        kept = own_id and local.kept_run(own_id)
        return nullcontext(local.target_of_kept(kept.id)) if kept else None
    if is_named and word == "-" and own_id is None:
        return local.opening_piped(local.take_pipe())
    if (is_named and local.is_path(word)) or local.kept_run(word) is not None:
        return local.opening_path(word, wait=wait, job_id=own_id, meanwhile=partial(import_screen, view))
    return None


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    parser = Parser(
        prog="ftmon",
        description=_DESCRIPTION,
        epilog=_EPILOG.format(variables=_variables()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "job",
        metavar="JOB",
        nargs="?",
        help="the job's id; without one the screen asks for it. Behind the word watch also a trainer's "
        "file or directory, or - for what is piped in",
    )
    parser.add_argument(
        "--job",
        metavar="ID",
        dest="own_id",
        help="with watch PATH: which of the runs there; alone: the job's id, also where a file has that name",
    )
    parser.add_argument("--no-stream", action="store_true", help="show the events so far, then stop")
    parser.add_argument(
        "--latest",
        action="store_true",
        help="watch the newest job, or run of this machine, that is not over, else the newest",
    )
    add_tail(parser)
    add_view_options(parser)
    add_notify(parser)
    add_service_options(parser)
    parser.add_argument(
        "--wait",
        action="store_true",
        help="keep trying if the service cannot be reached, or nothing is at the path yet",
    )
    add_no_history(parser)
    parser.add_argument(
        "--version", action="version", version=f"ftmon {__version__}", help="show the version"
    )
    return parser


def _variables() -> str:
    """Return the variables that each provider's own programs read, too."""
    lines = []
    for name, provider in PROVIDERS.items():
        if provider.variables:
            lines.append(f"  {name:<13} {', '.join(provider.variables)}")
    return "\n".join(lines)


@contextmanager
def _opening(service: ServiceOptions, job_id: str | None) -> Iterator[Target]:
    yield target_of(service, job_id)


@contextmanager
def _latest(service: ServiceOptions) -> Iterator[Target]:
    from ftmon.commands.latest import latest
    from ftmon.commands.local import target_of_kept
    from ftmon.local.catalog import kept_jobs
    from ftmon.model.key import LOCAL

    settings = service.settings()
    kept = [] if service.is_named else kept_jobs()
    found = latest(None if kept and service.is_lacking(settings) else settings, kept)
    if found.key.service == LOCAL:
        settings = target_of_kept(found.key.job_id).settings
    yield Target(replace(settings, notices=(*settings.notices, found.sentence)), found.key)


def _command(service: ServiceOptions, job_id: str) -> str:
    """Return the command that watches a job of this service."""
    return service.command("ftmon", *(["watch"] if _meant(job_id) else []), job_id)
