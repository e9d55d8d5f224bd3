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

from ftmon import __version__
from ftmon.errors import RefusedError, TooLargeError, UnreachableError, UsageError
from ftmon.safe import redact
from ftmon.settings import Key, Settings
from ftmon.wire import refusal
from ftmon.wire.echo import json_without
from ftmon.wire.fault import place, retry_after, translated

MAX_BODY = 256 * 2**20
"""Bytes of a job or a list. A million events have 150 MB; a list of 527 jobs was seen."""

_BODY_TIMEOUT = 300.0
_ERROR_TIMEOUT = 5.0
"""Seconds that the body of an error may take; what has come by then is read."""

_MAX_REDIRECTS = 5
_MAX_PIECE = 2**20
_MAX_ID = 1024
_LOCATION = "ftmon.location"
_TRANSIENT = frozenset({408, 409, 425, 429})

# TCP keepalive finds a peer that is gone: the first probe after 30 s, then 3 more every 10 s.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
_SOCKET_OPTIONS = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in _KEEPALIVE.items()
    if hasattr(socket, name)  # macOS and Linux have different ones
]

# They log URLs and response headers, in which a service may repeat the key.
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
                raise UnreachableError("the answer has a Content-Encoding that nobody asked for")
            inflater = _inflater()
            async for chunk in self.response.aiter_raw():
                while chunk:
                    if inflater.eof:
                        # A compressed body may have several members, one after another.
                        inflater = _inflater()
                    yield inflater.decompress(chunk, _MAX_PIECE)
                    chunk = inflater.unconsumed_tail or inflater.unused_data
            if not inflater.eof:
                raise UnreachableError("the packed answer was cut")

    async def body(self, limit: int) -> bytes:
        """Return the whole body; raises as `collected`."""
        async with aclosing(self.chunks()) as chunks:
            return await collected(chunks, limit)


async def collected(chunks: AsyncIterator[bytes], limit: int, start: bytes = b"") -> bytes:
    """Return `start` and all chunks as one body.

    Raises:
        UnreachableError: when it breaks off or takes longer than five minutes.
        TooLargeError: when it is larger than `limit` bytes.
    """
    pieces, size = [start], len(start)
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for piece in chunks:
                pieces.append(piece)
                size += len(piece)
                if size > limit:
                    raise TooLargeError(f"the answer is larger than {limit >> 20} MiB")
    except TimeoutError as error:
        raise UnreachableError("the answer did not end") from error
    return b"".join(pieces)


