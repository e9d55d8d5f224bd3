"""What tests record, and what they read of a history."""

import json
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ftmon.history.store import History
from ftmon.model.event import Event, parse_event, read_event
from ftmon.model.job import Job
from ftmon.model.key import JobKey
from ftmon.model.update import Update
from ftmon.wire.dialects.fine_tunes import FINE_TUNES
from tests.servers.fine_tunes import JOB_ID, STORY, Fields, job

KEY = JobKey("http://127.0.0.1:1/v1", JOB_ID)
OTHER = KEY._replace(service="http://127.0.0.1:2/v1")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def read(fields: Fields) -> Event:
    raw = json.dumps(fields)
    return read_event(raw) or parse_event(fields, raw)


def counted(events: Iterable[Event]) -> list[Event]:
    """Number each event among those alike, as the ledger does."""
    seen: dict[int, int] = {}
    numbered = []
    for event in events:
        seen[event.key] = seen.get(event.key, 0) + 1
        numbered.append(event.numbered(seen[event.key]))
    return numbered


STORED = counted(map(read, STORY))


def told(*events: Event, after: float = 0, key: JobKey = KEY, **more: Any) -> Update:
    """Return an update of so many seconds after noon."""
    return Update(key, NOON + timedelta(seconds=after), events, **more)


def job_of(status: str = "running", **more: Any) -> Job:
    return FINE_TUNES.read_job(json.dumps(job(status, **more)).encode()).job


def fields_of(history: History, key: JobKey = KEY) -> list[Fields]:
    if not history.stands(key, 0):
        return []
    return [recorded.event.fields for batch in history.all_events(key) for recorded in batch]


def recorded(path: Path, key: JobKey = KEY) -> list[Fields]:
    """Return the events of a job that a file holds, in the order of recording."""
    with closing(History(path)) as history:
        return fields_of(history, key)


def record(path: Path, *updates: Update) -> None:
    with closing(History(path)) as history:
        history.record(list(updates))


def damage(path: Path) -> None:
    """Write garbage over all but the first page."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


def flip_in_schema(path: Path, offset: int) -> None:
    """Spoil one byte of each table's definition, and of what is left of former ones."""
    word = b"CREATE TABLE"
    garbled = bytearray(path.read_bytes())
    start = -1
    while (start := garbled.find(word, start + 1)) >= 0:
        garbled[start + offset] = 0xFF
    path.write_bytes(garbled)
