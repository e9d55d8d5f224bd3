"""What a terminal takes to tell somebody who does not look: the bell, and a notification of the desktop."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from ftmon.notify.tmux import Tmux
from ftmon.safe import safe

BELL = "\a"

LET_THROUGH = "tmux set -g allow-passthrough all (on before tmux 3.4, for the window that is shown)"
"""What to do where tmux keeps notifications back."""

_LONGEST = 200
"""Characters of a notification's line."""

_PROTOCOLS = {"osc9": "OSC 9", "osc777": "OSC 777", "osc99": "OSC 99"}
"""The ways to a notification, with the names that their documentation has."""

_BY_NAME = (
    # https://sw.kovidgoyal.net/kitty/desktop-notifications
    ("kitty", "osc99"),
    # https://iterm2.com/documentation-escape-codes.html
    ("iterm", "osc9"),
    # https://wezterm.org/escape-sequences.html, https://ghostty.org/docs/vt, foot-ctlseqs(7), urxvt's
    # extension, and VTE as Fedora and Ptyxis build it; any other VTE ignores it.
    ("wezterm", "osc777"),
    ("ghostty", "osc777"),
    ("foot", "osc777"),
    ("rxvt", "osc777"),
    ("contour", "osc777"),
    ("vte", "osc777"),
)
"""By a part of a terminal's name. Any other one gets only the bell: some print what they do not know."""

_PLAIN = str.maketrans("\n\t;", "  ,")
_OUTSIDE_LINE = re.compile(r"[^ -:<-~]")
"""All but ASCII without `;`, which separates the parts of a sequence."""


class Terminal(NamedTuple):
    """What a terminal takes."""

    protocol: str = ""
    """Of its notifications, a name of `_PROTOCOLS`; empty where it has none, or none is known."""
    is_tmux: bool = False
    """The sequence goes through tmux, which passes it on."""
    problem: str = ""
    """Why there is only the bell, in words; empty where there is more."""
    advice: str = ""

    @property
    def words(self) -> str:
        """How it is told, in words."""
        if not self.protocol:
            return f"the bell only: {self.problem}"
        return f"the bell, and a notification by {_PROTOCOLS[self.protocol]}{' through tmux' * self.is_tmux}"

    def notification(self, title: str, body: str) -> str:
        """Return what rings the bell and shows a notification; both texts may be anything."""
        title, body = line(title), line(body)
        match self.protocol:
            case "osc9":
                # A number in front would be taken for a command of ConEmu's.
                sequence = f"\x1b]9;ftmon: {title} {body}\a"
            case "osc777":
                sequence = f"\x1b]777;notify;{title};{body}\a"
            case "osc99":
                sequence = f"\x1b]99;i=ftmon:d=0;{title}\x1b\\\x1b]99;i=ftmon:d=1:p=body;{body}\x1b\\"
            case _:
                sequence = ""
        if sequence and self.is_tmux:
            # tmux takes two ESC for one.
            sequence = "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
        return BELL + sequence


def line(text: str) -> str:
    """Return a text as one line of printable ASCII that ends no sequence."""
    return _OUTSIDE_LINE.sub("?", safe(text).translate(_PLAIN))[:_LONGEST]


def terminal(environ: Mapping[str, str], tmux: Tmux | None, chosen: str = "", name: str = "") -> Terminal:
    """Return what the terminal takes.

    Args:
        environ: The environment, which names the terminal.
        tmux: What tmux says; None outside of it.
        chosen: The protocol that the user has chosen; empty to find out, `bell` for none.
        name: What the terminal calls itself, where it was asked.
    """
    if chosen == "bell":
        return Terminal(problem="that is how it is set")
    if tmux is not None:
        protocol = chosen or _protocol(tmux.terminal)
        if not protocol:
            return _unknown(tmux.terminal)
        if not tmux.passes_on:
            return Terminal(problem="tmux lets nothing through", advice=LET_THROUGH)
        return Terminal(protocol, is_tmux=True)
    if chosen:
        return Terminal(chosen)
    if environ.get("STY"):
        return Terminal(problem="GNU screen lets nothing through")
    names = [environ.get(variable, "") for variable in ("TERM", "TERM_PROGRAM", "LC_TERMINAL")]
    names += ["kitty"] * ("KITTY_WINDOW_ID" in environ) + ["vte"] * ("VTE_VERSION" in environ)
    found = next(filter(None, map(_protocol, names)), "")
    if not found and (own := _protocol(name)):
        return Terminal(
            problem="nothing in the environment says which terminal it is",
            advice=f'it takes {_PROTOCOLS[own]}: terminal = "{own}" under [notify] in the config file',
        )
    return Terminal(found) if found else _unknown(name or names[1] or names[0])


def _protocol(name: str) -> str:
    name = name.lower()
    return next((protocol for part, protocol in _BY_NAME if part in name), "")


def _unknown(name: str) -> Terminal:
    return Terminal(
        problem=f"it is not known whether {line(name) or 'this terminal'} has notifications",
        advice='if it has: terminal = "osc9", "osc777" or "osc99" under [notify] in the config file',
    )
