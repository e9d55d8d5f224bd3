"""One request, one answer or one FtmonError: everything of httpx ends here."""

import asyncio
import logging
import socket
import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing, asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from ftmon import __version__, json_text
from ftmon.errors import RefusedError, UnreachableError, UsageError
from ftmon.safe import one_line, redact
from ftmon.settings import Key, Settings
from ftmon.wire.dialects.fine_tunes import error_message
from ftmon.wire.echo import json_without
from ftmon.wire.fault import place, retry_after, translated

MAX_BODY = 256 * 2**20
"""Bytes of a job or a list: one of 527 jobs was seen, one of a million events has 150 MB."""

_BODY_TIMEOUT = 300.0
_MAX_REDIRECTS = 5
_MAX_PIECE = 2**20
_MAX_ID = 1024
_LOCATION = "ftmon.location"
_TRANSIENT = frozenset({408, 409, 425, 429})

# Keepalive notices a peer that is gone without a word: after 30 s, then 3 times every 10 s.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
_SOCKET_OPTIONS = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in _KEEPALIVE.items()
    if hasattr(socket, name)  # not every system has every one
]

# They log addresses and headers of answers, in which a service may repeat the key.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Answer(NamedTuple):
    """The head of a 200 answer, whose body is still to be read."""

    response: httpx.Response

    @property
    def media_type(self) -> str:
        """In lower case, without its parameters."""
        kind: str = self.response.headers.get("Content-Type", "")
        return kind.partition(";")[0].strip().lower()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes, in pieces of at most about 1 MiB.

        Raises:
            UnreachableError: when the connection breaks before the end of the body.
        """
        with translated(self.response.request.url):
            encoding = self.response.headers.get("Content-Encoding", "identity").strip().lower()
            if encoding in ("", "identity"):
                async for chunk in self.response.aiter_raw():
                    yield chunk
                return
            if encoding not in ("gzip", "x-gzip", "deflate"):
                raise UnreachableError("the answer is packed in a way nobody asked for")
            inflater = _inflater()
            async for chunk in self.response.aiter_raw():
                while chunk:
                    if inflater.eof:
                        # A packed answer may have several members, one after another.
                        inflater = _inflater()
                    yield inflater.decompress(chunk, _MAX_PIECE)
                    chunk = inflater.unconsumed_tail or inflater.unused_data
            if not inflater.eof:
                raise UnreachableError("the packed answer was cut")

    async def body(self) -> bytes:
        """Return the whole body.

        Raises:
            UnreachableError: when it breaks off, is larger than `MAX_BODY` or takes longer than five minutes.
        """
        pieces, size = [], 0
        try:
            async with asyncio.timeout(_BODY_TIMEOUT):
                async with aclosing(self.chunks()) as chunks:
                    async for piece in chunks:
                        pieces.append(piece)
                        size += len(piece)
                        if size > MAX_BODY:
                            raise UnreachableError(f"the answer is larger than {MAX_BODY >> 20} MiB")
        except TimeoutError as error:
            raise UnreachableError("the answer did not end") from error
        return b"".join(pieces)


class Client:
    """Speaks HTTP to one service, and to no other origin."""

    def __init__(self, settings: Settings, *, head_timeout: float = 25.0) -> None:
        self.settings = settings
        self._head_timeout = head_timeout
        self._origin = _origin(httpx.URL(settings.base_url))
        self._secrets = settings.secrets
        try:
            self._http = httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(
                    verify=_tls(settings), proxy=_proxy(settings), socket_options=_SOCKET_OPTIONS, retries=0
                ),
                auth=_KeyAuth(settings.key) if settings.key else None,
                headers=[
                    *settings.headers,
                    ("User-Agent", f"ftmon/{__version__}"),
                    ("Cache-Control", "no-store"),
                    ("Accept-Encoding", "identity"),
                ],
                timeout=httpx.Timeout(10, read=None),
                trust_env=False,
                # Sent back, a cookie would be one more secret, and httpx fails on one that is not ASCII.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                event_hooks={"response": [_keep_location]},
            )
        except ImportError as error:
            raise UsageError("A SOCKS proxy is set, which needs httpx with its socks extra.") from error
        except (ValueError, httpx.InvalidURL):
            # Its address may hold a password, and so may the error's words.
            raise UsageError("The proxy that the environment sets (HTTPS_PROXY …) cannot be used.") from None

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def get(self, path: str) -> bytes:
        """Return the body of a JSON answer.

        Raises:
            RefusedError, UnreachableError: as the status says; see `_check`.
        """
        async with self.open(path, accept="application/json") as answer:
            return self._without_key(await answer.body())

    async def post(self, path: str) -> bytes:
        """Send an empty POST and return the body; raises as `get`."""
        async with self.open(path, accept="application/json", method="POST") as answer:
            return self._without_key(await answer.body())

    @asynccontextmanager
    async def open(
        self, path: str, *, accept: str, last_event_id: str = "", method: str = "GET"
    ) -> AsyncIterator[Answer]:
        """Send a request and hand over its answer once its head is there and says 200.

        Redirects are followed within the origin only, at most 5 of them.

        Raises:
            RefusedError: 400, 401, 403, 404 and their kin; TLS; a redirect to another origin.
            UnreachableError: no connection, no head in time, 408, 409, 425, 429, 5xx, all else but 200.
        """
        headers = [(b"Accept", accept.encode())]
        # An id that no header can hold is not sent: the whole replay does as well.
        if last_event_id.isprintable() and 0 < len(last_event_id.strip()) == len(last_event_id) <= _MAX_ID:
            headers.append((b"Last-Event-ID", last_event_id.encode()))
        url = httpx.URL(self.settings.base_url + path)
        for _ in range(_MAX_REDIRECTS + 1):
            with translated(url):
                request = self._http.build_request(method, url, headers=headers)
                try:
                    async with asyncio.timeout(self._head_timeout):
                        response = await self._http.send(request, stream=True)
                except TimeoutError as error:
                    raise UnreachableError(f"{place(url)} does not answer") from error
            try:
                if _LOCATION not in response.extensions:
                    await self._check(response)
                    yield Answer(response)
                    return
                url = self._redirected(url, response)
            finally:
                await response.aclose()
        raise RefusedError(f"{place(url)} redirects in a circle.", response.status_code)

    def _redirected(self, url: httpx.URL, response: httpx.Response) -> httpx.URL:
        try:
            target = url.join(response.extensions[_LOCATION])
            if _origin(target) == self._origin:
                return target
        except (ValueError, httpx.InvalidURL):
            # Wherever that would be, it is not here.
            pass
        raise RefusedError(
            f"{place(url)} redirects to another place, which never gets your key; "
            "if that is where the service is now, give it with --base-url.",
            response.status_code,
        )

    async def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        if status >= 500 or status in _TRANSIENT or status < 400:
            raise UnreachableError(
                f"the service answers {status}", retry_after=retry_after(response.headers), status=status
            )
        said = await self._error_text(response)
        raise RefusedError(self._refusal(status, said), status)

    async def _error_text(self, response: httpx.Response) -> str:
        try:
            value = json_text.decode(await _beginning(Answer(response), 65_536, self._head_timeout))
        except (ValueError, UnreachableError):
            return ""
        message = error_message(value) or ""
        return one_line(self.redact(message))[:300].strip()

    def _refusal(self, status: int, said: str) -> str:
        key = self.settings.key
        if status == 401 and key is None:
            hint = "Set OPENAI_API_KEY (or FTMON_API_KEY), or give --api-key-file."
        elif status == 401:
            hint = f"The key came from {key.source if key else ''}."
        elif status == 403 and key is None:
            hint = "No key was sent: does it want one?"
        elif status == 403:
            hint = "The key is known but may not do this: is it the right project and organization?"
        elif status == 404:
            hint = f"Is the id right, and the base URL {self.settings.base_url}, and the organization?"
        else:
            hint = ""
        words = {
            401: "does not accept the key" if key else "wants a key",
            403: "forbids it",
            404: "knows no such job",
        }
        said = said if said.endswith((".", "!", "?")) or not said else f"{said}."
        sentence = f"The service {words.get(status, 'refuses')} ({status})"
        return " ".join(part for part in (f"{sentence}: {said}" if said else f"{sentence}.", hint) if part)

    def redact(self, text: str) -> str:
        """Return a text of the service without the key, and without what looks like one."""
        return redact(text, self._secrets)

    def without_key(self, text: str) -> str:
        """Return a JSON text of the service with `[key]` for the key, should it be echoed."""
        return json_without(text, self._secrets)

    def _without_key(self, body: bytes) -> bytes:
        return self.without_key(body.decode("utf-8-sig", "replace")).encode() if self._secrets else body


class _KeyAuth(httpx.Auth):
    """Puts the key on the request at the last moment, so that no dict in between holds it."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.value}"
        yield request


