"""The config file: profiles of services, and which of them is the usual one."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ftmon.errors import UsageError
from ftmon.paths import config_file
from ftmon.settings.entry import EntryError, check_no_key
from ftmon.settings.file import regular_file
from ftmon.settings.notification import ENTRIES as NOTIFY_ENTRIES
from ftmon.settings.notification import NOTIFY, Notification, read_notification, with_environment
from ftmon.settings.profile import ENTRIES, PROFILES, Profile, read_profile

_Entry = tuple[str, ...]
"""The names of the tables that an entry stands in, and its own."""

_MAX_SIZE = 256 * 1024
_DEFAULT_PROFILE = "default_profile"


@dataclass(frozen=True, slots=True)
class Config:
    """What the config file says. Where there is none, it says nothing."""

    path: Path | None = None
    """None where the user has no directory for it."""
    exists: bool = False
    is_private: bool = False
    """It is the user's own, and nobody else can write it: only then a command that it names is run."""
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    default_profile: str = ""
    """The name of the profile to use where nothing else names a service."""
    notification: Notification = field(default_factory=Notification)
    """How the user wants to be told."""
    notices: tuple[str, ...] = ()
    """Warnings for the user: entries that mean nothing."""

    @property
    def default(self) -> Profile | None:
        """The default profile."""
        return self.profiles.get(self.default_profile)

    def named(self, name: str, source: str) -> Profile:
        """Return a profile. `source` says what names it.

        Raises:
            UsageError: where there is none of this name.
        """
        if name in self.profiles:
            return self.profiles[name]
        file = self.path or "the config file"
        # A table such as [profile.work] may be meant.
        hint = f" {self.notices[0]}" if self.notices else ""
        if not self.profiles:
            raise UsageError(f"{source} names a profile, and {file} has none: ftmon config edit.{hint}")
        raise UsageError(
            f"{source} names a profile that {file} does not have; it has {', '.join(self.profiles)}.{hint}"
        )


def read_ways(environ: Mapping[str, str] = os.environ) -> Notification:
    """Return how the user wants to be told, by the config file and `FTMON_NOTIFY`.

    Raises:
        UsageError: as `read_config`, and for a command in a file that others can write.
    """
    config = read_config(environ)
    ways = with_environment(config.notification, environ)
    if ways.command and ways.command == config.notification.command and not config.is_private:
        raise UsageError(
            f"The command under [notify] is not run, because others can write {config.path} "
            f"(or it is not yours): chmod go-w {config.path}"
        )
    names = [profile.api_key_env for profile in config.profiles.values() if profile.api_key_env]
    return replace(ways, key_variables=tuple(names))


def path_of_config(environ: Mapping[str, str]) -> Path | None:
    """Return the path that `FTMON_CONFIG` names, or that in the user's config directory."""
    if name := environ.get("FTMON_CONFIG", "").strip():
        try:
            return Path(name).expanduser()
        except RuntimeError as error:
            raise UsageError(f"The config file {name} cannot be found: {error}") from error
    return config_file()


def read_config(environ: Mapping[str, str] = os.environ) -> Config:
    """Read the config file.

    Raises:
        UsageError: where it cannot be read, where an entry cannot be used, or where `FTMON_CONFIG` names no
            file. The sentence has the line, and nothing that may be a key.
    """
    path = path_of_config(environ)
    is_named = bool(environ.get("FTMON_CONFIG", "").strip())
    if path is None or str(path) == os.devnull or (not is_named and not os.path.lexists(path)):
        return Config(path)
    with regular_file(str(path), "config file") as file:
        status = os.fstat(file.fileno())
        data = file.read(_MAX_SIZE + 1)
    if len(data) > _MAX_SIZE:
        raise UsageError(f"The config file {path} is too large: it has more than {_MAX_SIZE:,} bytes.")
    is_private = status.st_uid == os.getuid() and not status.st_mode & 0o022
    return _read(path, data, is_private=is_private)


def _read(path: Path, data: bytes, *, is_private: bool) -> Config:
    import tomllib

    try:
        text = data.decode("utf-8-sig")
        tables = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"The config file {path}, line {line}: it is not written in UTF-8.") from None
    except (ValueError, RecursionError) as error:
        # The error has the line in it, and nothing of the file but names and signs.
        last = text.rstrip().count("\n") + 1
        said = str(error).replace("at end of document", f"at line {last}, the last one")
        raise UsageError(f"The config file {path} is not TOML: {said}.") from None
    try:
        check_no_key(tables)
        default = tables.get(_DEFAULT_PROFILE, "")
        found = tables.get(PROFILES, {})
        if not isinstance(found, dict):
            raise EntryError((PROFILES,), "profiles are tables that begin with [profiles.NAME].")
        profiles = {name: read_profile(name, table) for name, table in found.items()}
        notification = read_notification(tables.get(NOTIFY, {}))
        notices = tuple(_notices(path, text, tables))
        if _DEFAULT_PROFILE in tables and (not isinstance(default, str) or default not in profiles):
            names = f"one of {', '.join(profiles)}" if profiles else "a profile, and there is none"
            sentences = [f"{_DEFAULT_PROFILE} must name {names}.", *notices[:1]]
            raise EntryError((_DEFAULT_PROFILE,), " ".join(sentences))
    except EntryError as error:
        raise UsageError(f"The config file {path}{_line(text, error.entry)}: {error}") from None
    return Config(path, True, is_private, profiles, default, notification, notices)


def _notices(path: Path, text: str, tables: Mapping[str, Any]) -> Iterator[str]:
    from ftmon.safe import safe

    for entry, known in _unknown(tables):
        yield safe(f"{path}{_line(text, entry)}: {entry[-1]} means nothing here{_meant(entry[-1], known)}")


def _unknown(tables: Mapping[str, Any]) -> Iterator[tuple[_Entry, _Entry]]:
    """Yield the entries that mean nothing, each with the names that do where it stands."""
    top = (_DEFAULT_PROFILE, PROFILES, NOTIFY)
    yield from (((entry,), top) for entry in tables if entry not in top)
    notify = tables.get(NOTIFY, {})
    yield from (((NOTIFY, entry), NOTIFY_ENTRIES) for entry in notify if entry not in NOTIFY_ENTRIES)
    for name, table in tables.get(PROFILES, {}).items():
        yield from (((PROFILES, name, entry), ENTRIES) for entry in table if entry not in ENTRIES)


def _meant(name: str, known: _Entry) -> str:
    from difflib import get_close_matches

    # Far enough for `defualt` and `url`, too.
    nearest = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]}?" if nearest else f". Known are {', '.join(known)}."


def _line(text: str, entry: _Entry) -> str:
    """Return the line of an entry, in words: the first one up to which the file has the entry.

    Empty where the entry takes several lines.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if entry[-1] in line and _holds("\n".join(lines[:number]), entry):
            return f", line {number}"
    return ""


def _holds(text: str, entry: _Entry) -> bool:
    """Whether the beginning of the file has an entry."""
    import tomllib

    try:
        table: object = tomllib.loads(text)
    except ValueError:
        return False
    for name in entry:
        if not isinstance(table, dict) or name not in table:
            return False
        table = table[name]
    return True
