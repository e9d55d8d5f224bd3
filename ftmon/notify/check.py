"""How the user is told of news, checked: for `ftmon doctor`."""

import os
from collections.abc import Mapping

from ftmon.checks.check import Check, bad, doubt, good
from ftmon.errors import UsageError
from ftmon.notify.terminal import LET_THROUGH, terminal
from ftmon.notify.tmux import ask_tmux
from ftmon.settings.config import read_ways


def notification(environ: Mapping[str, str] = os.environ) -> Check:
    """Return what is set, without the address and the command, and what the terminal takes."""
    try:
        ways = read_ways(environ)
    except UsageError as error:
        return bad("notify", str(error))
    shown_on = terminal(environ, ask_tmux(environ), ways.terminal)
    text = f"{shown_on.words}; {ways.words}"
    # Most terminals have no notifications, which nobody can mend.
    return doubt("notify", text, shown_on.advice) if shown_on.advice == LET_THROUGH else good("notify", text)
