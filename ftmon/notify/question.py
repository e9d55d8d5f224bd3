"""Asking the terminal which one it is."""

import os
import re
import select
import termios
import tty
from contextlib import suppress
from time import monotonic

_LONGEST = 1.0
"""Seconds that the answer may take. A terminal far away answers in half of that."""

_MOST = 4096

_WHICH = b"\x1b[>q"
"""XTVERSION, which most terminals answer with their name. Others ignore it."""

_LAST = b"\x1b[c"
"""DA1, which all terminals answer: nothing comes after that."""

_NAME = re.compile(rb"\x1bP>\|([ -~]{1,100})\x1b\\")
_END = re.compile(rb"\x1b\[\?[0-9;]*c")


def terminal_name() -> str:
    """Return the name that the terminal gives itself; empty where it has none, or where there is none."""
    with suppress(OSError, termios.error):
        before = termios.tcgetattr(0)
        try:
            tty.setcbreak(0, termios.TCSANOW)
            os.write(2, _WHICH + _LAST)
            match = _NAME.search(_answer())
        finally:
            # What comes too late would be taken for keys by the shell.
            termios.tcsetattr(0, termios.TCSAFLUSH, before)
        return match[1].decode() if match else ""
    return ""


def _answer() -> bytes:
    """Read what the terminal says to the last question."""
    said, deadline = b"", monotonic() + _LONGEST
    while not _END.search(said) and len(said) < _MOST:
        if not select.select([0], [], [], max(0.0, deadline - monotonic()))[0]:
            break
        piece = os.read(0, 1024)
        if not piece:
            break
        said += piece
    return said
