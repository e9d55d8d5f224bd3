"""Reads what the history has recorded."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import NamedTuple

from ftmon.errors import RemovedError
from ftmon.history import row
from ftmon.model.event import Event
from ftmon.model.job import Job
from ftmon.model.key import JobKey

PARTIAL = "Some events of this run are missing in the history."
"""What is told of a partial run."""


class RecordedRun(NamedTuple):
    """One job and what is recorded of it."""

    key: JobKey
    first_at: datetime
    """When the first of it was recorded, by this machine's clock."""
    last_at: datetime
    events: int
    job: Job
    """The last reading; of unknown status where the job was never read."""
    dialect: str
    """The dialect that its service speaks; empty where that is not known."""
    organization: str | None
    is_partial: bool
    """Events are missing that were shown."""


class RecordedEvent(NamedTuple):
    """One event and its position."""

    number: int
    """The position: it grows in the order of recording."""
    received_at: datetime
    event: Event


class Past(NamedTuple):
    """What is known of a job."""

    job: Job | None
    """The last reading, or None."""
    dialect: str
    is_partial: bool
    last: int
    """The position of its last event; 0 where it has none."""


class Snapshot(NamedTuple):
    """A period in which nothing important changed in a job."""

    received_at: datetime
    """When the period began."""
    job: Job
    """The newest reading in it."""


