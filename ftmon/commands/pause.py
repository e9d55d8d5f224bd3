"""`ftmon pause JOB`: ask the service to pause a job."""

from collections.abc import Sequence

from ftmon.commands.ask import ask, parser_of
from ftmon.commands.parser import Parser
from ftmon.model.action import Action


def run(arguments: Sequence[str]) -> int:
    """Ask for it; raises as `ask`."""
    return ask(Action.PAUSE, arguments)


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    return parser_of(Action.PAUSE)
