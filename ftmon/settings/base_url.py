"""The base URL of a service, in its one form."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ftmon.errors import UsageError

_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_MAX_URL = 2048
_QUOTES = frozenset("\"'`\u2018\u2019\u201c\u201d")


def check_base_url(text: str) -> str:
    """Normalise a base URL: scheme and host in lower case, no default port, no slash at the end.

    Raises:
        UsageError: where it has no http or https scheme, no host, a bad port, a user, a query or `..` in it;
            the sentence repeats nothing that may be a secret.
    """
    text = text.strip()
    example = "such as http://127.0.0.1:8000/v1"
    check_unquoted(text, "The base URL")
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


def check_unquoted(text: str, what: str) -> None:
    """Raise a UsageError for a text in quotes, such as Docker's `--env-file` leaves round a value."""
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        raise UsageError(f"{what} has quotes around it, which are taken as a part of it; leave them out.")
