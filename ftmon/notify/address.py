"""Telling an address: one POST, in the shape that it takes."""

import json
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import IO, Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from ftmon import __version__
from ftmon.notify.words import Facts
from ftmon.settings.notification import is_loopback

_LONGEST = 10.0
"""Seconds that each part of a request may take."""

_MOST = 1500
"""Characters of a message. Discord takes 2,000, in which the escapes count."""


class Message(NamedTuple):
    """What is sent to an address."""

    body: bytes
    headers: Mapping[str, str]


def message(shape: str, told: Facts) -> Message:
    """Return a message of this shape. Nobody is mentioned, and no text is markup."""
    body, headers = _SHAPES[shape]
    return Message(body(told).encode(), {"Content-Type": "application/json", **headers})


def send(address: str, shape: str, told: Facts) -> str:
    """Send a message, and return a sentence that says what was wrong; empty where it was taken.

    No redirect is followed. The sentence has nothing of the address.
    """
    body, headers = message(shape, told)
    request = Request(address, body, {**headers, "User-Agent": f"ftmon/{__version__}"}, method="POST")
    # This machine is never asked through a proxy.
    proxies: dict[str, str] | None = {} if is_loopback(urlsplit(address).hostname or "") else None
    opener = build_opener(_NoRedirect, ProxyHandler(proxies))
    try:
        with opener.open(request, timeout=_LONGEST):
            return ""
    except HTTPError as error:
        error.close()
        return f"The address answered with {error.code}."
    except URLError as error:
        return f"The address {_reason(error.reason)}."
    except (OSError, HTTPException, ValueError):
        # Their messages may repeat the address.
        return "The address gave no answer that can be read."


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Follow no redirect: the answer is then an error."""
        return


def _reason(reason: object) -> str:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "has a certificate that cannot be trusted"
    if isinstance(reason, ConnectionRefusedError):
        return "refused the connection"
    if isinstance(reason, TimeoutError):
        return "does not answer"
    return "cannot be reached"


def _text(told: Facts) -> str:
    """Return a note as text: what has happened, how far the run is, and what the service says."""
    step, total, loss = told.get("step"), told.get("total_steps"), told.get("loss")
    place = f"step {step}{f'/{total}' if total else ''}" if step is not None else ""
    figures = ", ".join(filter(None, (place, f"loss {loss:.4g}" if isinstance(loss, float) else "")))
    said = [told.get("title"), told.get("message"), figures]
    return "\n".join(str(each) for each in said if each)[:_MOST]


def _ntfy(told: Facts) -> str:
    # https://docs.ntfy.sh/publish: text that is posted to the topic
    return _text(told)


def _slack(told: Facts) -> str:
    # https://docs.slack.dev/messaging/formatting-message-text#escaping
    escaped = _text(told).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps(
        {"text": escaped, "mrkdwn": False, "link_names": False, "unfurl_links": False, "unfurl_media": False}
    )


def _discord(told: Facts) -> str:
    # Text of a service would be markup, and a link hide where it leads.
    content = "".join(f"\\{sign}" if sign in "\\*_~`|>[]()#-<&@" else sign for sign in _text(told))
    return json.dumps({"content": content[:2000], "allowed_mentions": {"parse": []}, "flags": 4})


def _plain_json(told: Facts) -> str:
    return json.dumps({"object": "notification", **told})


_SHAPES: Mapping[str, tuple[Callable[[Facts], str], Mapping[str, str]]] = {
    "ntfy": (_ntfy, {"Content-Type": "text/plain; charset=utf-8"}),
    "slack": (_slack, {}),
    "discord": (_discord, {}),
    "json": (_plain_json, {}),
}
