"""The way to a service: its name, its certificate, and what it answers. Each step is bounded in time."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncGenerator
from concurrent.futures import Future
from contextlib import aclosing
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from ftmon.checks import facts
from ftmon.checks.check import Check, Mark, bad, doubt, good
from ftmon.errors import FtmonError, RefusedError, UnreachableError, UsageError
from ftmon.model.update import Connection, Wire
from ftmon.providers import FIND_OUT
from ftmon.safe import one_line, safe
from ftmon.settings import Settings
from ftmon.text import plural
from ftmon.wire.answer import Answer
from ftmon.wire.body import Kind, kind_of
from ftmon.wire.choosing import Candidates, find_job, find_jobs
from ftmon.wire.client import Client, tls_context
from ftmon.wire.proxy import proxy_for
from ftmon.wire.service import NO_ROUTE, UNREADABLE, Service

_STEP = 5.0
"""Seconds that one step may take: a name, a handshake, the first bytes of a stream."""
_ANSWERS = 15.0
"""Seconds that all requests together may take, of which there may be eight."""
_SOON = 14
"""Days before the end of a certificate at which it is told."""


async def service_checks(
    settings: Settings, job_id: str | None, remembered: str
) -> AsyncGenerator[Check, None]:
    """Yield what is found on the way to the service, step by step. What needs a failed step is not tried.

    `job_id` is None for a look at the list of jobs. `remembered` is the dialect that the history remembers.
    """
    proxy = facts.proxy(settings)
    yield proxy
    if Mark.BAD in (proxy.mark, facts.key(settings).mark):
        yield facts.unasked_api("no request can be made")
        return
    address = None if settings.is_loopback else proxy_for(settings.base_url)
    name = await _name(address or settings.base_url)
    yield name
    tls = None if name.mark is Mark.BAD else await _tls(settings, is_proxied=address is not None)
    if tls is not None:
        yield tls
    if tls is None or tls.mark is Mark.BAD:
        yield facts.unasked_api("the service cannot be reached")
        return
    try:
        client = Client(settings, head_timeout=2 * _STEP)
    except FtmonError as error:
        yield bad("API", str(error))
        return
    async with aclosing(client), aclosing(_answers(client, job_id, remembered)) as answers:
        async for check in answers:
            yield check


async def _name(url: str) -> Check:
    """Resolve the name of the host that is connected to: the service's, or the proxy's."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(_STEP):
            addresses = await _addresses(host, port)
    except TimeoutError:
        return bad("DNS", f"{host} is not resolved in {_STEP:g} s", "is this machine online?")
    except (OSError, UnicodeError):
        return bad("DNS", f"{host} cannot be resolved", "is the name right, and this machine online?")
    more = f" and {len(addresses) - 3} more" if len(addresses) > 3 else ""
    shown = ", ".join(addresses[:3])
    return good("DNS", shown if host in addresses else f"{host} is {shown}{more}")


async def _addresses(host: str, port: int) -> list[str]:
    """Ask in a daemon thread: a resolver that hangs cannot be stopped, and must not delay the end."""
    answer: Future[list[str]] = Future()
    answer.set_running_or_notify_cancel()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)
        else:
            answer.set_result(list(dict.fromkeys(str(entry[4][0]) for entry in found)))

    Thread(target=resolve, name="resolver", daemon=True).start()
    return await asyncio.wrap_future(answer)


async def _tls(settings: Settings, *, is_proxied: bool) -> Check:
    """Shake hands with the service, and look at its certificate."""
    parts = urlsplit(settings.base_url)
    if parts.scheme == "http":
        if settings.is_loopback:
            return good("TLS", "none: plain http on this machine")
        return doubt("TLS", "none: the network can read what is sent", "use https, if the service has it")
    if is_proxied:
        return good("TLS", "inside the proxy's tunnel, checked with each request")
    host, port = settings.host, parts.port or 443
    try:
        context = tls_context(settings)
        async with asyncio.timeout(_STEP):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    except FtmonError as error:
        return bad("TLS", str(error))
    except TimeoutError:
        advice = "is it plain http://, or is a proxy wanted?"
        return bad("TLS", f"{host}:{port} does not answer in {_STEP:g} s", advice)
    except ssl.SSLCertVerificationError as error:
        advice = "if your own authority has signed it, give that with --ca-file (or SSL_CERT_FILE)"
        return bad("TLS", f"the certificate cannot be trusted: {error.verify_message}", advice)
    except ssl.SSLError as error:
        return bad("TLS", f"no agreement on TLS ({error.reason or 'cut'})", "is it plain http://?")
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else "it cannot be reached"
        return bad("TLS", f"no connection to {host}:{port}: {why}", "is the service running there?")
    found: ssl.SSLObject = writer.get_extra_info("ssl_object")
    check = _certificate(found.getpeercert() or {}, found.version() or "TLS")
    writer.transport.abort()
    return check


