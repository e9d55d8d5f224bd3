"""One entry of a job's history."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from typing import Any

import msgspec

from ftmon import json_text
from ftmon.safe import safe

NO_MESSAGE = "—"
"""Stands where an event has no message."""

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""A time of the last days of the calendar has no local time in half of the world."""

_UNITS = ((1, 1e11), (1e3, 1e14), (1e6, 1e17), (1e9, float("inf")))
"""How many of a unit are a second, and the largest time that is in this unit."""

ESTIMATED = "estimated"
"""What ftmon's own runs have as `time` where nothing tells when an entry was written."""

_PLAIN_FIELDS = frozenset({"object", "created_at", "level", "message"})
_KNOWN_FIELDS = _PLAIN_FIELDS | {"id", "type", "data"}
_TYPES = {"id": str | int, "message": str, "type": str, "data": dict}


class Level(StrEnum):
    """How serious an event is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Details(msgspec.Struct, frozen=True, gc=False):
    """What an event may carry beside its message, as sent."""

    type: Any = None
    data: Any = None


NO_DETAILS = Details()
_decode_details = msgspec.json.Decoder(Details).decode


class Event(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One entry of a job's history, as sent and as shown.

    Small, because a run may hold a million of them; what is rarely asked for is parsed from `raw`. `Events`
    packs them, as arrays.
    """

    key: int
    """Equal for two readings of one event, in this process only: a hash of the event's own id, else of its
    time, level and message, or of its canonical JSON where it has fields beyond these."""
    loose_key: int
    """A hash of time, level and message alone: compares events of two routes of which one adds a field."""
    created_at: datetime | None
    level: Level
    message: str
    """Safe text; line breaks are kept."""
    raw: str
    """The JSON object that the service sent."""
    ordinal: int = 1
    """Counts the job's events with this key from 1."""
    is_identified: bool = False
    """`key` is made from the event's own id."""
    is_estimated: bool = False
    """Nothing tells when it happened: `created_at` is about when ftmon read it."""

    @property
    def fields(self) -> dict[str, Any]:
        """The decoded object. Its strings are as sent, and not safe to show."""
        fields: dict[str, Any] = json_text.decode(self.raw)
        return fields

    @property
    def details(self) -> Details:
        """The fields that most events beyond the plain ones have. It takes a part of the time of `fields`."""
        try:
            return _decode_details(self.raw)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            fields = self.fields
            return Details(fields.get("type"), fields.get("data"))

    @property
    def type(self) -> str:
        """The word by which the service tells events apart, made safe; empty where there is none."""
        kind = self.details.type if '"type"' in self.raw else None
        return safe(kind) if isinstance(kind, str) else ""

    @property
    def is_plain(self) -> bool:
        """The event has a time, a level and a message, and no other field."""
        return self.key == self.loose_key

    def numbered(self, ordinal: int) -> "Event":
        """Return the event with this ordinal."""
        return self if ordinal == self.ordinal else msgspec.structs.replace(self, ordinal=ordinal)

    def at_level(self, level: Level) -> "Event":
        """Return the event with this level, for a service that tells it in another way."""
        return msgspec.structs.replace(self, level=level)

    def by_content(self) -> "Event":
        """Return the event with a key made from its content, for an id that tells nothing apart."""
        return msgspec.structs.replace(self, key=content_key(self.loose_key), is_identified=False)

    def by_text(self) -> "Event":
        """Return the event with a key of its time, level and message alone, whatever else it has."""
        return msgspec.structs.replace(self, key=self.loose_key, is_identified=False)

    @property
    def own_id(self) -> str:
        """The id that the service gave the event; empty where `key` is not made from one."""
        return _own_id(self.raw) if self.is_identified else ""

    @property
    def identity(self) -> bytes:
        """Equal for two readings of one event in any process, as `key` is in this one."""
        if own_id := self.own_id:
            return b"id " + own_id.encode("utf-8", "surrogatepass")
        if self.is_plain:
            time = iso(self.created_at) or repr(self.fields.get("created_at"))
            return f"{time} {self.level} {self.message}".encode("utf-8", "surrogatepass")
        return json_text.canonical(json_text.pruned(self.fields))


def content_key(loose_key: int) -> int:
    """Return the key of an event that has an id and is compared by its content all the same."""
    return hash((loose_key, "content"))


class _Identity(msgspec.Struct, gc=False):
    id: str


_decode_id = msgspec.json.Decoder(_Identity).decode


def _own_id(raw: str) -> str:
    """Return the id in an event as sent; empty where it is none."""
    try:
        return _decode_id(raw).id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        own_id = json_text.decode(raw).get("id")
        return own_id if isinstance(own_id, str) else ""


