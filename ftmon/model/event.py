"""One entry of a job's history."""

from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from math import isfinite
from typing import Any, NamedTuple

from ftmon import json_text
from ftmon.safe import safe

NO_MESSAGE = "—"
"""Stands where an event has no message."""

_KNOWN_FIELDS = frozenset({"object", "id", "created_at", "level", "message", "type", "data"})


class Level(StrEnum):
    """How serious an event is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Event(NamedTuple):
    """One entry of a job's history, as sent and as shown.

    A tuple, because a run may hold a million of them; what is rarely asked for is parsed from `raw`.
    """

    key: bytes
    """Says which events are the same one: a digest of the event's own id, else of its canonical JSON."""
    created_at: datetime | None
    level: Level
    message: str
    """Safe text; line breaks are kept."""
    raw: str
    """The JSON object that the service sent."""

    @property
    def fields(self) -> dict[str, Any]:
        """The decoded object, with its strings as they were sent: not safe to show."""
        fields: dict[str, Any] = json_text.decode(self.raw)
        return fields

    @property
    def loose_key(self) -> int:
        """Compares events of two routes of which one adds a field: time, level and message alone."""
        return hash((self.created_at, self.level, self.message))


class Metrics(NamedTuple):
    """The figures of an event that carries them as `data`; None for what it does not say."""

    step: int | None = None
    total_steps: int | None = None
    train_loss: float | None = None
    valid_loss: float | None = None


def parse_event(fields: dict[str, Any], raw: str) -> Event:
    """Make an event of a decoded object and the JSON text it was decoded from.

    Missing and odd fields are borne: no message is `—`, an unreadable time is None, an unknown level is info.

    Raises:
        ValueError: for an object nested too deeply to be compared.
    """
    own_id = fields.get("id")
    identity = b"id:" + own_id.encode(errors="replace") if own_id and isinstance(own_id, str) else None
    message = fields.get("message")
    return Event(
        blake2b(identity or json_text.canonical(fields), digest_size=16).digest(),
        parse_time(fields.get("created_at")),
        parse_level(fields.get("level")),
        safe(message) if isinstance(message, str) and message else NO_MESSAGE,
        raw,
    )


def parse_level(value: object) -> Level:
    """Read a level of any service: warn, warning, legacy_iwarning, ERROR …; anything else is info."""
    if value == "info" or not isinstance(value, str):
        return Level.INFO
    word = value.lower()
    if "warn" in word:
        return Level.WARNING
    if "error" in word or word in ("fatal", "critical"):
        return Level.ERROR
    return Level.INFO


@lru_cache(maxsize=1024)
def _from_timestamp(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def parse_time(value: object) -> datetime | None:
    """Read a time of any service: seconds or milliseconds since 1970, as a number or a text, or ISO 8601.

    A time without a zone is UTC. None for what is missing, negative, not finite or beyond the year 9999.
    """
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value.strip())
            return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            try:
                value = float(value)
            except ValueError:
                return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not 0 <= value < 1e15:
        return None
    # Seconds of the year 5138 are milliseconds of 1973: nobody fine-tuned in either.
    return _from_timestamp(value / 1000 if value > 1e11 else value)


NO_METRICS = Metrics()


def parse_metrics(event: Event) -> Metrics:
    """Read the figures in an event's `data`, as OpenAI's current API and its kin send them."""
    if '"data"' not in event.raw:
        return NO_METRICS
    data = event.fields.get("data")
    if not isinstance(data, dict):
        return NO_METRICS

    def number(*names: str) -> float | None:
        for name in names:
            value = data.get(name)
            if isinstance(value, str):
                try:
                    value = float(value)
                except ValueError:
                    continue
            if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300:
                return float(value)
        return None

    step = number("step", "current_steps")
    total = number("total_steps")
    return Metrics(
        int(step) if step is not None else None,
        int(total) if total is not None else None,
        number("train_loss", "loss"),
        number("full_valid_loss", "valid_loss", "eval_loss"),
    )


def event_json(event: Event, job_id: str) -> dict[str, Any]:
    """Return what `--json` prints of an event: JSON types only, every string safe.

    Fields beyond the known ones stand under `extra`, which is absent when there are none.
    """
    fields = event.fields
    own_id, kind = fields.get("id"), fields.get("type")
    data = fields.get("data")
    value: dict[str, Any] = {
        "object": "fine-tune-event",
        "job_id": job_id,
        "id": safe(own_id) if isinstance(own_id, str) else own_id if isinstance(own_id, int) else None,
        "created_at": iso(event.created_at),
        "level": event.level.value,
        "message": event.message,
        "type": safe(kind) if isinstance(kind, str) else None,
        "data": safe_json(data) if isinstance(data, dict) else None,
    }
    if not fields.keys() <= _KNOWN_FIELDS:
        value["extra"] = safe_json({name: item for name, item in fields.items() if name not in _KNOWN_FIELDS})
    return value


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
