"""Telling a command of the user's: facts in its environment, and as JSON on its standard input."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from ftmon.notify.words import Facts
from ftmon.providers import PROVIDERS
from ftmon.settings.notification import VARIABLE

_LONGEST = 30.0
"""Seconds that the command may take."""

_MOST = 4096
"""Bytes of a variable."""

_SECRET = ("FTMON_API_KEY", "FTMON_SERVE_TOKEN", VARIABLE)


def without_keys(environ: Mapping[str, str], names: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment without the variables that hold keys: the providers' own, and these."""
    secret = {*_SECRET, *names}.union(*(provider.keys for provider in PROVIDERS.values()))
    return {name: value for name, value in environ.items() if name not in secret}


def variables(told: Facts) -> dict[str, str]:
    """Return the facts as variables; one that is not known is empty."""
    return {
        f"FTMON_{name.upper()}": _capped("" if value is None else str(value)) for name, value in told.items()
    }


def run(words: Sequence[str], told: Facts, environ: Mapping[str, str], longest: float = _LONGEST) -> str:
    """Run a command without a shell, and return a sentence that says what was wrong; empty where nothing was.

    The sentence has nothing of the command. What it prints is dropped.
    """
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**environ, **variables(told)},
            # A group of its own, to be ended with all that it has started.
            start_new_session=True,
        )
    except OSError as error:
        return f"The command cannot be run: {error.strerror}."
    with process:
        try:
            process.communicate(f"{json.dumps(told)}\n".encode(), longest)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return f"The command was not done after {longest:g} s."
    return f"The command failed with exit status {process.returncode}." if process.returncode else ""


def _capped(text: str) -> str:
    return text.replace("\0", "").encode(errors="replace")[:_MOST].decode(errors="ignore")
