"""SQLite: every job and event ever watched on this machine, as the services sent them.

Each event is stored once, however many ftmon watch its job: it is known by job, key and ordinal. Only where a
service writes an event differently in its list and its stream, two that read one each at one time store both.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from ftmon import json_text
from ftmon.errors import UsageError
from ftmon.history.file import Database, inode, is_unchanging, make_private
from ftmon.history.schema import VERSION, prepare, transaction, version_of
from ftmon.model.event import Event, parse_event, read_event
from ftmon.model.job import Job, JobKey, check_job_id
from ftmon.model.update import Update
from ftmon.settings import check_base_url
from ftmon.wire.dialects import FINE_TUNES

_PATIENCE = 2.0
"""Seconds to wait while another ftmon writes."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_LATEST = 1e11
"""Seconds until the year 5138: nothing was recorded later."""


class EventName(NamedTuple):
    """What an event of a job is found by, in any process."""

    key: bytes
    ordinal: int


class RecordedRun(NamedTuple):
    """One job as it stands in the history."""

    key: JobKey
    first_at: datetime
    """When something was first recorded of it, by this machine's clock."""
    last_at: datetime
    events: int
    job: Job
    """As last read; of an unknown status where it never was."""
    dialect: str
    organization: str | None


class RecordedEvent(NamedTuple):
    """One event, and where it stands in the history."""

    number: int
    """Grows with the order of recording."""
    received_at: datetime
    event: Event


class Snapshot(NamedTuple):
    """The job object as it was read."""

    received_at: datetime
    job: Job


class History:
    """One open file, for one thread.

    All methods raise `sqlite3.Error` where the file cannot be read or written; `is_damage` tells what kind.
    """

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        """Open the history, making it where there is none; `vfs` is one of SQLite's ways to lock files.

        Raises:
            HistoryError: where the file is not one of ours.
            sqlite3.Error, OSError: where it cannot be opened.
        """
        self.path = path
        make_private(path)
        self._database = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw{f'&vfs={vfs}' if vfs else ''}"
            f"{'&immutable=1' if is_unchanging(path) else ''}",
            uri=True,
            timeout=_PATIENCE,
            isolation_level=None,
            factory=Database,
        )
        with ExitStack() as stack:
            stack.callback(self._database.close)
            self._database.text_factory = _text
            self.is_newer = prepare(self._database, path)
            """A later ftmon has written it: this one reads what it can, and leaves the file as it is."""
            stack.pop_all()
        self._inode = inode(path)

    @property
    def is_replaced(self) -> bool:
        """The path leads to another file by now, or to none."""
        found = inode(self.path)
        return found is None or found != self._inode

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # Writing

    def record(self, updates: list[Update], organization: str | None = None) -> None:
        """Store what is new in the events and jobs of these updates, all or nothing; none if `is_newer`."""
        with transaction(self._database):
            # A later ftmon may have been at the file since it was opened.
            self.is_newer = version_of(self._database) > VERSION
            if self.is_newer:
                return
            for update in updates:
                if not update.events and update.job is None:
                    continue
                number = self._job_number(update.job_key, organization)
                received_at = update.at.timestamp()
                if update.job is not None:
                    self._record_job(number, received_at, update.job)
                # No ordinal is left out: where copies were removed meanwhile, those that an ftmon misses
                # later are numbered by how many are there, and would be taken for these.
                self._database.executemany(
                    """
                    INSERT INTO events (job, key, ordinal, received_at, sent) VALUES (?, ?, min(?, 1 +
                        (SELECT coalesce(max(ordinal), 0) FROM events WHERE job = ? AND key = ?)), ?, ?)
                    ON CONFLICT DO NOTHING
                    """,
                    [
                        (number, *name, number, name.key, received_at, json_text.in_ascii(event.raw))
                        for event, name in zip(update.events, map(name_of, update.events), strict=True)
                    ],
                )

    def _job_number(self, key: JobKey, organization: str | None) -> int:
        number = self._find(key)
        if number is None:
            cursor = self._database.execute(
                "INSERT INTO jobs (base_url, job_id, dialect, organization) VALUES (?, ?, ?, ?)",
                (*key, FINE_TUNES.name, organization),
            )
            number = cursor.lastrowid
            assert number is not None
        return number

    def _record_job(self, number: int, received_at: float, job: Job) -> None:
        # Another ftmon may have written meanwhile what it read later: the neighbours are those in time.
        neighbours = self._database.execute(
            """
            SELECT * FROM (SELECT sent FROM snapshots WHERE job = :job AND received_at <= :at
                ORDER BY received_at DESC, number DESC LIMIT 1)
            UNION ALL
            SELECT * FROM (SELECT sent FROM snapshots WHERE job = :job AND received_at > :at
                ORDER BY received_at, number LIMIT 1)
            """,
            {"job": number, "at": received_at},
        ).fetchall()
        if (job.raw,) not in neighbours:
            self._database.execute(
                "INSERT INTO snapshots (job, received_at, sent) VALUES (?, ?, ?)",
                (number, received_at, job.raw),
            )

    def remove(self, keys: list[JobKey], before: datetime) -> list[RecordedRun]:
        """Remove all of those of these jobs of which nothing came since, and return what was removed."""
        wanted = set(keys)
        with transaction(self._database):
            gone = [run for run in self.runs() if run.key in wanted and run.last_at < before]
            self._database.executemany(
                "DELETE FROM jobs WHERE base_url = ? AND job_id = ?", [run.key for run in gone]
            )
        return gone

    def shrink(self) -> None:
        """Give the room of what was removed back to the disk, which takes some room itself."""
        self._database.execute("VACUUM")

    # Reading

    def runs(self, job_id: str | None = None) -> list[RecordedRun]:
        """Return what is known of every job, or of those with this id, the last recorded first.

        What cannot be a job's id or a base URL has been written by somebody else, and is left out.
        """
        # The times of all events would take ten times as long to look through as these take to count.
        rows = self._database.execute(
            """
            SELECT base_url, job_id, dialect, organization,
                (SELECT count(*) FROM events WHERE job = jobs.number),
                (SELECT received_at FROM events WHERE job = jobs.number ORDER BY number LIMIT 1),
                (SELECT received_at FROM events WHERE job = jobs.number ORDER BY number DESC LIMIT 1),
                (SELECT min(received_at) FROM snapshots WHERE job = jobs.number),
                (SELECT max(received_at) FROM snapshots WHERE job = jobs.number)
            FROM jobs WHERE :job_id IS NULL OR job_id = :job_id
            """,
            {"job_id": job_id},
        ).fetchall()
        runs = []
        for base_url, own_id, dialect, organization, events, *times in rows:
            known = [_time(time) for time in times if time is not None]
            if known and _is_key(base_url, own_id):
                key = JobKey(base_url, own_id)
                job = self.job(key) or Job(own_id)
                runs.append(RecordedRun(key, min(known), max(known), events, job, dialect, organization))
        return sorted(runs, key=lambda run: run.last_at, reverse=True)

    def job(self, key: JobKey) -> Job | None:
        """Return the job as last read, or None.

        What was written last may have waited for another ftmon, and what has the latest time may be from
        before this machine's clock was put back: of the two, the one that is over is the last.
        """
        rows = self._database.execute(
            """
            SELECT * FROM (SELECT sent FROM snapshots WHERE job = :job
                ORDER BY received_at DESC, number DESC LIMIT 1)
            UNION ALL
            SELECT * FROM (SELECT sent FROM snapshots WHERE job = :job ORDER BY number DESC LIMIT 1)
            """,
            {"job": self._find(key)},
        )
        jobs = [_job(sent, key.job_id) for (sent,) in rows]
        return next((job for job in jobs if job.status.is_final), jobs[0] if jobs else None)

    def snapshots(self, key: JobKey) -> list[Snapshot]:
        """Return the job each time that it had changed, oldest first."""
        rows = self._database.execute(
            "SELECT received_at, sent FROM snapshots WHERE job = ? ORDER BY received_at, number",
            (self._find(key),),
        )
        return [Snapshot(_time(at), _job(sent, key.job_id)) for at, sent in rows]

    def events(self, key: JobKey, after: int = 0, limit: int = 1000) -> list[RecordedEvent]:
        """Return the events recorded next after this number, at most `limit`."""
        rows = self._database.execute(
            "SELECT number, received_at, ordinal, sent FROM events WHERE job = ? AND number > ? "
            "ORDER BY number LIMIT ?",
            (self._find(key), after, limit),
        )
        return [RecordedEvent(number, _time(at), _event(sent, ordinal)) for number, at, ordinal, sent in rows]

    def all_events(self, key: JobKey) -> Iterator[list[RecordedEvent]]:
        """Yield all events in the order of recording, some at a time."""
        after = 0
        while batch := self.events(key, after):
            yield batch
            after = batch[-1].number

    def recall(self, key: JobKey, names: list[EventName]) -> list[Event]:
        """Return the events of these names, in this order; what is not there is left out.

        The last copy stands for one of a higher ordinal: it may have been recorded under a lower one.
        """
        number = self._find(key)
        found = [
            self._database.execute(
                "SELECT sent FROM events WHERE job = ? AND key = ? AND ordinal <= ? "
                "ORDER BY ordinal DESC LIMIT 1",
                (number, *name),
            ).fetchone()
            for name in names
        ]
        return [_event(row[0], name.ordinal) for row, name in zip(found, names, strict=True) if row]

    def _find(self, key: JobKey) -> int | None:
        row = self._database.execute(
            "SELECT number FROM jobs WHERE base_url = ? AND job_id = ?", key
        ).fetchone()
        return None if row is None else row[0]