def _inflater() -> "zlib._Decompress":
    # Of either kind, gzip or zlib.
    return zlib.decompressobj(zlib.MAX_WBITS | 32)


async def _keep_location(response: httpx.Response) -> None:
    """Hide a redirect from httpx, which fails on an odd one although it is not to follow any."""
    if response.has_redirect_location:
        response.extensions[_LOCATION] = response.headers.pop("Location")


async def _beginning(answer: Answer, size: int, seconds: float) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(seconds):
            async with aclosing(answer.chunks()) as chunks:
                async for piece in chunks:
                    body += piece
                    if len(body) >= size:
                        break
    except TimeoutError:
        pass
    return body[:size]


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _tls(settings: Settings) -> ssl.SSLContext:
    if settings.base_url.startswith("http:"):
        # Loading certificates takes as long as all else; this context trusts nobody and is never asked.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if settings.ca_file:
            return ssl.create_default_context(cafile=settings.ca_file)
        return httpx.create_ssl_context()
    except (OSError, ssl.SSLError) as error:
        source = f"--ca-file {settings.ca_file}" if settings.ca_file else "SSL_CERT_FILE or SSL_CERT_DIR"
        raise UsageError(f"The certificates of {source} cannot be read: {error}") from error


def _proxy(settings: Settings) -> str | None:
    parts = urlsplit(settings.base_url)
    if settings.is_loopback or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    # httpx looks at the port of a URL when it connects, and not before: this raises ValueError.
    _ = urlsplit(proxy).port
    return proxy
