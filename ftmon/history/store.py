"""SQLite: every job and event that was watched on this machine, as the services sent them.

Each event is stored once, however many ftmon processes watch its job. Its job, key and ordinal identify it.
There is one exception: where a service writes an event differently in its list and its stream, and two
processes read one of them each at the same time, both forms are stored.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ftmon.history import row
from ftmon.history.damage import Database, lacks_room
from ftmon.history.file import WRITING, access, has_lost_log, inode, make_ready, reading, real
from ftmon.history.insertion import Insertion
from ftmon.history.reader import Reader, RecordedRun
from ftmon.history.schema import VERSION, prepare, transaction, version_of
from ftmon.model.job import Job
from ftmon.model.key import JobKey
from ftmon.model.update import Update

_PATIENCE = 2.0
"""Seconds to wait while another ftmon writes."""

NO_ROOM = "has no room on its disk"

_NEWER = "was written by a newer ftmon"


class Span(NamedTuple):
    """The rows that one `History.record` added to a job.

    A reader whose position is `before` can take the updates it passed to `record` instead of the rows, where
    the span is exact, and is at `after` then. Where its position is lower, others recorded in between. Where
    its position is higher, the job was removed or the file replaced since.
    """

    before: int
    """The position of the job's last row before; 0 where it had none."""
    after: int
    """The position of its last row after."""
    is_exact: bool
    """The rows in between are exactly the events of the updates, in their order: none was there already."""


class Standing(NamedTuple):
    """What a process knows of the rows of a job."""

    reached: float = 0
    """The position of the last row that it has shown or recorded; infinite where it had to drop some.

    Rows are missing where the job ends before this.
    """
    moved: int = 0
    """The process records the job anew: rows up to this position move to the end as their events come."""


class _Target(NamedTuple):
    """Where to record a job."""

    number: int
    dialect: str
    before: int
    """The number of its last event."""
    last: int
    """The highest number that was given to an event of any job."""


