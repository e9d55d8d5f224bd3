"""What is known of a service, in words: the facts that `ftmon doctor` and the screen share."""

from pathlib import Path
from urllib.parse import urlsplit

from ftmon.checks.check import Check, bad, doubt, good
from ftmon.errors import UsageError
from ftmon.model.key import LOCAL
from ftmon.model.update import Connection, Wire
from ftmon.providers import PROVIDERS, provider_at
from ftmon.settings import Settings
from ftmon.text import ESTIMATED, count, duration, plural
from ftmon.wire.dialects import named
from ftmon.wire.proxy import proxy_for

_CLOSE = 60.0
"""Seconds that two clocks may differ without being told to the user."""


def service(base_url: str, source: str = "") -> Check:
    """Return where the service is, and what gave its address."""
    if base_url == LOCAL:
        return good("service", "ftmon's own: the run is on this machine")
    return good("service", f"{base_url} ({source})" if source else base_url)


def key(settings: Settings) -> Check:
    """Return where the key came from. The key itself is never shown."""
    try:
        settings.check_key()
    except UsageError as error:
        return bad("key", str(error))
    if settings.key is not None:
        return good("key", f"from {settings.key.source}")
    owner = PROVIDERS.get(provider_at(settings.host) or settings.provider)
    if owner is not None and owner.keys:
        return doubt("key", "none is sent", f"this service takes that of {owner.keys[0]}")
    return good("key", "none is set, and none is sent")


def proxy(settings: Settings) -> Check:
    """Return which proxy stands in between."""
    try:
        address = None if settings.is_loopback else proxy_for(settings.base_url)
    except ValueError:
        # Its URL may hold a password, which the error repeats.
        return bad("proxy", "it cannot be used", "mend HTTPS_PROXY, HTTP_PROXY or ALL_PROXY")
    return good("proxy", proxy_place(address) if address else "none")


def proxy_place(address: str) -> str:
    """Return the host and port of a proxy, without the password that its URL may hold."""
    parts = urlsplit(address)
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""


def api(dialect: str, why: str) -> Check:
    """Return which API the service speaks, and why that one."""
    return good("API", f"{dialect}, {why}" if why else dialect)


def unasked_api(why: str) -> Check:
    """Return that it is not known which API the service speaks."""
    return doubt("API", f"not known: {why}")


def events(dialect: str, connection: Connection) -> Check:
    """Return how the events come: by a stream, or by reading a list again and again."""
    spoken = named(dialect)
    every = f"read about every {spoken.poll:g} s"
    if connection.wire in (Wire.LIVE, Wire.QUIET):
        return good("events", "a stream, each event as it happens")
    if spoken.paths.stream and connection.wire is Wire.POLLING:
        reason = connection.reason or "the service has none for this job"
        return doubt("events", f"a list, {every}; no stream: {reason}")
    if spoken.paths.stream:
        return good("events", "a stream, once it is open")
    if spoken.paths.events:
        return good("events", f"a list, {every}: this API has no stream")
    return good("events", f"the job alone, {every}: this API has no list of events")


def connection(state: Connection) -> Check:
    """Return the health of the connection."""
    if state.error is not None:
        return bad("state", str(state.error))
    return good("state", f"{state.wire.value}: {state.reason}" if state.reason else state.wire.value)


def record(path: Path | None, obstacle: str) -> Check:
    """Return where runs are recorded, or in `obstacle` why they are not."""
    if obstacle:
        return doubt("history", obstacle)
    return good("history", str(path)) if path else good("history", "nothing is recorded, by --no-history")


def recorded(events: int, waiting: int) -> Check:
    """Return how many events of a run are recorded, and how many wait for that."""
    if waiting:
        return doubt("recorded", f"{plural(events - waiting, 'event')}, and {count(waiting)} wait")
    return good("recorded", plural(events, "event"))


def estimated_times() -> Check:
    """Return that the times of events are not told by anyone."""
    return good("times", f"with {ESTIMATED} before them they are estimated: what the trainer writes has none")


def clock(skew: float | None) -> Check:
    """Return how far the service's clock is ahead of this machine's; `skew` is None where no answer told."""
    if skew is None:
        return good("clock", "not known: no answer told the time")
    direction = "ahead of" if skew > 0 else "behind"
    if abs(skew) <= _CLOSE:
        text = f"{abs(skew):.0f}s {direction} this machine's" if skew else "as this machine's"
        return good("clock", text)
    return doubt(
        "clock",
        f"the service's is {duration(abs(skew))} {direction} this machine's; ages are counted by its own",
        "set the clock that is wrong",
    )
