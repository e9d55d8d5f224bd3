"""Translates the errors of httpx into FtmonErrors."""

import ssl
from collections.abc import Generator
from contextlib import contextmanager
from socket import gaierror

import httpx

from ftmon.errors import FtmonError, RefusedError, UnreachableError
from ftmon.safe import safe

_NO_HTTPS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "RECORD_LAYER_FAILURE"}
    | {"PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL", "BAD_PROTOCOL_VERSION_NUMBER"}
)
"""OpenSSL's reasons for an answer that is no TLS."""

_NO_AGREEMENT = frozenset(
    {"UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW", "WRONG_SSL_VERSION"}
    | {"TLSV1_ALERT_PROTOCOL_VERSION", "TLSV1_ALERT_INSUFFICIENT_SECURITY", "TLSV1_ALERT_UNKNOWN_CA"}
    | {"SSLV3_ALERT_HANDSHAKE_FAILURE", "NO_SHARED_CIPHER", "DH_KEY_TOO_SMALL", "EE_KEY_TOO_SMALL"}
    | {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "NO_CIPHERS_AVAILABLE", "UNSAFE_LEGACY_RENEGOTIATION_DISABLED"}
)
"""OpenSSL's reasons that only another configuration mends. Every other one may pass."""


def place(url: httpx.URL) -> str:
    """Return `host:port` as safe text."""
    return safe(f"{url.host}:{url.port}" if url.port else url.host)


@contextmanager
def translated(url: httpx.URL, proxy: httpx.URL | None = None) -> Generator[None, None, None]:
    """Turn every error of a request to the service at `url`, through a proxy or not, into an FtmonError.

    Drop httpx's own message: it repeats what the service sent, which may be the key.
    """
    try:
        yield
    except httpx.TransportError as error:
        raise _translation(error, url, proxy) from None
    except (httpx.RequestError, httpx.InvalidURL, httpx.StreamError, ValueError):
        # What the service sent, such as an id of 100,000 characters, makes no request or no answer.
        raise UnreachableError(f"the request to {place(url)} failed") from None


def _translation(error: httpx.TransportError, url: httpx.URL, proxy: httpx.URL | None) -> FtmonError:
    at = place(url)
    # The connection is made to the proxy, which looks up the service's name itself.
    name = f"of the proxy {safe(proxy.host)}" if proxy else safe(url.host)
    peer = f"the proxy {place(proxy)}" if proxy else at
    through = f" through {peer}" if proxy else ""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return RefusedError(
                f"The certificate of {at} cannot be trusted: {safe(cause.verify_message)}. "
                "If it is signed by your own authority, give that with --ca-file (or SSL_CERT_FILE)."
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_HTTPS:
            return RefusedError(f"{at} does not speak https ({cause.reason}). Is it plain http://?")
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_AGREEMENT:
            return RefusedError(f"{at} and ftmon do not agree on TLS ({cause.reason}).")
        if isinstance(cause, ssl.SSLError) and isinstance(error, httpx.ConnectError):
            # Cut, reset or garbled: a balancer that restarts, or a proxy whose other end is gone.
            return UnreachableError(f"the TLS handshake with {at} was cut")
        if isinstance(cause, gaierror):
            return UnreachableError(f"the name {name} cannot be resolved")
        if isinstance(cause, ConnectionRefusedError):
            return UnreachableError(f"{peer} refused the connection")
        if isinstance(cause, ConnectionResetError):
            return UnreachableError(f"{at} reset the connection")
    match error:
        case httpx.ConnectTimeout():
            return UnreachableError(f"{at} cannot be reached in time{through}")
        case httpx.TimeoutException():
            return UnreachableError(f"{at} does not answer")
        case httpx.ConnectError():
            return UnreachableError(f"{at} cannot be reached{through}")
        case httpx.RemoteProtocolError():
            return UnreachableError("the connection was cut")
        case httpx.ReadError() | httpx.WriteError() | httpx.CloseError():
            return UnreachableError("the connection was reset")
        case httpx.ProxyError():
            return UnreachableError("the proxy refused the connection")
        case _:
            return UnreachableError(f"the request to {at} failed")


def _causes(error: BaseException) -> Generator[BaseException, None, None]:
    """Yield an error, its causes and contexts, and the members of exception groups."""
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        cause = todo.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            todo.extend(cause.exceptions)
        todo += [cause.__cause__, cause.__context__]
