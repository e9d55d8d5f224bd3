"""Which service and which key to use: an option, else the environment, else OpenAI's address."""

import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import BinaryIO
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ftmon.errors import UsageError
from ftmon.providers import FIND_OUT, PROVIDERS, Provider, check_provider, provider_at
from ftmon.secret import forms

DEFAULT_BASE_URL = PROVIDERS["openai"].base_url

_KEY = re.compile(r"[!-~]{1,4096}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_MAX_URL = 2048
_QUOTES = frozenset("\"'`\u2018\u2019\u201c\u201d")

_OPENAI = ".api.openai.com"
"""The end of the hosts of OpenAI's API; regions stand before it."""

_KEYS_ARE_LOGGED = (
    "SSLKEYLOGFILE is set: with the file that it names, all that is sent here can be read, the key too."
)


@dataclass(frozen=True, slots=True)
class Key:
    """An API key whose repr hides its value."""

    value: str = field(repr=False)
    source: str
    """Where it came from, in words: `--api-key-file`, `OPENAI_API_KEY` …"""


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
    key_header: str = "Authorization"
    """The header that holds the key; see `Provider.key_header`."""
    api_version: str = ""
    """The version in the query of Azure's routes; empty for the one that ftmon knows."""

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
                "For another service, give --base-url."
            )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that are never shown: the key in every form in which a service may echo it."""
        return forms(self.key.value) if self.key else ()


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


def check_base_url(text: str) -> str:
    """Normalise a base URL: scheme and host in lower case, no default port, no slash at the end.

    Raises:
        UsageError: where it has no http or https scheme, no host, a bad port, a user, a query or `..` in it;
            the sentence repeats nothing that may be a secret.
    """
    text = text.strip()
    example = "such as http://127.0.0.1:8000/v1"
    _check_unquoted(text, "The base URL")
    if not text:
        raise UsageError(f"The base URL is empty; give one {example}.")
    if len(text) > _MAX_URL:
        raise UsageError(f"This is no base URL: it has {len(text):,} characters; give one {example}.")
    if not text.isprintable() or " " in text:
        raise UsageError(f"The base URL has blanks or control characters in it; give one {example}.")
    if "@" in text:
        raise UsageError(
            "The base URL has a user name or password in it, which would be logged; leave it out."
        )
    if "?" in text or "#" in text or "\\" in text:
        raise UsageError(f"The base URL must end with its path, without ? or #; give one {example}.")
    try:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https"):
            raise ValueError("it does not begin with http:// or https://")
        _check_host(parts.hostname or "", is_bracketed="[" in parts.netloc)
        _check_port(parts)
    except ValueError as error:
        raise UsageError(f"This is no base URL: {text} ({error}); give one {example}.") from error
    if not {".", ".."}.isdisjoint(unquote(parts.path).split("/")):
        raise UsageError(f"The base URL has a . or .. in its path: {text}")
    return urlunsplit((parts.scheme, _place(parts), parts.path.rstrip("/"), "", ""))


def _place(parts: SplitResult) -> str:
    """Normalise host and port: no leading zeros, and no port that is the scheme's default."""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    is_own = parts.port in (None, {"http": 80, "https": 443}[parts.scheme])
    return host if is_own else f"{host}:{parts.port}"


def _check_host(host: str, *, is_bracketed: bool) -> None:
    """Raise ValueError for a host that no resolver accepts."""
    if is_bracketed or host.rpartition(".")[2].isdecimal():
        ip_address(host)
    elif not _HOST.fullmatch(host):
        raise ValueError("its host is no name" if host else "it names no host")
    elif "xn--" in host:
        host.encode().decode("idna")


def _check_port(parts: SplitResult) -> None:
    try:
        is_port = parts.port != 0
    except ValueError:
        is_port = False
    if not is_port:
        raise ValueError("its port is none of 1 to 65535")


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
        return _check_key(_key_file_text(api_key_file), "--api-key-file")
    # Another provider's key is none of this address. OPENAI_API_KEY is what self-hosted servers are given.
    own = PROVIDERS["openai"].keys if owner is None else owner.keys
    for name in ("FTMON_API_KEY", *own):
        if environ.get(name):
            return _check_key(environ[name], name)
    return None


def _key_file_text(name: str) -> str:
    if name == "-":
        # A closed stdin is None.
        return sys.stdin.buffer.readline(8192).decode(errors="replace") if sys.stdin else ""
    with _regular_file(name, "key file") as file:
        status = os.fstat(file.fileno())
        if status.st_mode & 0o077 or status.st_uid not in (os.getuid(), 0):
            raise UsageError(
                f"The key file {name} can be read by others (or is not yours); "
                f"make it private first: chmod 600 {name}"
            )
        return file.read(8192).decode(errors="replace")


def _check_ca_file(name: str) -> Path:
    with _regular_file(name, "CA file") as file:
        return Path(file.name)


@contextmanager
def _regular_file(name: str, what: str) -> Iterator[BinaryIO]:
    try:
        with open(Path(name).expanduser(), "rb", opener=_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"The {what} {name} is not a regular file.")
            yield file
    except (OSError, RuntimeError) as error:
        raise UsageError(f"The {what} {name} cannot be read: {_reason(error)}.") from error


def _at_once(name: str, flags: int) -> int:
    """Open a file without blocking on a FIFO or a device."""
    return os.open(name, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _reason(error: OSError | RuntimeError) -> str:
    # `expanduser` raises RuntimeError where the home directory is unknown.
    return (error.strerror if isinstance(error, OSError) else None) or str(error).rstrip(".")


def _check_key(text: str, source: str) -> Key:
    value = text.strip()
    if not value:
        raise UsageError(f"There is no key in {source}: it is empty.")
    _check_unquoted(value, f"The key of {source}")
    if not _KEY.fullmatch(value):
        raise UsageError(
            f"The key of {source} cannot be sent: there is a blank, a line break or the like in it."
        )
    return Key(value, source)


def _check_unquoted(text: str, what: str) -> None:
    """Raise a UsageError for a text in quotes, such as Docker's `--env-file` leaves round a value."""
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        raise UsageError(f"{what} has quotes around it, which are taken as a part of it; leave them out.")


def _headers(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    organization = environ.get("OPENAI_ORG_ID") or environ.get("OPENAI_ORGANIZATION")
    project = environ.get("OPENAI_PROJECT_ID")
    headers = []
    for name, variable, value in (
        ("OpenAI-Organization", "OPENAI_ORG_ID (or OPENAI_ORGANIZATION)", organization),
        ("OpenAI-Project", "OPENAI_PROJECT_ID", project),
    ):
        if value:
            _check_unquoted(value.strip(), variable)
            if not _KEY.fullmatch(value.strip()):
                raise UsageError(f"{variable} has a blank, a line break or another odd character in it.")
            headers.append((name, value.strip()))
    return tuple(headers)
