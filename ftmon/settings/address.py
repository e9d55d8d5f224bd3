"""Finding the address of the service: what gives it, in the order in which it counts."""

from collections.abc import Mapping
from typing import NamedTuple

from ftmon.errors import UsageError
from ftmon.providers import PROVIDERS
from ftmon.settings.base_url import check_base_url
from ftmon.settings.profile import Profile
from ftmon.settings.value import DEFAULT_BASE_URL

_OPENAI = PROVIDERS["openai"]


class Address(NamedTuple):
    """A base URL, and what gave it."""

    url: str
    source: str
    """In words."""
    provider: str = ""
    """Whose own address it is. The provider's key goes there, whatever the host."""


def find_address(
    base_url: str | None,
    provider: str | None,
    named: Profile | None,
    default: Profile | None,
    environ: Mapping[str, str],
    *,
    may_guess: bool,
) -> Address:
    """Return the address that is used. `may_guess`: where nothing names one, the only key may.

    Raises:
        UsageError: where it is no address, or one that only the user knows.
    """
    # An empty option is a mistake in a script. Do not fall back to OpenAI's address for it.
    if base_url is not None:
        return Address(check_base_url(base_url), "--base-url")
    if named and named.base_url:
        return Address(named.base_url, f"the profile {named.name}")
    if provider is not None and provider in PROVIDERS:
        return _of_provider(provider, environ)
    if named:
        return _known(named, environ)
    for variable in ("FTMON_BASE_URL", *_OPENAI.addresses):
        if variable in environ:
            return Address(check_base_url(environ[variable]), variable)
    if default:
        return _known(default, environ)
    guessed = _by_key(environ) if may_guess else None
    return guessed or Address(DEFAULT_BASE_URL, "OpenAI, because nothing names a service")


def profile_address(profile: Profile, environ: Mapping[str, str]) -> Address | None:
    """Return the address of a profile, to which alone its key goes.

    It is its base URL, else its provider's, else that in the provider's variable.
    """
    source = f"the profile {profile.name}"
    if profile.base_url:
        return Address(profile.base_url, source)
    return _usual(profile.provider if profile.provider in PROVIDERS else "openai", source, environ)


def _known(profile: Profile, environ: Mapping[str, str]) -> Address:
    if address := profile_address(profile, environ):
        return address
    ways = " or ".join((f"base_url in the profile {profile.name}", *PROVIDERS[profile.provider].addresses))
    raise UsageError(f"The address of {profile.provider} is your own: give {ways}.")


def _of_provider(name: str, environ: Mapping[str, str]) -> Address:
    if address := _in_environment(name, environ):
        return address
    if not PROVIDERS[name].base_url:
        ways = " or ".join(("--base-url", *PROVIDERS[name].addresses))
        raise UsageError(f"The address of {name} is your own: give {ways}.")
    return Address(PROVIDERS[name].base_url, f"--provider {name}", name)


def _usual(name: str, source: str, environ: Mapping[str, str]) -> Address | None:
    """Return a provider's fixed address, else that in its variable."""
    if PROVIDERS[name].base_url:
        return Address(PROVIDERS[name].base_url, source, name)
    return _in_environment(name, environ)


def _in_environment(name: str, environ: Mapping[str, str]) -> Address | None:
    """Return the address in a provider's own variable."""
    path = PROVIDERS[name].path
    for variable in PROVIDERS[name].addresses:
        if address := environ.get(variable, "").strip().rstrip("/"):
            url = address if address.endswith(path) else address + path
            return Address(check_base_url(url), variable, name)
    return None


def _by_key(environ: Mapping[str, str]) -> Address | None:
    """Return the address of the only provider whose key is in the environment."""
    if not environ.keys().isdisjoint(("FTMON_API_KEY", *_OPENAI.keys)):
        return None
    found = [(name, key) for name, each in PROVIDERS.items() for key in each.keys if key in environ]
    if len({name for name, _ in found}) != 1:
        return None
    name, key = found[0]
    return _usual(name, f"{key}, the only key in the environment", environ)
