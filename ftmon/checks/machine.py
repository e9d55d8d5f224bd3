"""What is found on this machine: the terminal, and the history."""

import codecs
import os
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path

from ftmon.checks.check import Check, bad, doubt, good
from ftmon.errors import HistoryError
from ftmon.history.inspection import inspect
from ftmon.paths import history_file
from ftmon.settings.choice import Choice
from ftmon.text import plural, size

_LONGEST = 3.0
"""Seconds that the check of the whole history may take."""

_LEAST = (20, 5)
"""Columns and lines that the screen needs."""


def terminal(environ: Mapping[str, str] = os.environ) -> Check:
    """Return what the terminal can do. The screen needs one that knows UTF-8 and moves its cursor."""
    columns, lines = _size()
    if not columns:
        return doubt("terminal", "none here", "the screen needs one; lines are printed instead")
    name = environ.get("TERM", "")
    encoding = codecs.lookup(sys.stderr.encoding).name if sys.stderr else "no encoding"
    found = [name or "no TERM", f"{columns}×{lines}", _colors(name, environ), encoding.upper()]
    text = " · ".join([*found, *(["tmux"] if environ.get("TMUX") else [])])
    if name.lower() in ("", "dumb", "unknown"):
        return doubt("terminal", text, "for the screen: export TERM=xterm-256color")
    if encoding != "utf-8":
        return doubt("terminal", text, "for the screen: export LANG=C.UTF-8")
    if columns < _LEAST[0] or lines < _LEAST[1]:
        return doubt("terminal", text, f"the screen needs {_LEAST[0]}×{_LEAST[1]}")
    return good("terminal", text)


def _size() -> tuple[int, int]:
    """Return the size of the terminal that stderr, stdout or stdin is; zeros where none of them is one."""
    for stream in (2, 1, 0):
        try:
            return os.get_terminal_size(stream)
        except OSError:
            continue
    return 0, 0


def _colors(name: str, environ: Mapping[str, str]) -> str:
    if environ.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256color" in name else "16 colours"


def config(choice: Choice) -> Check:
    """Return which config file and profile are used."""
    path, profile = choice.config.path, choice.profile
    if path is None:
        return good("config", "no file: there is no home directory")
    if not choice.config.exists:
        return good("config", f"{path} (not there yet)")
    return good("config", f"{path}, {f'profile {profile.name}' if profile else 'no profile'}")


def history(service: str) -> tuple[Check, str]:
    """Look at the history. Return also which dialect it remembers of a service."""
    try:
        path = history_file()
    except HistoryError as error:
        return doubt("history", f"nothing is recorded: {error}"), ""
    try:
        found = inspect(path, service, _LONGEST)
    except FileNotFoundError:
        return _writable(path, f"{path}: nothing is recorded yet"), ""
    except HistoryError as error:
        return bad("history", f"{path}: {error}", "move it away"), ""
    except sqlite3.OperationalError as error:
        return doubt("history", f"{path} cannot be read now: {error}"), ""
    except sqlite3.DatabaseError as error:
        advice = "ftmon sets it aside, and begins a new one, when it records the next time"
        return bad("history", f"{path} is damaged: {error}", advice), ""
    state = "sound" if found.is_checked else f"not checked whole in {_LONGEST:g} s"
    text = f"{path}: {plural(found.runs, 'run')}, {size(found.size)}, {state}"
    return _writable(path, text), found.dialect


def _writable(path: Path, text: str) -> Check:
    """Return the check of a history that can be read, and written if it is right."""
    places = [path, path.parent] if path.exists() else [next(each for each in path.parents if each.exists())]
    if all(os.access(place, os.R_OK | os.W_OK) for place in places):
        return good("history", text)
    return doubt("history", f"{text}; it cannot be written", "nothing is recorded until you may write there")
