"""One request, one answer or one FtmonError: everything of httpx ends here."""

import asyncio
import logging
import os
import re
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NoReturn

import httpx

from ftmon import __version__
from ftmon.errors import RefusedError, UnclearError, UnreachableError, UsageError
from ftmon.safe import redact
from ftmon.settings import Key, Settings
from ftmon.wire import refusal
from ftmon.wire.allowance import Allowance, retry_after
from ftmon.wire.answer import Answer, Meter
from ftmon.wire.clock import Moment, ServiceClock
from ftmon.wire.echo import json_without, may_echo
from ftmon.wire.fault import place, translated
from ftmon.wire.known import KnownAnswers
from ftmon.wire.proxy import proxy_for
from ftmon.wire.steps import Steps

MAX_BODY = 256 * 2**20
"""Bytes of a job or a list. A million events have 150 MB; a list of 527 jobs was seen."""

_ERROR_TIMEOUT = 5.0
"""Seconds that the body of an error may take; what has come by then is read."""

_CONNECT = 0.4
"""The part of the time for a head that connecting may take: 10 s of 25 s; as long again for TLS."""
_MAX_REDIRECTS = 5
_MAX_ID = 1024
_LOCATION = "ftmon.location"
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
"""A token of Azure's directory (a JWT), which goes into `Authorization` whatever header a key goes into."""
_NOT_MODIFIED = 304
_TRANSIENT = frozenset({408, 409, 425, 429})
_NOT_DONE = frozenset({409, 425})
"""Of these, what proves that a request was not carried out; 408 and 429 may come from a proxy midway."""

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