def _certificate(certificate: Any, version: str) -> Check:
    subject = dict(pair for part in certificate.get("subject", ()) for pair in part)
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    name = one_line(safe(str(subject.get("commonName") or (names[0] if names else "no name"))))[:80]
    seconds = ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()
    days = int(seconds // 86_400)
    text = f"{version}, certificate of {name}, {plural(days, 'day')} left"
    return doubt("TLS", text, "renew it soon") if days < _SOON else good("TLS", text)


async def _answers(client: Client, job_id: str | None, remembered: str) -> AsyncGenerator[Check, None]:
    """Ask for the job, or for the list of jobs, and look at how its events come."""
    candidates = Candidates.of(client.settings, remembered)
    service = None
    try:
        async with asyncio.timeout(_ANSWERS):
            if job_id is None:
                service, page = await find_jobs(client, candidates)
                more = " at first" if page.next else ""
                found = f"{plural(len(page.jobs), 'job')} listed{more}" if page.jobs else "no job is listed"
            else:
                service, answer = await find_job(client, candidates, job_id)
                if isinstance(answer, RefusedError):
                    raise answer
                found = f"the job's status is {answer.job.status_word}"
    except TimeoutError:
        yield bad("API", f"no answer in {_ANSWERS:g} s", "try again")
    except RefusedError as error:
        has_no_list = job_id is None and error.status in NO_ROUTE
        advice = "give a job: ftmon doctor JOB" if has_no_list else ""
        yield Check("API", Mark.DOUBT if has_no_list else Mark.BAD, str(error), advice)
    except UnreachableError as error:
        # Where no answer could be read, it may be another service.
        is_fault = error.status not in (None, UNREADABLE)
        yield bad("API", str(error), "try again later" if is_fault else _question(client.settings))
    except UsageError as error:
        yield bad("API", str(error), _question(client.settings))
    else:
        check = facts.api(service.dialect.name, service.why)
        yield check._replace(text=f"{check.text}; {found}")
        if job_id is not None:
            yield await _events(service, job_id)
        else:
            yield facts.events(service.dialect.name, Connection(Wire.CONNECTING))
    yield facts.clock(client.clock.skew)


def _question(settings: Settings) -> str:
    """Return what to ask oneself where the service seems to be another one."""
    provider = f", and the provider {settings.provider}" if settings.provider != FIND_OUT else ""
    return f"is the base URL right{provider}?"


async def _events(service: Service, job_id: str) -> Check:
    """Open the stream of a job, if its API has one, and say whether it brings something."""
    name = service.dialect.name
    if not service.dialect.paths.stream:
        return facts.events(name, Connection(Wire.POLLING))
    kind = None
    try:
        async with asyncio.timeout(_STEP), service.stream(job_id, "") as answer:
            kind = await _kind(answer)
    except TimeoutError:
        why = f"it brings nothing in {_STEP:g} s"
    except (RefusedError, UnreachableError) as error:
        why = str(error).rstrip(".")
    else:
        words = {Kind.JSON: "the service answers with its list", Kind.WEB_PAGE: "a web page comes instead"}
        why = words.get(kind, "it brings no events")
    is_stream = kind in (Kind.EVENT_STREAM, Kind.JSON_LINES)
    return facts.events(name, Connection(Wire.LIVE) if is_stream else Connection(Wire.POLLING, why))


async def _kind(answer: Answer) -> Kind:
    """Return what an answer is, as soon as its first bytes tell."""
    start = b""
    is_called_stream = answer.media_type == "text/event-stream"
    async with aclosing(answer.chunks()) as chunks:
        async for piece in chunks:
            start += piece
            kind = kind_of(start, is_whole=False, is_called_stream=is_called_stream)
            if kind is not None:
                return kind
    return kind_of(start, is_whole=True, is_called_stream=is_called_stream) or Kind.OTHER
