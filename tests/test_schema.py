import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ftmon.history.schema import VERSION, prepare
from ftmon.history.store import History, Span
from ftmon.model.job import Status
from tests.records import KEY, NOON, OTHER, STORED, counted, fields_of, job_of, read, told
from tests.servers.fine_tunes import STORY, event

SAMPLE = Path(__file__).parent / "samples" / "history_v1.sqlite3"
"""A file that an ftmon of schema version 1 recorded: two jobs, with repeated lines, ids and readings."""

WITH_IDS = [
    event(
        f"Step {step}/3: training loss=0.{step}",
        step,
        id=f"ftevent-{step}",
        type="metrics",
        data={"step": step, "train_loss": step / 10},
    )
    for step in (1, 2, 3)
]
OTHER_STORY = [*[event("Waiting in the queue")] * 3, *WITH_IDS]

COLUMNS = {
    "jobs": "number, base_url, job_id, dialect, organization",
    "events": "number, job, key, ordinal, received_at, sent",
    "snapshots": "number, job, received_at, sent",
}
"""The columns that version 1 reads."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ftmon" / "history.sqlite3"
    path.parent.mkdir()
    shutil.copy(SAMPLE, path)
    return path


@pytest.fixture
def older(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as an ftmon of version 1 does."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA journal_mode = WAL")
        yield database


def version(database: sqlite3.Connection) -> int:
    number: int = database.execute("PRAGMA user_version").fetchone()[0]
    return number


def rows_of(database: sqlite3.Connection) -> dict[str, list[Any]]:
    return {
        table: database.execute(f"SELECT {columns} FROM {table} ORDER BY number").fetchall()
        for table, columns in COLUMNS.items()
    }


def test_a_file_of_version_1_is_taken_over_whole(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        assert version(database) == 1
        before = rows_of(database)
    with closing(History(path)) as history:
        assert (fields_of(history), fields_of(history, OTHER)) == (STORY, OTHER_STORY)
        assert [each.event for each in history.events(KEY)] == STORED
        assert [(each.job.status, each.received_at - NOON) for each in history.snapshots(KEY)] == [
            (Status.PENDING, timedelta(0)),
            (Status.RUNNING, timedelta(seconds=2)),
            (Status.RUNNING, timedelta(seconds=4)),
            (Status.SUCCEEDED, timedelta(seconds=5)),
        ]
        first, second = history.runs()
        assert (first.key, first.events, first.organization, first.dialect) == (
            KEY,
            10,
            "org-1",
            "fine-tunes",
        )
        assert (second.key, second.events, second.last_at) == (OTHER, 6, NOON + timedelta(seconds=3))
    with closing(sqlite3.connect(path)) as database:
        assert version(database) == VERSION
        assert rows_of(database) == before
        assert database.execute("SELECT count(*) FROM snapshots WHERE read_at != received_at").fetchone() == (
            0,
        )


def test_events_of_a_file_of_version_1_are_not_recorded_again(path: Path) -> None:
    with closing(History(path)) as history:
        last = history.events(KEY)[-1].number
        others = counted(map(read, OTHER_STORY))
        spans = history.record([told(*STORED, job=job_of("succeeded")), told(*others, key=OTHER)])
        assert spans == {KEY: Span(last, last, is_exact=False), OTHER: Span(16, 16, is_exact=False)}
        assert (fields_of(history), fields_of(history, OTHER)) == (STORY, OTHER_STORY)


def test_an_ftmon_of_version_1_that_has_the_file_open_goes_on_reading(
    path: Path, older: sqlite3.Connection
) -> None:
    before = rows_of(older)
    reading = older.execute("SELECT sent FROM events ORDER BY number")
    first = reading.fetchone()
    with closing(History(path)) as history:
        assert [first, *reading.fetchall()] == [(row[-1],) for row in before["events"]]
        assert version(older) == VERSION
        assert rows_of(older) == before
        history.record([told(read(event("one more")), job=job_of("failed"))])
        after = rows_of(older)
        assert after["jobs"] == before["jobs"]
        assert after["events"][:-1] == before["events"]
        assert after["snapshots"][:-1] == before["snapshots"]
        assert "one more" in after["events"][-1][-1]
        assert fields_of(history) == [*STORY, event("one more")]


def test_a_file_that_another_process_writes_is_migrated_later(path: Path, older: sqlite3.Connection) -> None:
    older.execute("BEGIN IMMEDIATE")
    older.execute("UPDATE jobs SET organization = 'org-2'")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        History(path)
    older.execute("COMMIT")
    assert version(older) == 1
    with closing(History(path)) as history:
        assert {run.organization for run in history.runs()} == {"org-2"}
        assert fields_of(history) == STORY


def test_a_migration_that_fails_changes_nothing(path: Path, older: sqlite3.Connection) -> None:
    # The name of a table that the migration creates, after most of its other statements.
    older.execute("CREATE TABLE removed (number INTEGER)")
    before = list(older.iterdump())
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        History(path)
    assert list(older.iterdump()) == before
    assert version(older) == 1


@pytest.fixture
def read_only_path(path: Path) -> Iterator[Path]:
    """The file on a file system that is mounted read-only."""
    folder = path.parent
    mounted = subprocess.run(["mount", "-t", "tmpfs", "none", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"cannot mount a file system: {mounted.stderr.decode().strip()}")
    try:
        shutil.copy(SAMPLE, path)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield path
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_file_of_version_2_that_cannot_be_written_is_read_as_it_is(path: Path) -> None:
    History(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE jobs DROP COLUMN is_partial")
        database.execute("PRAGMA user_version = 2")
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        prepare(database)
        assert database.execute("SELECT is_partial FROM jobs").fetchall() == [(0,), (0,)]
        assert version(database) == 2
    with closing(History(path)) as history:
        assert (fields_of(history), fields_of(history, OTHER)) == (STORY, OTHER_STORY)


def test_a_file_of_version_1_that_cannot_be_written_is_read_as_it_is(read_only_path: Path) -> None:
    with closing(History(read_only_path)) as history:
        assert (fields_of(history), fields_of(history, OTHER)) == (STORY, OTHER_STORY)
        assert [run.events for run in history.runs()] == [10, 6]
        assert [run.job.status for run in history.runs()] == [Status.SUCCEEDED, Status.RUNNING]
        assert len(history.snapshots(KEY)) == 4
        assert history.obstacle == "cannot be written"
        assert history.record([told(read(event("one more")))]) == {}
    assert read_only_path.read_bytes() == SAMPLE.read_bytes()