class _PlainEvent(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An event of the four fields of OpenAI's first API: msgspec decodes and checks it in one step."""

    object: str
    created_at: int
    level: str
    message: str


class _IdentifiedEvent(_PlainEvent, forbid_unknown_fields=True, gc=False):
    """An event of OpenAI's second API, or of ftmon's own."""

    id: str
    type: Any = None
    data: Any = None
    time: Any = None


_decode_plain = msgspec.json.Decoder(_PlainEvent).decode
_decode_identified = msgspec.json.Decoder(_IdentifiedEvent).decode


def read_event(raw: str) -> Event | None:
    """Make an event from a JSON text of exactly the fields of one of these; None for any other text."""
    own_id, is_estimated = "", False
    try:
        if '"id"' not in raw:
            sent = _decode_plain(raw)
        else:
            sent = identified = _decode_identified(raw)
            own_id, is_estimated = identified.id, identified.time == ESTIMATED
            if not own_id or json_text.may_be_deep(raw):
                return None
    except (msgspec.MsgspecError, RecursionError):
        return None
    time = _parse_whole_time(sent.created_at)
    return _event(time, sent.created_at, sent.level, sent.message, raw, own_id, is_estimated)


def parse_event(fields: dict[str, Any], raw: str) -> Event:
    """Make an event from a decoded object and the JSON text that it was decoded from.

    Accepts missing and odd fields: no message becomes `—`, an unreadable time None, an unknown level info.

    Raises:
        ValueError: for an object nested too deeply to be compared.
    """
    # Scale's llm-engine calls the time `timestamp` (PROTOCOL §7).
    created_at, own_id = fields.get("created_at", fields.get("timestamp")), fields.get("id")
    time, level, message = parse_time(created_at), fields.get("level"), fields.get("message")
    if own_id and isinstance(own_id, str):
        # Nothing but its depth is of interest here.
        if json_text.may_be_deep(raw):
            json_text.pruned(fields)
        return _event(time, created_at, level, message, raw, own_id, fields.get("time") == ESTIMATED)
    event = _event(time, created_at, level, message, raw)
    pruned = json_text.pruned(fields)
    if pruned.keys() <= _PLAIN_FIELDS and isinstance(message, str | None):
        return event
    return msgspec.structs.replace(event, key=hash(json_text.canonical(pruned)))


def _event(
    time: datetime | None,
    created_at: object,
    level_word: object,
    message: object,
    raw: str,
    own_id: str = "",
    is_estimated: bool = False,
) -> Event:
    level = Level.INFO if level_word == "info" else parse_level(level_word)
    message = (safe(_as_left(message)) if isinstance(message, str) else "") or NO_MESSAGE
    if own_id and is_estimated:
        # A time that is estimated anew at each reading is no part of the content.
        return Event(hash((own_id,)), hash((ESTIMATED, message)), time, level, message, raw, 1, True, True)
    # An unreadable time still tells two events apart.
    # As a plain string, because hashing a member of an enum takes as long as all the rest.
    key = hash((time or repr(created_at), "info" if level is Level.INFO else str(level), message))
    return Event(hash((own_id,)) if own_id else key, key, time, level, message, raw, 1, bool(own_id))


def _as_left(text: str) -> str:
    r"""Return a text as a terminal would leave it: after a `\r`, a progress bar is drawn over itself."""
    if "\r" not in text:
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    states = ([state for state in line.split("\r") if state.strip()] for line in lines)
    return "\n".join(line[-1] if line else "" for line in states)


def parse_level(value: object) -> Level:
    """Read a level of any service: warn, warning, legacy_iwarning, ERROR …; anything else is info."""
    if not isinstance(value, str):
        return Level.INFO
    word = value.lower()
    if "warn" in word:
        return Level.WARNING
    if "error" in word or word in ("fatal", "critical"):
        return Level.ERROR
    return Level.INFO


def parse_time(value: object) -> datetime | None:
    """Read a time of any service: seconds to nanoseconds since 1970, as a number or a text, or ISO 8601.

    A time without a zone is UTC. None for what is missing, before 1970, not finite or after the year 9998.
    """
    if isinstance(value, str):
        text = value
        try:
            value = float(text)
        except ValueError:
            return _parse_iso(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e20:
        return None
    # Seconds of the year 5138 are milliseconds of 1973: nobody fine-tuned in either (SERVICES §3.4).
    unit = next(unit for unit, end in _UNITS if value <= end)
    seconds = value / unit
    return datetime.fromtimestamp(seconds, UTC) if seconds < _LATEST.timestamp() else None


def _parse_iso(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text.strip())
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return time if _EARLIEST <= time < _LATEST else None


_parse_whole_time: Callable[[int], datetime | None] = lru_cache(maxsize=1024)(parse_time)
"""Neighbouring events often share a second."""


class EventJson(msgspec.Struct, gc=False):
    """What `--json` prints of an event: these fields in this order, JSON types only, every string safe."""

    object: str
    job_id: str
    id: str | int | None
    created_at: str | None
    level: Level
    message: str
    type: str | None = None
    data: dict[str, Any] | None = None
    extra: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    """The fields beyond these, or of other types; absent when there are none."""


def event_json(event: Event, job_id: str) -> EventJson:
    """Return what `--json` prints of an event of a job."""
    value = EventJson("fine-tune-event", job_id, None, iso(event.created_at), event.level, event.message)
    if not event.is_plain or '"data"' in event.raw:
        fields = event.fields
        own_id, kind, data = fields.get("id"), fields.get("type"), fields.get("data")
        value.id = safe(own_id) if isinstance(own_id, str) else own_id if isinstance(own_id, int) else None
        value.type = safe(kind) if isinstance(kind, str) else None
        value.data = safe_json(data) if isinstance(data, dict) else None
        if extra := {name: item for name, item in fields.items() if not _is_told(name, item)}:
            value.extra = safe_json(extra)
    return value


def _is_told(name: str, item: Any) -> bool:
    """Whether a field has its place in what `--json` prints, in the type that it has there."""
    return name in _KNOWN_FIELDS and (item is None or isinstance(item, _TYPES.get(name, object)))


def safe_json(value: Any) -> Any:
    """Return a decoded JSON value with every string made safe and NaN and infinities as None."""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, dict):
        return {safe(name): safe_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [safe_json(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return value


@lru_cache(maxsize=1024)
def iso(time: datetime | None) -> str | None:
    """Return `2026-01-31T12:00:00Z`, with a fraction of a second only where there is one."""
    return time.isoformat().replace("+00:00", "Z") if time else None
