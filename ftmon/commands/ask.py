"""Asking a service to do something with a job, as `cancel`, `pause` and `resume` do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ftmon.commands.connection import connected, install_ending
from ftmon.commands.local import cancel_kept, kept_run
from ftmon.commands.parser import Parser, add_timeout
from ftmon.commands.question import agrees
from ftmon.commands.service import ServiceOptions, add_service_options
from ftmon.commands.target import chosen
from ftmon.errors import LEFT, GaveUpError, RefusedError, UnreachableError
from ftmon.lines.output import encoded, say, write
from ftmon.model.action import Action, ActionOutcome
from ftmon.model.key import JobKey

if TYPE_CHECKING:
    from ftmon.watch.watcher import Watcher

_DESCRIPTIONS = {
    Action.CANCEL: "Ask the service to cancel a job. That cannot be undone, so ftmon asks first.",
    Action.PAUSE: "Ask the service to pause a job. Not every API has that.",
    Action.RESUME: "Ask the service to resume a paused job. Not every API has that.",
}

_EPILOG = """\
exit status: 0 if the service says that it does it, 4 if it refuses, 5 if that is not known,
130 if you said no"""


def ask(action: Action, arguments: Sequence[str]) -> int:
    """Ask for it, say what came of it, and return the exit status.

    Raises:
        RefusedError: when the service does not do it.
        GaveUpError: when it could not be asked, or when it is not known whether it does it.
    """
    options = parser_of(action).parse_args(arguments)
    service, kept = ServiceOptions.of(options), kept_run(options.job)
    if action is Action.CANCEL and kept is not None and not service.is_named:
        return cancel_kept(kept, ask=not options.yes)
    choice, key = chosen(service, options.job)
    if action is Action.CANCEL and not options.yes:
        question = f"Cancel {key.job_id} at {key.service}?"
        if not agrees(question, without="--yes cancels without asking"):
            say("the job was not cancelled.")
            return LEFT
    words = f"No answer came in time; it is not known whether the job will be {action.done}."
    install_ending(options.timeout, words)
    settings = choice.with_key()
    for notice in settings.notices:
        say(notice)
    with connected(settings) as watcher:
        outcome = _asked(watcher, action, key)
    if outcome.is_too_late:
        raise RefusedError(outcome.sentence)
    if not outcome.is_settled:
        raise GaveUpError(outcome.sentence)
    write(encoded(f"{outcome.sentence}\n"))
    return 0


def _asked(watcher: "Watcher", action: Action, key: JobKey) -> ActionOutcome:
    try:
        return watcher.ask(action, key).result()
    except RefusedError as error:
        raise RefusedError(f"The job was not {action.done}. {error}", error.status) from error
    except UnreachableError as error:
        raise GaveUpError(f"The job was not {action.done}: {error}.") from error


def parser_of(action: Action) -> Parser:
    """Return the parser of the command for an action."""
    parser = Parser(
        prog=f"ftmon {action.verb}",
        description=_DESCRIPTIONS[action],
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("job", metavar="JOB", help="the job's id")
    if action is Action.CANCEL:
        parser.add_argument("--yes", action="store_true", help="cancel without asking")
    add_service_options(parser)
    add_timeout(parser, "stop waiting for the answer after this time, with exit status 124")
    return parser