class Reader:
    """Reads one open database, which the tables of the history are in."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        (journal,) = database.execute("PRAGMA journal_mode").fetchone()
        self._has_log: bool = journal == "wal"

    def runs(self, job_id: str | None = None) -> list[RecordedRun]:
        """Return all jobs, or those with this id, the last recorded first.

        Rows that do not hold a base URL and a job id are left out. ftmon did not write them.
        """
        with self._one_state():
            return self._runs(job_id)

    def _runs(self, job_id: str | None) -> list[RecordedRun]:
        # Counting the events takes a tenth of the time that reading all their times would take.
        rows = self._database.execute(
            """
            SELECT base_url, job_id, dialect, organization, is_partial,
                (SELECT count(*) FROM events WHERE job = jobs.number),
                (SELECT received_at FROM events WHERE job = jobs.number ORDER BY number LIMIT 1),
                (SELECT received_at FROM events WHERE job = jobs.number ORDER BY number DESC LIMIT 1),
                (SELECT min(received_at) FROM snapshots WHERE job = jobs.number),
                (SELECT max(read_at) FROM snapshots WHERE job = jobs.number)
            FROM jobs WHERE :job_id IS NULL OR job_id = :job_id
            """,
            {"job_id": job_id},
        ).fetchall()
        runs = []
        for service, own_id, dialect, organization, is_partial, events, *times in rows:
            known = [row.time(time) for time in times if time is not None]
            if known and row.is_key(service, own_id):
                key = JobKey(service, own_id)
                job = self.job(key) or Job(own_id)
                span = min(known), max(known)
                runs.append(RecordedRun(key, *span, events, job, dialect, organization, bool(is_partial)))
        return sorted(runs, key=lambda run: run.last_at, reverse=True)

    def job(self, key: JobKey) -> Job | None:
        """Return the last reading of a job, or None.

        There are two candidates: the reading with the latest time, and the row that was added last. They
        differ where an ftmon had to wait before it could write, or where this machine's clock was put back.
        The one in which the job is over wins, otherwise the one with the latest time.
        """
        number, dialect = self._find(key)
        rows = self._database.execute(
            """
            SELECT * FROM (SELECT sent FROM snapshots WHERE job = :job
                ORDER BY read_at DESC, number DESC LIMIT 1)
            UNION ALL
            SELECT * FROM (SELECT sent FROM snapshots WHERE job = :job ORDER BY number DESC LIMIT 1)
            """,
            {"job": number},
        )
        jobs = [row.job(sent, key.job_id, dialect) for (sent,) in rows]
        return next((job for job in jobs if job.status.is_final), jobs[0] if jobs else None)

    def dialect(self, key: JobKey) -> str:
        """Return the name of the dialect that the job's service speaks; empty where that is not known."""
        return self._find(key)[1]

    def dialect_of(self, service: str) -> str:
        """Return the dialect of the job of a service that was recorded last; empty where none is known."""
        found = self._database.execute(
            "SELECT dialect FROM jobs WHERE base_url = ? AND dialect <> '' ORDER BY number DESC LIMIT 1",
            (service,),
        ).fetchone()
        return "" if found is None else str(found[0])

    def past(self, key: JobKey) -> Past:
        """Return what is known of a job before its events are read."""
        with self._one_state():
            number, dialect = self._find(key)
            found = self._database.execute(
                """
                SELECT is_partial, (SELECT coalesce(max(number), 0) FROM events WHERE job = jobs.number)
                FROM jobs WHERE number = ?
                """,
                (number,),
            ).fetchone()
            is_partial, last = found or (0, 0)
            return Past(self.job(key), dialect, bool(is_partial), last)

    def snapshots(self, key: JobKey) -> list[Snapshot]:
        """Return the periods of a job, oldest first."""
        number, dialect = self._find(key)
        rows = self._database.execute(
            "SELECT received_at, sent FROM snapshots WHERE job = ? ORDER BY received_at, number", (number,)
        )
        return [Snapshot(row.time(at), row.job(sent, key.job_id, dialect)) for at, sent in rows]

    def events(self, key: JobKey, after: int = 0, limit: int = 1000) -> list[RecordedEvent]:
        """Return the events of a job after a position, in the order of recording, at most `limit`."""
        number, dialect = self._find(key)
        rows = self._database.execute(
            "SELECT number, received_at, ordinal, sent FROM events WHERE job = ? AND number > ? "
            "ORDER BY number LIMIT ?",
            (number, after, limit),
        )
        return [
            RecordedEvent(position, row.time(at), row.event(sent, ordinal, dialect))
            for position, at, ordinal, sent in rows
        ]

    def last_events(self, key: JobKey) -> Iterator[Event]:
        """Yield the events of a job, the last one first."""
        number, dialect = self._find(key)
        rows = self._database.execute(
            "SELECT ordinal, sent FROM events WHERE job = ? ORDER BY number DESC", (number,)
        )
        return (row.event(sent, ordinal, dialect) for ordinal, sent in rows)

    def count(self, key: JobKey) -> int:
        """Return how many events of a job are recorded."""
        number, _ = self._find(key)
        (total,) = self._database.execute("SELECT count(*) FROM events WHERE job = ?", (number,)).fetchone()
        return int(total)

    def all_events(self, key: JobKey) -> Iterator[list[RecordedEvent]]:
        """Yield all events in the order of recording, at most 1,000 at a time.

        Raises:
            RemovedError: where the job is not there, or is removed meanwhile.
        """
        total = self.count(key)
        done = after = 0
        while True:
            with self._one_state():
                batch = self.events(key, after)
                if not self.stands(key, after):
                    missing = f"; {total - done:,} of {total:,} events are missing" if total > done else ""
                    raise RemovedError(f"The run was removed from the history while it was read{missing}.")
            if not batch:
                return
            yield batch
            done += len(batch)
            after = batch[-1].number

    def stands(self, key: JobKey, position: int) -> bool:
        """Whether a job is recorded, and its event at a position still is. Position 0 has no event.

        Where it is not, the job was removed since the event was read, also if it is recorded again by now.
        """
        number, _ = self._find(key)
        found = self._database.execute(
            "SELECT 1 FROM events WHERE number = ? AND job = ?", (position, number)
        ).fetchone()
        return number is not None and (position == 0 or found is not None)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one state of the history in the block, whatever others write and remove meanwhile.

        Without a write-ahead log, such a reader would keep others from writing. Only `all_events` notices
        a removal then.
        """
        with self._one_state() if self._has_log else nullcontext():
            yield

    @contextmanager
    def _one_state(self) -> Iterator[None]:
        """Read one state in the block, which must be short or inside a `snapshot`."""
        if self._database.in_transaction:
            yield
            return
        self._database.execute("BEGIN")
        try:
            yield
        finally:
            self._database.rollback()

    def _find(self, key: JobKey) -> tuple[int | None, str]:
        """Return the number and the dialect of a job; None and an empty one where it is not recorded."""
        found = self._database.execute(
            "SELECT number, dialect FROM jobs WHERE base_url = ? AND job_id = ?", key
        ).fetchone()
        return (None, "") if found is None else found
