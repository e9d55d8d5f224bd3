"""Keeps web pages away from a server on loopback, which every page in a browser of this machine can reach."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ftmon.serving.api import RequestError, openai_error

_OWN_HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]*)?", re.IGNORECASE)
"""A Host header that names this machine, at any port: a forwarded port (`ssh -L`) has another number."""

_OWN_SITES = frozenset({"", "same-origin", "none"})
"""Values of Sec-Fetch-Site: not from a browser, from a page of this server, or typed by the user."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a service lets its clients do."""

    token: str = ""
    """Only a request that has it as its key is answered, where there is one."""
    is_read_only: bool = False
    is_local: bool = True
    """It listens on this machine alone. Elsewhere it is known by names that it does not know."""


class Guard:
    """Passes on only what a program of the user asks for.

    It refuses other host names, which DNS rebinding would bring, and the requests of foreign pages. No answer
    has a CORS header, so a page cannot read what it may still cause.
    """

    def __init__(self, app: ASGIApp, access: "Access") -> None:
        self._app = app
        self._access = access
        self._token = f"Bearer {access.token}".encode() if access.token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421, 403 or 401."""
        headers = Headers(scope=scope)
        answer = (
            _refused(headers, is_local=self._access.is_local)
            or self._unauthorized(headers)
            or self._forbidden(scope["method"])
            or self._app
        )
        await answer(scope, receive, send)

    def _forbidden(self, method: str) -> Response | None:
        if method in ("GET", "HEAD") or not self._access.is_read_only:
            return None
        return refusal(403, "This service only reads: it was started without a token.")

    def _unauthorized(self, headers: Headers) -> Response | None:
        given = headers.get("authorization", "").encode()
        # In a time that tells nothing of how much of the token was right.
        if not self._token or compare_digest(given, self._token):
            return None
        return refusal(401, "This service wants its token as the key.")


def _refused(headers: Headers, *, is_local: bool) -> Response | None:
    host = headers.get("host", "")
    if is_local and not _OWN_HOST.fullmatch(host):
        return refusal(421, "This is not the host that was asked for.")
    origin = headers.get("origin")
    is_own_page = origin is None or origin.lower() == f"http://{host.lower()}"
    if not is_own_page or headers.get("sec-fetch-site", "") not in _OWN_SITES:
        return refusal(403, "Requests of other web pages are not answered.")
    return None


def refusal(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a refusal with an error object as OpenAI's API has it."""
    error = RequestError(status, message, param=param, code=code)
    return JSONResponse(openai_error(error), status, headers)
