"""What tmux tells of itself, and of the terminal that it is shown on."""

import re
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

_LONGEST = 1.0
"""Seconds that the answer may take."""

_PANE = re.compile("%[0-9]{1,9}")

_FORMAT = "#{version}\t#{client_termname} #{client_termtype}\t#{allow-passthrough}"
"""The only format that is handed to tmux. tmux runs the commands in a format, so no other text is in it."""


class Tmux(NamedTuple):
    """What tmux tells."""

    terminal: str = ""
    """The name of the terminal that shows it; blank where none does now."""
    passes_on: bool = False
    """It passes sequences on to that terminal."""


def ask_tmux(environ: Mapping[str, str]) -> Tmux | None:
    """Ask tmux; None outside of it. One that does not answer passes nothing on."""
    if not environ.get("TMUX"):
        return None
    pane = environ.get("TMUX_PANE", "")
    target = ["-t", pane] if _PANE.fullmatch(pane) else []
    try:
        done = subprocess.run(
            ["tmux", "display-message", "-p", *target, _FORMAT],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST,
            check=True,
        )
        version, name, passthrough = done.stdout.decode(errors="replace").rstrip("\n").split("\t")
    except (OSError, subprocess.SubprocessError, ValueError):
        return Tmux()
    return Tmux(name.strip(), passthrough in ("on", "all", "1", "2") or _is_old(version))


def _is_old(version: str) -> bool:
    """Whether this tmux is older than the option, and passes everything on: the option came with 3.3."""
    numbers = re.match(r"(?:next-)?(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < (3, 3)
