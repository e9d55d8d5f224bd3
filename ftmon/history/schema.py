"""The tables of the history, and how each version of them is made out of the one before."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ftmon.errors import HistoryError

_APPLICATION_ID = 0x66746D6E
"""Marks the file as ftmon's own (`ftmn`)."""

_MIGRATIONS = (
    (
        """CREATE TABLE jobs (
            number INTEGER PRIMARY KEY,
            base_url TEXT NOT NULL,
            job_id TEXT NOT NULL,
            dialect TEXT NOT NULL,
            organization TEXT,
            UNIQUE (base_url, job_id)
        )""",
        """CREATE TABLE snapshots (
            number INTEGER PRIMARY KEY,
            job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
            received_at REAL NOT NULL,
            sent TEXT NOT NULL
        )""",
        """CREATE TABLE events (
            number INTEGER PRIMARY KEY,
            job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
            key BLOB NOT NULL,
            ordinal INTEGER NOT NULL,
            received_at REAL NOT NULL,
            sent TEXT NOT NULL,
            UNIQUE (job, key, ordinal)
        )""",
        "CREATE INDEX snapshots_of_job ON snapshots (job, number)",
        "CREATE INDEX events_of_job ON events (job, number)",
    ),
)
"""What makes each version of the schema out of the one before; times are seconds since 1970."""

VERSION = len(_MIGRATIONS)
"""The latest one, which this ftmon writes."""


def prepare(database: sqlite3.Connection, path: Path) -> bool:
    """Bring a file to this schema, or return True where it has a later one, and let it only be read.

    Raises:
        HistoryError: where the file is not one of ours.
        sqlite3.Error: where it cannot be read or written.
    """
    run = database.execute
    # In this order, because another ftmon may make the tables, and all else with them, meanwhile.
    (tables,) = run("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = run("PRAGMA application_id").fetchone()
    version = version_of(database)
    if tables and application != _APPLICATION_ID:
        raise HistoryError(f"{path} is no history of ftmon's")
    if version > VERSION:
        run("PRAGMA query_only = ON")
        return True
    run("PRAGMA foreign_keys = ON")
    # A file system without shared memory, such as a home on the network, cannot do the faster way.
    with suppress(sqlite3.OperationalError):
        run("PRAGMA journal_mode = WAL")
    run("PRAGMA synchronous = NORMAL")
    if version < VERSION:
        with transaction(database):
            # Another ftmon may have done it while this one waited, and more than that.
            version = version_of(database)
            for statements in _MIGRATIONS[version:]:
                for statement in statements:
                    run(statement)
            run(f"PRAGMA application_id = {_APPLICATION_ID}")
            run(f"PRAGMA user_version = {max(version, VERSION)}")
    return version > VERSION


def version_of(database: sqlite3.Connection) -> int:
    """Return which version of the schema a file has; 0 where it has none."""
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    return version


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Do what is in the block as a whole, or not at all where something is raised."""
    database.execute("BEGIN IMMEDIATE")
    with database:
        yield
