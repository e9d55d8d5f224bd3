"""`ftmon config`: show which settings are in effect and where they come from, or edit the config file."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ftmon.commands.columns import wrapped
from ftmon.commands.parser import Parser
from ftmon.commands.service import ServiceOptions, add_service_options
from ftmon.errors import HistoryError
from ftmon.lines.output import encoded, say, write
from ftmon.providers import FIND_OUT, provider_at
from ftmon.settings.notification import with_environment

if TYPE_CHECKING:
    from ftmon.settings.choice import Choice

_NAME_WIDTH = 13


def run(arguments: Sequence[str]) -> int:
    """Show the settings or edit the file, and return the exit status. No key is read, and no service asked.

    Raises:
        UsageError: when a setting cannot be used.
    """
    options = parser().parse_args(arguments)
    if options.action == "edit":
        from ftmon.commands.config_file import edit

        return edit()
    choice = ServiceOptions.of(options).choice()
    for notice in choice.settings.notices:
        say(notice)
    if options.json:
        from ftmon import json_text

        write(json_text.encode_lines([_as_json(choice)]))
    else:
        from ftmon.safe import one_line, safe

        shown = [(name, one_line(safe(value))) for name, value in _facts(choice) if value]
        lines = [wrapped(f"{name:<{_NAME_WIDTH}} {value}", _NAME_WIDTH + 1) for name, value in shown]
        write(encoded("".join(f"{line}\n" for line in lines)))
    return 0


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    parser = Parser(
        prog="ftmon config",
        description="Show which service, key and files ftmon uses, and why. Asks no service, shows no key.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "action",
        metavar="edit",
        nargs="?",
        choices=("edit",),
        help="open the config file in VISUAL or EDITOR, then check it",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_service_options(parser)
    return parser


def _facts(choice: "Choice") -> Iterator[tuple[str, str]]:
    """Yield each setting in words, with its name."""
    settings, config = choice.settings, choice.config
    if config.exists or config.path is None:
        yield "config file", str(config.path or "none: there is no home directory")
    else:
        yield "config file", f"{config.path} (not there yet: ftmon config edit)"
    yield "profiles", ", ".join(config.profiles)
    usual = " (default)" if choice.profile is config.default else ""
    yield "profile", f"{choice.profile.name}{usual}" if choice.profile else "none"
    yield "service", f"{settings.base_url} ({choice.base_url_source})"
    owner = provider_at(settings.host)
    found_out = f"the host is that of {owner}" if owner else "ftmon finds out"
    source = found_out if settings.provider == FIND_OUT else settings.provider_source
    yield "provider", f"{settings.provider} ({source})"
    yield "key", choice.key.name if choice.key else "none"
    yield "namespace", settings.namespace
    yield "API version", settings.api_version
    for name, value in settings.headers:
        yield name.removeprefix("OpenAI-").lower(), value
    yield "CA file", str(settings.ca_file or "")
    yield "notify", with_environment(config.notification, os.environ).words
    yield "history", _history() or "none: there is no home directory"


def _as_json(choice: "Choice") -> dict[str, object]:
    settings, config = choice.settings, choice.config
    headers = {name.removeprefix("OpenAI-").lower(): value for name, value in settings.headers}
    return {
        "object": "config",
        "config_file": str(config.path) if config.path else None,
        "config_file_exists": config.exists,
        "profiles": list(config.profiles),
        "default_profile": config.default_profile or None,
        "profile": choice.profile.name if choice.profile else None,
        "base_url": settings.base_url,
        "base_url_source": choice.base_url_source,
        "provider": settings.provider,
        "provider_source": None if settings.provider == FIND_OUT else settings.provider_source,
        "key_source": choice.key.name if choice.key else None,
        "namespace": settings.namespace or None,
        "api_version": settings.api_version or None,
        "organization": headers.get("organization"),
        "project": headers.get("project"),
        "ca_file": str(settings.ca_file) if settings.ca_file else None,
        "notify": with_environment(config.notification, os.environ).words,
        "history": _history() or None,
        "notices": list(settings.notices),
    }


def _history() -> str:
    """Return the path of the history; empty where there is no place for it."""
    from ftmon.paths import history_file

    try:
        return str(history_file())
    except HistoryError:
        return ""
