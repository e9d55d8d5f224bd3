"""Which service and which key: option > environment > the provider's own address."""

import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ftmon.errors import UsageError

DEFAULT_BASE_URL = "https://api.openai.com/v1"

_KEY = re.compile(r"[!-~]{1,4096}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Key:
    """An API key that does not show itself."""

    value: str = field(repr=False)
    source: str
    """Where it came from, in words: `--api-key-file`, `OPENAI_API_KEY` …"""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the client needs to speak to a service."""

    base_url: str = DEFAULT_BASE_URL
    """Normalised: http or https, no user, query or fragment, no slash at the end."""
    key: Key | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """The organization and project headers."""
    ca_file: Path | None = None
    notices: tuple[str, ...] = ()
    """Sentences for the user about what was left out."""

    @property
    def is_loopback(self) -> bool:
        """The service is on this machine."""
        return urlsplit(self.base_url).hostname in _LOOPBACK


def read_settings(
    *,
    base_url: str | None = None,
    api_key_file: str | None = None,
    ca_file: str | None = None,
    allow_http: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Put the settings together from the options and the environment.

    Raises:
        UsageError: for an address, a key or a file that cannot be used; the sentence never holds a key.
    """
    url = check_base_url(
        base_url
        or environ.get("FTMON_BASE_URL")
        or environ.get("OPENAI_BASE_URL")
        or environ.get("OPENAI_API_BASE")
        or DEFAULT_BASE_URL
    )
    if ca_file is not None and not Path(ca_file).is_file():
        raise UsageError(f"There is no such CA file: {ca_file}")
    key = _read_key(api_key_file, environ)
    settings = Settings(url, key, _headers(environ), Path(ca_file) if ca_file else None)
    if key is None or allow_http or url.startswith("https:") or settings.is_loopback:
        return settings
    if key.source == "OPENAI_API_KEY":
        notice = (
            f"{key.source} is not sent to {url}, because plain http would show it to the network; "
            "--allow-http sends it."
        )
        return Settings(url, None, settings.headers, settings.ca_file, (notice,))
    raise UsageError(
        f"The key of {key.source} would cross the network in plain http to {url}; "
        "use https, or --allow-http if that is meant."
    )


def check_base_url(text: str) -> str:
    """Return a base URL without the slash at its end.

    Raises:
        UsageError: where it has no http or https scheme, no host, a bad port, a user, a query or `..` in it.
    """
    text = text.strip()
    example = "such as http://127.0.0.1:8000/v1"
    if not text.isprintable() or " " in text:
        raise UsageError(f"The base URL has blanks or control characters in it; give one {example}.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"This is no base URL: {text} ({error}); give one {example}.") from error
    if "@" in parts.netloc:
        raise UsageError(
            "The base URL has a user name or password in it, which would be logged; leave it out."
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UsageError(f"This is no base URL: {text}; give one with http:// or https://, {example}.")
    if parts.query or parts.fragment or "\\" in text:
        raise UsageError(f"The base URL must end with its path, without ? or #: {text}")
    segments = re.sub("%2e", ".", parts.path, flags=re.IGNORECASE).split("/")
    if ".." in segments or "." in segments:
        raise UsageError(f"The base URL has a . or .. in its path: {text}")
    return text.rstrip("/")


def _read_key(api_key_file: str | None, environ: Mapping[str, str]) -> Key | None:
    if api_key_file is not None:
        return _check_key(_key_file_text(api_key_file), "--api-key-file")
    for name in ("FTMON_API_KEY", "OPENAI_API_KEY"):
        if environ.get(name, "").strip():
            return _check_key(environ[name], name)
    return None


def _key_file_text(name: str) -> str:
    if name == "-":
        return sys.stdin.readline()
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"The key file {name} is not a regular file.")
            if status.st_mode & 0o077 or status.st_uid not in (os.getuid(), 0):
                raise UsageError(
                    f"The key file {name} can be read by others (or is not yours); "
                    f"make it private first: chmod 600 {name}"
                )
            return file.read(8192).decode(errors="replace")
    except OSError as error:
        raise UsageError(f"The key file {name} cannot be read: {error.strerror}.") from error


def _check_key(text: str, source: str) -> Key:
    value = text.strip()
    if not value:
        raise UsageError(f"There is no key in {source}: it is empty.")
    if not _KEY.fullmatch(value):
        raise UsageError(
            f"The key of {source} cannot be sent: there is a blank, a line break or the like in it."
        )
    return Key(value, source)


def _headers(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    organization = environ.get("OPENAI_ORG_ID") or environ.get("OPENAI_ORGANIZATION")
    project = environ.get("OPENAI_PROJECT_ID")
    headers = []
    for name, variable, value in (
        ("OpenAI-Organization", "OPENAI_ORG_ID (or OPENAI_ORGANIZATION)", organization),
        ("OpenAI-Project", "OPENAI_PROJECT_ID", project),
    ):
        if value and value.strip():
            if not _KEY.fullmatch(value.strip()):
                raise UsageError(f"{variable} has a blank, a line break or another odd character in it.")
            headers.append((name, value.strip()))
    return tuple(headers)
