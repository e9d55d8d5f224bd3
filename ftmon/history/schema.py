"""The tables of the history, and the migrations from each version of the schema to the next."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

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
    (
        # A snapshot is a period in which nothing important changed: it began at received_at, and sent is the
        # newest reading in it, read at read_at.
        "ALTER TABLE snapshots ADD COLUMN read_at REAL NOT NULL DEFAULT 0",
        "UPDATE snapshots SET read_at = received_at",
        "DROP INDEX IF EXISTS snapshots_of_job",
        "CREATE INDEX snapshots_of_job ON snapshots (job, received_at)",
        # The highest number of an event at the last removal. Readers remember numbers as positions, so a
        # number is never given twice.
        "CREATE TABLE removed (number INTEGER NOT NULL)",
        "INSERT INTO removed VALUES (0)",
    ),
    (
        # Events are missing that were shown: the run was removed while an ftmon watched it, or the file was
        # lost, or could not be written for too long.
        "ALTER TABLE jobs ADD COLUMN is_partial INTEGER NOT NULL DEFAULT 0",
    ),
)
"""The statements that make each version of the schema out of the one before; times are seconds since 1970."""

VERSION = len(_MIGRATIONS)
"""The latest version, which this ftmon writes."""

_VIEWS = (
    """CREATE TEMP VIEW snapshots AS
        SELECT number, job, received_at, sent, received_at AS read_at FROM main.snapshots""",
    "CREATE TEMP VIEW removed AS SELECT 0 AS number",
    "CREATE TEMP VIEW jobs AS SELECT *, 0 AS is_partial FROM main.jobs",
)
"""These show a file of an earlier version as the latest one, where the file cannot be written."""

_FIRST_VIEW = {1: 0, 2: 2}
"""From which view on they are needed, by the file's version."""


_IN_PLACE = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = MEMORY",
    "PRAGMA temp_store = MEMORY",
)


def prepare(database: sqlite3.Connection, *, in_place: bool = False) -> bool:
    """Bring a file to the latest version of the schema.

    With `in_place`, changes take no room on the disk: nobody else can use the file meanwhile, and it is
    damaged where this process is killed while it writes.

    Returns True where the file has a later version than this ftmon knows. Such a file is only read.

    Raises:
        HistoryError: where the file is not one of ftmon's.
        sqlite3.Error: where it cannot be read or written.
    """
    run = database.execute
    if in_place:
        # Before the first reading, which would create the shared memory.
        for statement in _IN_PLACE:
            run(statement)
    # In this order: another ftmon may create everything in one transaction meanwhile.
    (tables,) = run("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = run("PRAGMA application_id").fetchone()
    version = version_of(database)
    if tables and application != _APPLICATION_ID:
        raise HistoryError("it is not an ftmon history")
    if version > VERSION:
        run("PRAGMA query_only = ON")
        return True
    run("PRAGMA foreign_keys = ON")
    # WAL is faster, but needs shared memory, which some file systems, such as network homes, do not have.
    with suppress(sqlite3.OperationalError):
        if not in_place:
            run("PRAGMA journal_mode = WAL")
    run("PRAGMA synchronous = NORMAL")
    if version == VERSION:
        return False
    try:
        return _migrate(database) > VERSION
    except sqlite3.OperationalError as error:
        if version == 0 or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise
        for statement in _VIEWS[_FIRST_VIEW[version] :]:
            run(statement)
        return False


def _migrate(database: sqlite3.Connection) -> int:
    """Run the migrations that a file lacks, all or none, and return the version that it has then."""
    with transaction(database):
        # Read again: another ftmon may have migrated the file while this one waited.
        version = version_of(database)
        for statements in _MIGRATIONS[version:]:
            for statement in statements:
                database.execute(statement)
        version = max(version, VERSION)
        database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {version}")
    return version


def is_current(database: sqlite3.Connection) -> bool:
    """Whether a file is a history of the latest version."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    return bool(application == _APPLICATION_ID) and version_of(database) == VERSION


def version_of(database: sqlite3.Connection) -> int:
    """Return the version of the schema that a file has; 0 for an empty file."""
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    return version


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Run the block in one transaction, which is rolled back where the block raises."""
    database.execute("BEGIN IMMEDIATE")
    with database:
        yield