class Client:
    """Speaks HTTP to one service, and to no other origin."""

    def __init__(self, settings: Settings, *, head_timeout: float = 25.0, max_body: int = MAX_BODY) -> None:
        self.settings = settings
        self.max_body = max_body
        """Bytes of an answer that is read whole."""
        self._head_timeout = head_timeout
        self._origin = _origin(httpx.URL(settings.base_url))
        self._secrets = settings.secrets
        try:
            self._http = httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(
                    verify=_tls(settings),
                    proxy=_proxy(settings),
                    socket_options=_SOCKET_OPTIONS,
                    retries=0,
                    # No second idle connection, so that a request that is sent again gets a new one.
                    limits=httpx.Limits(max_keepalive_connections=1),
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
                # Keep no cookies: one more secret to send, and httpx fails on one that is not ASCII.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                event_hooks={"response": [_keep_location]},
            )
        except ImportError as error:
            raise UsageError("A SOCKS proxy is set, which needs httpx with its socks extra.") from error
        except (ValueError, httpx.InvalidURL):
            # The proxy's URL may hold a password, and httpx repeats it.
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
            return self.body_without_key(await answer.body(self.max_body))

    async def post(self, path: str) -> bytes:
        """Send an empty POST and return the body; raises as `get`."""
        async with self.open(path, accept="application/json", method="POST") as answer:
            return self.body_without_key(await answer.body(self.max_body))

    @asynccontextmanager
    async def open(
        self, path: str, *, accept: str, last_event_id: str = "", method: str = "GET"
    ) -> AsyncIterator[Answer]:
        """Send a request and yield its answer once its head has come and says 200.

        Follows at most 5 redirects, within the origin only.

        Raises:
            RefusedError: 400, 401, 403, 404 and their kin; TLS; a redirect to another origin.
            UnreachableError: no connection, no head in time, 408, 409, 425, 429, 5xx, all else but 200.
        """
        headers = [(b"Accept", accept.encode())]
        # Leave out an id that no header can hold: the service then replays everything.
        if last_event_id.isprintable() and 0 < len(last_event_id.strip()) == len(last_event_id) <= _MAX_ID:
            headers.append((b"Last-Event-ID", last_event_id.encode()))
        url = httpx.URL(self.settings.base_url + path)
        for _ in range(_MAX_REDIRECTS + 1):
            with translated(url):
                try:
                    async with asyncio.timeout(self._head_timeout):
                        response = await self._send(method, url, headers)
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

    async def _send(self, method: str, url: httpx.URL, headers: list[tuple[bytes, bytes]]) -> httpx.Response:
        """Send a request; a GET that fails on a reused connection is sent once more on a new one.

        A server may close a kept-alive connection at any time (RFC 9112, 9.3.1).
        """
        request = self._http.build_request(method, url, headers=headers)
        # httpcore names each step; that of connecting is missing where a connection is reused.
        steps: set[str] = set()

        async def trace(step: str, _: object) -> None:
            steps.add(step)

        request.extensions["trace"] = trace
        try:
            return await self._http.send(request, stream=True)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            is_reused = "connection.connect_tcp.started" not in steps
            if method != "GET" or not is_reused or "http11.receive_response_headers.complete" in steps:
                raise
        return await self._http.send(self._http.build_request(method, url, headers=headers), stream=True)

    def _redirected(self, url: httpx.URL, response: httpx.Response) -> httpx.URL:
        try:
            target = url.join(response.extensions[_LOCATION])
            if _origin(target) == self._origin:
                return target
        except (ValueError, httpx.InvalidURL):
            # A broken target is another place too.
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
        said = await self._sentence(response)
        if (status >= 500 and status != 501) or status in _TRANSIENT or status < 400:
            raise UnreachableError(
                refusal.failed(status, said), retry_after=retry_after(response.headers), status=status
            )
        key = self.settings.key
        message = refusal.refused(
            status, said, key_source=key.source if key else None, base_url=self.settings.base_url
        )
        raise RefusedError(message, status)

    async def _sentence(self, response: httpx.Response) -> str:
        """Return the sentence in an error's body, without the key; empty where there is none."""
        try:
            body = await _beginning(Answer(response), 65_536, min(self._head_timeout, _ERROR_TIMEOUT))
        except UnreachableError:
            return ""
        return refusal.told(self.redact(refusal.sentence_of_body(body) or ""))

    @property
    def has_secrets(self) -> bool:
        """There is a key that an answer may echo."""
        return bool(self._secrets)

    def redact(self, text: str) -> str:
        """Return a service's text without the key, and without anything that looks like one."""
        return redact(text, self._secrets)

    def without_key(self, text: str) -> str:
        """Return a service's JSON text with `[key]` where it echoes the key."""
        return json_without(text, self._secrets)

    def body_without_key(self, body: bytes) -> bytes:
        """Return a JSON body with `[key]` where it echoes the key."""
        return self.without_key(body.decode("utf-8-sig", "replace")).encode() if self._secrets else body


class _KeyAuth(httpx.Auth):
    """Adds the key when a request is sent, so that no dict holds it before."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.value}"
        yield request


def _inflater() -> "zlib._Decompress":
    # Of either kind, gzip or zlib.
    return zlib.decompressobj(zlib.MAX_WBITS | 32)


async def _keep_location(response: httpx.Response) -> None:
    """Hide a redirect from httpx, which parses it although it does not follow it, and fails on an odd one."""
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
        # Loading certificates is slow, and plain http needs none: this context trusts nobody.
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
    # Check the port now (ValueError): httpx would check it only when it connects.
    _ = urlsplit(proxy).port
    return proxy
