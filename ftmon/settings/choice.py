"""Choosing the service and the key: an option, else the environment, else OpenAI's address."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from ftmon.errors import UsageError
from ftmon.providers import FIND_OUT, PROVIDERS, Provider, check_provider, provider_at
from ftmon.settings.base_url import check_base_url, check_unquoted
from ftmon.settings.file import regular_file
from ftmon.settings.key import Key, check_key, is_sendable, key_file_text
from ftmon.settings.value import DEFAULT_BASE_URL, Settings

_KEYS_ARE_LOGGED = (
    "SSLKEYLOGFILE is set: with the file that it names, all that is sent here can be read, the key too."
)


def read_settings(
    *,
    base_url: str | None = None,
    api_key_file: str | None = None,
    ca_file: str | None = None,
    allow_http: bool = False,
    provider: str = FIND_OUT,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Read the settings from the options and the environment.

    Raises:
        UsageError: for an address, a key or a file that cannot be used; the sentence never holds a key.
    """
    # A variable that is set to blanks is one that somebody could not unset.
    environ = {name: value for name, value in environ.items() if value.strip()}
    check_provider(provider)
    named = PROVIDERS.get(provider)
    # An empty option is a mistake in a script. Do not fall back to OpenAI's address for it.
    url = check_base_url(base_url if base_url is not None else _address(provider, named, environ))
    owner = PROVIDERS.get(provider_at(urlsplit(url).hostname or ""))
    is_own = owner is None and named is not None and base_url is None
    key = _read_key(api_key_file, environ, owner or (named if is_own else None))
    notices = [_KEYS_ARE_LOGGED] if environ.get("SSLKEYLOGFILE") and url.startswith("https:") else []
    settings = Settings(
        url,
        key,
        _headers(environ),
        None if ca_file is None else _check_ca_file(ca_file),
        tuple(notices),
        environ.get(named.namespace if named else "", ""),
        provider,
        (owner or named or Provider()).key_header,
        environ.get("OPENAI_API_VERSION", "").strip(),
    )
    if key is None or allow_http or url.startswith("https:") or settings.is_loopback:
        return settings
    if key.source not in ("--api-key-file", "FTMON_API_KEY"):
        notice = (
            f"{key.source} is not sent to {url}, because plain http would show it to the network; "
            "--allow-http sends it."
        )
        return replace(settings, key=None, notices=(notice,))
    raise UsageError(
        f"The key of {key.source} would cross the network in plain http to {url}; "
        "use https, or --allow-http if that is meant."
    )


def _address(name: str, named: Provider | None, environ: Mapping[str, str]) -> str:
    """Return the address that the environment or a provider's name gives."""
    if named is None:
        variables = ("FTMON_BASE_URL", *PROVIDERS["openai"].addresses)
        return next((environ[each] for each in variables if each in environ), DEFAULT_BASE_URL)
    for variable in named.addresses:
        if address := environ.get(variable, "").strip().rstrip("/"):
            return address if address.endswith(named.path) else address + named.path
    if not named.base_url:
        ways = " or ".join(("--base-url", *named.addresses))
        raise UsageError(f"The address of {name} is your own: give {ways}.")
    return named.base_url


def _read_key(api_key_file: str | None, environ: Mapping[str, str], owner: Provider | None) -> Key | None:
    """Return the key for an address of `owner`; None for an address that is nobody's."""
    if api_key_file is not None:
        return check_key(key_file_text(api_key_file), "--api-key-file")
    # Another provider's key is none of this address. OPENAI_API_KEY is what self-hosted servers are given.
    own = PROVIDERS["openai"].keys if owner is None else owner.keys
    for name in ("FTMON_API_KEY", *own):
        if environ.get(name):
            return check_key(environ[name], name)
    return None


def _check_ca_file(name: str) -> Path:
    with regular_file(name, "CA file") as file:
        return Path(file.name)


def _headers(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    organization = environ.get("OPENAI_ORG_ID") or environ.get("OPENAI_ORGANIZATION")
    project = environ.get("OPENAI_PROJECT_ID")
    headers = []
    for name, variable, value in (
        ("OpenAI-Organization", "OPENAI_ORG_ID (or OPENAI_ORGANIZATION)", organization),
        ("OpenAI-Project", "OPENAI_PROJECT_ID", project),
    ):
        if value:
            check_unquoted(value.strip(), variable)
            if not is_sendable(value.strip()):
                raise UsageError(f"{variable} has a blank, a line break or another odd character in it.")
            headers.append((name, value.strip()))
    return tuple(headers)
