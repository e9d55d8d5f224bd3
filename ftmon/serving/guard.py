"""Keeps web pages away from a server on loopback, which every page in a browser of this machine can reach."""

import re
from hmac import compare_digest

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ftmon.serving.api import RequestError, openai_error

_OWN_HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]*)?", re.IGNORECASE)
"""A Host header that names this machine, at any port: a forwarded port (`ssh -L`) has another number."""

_OWN_SITES = frozenset({"", "same-origin", "none"})
"""Values of Sec-Fetch-Site: not from a browser, from a page of this server, or typed by the user."""


class Guard:
    """Passes on only what a program of the user asks for.

    It refuses other host names, which DNS rebinding would bring, and the requests of foreign pages. No answer
    has a CORS header, so a page cannot read what it may still cause.
    """

    def __init__(self, app: ASGIApp, token: str = "") -> None:
        """With a token, only a request that has it as its key is passed on."""
        self._app = app
        self._token = f"Bearer {token}".encode() if token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421, 403 or 401."""
        headers = Headers(scope=scope)
        answer = _refused(headers) or self._unauthorized(headers) or self._app
        await answer(scope, receive, send)

    def _unauthorized(self, headers: Headers) -> Response | None:
        given = headers.get("authorization", "").encode()
        # In a time that tells nothing of how much of the token was right.
        if not self._token or compare_digest(given, self._token):
            return None
        return refusal(401, "This service wants its token as the key.")


def _refused(headers: Headers) -> Response | None:
    host = headers.get("host", "")
    if not _OWN_HOST.fullmatch(host):
        return refusal(421, "This is not the host that was asked for.")
    origin = headers.get("origin")
    is_own_page = origin is None or origin.lower() == f"http://{host.lower()}"
    if not is_own_page or headers.get("sec-fetch-site", "") not in _OWN_SITES:
        return refusal(403, "Requests of other web pages are not answered.")
    return None


def refusal(status: int, message: str, *, param: str | None = None, code: str | None = None) -> Response:
    """Return a refusal with an error object as OpenAI's API has it."""
    error = RequestError(status, message, param=param, code=code)
    return JSONResponse(openai_error(error), status_code=status)
