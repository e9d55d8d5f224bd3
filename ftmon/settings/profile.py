"""A profile of the config file: a service under a name of the user's own."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ftmon.errors import UsageError
from ftmon.providers import KNOWN
from ftmon.settings.base_url import check_base_url
from ftmon.settings.entry import EntryError, check_no_key, command, flag, text
from ftmon.settings.key import is_sendable

PROFILES = "profiles"
"""The table that holds them."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_KEY_ENTRIES = ("api_key_env", "api_key_file", "api_key_command")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One table `[profiles.NAME]`. A text that is not given is empty."""

    name: str
    base_url: str = ""
    provider: str = ""
    namespace: str = ""
    api_version: str = ""
    organization: str = ""
    project: str = ""
    ca_file: str = ""
    allow_http: bool = False
    api_key_env: str = ""
    """The variable that holds the key."""
    api_key_file: str = ""
    api_key_command: tuple[str, ...] = field(default=(), repr=False)
    """A command whose first line of output is the key."""

    @property
    def has_key(self) -> bool:
        """It says where the key is."""
        return bool(self.api_key_env or self.api_key_file or self.api_key_command)


def read_profile(name: str, table: object) -> Profile:
    """Read a profile.

    Raises:
        EntryError: for a value of the wrong kind, for a key, and for two ways to a key.
    """
    place = PROFILES, name
    if not _NAME.fullmatch(name):
        raise EntryError(place, "the name of a profile has only letters, digits and _ . - in it.")
    if not isinstance(table, Mapping):
        raise EntryError(place, f"a profile is a table that begins with [profiles.{name}].")
    check_no_key(table, place)
    values: dict[str, Any] = {}
    for entry, value in table.items():
        if entry in _CHECKS:
            try:
                values[entry] = _CHECKS[entry](value)
            except ValueError as error:
                raise EntryError((*place, entry), f"{entry} {error}") from None
            except UsageError as error:
                raise EntryError((*place, entry), str(error)) from None
    ways = [entry for entry in _KEY_ENTRIES if entry in values]
    if len(ways) > 1:
        raise EntryError((*place, ways[1]), f"a profile has one key: {' or '.join(ways)}, not both.")
    return Profile(name=name, **values)


def part_of_path(text: str) -> str:
    """Return a text that can be a part of a path; raise a ValueError for another one."""
    if not _PART.fullmatch(text) or ".." in text:
        raise ValueError("must have only letters, digits and _ . - in it.")
    return text


def header(text: str) -> str:
    """Return a text that a header can hold; raise a ValueError for another one."""
    if not is_sendable(text):
        raise ValueError("has a blank, a line break or another odd character in it.")
    return text


def _base_url(value: object) -> str:
    # What is no address at all may be a key, which `check_base_url` would repeat.
    if not (found := text(value)).lower().startswith(("http:", "https:")):
        raise ValueError("must begin with http:// or https://.")
    return check_base_url(found)


def _provider(value: object) -> str:
    if (name := text(value)) not in KNOWN:
        raise ValueError(f"is one of {', '.join(KNOWN)}.")
    return name


def _part_of_path(value: object) -> str:
    return part_of_path(text(value))


def _header(value: object) -> str:
    return header(text(value))


def _file(value: object) -> str:
    # A key that was put here by mistake is not taken for a name, and so is not told.
    if not (found := text(value)).startswith(("/", "~")):
        raise ValueError("must be a full path, or begin with ~/.")
    return found


def _variable(value: object) -> str:
    if not _VARIABLE.fullmatch(found := text(value)):
        raise ValueError("must be the name of a variable, such as TOGETHER_API_KEY.")
    return found


_CHECKS: Mapping[str, Callable[[object], str | bool | tuple[str, ...]]] = {
    "base_url": _base_url,
    "provider": _provider,
    "namespace": _part_of_path,
    "api_version": _part_of_path,
    "organization": _header,
    "project": _header,
    "ca_file": _file,
    "allow_http": flag,
    "api_key_env": _variable,
    "api_key_file": _file,
    "api_key_command": command,
}
"""By the name of an entry: returns its value, or raises a ValueError that does not repeat it."""

ENTRIES = tuple(_CHECKS)
"""What may stand in a profile."""
