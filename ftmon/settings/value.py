"""The settings, as a value."""

from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from ftmon.errors import UsageError
from ftmon.providers import FIND_OUT, PROVIDERS
from ftmon.secret import forms
from ftmon.settings.key import Key

DEFAULT_BASE_URL = PROVIDERS["openai"].base_url

_OPENAI = ".api.openai.com"
"""The end of the hosts of OpenAI's API; regions stand before it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the client needs to talk to a service."""

    base_url: str = DEFAULT_BASE_URL
    """Normalised: http or https, no user, query or fragment, no slash at the end."""
    key: Key | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """The organization and project headers."""
    ca_file: Path | None = None
    notices: tuple[str, ...] = ()
    """Warnings for the user: a key that is not sent, or traffic that others can read."""
    namespace: str = ""
    """The user, organisation or account of job ids that come without one, where the API needs it."""
    provider: str = FIND_OUT
    """Whose API the service speaks; `auto` finds out."""
    provider_source: str = field(default="", compare=False)
    """What names the provider, in words."""
    key_header: str = "Authorization"
    """The header that holds the key; see `Provider.key_header`."""
    known_as: str = ""
    """What its jobs are known by, where that is not its address: it is another one each time."""
    api_version: str = ""
    """The version in the query of Azure's routes; empty for the one that ftmon knows."""

    @property
    def service(self) -> str:
        """The service in the keys of its jobs: its address, as a rule."""
        return self.known_as or self.base_url

    @property
    def host(self) -> str:
        """The host of the service, in lower case."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def is_loopback(self) -> bool:
        """The service is on this machine."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            address = ip_address(host)
        except ValueError:
            return host.removesuffix(".") == "localhost"
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        # To connect to the unspecified address, 0.0.0.0, is to connect to this machine.
        return (mapped or address).is_loopback or (mapped or address).is_unspecified

    def check_key(self) -> None:
        """Check that there is a key for a service that answers nobody without one.

        Raises:
            UsageError: where it is missing, before any request.
        """
        host = urlsplit(self.base_url).hostname or ""
        if self.key is None and f".{host}".endswith(_OPENAI):
            raise UsageError(
                f"{host} wants a key. Set OPENAI_API_KEY (or FTMON_API_KEY), or give --api-key-file. "
                "For another service, give --base-url, --provider or --profile."
            )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that are never shown: the key in every form in which a service may echo it."""
        return forms(self.key.value) if self.key else ()