class History(Reader):
    """One open file, for one thread.

    All methods raise `sqlite3.Error` where the file cannot be read or written. `is_damage` tells whether the
    file is damaged.
    """

    def __init__(
        self, path: Path, *, create: bool = True, in_place: bool = False, vfs: str | None = None
    ) -> None:
        """Open the history, and create it where there is none, if that is wanted.

        A file that cannot be written is opened to be read; if none is to be created, also one on a full disk.
        `in_place` is for writing on a full disk (see `schema.prepare`). `vfs` is one of SQLite's ways to lock
        files.

        Raises:
            FileNotFoundError: where there is none, and none shall be created.
            HistoryError: where the file cannot be a history of this ftmon.
            sqlite3.Error: where it cannot be opened.
        """
        self.path = path
        file = real(path)
        make_ready(file, create=create)
        self.has_lost_log = has_lost_log(file)
        """Somebody removed the write-ahead log while it was in use: the last events may be missing."""
        how = access(file)
        obstacle = "" if how == WRITING else "cannot be written"
        options = f"&vfs={vfs}" if vfs else ""
        try:
            database, is_newer = connected(file, f"{how}{options}", in_place=in_place)
        except sqlite3.OperationalError as error:
            if create or in_place or not lacks_room(error):
                raise
            obstacle = NO_ROOM
            # There is no room for the shared memory, so nobody else has the file open.
            database, is_newer = connected(file, f"{reading(file, is_alone=True)}{options}")
        if in_place:
            # Without the log, what a killed process has left would look like the loss of one.
            Path(f"{file}-shm").unlink(missing_ok=True)
        super().__init__(database)
        self.obstacle = _NEWER if is_newer else obstacle
        """Why nothing is recorded in the file, in words; empty where it is."""
        self._inode = inode(path)
        self._log = Path(f"{file}-wal")
        self._log_inode = inode(self._log)
        """None where the file has no write-ahead log."""

    @property
    def is_newer(self) -> bool:
        """A later ftmon wrote the file. This one reads what it can of it."""
        return self.obstacle == _NEWER

    @property
    def is_replaced(self) -> bool:
        """The path leads to another file now, or to none."""
        found = inode(self.path)
        return found is None or found != self._inode

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # Writing

    def record(
        self,
        updates: list[Update],
        organization: str | None = None,
        standings: Mapping[JobKey, Standing] = MappingProxyType({}),
    ) -> dict[JobKey, Span]:
        """Store the new events and job readings of these updates in one transaction.

        A job of which rows are missing by its standing is marked as partial. It is whole again once all its
        rows have moved.

        Returns a span for each job that has events or a reading in them; none where there is an `obstacle`,
        because then nothing is written.
        """
        if self.obstacle:
            return {}
        by_job: dict[JobKey, list[Update]] = {}
        for update in updates:
            if update.events or update.job is not None:
                by_job.setdefault(update.job_key, []).append(update)
        with transaction(self._database):
            # A later ftmon may have migrated the file since it was opened.
            if version_of(self._database) > VERSION:
                self.obstacle = _NEWER
                return {}
            spans = {
                key: self._record(key, some, organization, standings.get(key, Standing()))
                for key, some in by_job.items()
            }
        if inode(self._log) != self._log_inode:
            # Somebody removed it. This process still has it, and copies it to the file before it is lost.
            self._database.execute("PRAGMA wal_checkpoint")
        return spans

    def _record(
        self, key: JobKey, updates: list[Update], organization: str | None, standing: Standing
    ) -> Span:
        told = next((update.dialect for update in reversed(updates) if update.dialect), "")
        number, dialect, before, last = self._target(key, told, organization)
        is_cut = before < standing.reached
        if is_cut:
            self._database.execute("UPDATE jobs SET is_partial = 1 WHERE number = ?", (number,))
        moved = 0 if is_cut else standing.moved
        insertion = Insertion(self._database, number, last, moved)
        for update in updates:
            received_at = update.at.timestamp()
            if update.job is not None:
                self._record_reading(number, received_at, update.job, dialect)
            insertion.add(update.events, received_at)
        insertion.flush()
        if moved and insertion.count:
            self._database.execute(
                "UPDATE jobs SET is_partial = 0 WHERE number = ? "
                "AND NOT EXISTS (SELECT 1 FROM events WHERE job = jobs.number AND number <= ?)",
                (number, moved),
            )
        if insertion.count == insertion.last - last:
            return Span(before, insertion.last if insertion.count else before, is_exact=True)
        (after,) = self._database.execute(
            "SELECT max(number) FROM events WHERE job = ?", (number,)
        ).fetchone()
        return Span(before, after, is_exact=False)

    def _target(self, key: JobKey, dialect: str, organization: str | None) -> _Target:
        """Return where to record a job; it is added where it is not known yet."""
        target = self._known_target(key)
        if target is None:
            self._database.execute(
                "INSERT INTO jobs (base_url, job_id, dialect, organization) VALUES (?, ?, ?, ?)",
                (*key, dialect, organization),
            )
            target = self._known_target(key)
            assert target is not None
        if dialect and dialect != target.dialect:
            self._database.execute("UPDATE jobs SET dialect = ? WHERE number = ?", (dialect, target.number))
            target = target._replace(dialect=dialect)
        return target

    def _known_target(self, key: JobKey) -> _Target | None:
        found = self._database.execute(
            """
            SELECT number, dialect,
                coalesce((SELECT max(number) FROM events WHERE job = jobs.number), 0),
                max(coalesce((SELECT max(number) FROM events), 0),
                    coalesce((SELECT max(number) FROM removed), 0))
            FROM jobs WHERE base_url = ? AND job_id = ?
            """,
            key,
        ).fetchone()
        return None if found is None else _Target(*found)

    def _record_reading(self, number: int, read_at: float, job: Job, dialect: str) -> None:
        """Store a reading of a job: in the period that it belongs to, or as the begin of a new one.

        The period is the one before it in time, or the one after it: another ftmon may have written first
        what it read later.
        """
        neighbours = self._database.execute(
            """
            SELECT * FROM (SELECT number, sent FROM snapshots WHERE job = :job AND received_at <= :at
                ORDER BY received_at DESC, number DESC LIMIT 1)
            UNION ALL
            SELECT * FROM (SELECT number, sent FROM snapshots WHERE job = :job AND received_at > :at
                ORDER BY received_at, number LIMIT 1)
            """,
            {"job": number, "at": read_at},
        ).fetchall()
        reading = {"job": number, "at": read_at, "sent": job.raw}
        for snapshot, sent in neighbours:
            if sent == job.raw:
                return
            if _gist(sent, dialect) == _gist(job.raw, dialect):
                self._database.execute(
                    "UPDATE snapshots SET read_at = :at, sent = :sent "
                    "WHERE number = :snapshot AND read_at <= :at",
                    {**reading, "snapshot": snapshot},
                )
                return
        self._database.execute(
            "INSERT INTO snapshots (job, received_at, sent, read_at) VALUES (:job, :at, :sent, :at)", reading
        )

    def remove(self, keys: list[JobKey], before: datetime) -> list[RecordedRun]:
        """Remove these jobs, except those recorded to since a time, and return what was removed."""
        wanted = set(keys)
        with transaction(self._database):
            gone = [run for run in self.runs() if run.key in wanted and run.last_at < before]
            self._database.execute(
                "UPDATE removed SET number = max(number, coalesce((SELECT max(number) FROM events), 0))"
            )
            self._database.executemany(
                "DELETE FROM jobs WHERE base_url = ? AND job_id = ?", [run.key for run in gone]
            )
        return gone

    def shrink(self) -> None:
        """Give the space of removed jobs back to the disk. This needs some space itself."""
        self._database.execute("VACUUM")


def connected(file: Path, options: str, *, in_place: bool = False) -> tuple[Database, bool]:
    """Open a file, with parameters of SQLite's. Return whether it has a later version of the schema, too."""
    database = sqlite3.connect(
        f"{file.as_uri()}?{options}", uri=True, timeout=_PATIENCE, isolation_level=None, factory=Database
    )
    with ExitStack() as stack:
        stack.callback(database.close)
        database.text_factory = row.text
        is_newer = prepare(database, in_place=in_place)
        stack.pop_all()
    return database, is_newer


def _gist(sent: object, dialect: str) -> tuple[object, ...]:
    """Return what is important in a reading of a job: a change in it begins a new period."""
    job = row.job(sent, "", dialect)
    return (
        job.provider_status,
        job.status,
        job.model,
        job.fine_tuned_model,
        job.error,
        job.created_at,
        job.finished_at,
    )