class Client:
    """Speaks HTTP to one service, and to no other origin."""

    def __init__(self, settings: Settings, *, head_timeout: float = 25.0, max_body: int = MAX_BODY) -> None:
        self.settings = settings
        self.max_body = max_body
        """Bytes of an answer that is read whole."""
        self.allowance = Allowance()
        self.clock = ServiceClock()
        self.meter = Meter()
        self._known = KnownAnswers()
        self._head_timeout = head_timeout
        self._base = httpx.URL(settings.base_url)
        self._place = place(self._base)
        self._secrets = settings.secrets
        try:
            proxy = None if settings.is_loopback else proxy_for(settings.base_url)
            self._proxy = httpx.URL(proxy) if proxy else None
            self._http = httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(
                    verify=tls_context(settings),
                    proxy=self._proxy,
                    socket_options=_SOCKET_OPTIONS,
                    retries=0,
                    # No second idle connection, so that a request that is sent again gets a new one.
                    limits=httpx.Limits(max_keepalive_connections=1),
                ),
                auth=_KeyAuth(settings.key, settings.key_header) if settings.key else None,
                headers=[
                    *settings.headers,
                    ("User-Agent", f"ftmon/{__version__}"),
                    ("Cache-Control", "no-store"),
                    ("Accept-Encoding", "identity"),
                ],
                # Well before the head is due: httpcore leaves a socket open where a handshake is cancelled.
                timeout=httpx.Timeout(_CONNECT * head_timeout, read=None),
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

    def at_root(self) -> "Client":
        """Return this client for an API at the root of the host, above a version in the base URL."""
        client = copy(self)
        client.settings = replace(self.settings, base_url=self.settings.base_url.removesuffix("/v1"))
        return client

    async def get(self, path: str, accept: str = "application/json") -> bytes:
        """Return the body of an answer; the known one where the service says that it has not changed.

        Raises:
            RefusedError, UnreachableError: as the status says; see `_refuse`.
        """
        known = self._known.find(path)
        headers = [(b"Accept", accept.encode()), *(known.conditions if known else [])]
        async with self._answered("GET", path, headers, Steps()) as answer:
            self.allowance.note(answer.headers)
            if answer.is_unchanged and known is not None:
                known.unchanged += 1
                return known.body
            body = self.body_without_key(await answer.body(self.max_body))
        self._known.note(path, answer.headers, body)
        return body

    async def post(self, path: str, content: str = "", *, method: str = "POST") -> bytes:
        """Send a POST, or a PUT, of nothing or of this JSON, and return the body, which may be empty.

        Raises:
            RefusedError, UnreachableError: the service did not do what was asked.
            UnclearError: the service may have done it.
        """
        steps = Steps()
        try:
            headers = [(b"Accept", b"application/json")]
            headers += [(b"Content-Type", b"application/json")] if content else []
            async with self._answered(method, path, headers, steps, content) as answer:
                return self.body_without_key(await answer.body(self.max_body))
        except UnreachableError as error:
            if not steps.is_sent or error.status in _NOT_DONE:
                raise
            raise UnclearError(str(error), status=error.status) from error
        except RefusedError as error:
            if error.status is None or error.status >= 400:
                raise
            raise UnclearError("the service answers with a redirect", status=error.status) from error

    @asynccontextmanager
    async def open(self, path: str, *, accept: str, last_event_id: str = "") -> AsyncIterator[Answer]:
        """Send a GET and yield its answer once its head has come and says 200.

        Follows at most 5 redirects, within the origin only.

        Raises:
            RefusedError: 400, 401, 403, 404 and their kin; TLS; a redirect to another origin.
            UnreachableError: no connection, no head in time, 408, 409, 425, 429, 5xx, all else but 200.
        """
        headers = [(b"Accept", accept.encode())]
        # Leave out an id that no header can hold: the service then replays everything.
        if last_event_id.isprintable() and 0 < len(last_event_id.strip()) == len(last_event_id) <= _MAX_ID:
            headers.append((b"Last-Event-ID", last_event_id.encode()))
        async with self._answered("GET", path, headers, Steps()) as answer:
            yield answer

    @asynccontextmanager
    async def _answered(
        self, method: str, path: str, headers: list[tuple[bytes, bytes]], steps: Steps, content: str = ""
    ) -> AsyncIterator[Answer]:
        """Send a request and yield its answer, if that is a good one."""
        response = await self._response(method, path, headers, steps, content)
        try:
            answer = Answer(response.headers, partial(self._pieces, response), self._head_timeout)
            is_conditional = any(name.startswith(b"If-") for name, _ in headers)
            answer.is_unchanged = is_conditional and response.status_code == _NOT_MODIFIED
            is_good = response.status_code == 200 or answer.is_unchanged
            if not is_good and not (method == "POST" and response.is_success):
                await self._refuse(response, answer)
            yield answer
        finally:
            await response.aclose()

    async def _response(
        self, method: str, path: str, headers: list[tuple[bytes, bytes]], steps: Steps, content: str
    ) -> httpx.Response:
        """Send a request, follow its redirects, and return the response whose head has come.

        The request is made here too, because httpx fails already then on odd ids and redirects of a service.
        """
        with translated(self._base, self._proxy):
            try:
                async with asyncio.timeout(self._head_timeout):
                    url = httpx.URL(self.settings.base_url + path)
                    for _ in range(_MAX_REDIRECTS + 1):
                        response = await self._send(method, url, headers, steps, content)
                        if _LOCATION not in response.extensions:
                            return response
                        await response.aclose()
                        url = self._redirected(url, response)
            except TimeoutError as error:
                raise UnreachableError(f"{self._place} does not answer") from error
        raise RefusedError(f"{self._place} redirects in a circle.", response.status_code)

    async def _pieces(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        with translated(self._base, self._proxy):
            async for piece in response.aiter_raw():
                self.meter.received += len(piece)
                yield piece

    async def _send(
        self, method: str, url: httpx.URL, headers: list[tuple[bytes, bytes]], steps: Steps, content: str
    ) -> httpx.Response:
        """Send a request; a GET that fails on a reused connection is sent once more on a new one.

        A server may close a kept-alive connection at any time (RFC 9112, 9.3.1).
        """
        request = self._http.build_request(method, url, headers=headers, content=content or None)
        steps.begin()
        request.extensions["trace"] = steps.note
        try:
            return await self._timed(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if method != "GET" or steps.has_connected or steps.has_head:
                raise
        return await self._timed(self._http.build_request(method, url, headers=headers))

    async def _timed(self, request: httpx.Request) -> httpx.Response:
        sent = Moment.now()
        response = await self._http.send(request, stream=True)
        self.clock.note(response.headers, sent, Moment.now())
        return response

    def _redirected(self, url: httpx.URL, response: httpx.Response) -> httpx.URL:
        try:
            target = url.join(response.extensions[_LOCATION])
            if _origin(target) == _origin(self._base):
                return target
        except (ValueError, httpx.InvalidURL):
            # A broken target is another place too.
            pass
        raise RefusedError(
            f"{self._place} redirects to another place, which never gets your key; "
            "if that is where the service is now, give it with --base-url.",
            response.status_code,
        )

    async def _refuse(self, response: httpx.Response, answer: Answer) -> NoReturn:
        """Raise what the status says, with the service's sentence."""
        status = response.status_code
        said = await self._sentence(answer)
        if (status >= 500 and status != 501) or status in _TRANSIENT or status < 400:
            raise UnreachableError(
                refusal.failed(status, said), retry_after=retry_after(response.headers), status=status
            )
        key = self.settings.key
        message = refusal.refused(
            status, said, key_source=key.source if key else None, base_url=self.settings.base_url
        )
        raise RefusedError(message, status, said)

    async def _sentence(self, answer: Answer) -> str:
        """Return the sentence in an error's body, without the key; empty where there is none."""
        try:
            body = await answer.beginning(65_536, min(self._head_timeout, _ERROR_TIMEOUT))
        except UnreachableError:
            return ""
        return refusal.told(self.redact(refusal.sentence_of_body(body) or ""))

    def redact(self, text: str) -> str:
        """Return a service's text without the key, and without anything that looks like one."""
        return redact(text, self._secrets)

    def may_echo(self, texts: Iterable[str]) -> bool:
        """Whether `without_key` may change one of these texts. It takes a fraction of that."""
        return bool(self._secrets) and may_echo("\n".join(texts), self._secrets)

    def without_key(self, text: str) -> str:
        """Return a service's JSON text with `[key]` where it echoes the key."""
        return json_without(text, self._secrets)

    def body_without_key(self, body: bytes) -> bytes:
        """Return a JSON body with `[key]` where it echoes the key."""
        return self.without_key(body.decode("utf-8-sig", "replace")).encode() if self._secrets else body


class _KeyAuth(httpx.Auth):
    """Adds the key when a request is sent, so that no dict holds it before."""

    def __init__(self, key: Key, header: str) -> None:
        self._key = key
        self._header = header

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        key = self._key.value
        if self._header == "Authorization" or _TOKEN.fullmatch(key):
            request.headers["Authorization"] = f"Bearer {key}"
        else:
            request.headers[self._header] = key
        yield request


async def _keep_location(response: httpx.Response) -> None:
    """Hide a redirect from httpx, which parses it although it does not follow it, and fails on an odd one."""
    if response.has_redirect_location:
        response.extensions[_LOCATION] = response.headers.pop("Location")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Return which certificates are trusted.

    Raises:
        UsageError: where the file or the folder that the user named cannot be read.
    """
    if settings.base_url.startswith("http:"):
        # Loading certificates is slow, and plain http needs none: this context trusts nobody.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not os.environ.get("SSLKEYLOGFILE", "").strip():
        # Python would write the log into a file whose name is a blank.
        os.environ.pop("SSLKEYLOGFILE", None)
    file, folder = (os.environ.get(name, "").strip() for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    try:
        if settings.ca_file or file:
            return ssl.create_default_context(cafile=settings.ca_file or file)
        if folder:
            return ssl.create_default_context(capath=folder)
        return httpx.create_ssl_context(trust_env=False)
    except (OSError, ssl.SSLError) as error:
        source = f"--ca-file {settings.ca_file}" if settings.ca_file else "SSL_CERT_FILE or SSL_CERT_DIR"
        raise UsageError(f"The certificates of {source} cannot be read: {error}") from error