def name_of(event: Event) -> EventName:
    """Return what an event is found by: seconds since 1970 and a digest of its identity, and its ordinal.

    The time goes first so that what is new goes to the end of the index, which is more than twice as fast.
    Beside an id it is left out, because it may change.
    """
    seconds = 0 if event.is_identified or event.created_at is None else int(event.created_at.timestamp())
    digest = blake2b(event.identity, digest_size=8).digest()
    return EventName(seconds.to_bytes(5, "big") + digest, event.ordinal)


# Somebody may have been at the file, and any column can hold any value: only what cannot be read is lost.


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _is_key(base_url: object, job_id: object) -> bool:
    try:
        return (
            isinstance(base_url, str)
            and isinstance(job_id, str)
            and check_base_url(base_url) == base_url
            and check_job_id(job_id) == job_id
        )
    except UsageError:
        return False


def _time(seconds: object) -> datetime:
    if isinstance(seconds, float) and 0 <= seconds < _LATEST:
        return datetime.fromtimestamp(seconds, UTC)
    return _EPOCH


def _event(sent: object, ordinal: int) -> Event:
    try:
        text = sent if isinstance(sent, str) else ""
        event = read_event(text) or parse_event(json_text.decode(text), text)
    except (ValueError, AttributeError):
        event = parse_event({}, "{}")
    return event.numbered(ordinal)


def _job(sent: object, job_id: str) -> Job:
    try:
        return replace(FINE_TUNES.read_job(str(sent).encode()).job, id=job_id)
    except ValueError:
        return Job(job_id)
