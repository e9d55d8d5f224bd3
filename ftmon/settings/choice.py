"""Choosing a service and its key: option > profile that was named > environment > default profile."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict, Unpack

from ftmon.errors import UsageError
from ftmon.providers import FIND_OUT, PROVIDERS, Provider, check_provider, provider_at
from ftmon.settings.address import find_address, profile_address
from ftmon.settings.base_url import check_unquoted
from ftmon.settings.config import Config, read_config
from ftmon.settings.file import regular_file
from ftmon.settings.key import KeySource
from ftmon.settings.key_source import find_key
from ftmon.settings.profile import Profile, header, part_of_path
from ftmon.settings.value import Settings

_KEYS_ARE_LOGGED = (
    "SSLKEYLOGFILE is set: with the file that it names, all that is sent here can be read, the key too."
)


class Options(TypedDict, total=False):
    """What `choose` takes: the options as the command line has them, and the environment."""

    base_url: str | None
    provider: str | None
    profile: str | None
    api_key_file: str | None
    ca_file: str | None
    allow_http: bool
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """The service that was chosen, and why. Its key is not read yet."""

    settings: Settings
    """Without the key."""
    key: KeySource | None
    base_url_source: str
    """What gave the address, in words."""
    profile: Profile | None
    """The profile that is used."""
    config: Config

    def with_key(self) -> Settings:
        """Read the key, which may run a command, and return the settings with it. Call it before a request.

        Raises:
            UsageError: where the key cannot be read; the sentence never holds it.
        """
        return replace(self.settings, key=self.key.read() if self.key else None)


def read_settings(**options: Unpack[Options]) -> Settings:
    """Choose a service and read its key; raises as both."""
    return choose(**options).with_key()


def choose(
    *,
    base_url: str | None = None,
    provider: str | None = None,
    profile: str | None = None,
    api_key_file: str | None = None,
    ca_file: str | None = None,
    allow_http: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Choice:
    """Choose the service by the options, the config file and the environment.

    Raises:
        UsageError: for a config file, an address, a name or a file that cannot be used.
    """
    # A variable that is set to blanks is one that somebody could not unset.
    environ = {name: value for name, value in environ.items() if value.strip()}
    if provider is not None:
        check_provider(provider)
    config = read_config(environ)
    named = _named(config, profile, environ)
    may_guess = api_key_file is None and provider in (None, FIND_OUT)
    address = find_address(base_url, provider, named, config.default, environ, may_guess=may_guess)
    used, is_own = _profile_in_use(named, config.default, address.url, environ)
    owner = PROVIDERS.get(provider_at(Settings(address.url).host) or address.provider)
    of_profile = (used.provider, f"the profile {used.name}") if used else ("", "")
    of_address = (address.provider or FIND_OUT, address.source)
    named_by = [(provider or "", f"--provider {provider}"), of_profile, of_address]
    chosen, chosen_by = next(each for each in named_by if each[0])
    speaks = owner or PROVIDERS.get(chosen) or Provider()
    values = _Values(environ, used or Profile(name=""), is_named=named is not None)
    settings = Settings(
        address.url,
        None,
        values.headers(),
        _ca_file(ca_file, used),
        namespace=values.text(values.profile.namespace, (speaks.namespace,), part_of_path),
        provider=chosen,
        provider_source=chosen_by,
        key_header=speaks.key_header,
        api_version=values.text(values.profile.api_version, ("OPENAI_API_VERSION",), part_of_path),
    )
    key = find_key(api_key_file, environ, owner, used if is_own else None, config, is_named=bool(named))
    notices = [*config.notices]
    if environ.get("SSLKEYLOGFILE") and address.url.startswith("https:"):
        notices.append(_KEYS_ARE_LOGGED)
    if used and used.has_key and not is_own:
        notices.append(
            f"The key of the profile {used.name} is not sent to {address.url}, which is not its address."
        )
    is_hidden = not address.url.startswith("http:") or settings.is_loopback
    if key and not is_hidden and not allow_http and not (used and is_own and used.allow_http):
        notices.append(_unsent(key, address.url))
        key = None
    settings = replace(settings, notices=tuple(notices))
    return Choice(settings, key, address.source, used, config)


def _named(config: Config, profile: str | None, environ: Mapping[str, str]) -> Profile | None:
    """Return the profile that the user named, by an option or a variable."""
    if profile is not None:
        return config.named(profile, "--profile")
    if "FTMON_PROFILE" in environ:
        return config.named(environ["FTMON_PROFILE"].strip(), "FTMON_PROFILE")
    return None


def _profile_in_use(
    named: Profile | None, default: Profile | None, url: str, environ: Mapping[str, str]
) -> tuple[Profile | None, bool]:
    """Return the profile that is used, and whether the address is its own, to which alone its key goes.

    The default profile says nothing of an address that is not its own.
    """
    profile = named or default
    own = profile_address(profile, environ) if profile else None
    is_own = own is not None and own.url == url
    return (profile if named or is_own else None), is_own


def _unsent(key: KeySource, url: str) -> str:
    """Return the notice that a provider's key is left out of plain http; refuse one that was given."""
    if key.is_given:
        raise UsageError(
            f"The key of {key.name} would cross the network in plain http to {url}; "
            "use https, or --allow-http if that is meant."
        )
    return (
        f"{key.name} is not sent to {url}, because plain http would show it to the network; "
        "--allow-http sends it."
    )


def _ca_file(option: str | None, used: Profile | None) -> Path | None:
    name = option if option is not None else (used.ca_file if used else "") or None
    if name is None:
        return None
    with regular_file(name, "CA file") as file:
        return Path(file.name)


class _Values:
    """Merges what a profile and the environment say."""

    def __init__(self, environ: Mapping[str, str], profile: Profile, *, is_named: bool) -> None:
        self.profile = profile
        self._environ = environ
        self._is_named = is_named

    def text(self, own: str, variables: tuple[str, ...], check: Callable[[str], str]) -> str:
        """Return a profile's own text or that of a variable, whichever goes first; empty where neither is."""
        if own and self._is_named:
            return own
        for variable in variables:
            if variable in self._environ:
                value = self._environ[variable].strip()
                check_unquoted(value, variable)
                try:
                    return check(value)
                except ValueError as error:
                    raise UsageError(f"{variable} {error}") from None
        return own

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that name an organization and a project."""
        organization = ("OPENAI_ORG_ID", "OPENAI_ORGANIZATION")
        headers = (
            ("OpenAI-Organization", self.text(self.profile.organization, organization, header)),
            ("OpenAI-Project", self.text(self.profile.project, ("OPENAI_PROJECT_ID",), header)),
        )
        return tuple((name, value) for name, value in headers if value)
