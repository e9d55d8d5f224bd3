"""How the user wants to be told: the table `[notify]` of the config file, and `FTMON_NOTIFY`."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from ftmon.errors import UsageError
from ftmon.model.note import Reason
from ftmon.settings.entry import EntryError, check_no_key, command, flag, text

NOTIFY = "notify"
"""The table."""

VARIABLE = "FTMON_NOTIFY"
"""An address or a command, which goes before those of the config file."""

KINDS = ("ntfy", "slack", "discord", "json")
"""What a message to an address looks like."""

TERMINALS = ("osc9", "osc777", "osc99", "bell")
"""How the terminal is told."""

_MAX_ADDRESS = 4096

_HOSTS = {
    "ntfy": ("ntfy.sh",),
    "slack": ("hooks.slack.com", "hooks.slack-gov.com"),
    "discord": ("discord.com", "discordapp.com"),
}
"""Who takes which kind."""


@dataclass(frozen=True, slots=True)
class Notification:
    """How the user wants to be told, and of what."""

    address: str = field(default="", repr=False)
    """Where a message is sent. It is a secret: who knows it can write there."""
    command: tuple[str, ...] = field(default=(), repr=False)
    kind: str = ""
    """What the message looks like; empty for what the address tells."""
    reasons: frozenset[Reason] = frozenset(Reason)
    terminal: str = ""
    """One of `TERMINALS`; empty to find out."""
    is_on: bool | None = None
    """On or off unless the command line says; None for on, on a screen or where something is set."""
    source: str = ""
    """What sets the address or the command, in words."""

    key_variables: tuple[str, ...] = ()
    """Variables that hold keys of the user's profiles. No command is handed them."""

    @property
    def shape(self) -> str:
        """What a message to the address looks like, one of `KINDS`."""
        host = urlsplit(self.address).hostname or ""
        for kind, hosts in _HOSTS.items():
            if any(host == own or host.endswith(f".{own}") for own in hosts):
                return kind
        return self.kind or "json"

    @property
    def words(self) -> str:
        """What is set, without the address and the words of the command."""
        found = [f"an address ({self.shape})"] * bool(self.address) + ["a command"] * bool(self.command)
        told = f"{' and '.join(found)}, by {self.source}" if found else "no address and no command"
        return f"{told}; switched off" if self.is_on is False else told

    @property
    def is_set(self) -> bool:
        """There is an address or a command."""
        return bool(self.address or self.command)


def read_notification(table: object) -> Notification:
    """Read the table; raises EntryError."""
    if not isinstance(table, Mapping):
        raise EntryError((NOTIFY,), "what is told is set in a table that begins with [notify].")
    check_no_key(table, (NOTIFY,))
    values: dict[str, Any] = {}
    for entry, value in table.items():
        if entry in _CHECKS:
            name, check = _CHECKS[entry]
            try:
                values[name] = check(value)
            except ValueError as error:
                raise EntryError((NOTIFY, entry), f"{entry} {error}") from None
    return Notification(**values, source="the config file" if values else "")


def with_environment(configured: Notification, environ: Mapping[str, str]) -> Notification:
    """Return the settings with the address or the command of `FTMON_NOTIFY`.

    Raises:
        UsageError: where it cannot be used; the sentence does not repeat it.
    """
    given = environ.get(VARIABLE, "").strip()
    if not given:
        return configured
    try:
        if "://" in given:
            return replace(configured, address=_address(given), command=(), source=VARIABLE)
        words = command(shlex.split(given))
    except ValueError as error:
        # shlex's own errors do not repeat the text either.
        raise UsageError(f"{VARIABLE} {_sentence(error)}") from None
    return replace(configured, address="", command=words, source=VARIABLE)


def _sentence(error: ValueError) -> str:
    words = str(error)
    return words if words.endswith(".") else f"cannot be read as a command: {words}."


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.removesuffix(".") == "localhost"


def _address(value: object) -> str:
    address = text(value)
    try:
        parts = urlsplit(address)
        is_here = parts.scheme == "http" and is_loopback(parts.hostname or "")
        has_port = parts.port != 0
    except ValueError:
        raise ValueError("is no address.") from None
    if not address.isascii() or " " in address or len(address) > _MAX_ADDRESS or not has_port:
        raise ValueError("is no address.")
    if "@" in parts.netloc:
        raise ValueError("must have no user name or password in it.")
    if not parts.hostname or not (parts.scheme == "https" or is_here):
        raise ValueError("must begin with https://; http:// is for this machine only.")
    return address


def _one_of(words: tuple[str, ...]) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in words:
            raise ValueError(f"is one of {', '.join(words)}.")
        return str(value)

    return check


def _reasons(value: object) -> frozenset[Reason]:
    words = value if isinstance(value, list) else []
    if not words or not all(word in list(Reason) for word in words):
        raise ValueError(f'is a list such as ["failed", "stalled"], of {", ".join(Reason)}.')
    return frozenset(map(Reason, words))


_CHECKS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "address": ("address", _address),
    "command": ("command", command),
    "kind": ("kind", _one_of(KINDS)),
    "events": ("reasons", _reasons),
    "terminal": ("terminal", _one_of(TERMINALS)),
    "enabled": ("is_on", flag),
}
"""By the name of an entry: the field that it sets, and what returns its value or raises a ValueError."""

ENTRIES = tuple(_CHECKS)
"""What may stand in the table."""
