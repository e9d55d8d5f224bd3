import fcntl
import json
import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ftmon.history.damage import is_sound
from ftmon.history.file import inode
from ftmon.history.recorder import MAX_UNRECORDED, Recorder
from ftmon.history.schema import VERSION
from ftmon.history.store import History, Span
from ftmon.model.event import Event
from ftmon.model.job import Status
from ftmon.model.update import Connection, Wire
from tests.records import (
    KEY,
    OTHER,
    STORED,
    counted,
    damage,
    flip_in_schema,
    job_of,
    read,
    record,
    recorded,
    told,
)
from tests.servers.fine_tunes import STORY, event

pytestmark = pytest.mark.slow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ftmon" / "history.sqlite3"


@contextmanager
def recording(path: Path, retry_every: float = 0) -> Iterator[Recorder]:
    recorder = Recorder(path, "org-1", retry_every=retry_every)
    try:
        yield recorder
    finally:
        recorder.close()


def read_of(recorder: Recorder) -> list[Event] | None:
    recorded = recorder.read(lambda history: history.events(KEY))
    return None if recorded is None else [each.event for each in recorded]


def test_the_history_is_read_through_the_recorder(path: Path) -> None:
    record(path, told(*STORED[:6], job=job_of()), told(*STORED[6:], after=9, job=job_of("succeeded")))
    with recording(path) as recorder:
        assert read_of(recorder) == STORED
        assert recorder.read(lambda history: history.job(KEY)) == job_of("succeeded")
        assert recorder.read(lambda history: history.job(OTHER)) is None
        assert [run.key for run in recorder.read(History.runs) or []] == [KEY]
        assert recorder.take_notice() == ""


def test_the_position_of_what_was_recorded_is_returned(path: Path) -> None:
    record(path, told(*STORED[:2]))
    with recording(path) as recorder:
        assert recorder.record([told(*STORED[2:5]), told(*STORED[:1], key=OTHER)]) == {
            KEY: Span(2, 5, is_exact=True),
            OTHER: Span(0, 6, is_exact=True),
        }
        assert recorder.record([told(*STORED[4:6])]) == {KEY: Span(5, 8, is_exact=False)}
        assert (
            recorder.record([told(heard=True, notice="hm"), told(connection=Connection(Wire.CLOSED))]) == {}
        )
        assert recorder.waiting(KEY) == []
        assert recorder.retry() == {}


def test_what_is_recorded_is_there_at_once(path: Path) -> None:
    with recording(path) as recorder:
        assert recorder.record([told(*STORED, job=job_of())])
        assert recorded(path) == STORY
        assert [run.organization for run in recorder.read(History.runs) or []] == ["org-1"]
    with closing(History(path)) as history:
        assert len(history.snapshots(KEY)) == 1


def in_the_way(path: Path) -> None:
    """Put a file where the directory of the history would be."""
    path.parent.write_text("in the way")


def test_what_cannot_be_recorded_is_told_once_and_recorded_when_it_can_be(path: Path) -> None:
    in_the_way(path)
    with recording(path) as recorder:
        assert recorder.record([told(*STORED[:2])]) is None
        assert "The history cannot be used (" in recorder.take_notice()
        assert recorder.record([told(*STORED[2:5], job=job_of())]) is None
        assert recorder.take_notice() == ""
        path.parent.unlink()
        assert recorder.record([told(*STORED[5:])])
        assert recorder.take_notice() == "The history is written again; nothing is missing in it."
    assert recorded(path) == STORY


def test_what_waits_to_be_recorded_can_be_had_job_by_job(path: Path) -> None:
    in_the_way(path)
    updates = [
        told(*STORED[:6], job=job_of()),
        told(*STORED[:3], key=OTHER),
        told(*STORED[6:], connection=Connection(Wire.CLOSED), notice="hm"),
    ]
    with recording(path, retry_every=600) as recorder:
        assert recorder.record(updates[:2]) is None
        assert recorder.record([*updates[2:], told(notice="no event")]) is None
        assert recorder.waiting(KEY) == [updates[0], updates[2]]
        assert recorder.waiting(OTHER) == [updates[1]]
        assert recorder.unrecorded == 13
        assert recorder.retry() == {}
        assert recorder.read(lambda history: history.events(KEY)) is None


def test_the_span_of_what_waited_is_returned_once_it_is_recorded(path: Path) -> None:
    in_the_way(path)
    with recording(path) as recorder:
        assert recorder.record([told(*STORED[:4])]) is None
        path.parent.unlink()
        assert recorder.record([told(*STORED[4:]), told(job=job_of(), key=OTHER)]) == {
            KEY: Span(0, 10, is_exact=True),
            OTHER: Span(0, 0, is_exact=True),
        }
        assert recorder.waiting(KEY) == []
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert recorder.record([told(read(event("one more")))]) is None
            assert recorder.retry() == {}
        assert recorder.retry() == {KEY: Span(10, 11, is_exact=True)}
        assert recorder.retry() == {}
    assert recorded(path) == [*STORY, event("one more")]


def test_what_another_ftmon_records_while_it_waits_here_is_stored_once(path: Path) -> None:
    record(path, told(*STORED[:5]))
    with recording(path) as recorder, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert recorder.record([told(*STORED[4:8])]) is None
        other.execute("COMMIT")
        record(path, told(*STORED[5:7]))
        span = recorder.retry()[KEY]
        assert (span.before, span.is_exact) == (7, False)
    assert recorded(path) == STORY[:8]


def test_what_is_left_to_record_is_tried_again_without_news_and_at_the_end(path: Path) -> None:
    in_the_way(path)
    with recording(path) as recorder:
        recorder.record([told(*STORED[:2])])
        path.parent.unlink()
        recorder.retry()
        assert recorded(path) == STORY[:2]
    path.unlink()
    path.parent.rmdir()
    in_the_way(path)
    with recording(path, retry_every=600) as recorder:
        recorder.record([told(*STORED)])
        path.parent.unlink()
        recorder.retry()
        assert not path.exists()
    assert recorded(path) == STORY


def test_a_history_that_stays_away_does_not_fill_the_memory(path: Path) -> None:
    in_the_way(path)
    batches = [counted([read(event(f"Batch {number}"))] * 1000) for number in range(103)]
    with recording(path, retry_every=600) as recorder:
        for batch in batches:
            recorder.record([told(*batch)])
        path.parent.unlink()
        assert recorder.take_notice()
    with closing(History(path)) as history:
        assert [(run.events, run.is_partial) for run in history.runs()] == [(MAX_UNRECORDED, True)]
        assert history.events(KEY)[0].event.message == "Batch 3"


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_for_a_while_costs_nothing(path: Path) -> None:
    large = [read(event(f"{number} " + "x" * 10_000)) for number in range(100)]
    with recording(path) as recorder:
        assert recorder.record([told(*STORED)])
        with full_disk(200_000):
            for each in large:
                recorder.record([told(each)])
            assert "The history cannot be used" in recorder.take_notice()
        recorder.retry()
        assert recorder.take_notice() == "The history is written again; nothing is missing in it."
    assert recorded(path) == STORY + [each.fields for each in large]


def test_what_is_recorded_is_read_on_a_full_disk_and_the_rest_recorded_later(path: Path) -> None:
    record(path, told(*STORED[:5]))
    with recording(path) as recorder:
        # Too little for the shared memory, without which the file cannot be opened to be written.
        with full_disk(16_384):
            rows = recorder.read(lambda history: history.events(KEY))
            assert rows is not None
            assert [each.event.fields for each in rows] == STORY[:5]
            assert recorder.record([told(*STORED[5:])]) is None
            assert recorder.unrecorded == 5
            assert recorder.take_notice().startswith("The history cannot be used (")
            assert recorder.read(lambda history: history.count(KEY)) == 5
        recorder.retry()
        assert recorder.take_notice() == "The history is written again; nothing is missing in it."
    assert recorded(path) == STORY


def test_a_damaged_history_is_set_aside_and_a_new_one_begun(path: Path) -> None:
    record(path, told(*STORED[:5]))
    path.write_bytes(b"garbage" * 5000)
    with recording(path) as recorder:
        assert read_of(recorder) == []
        notice = recorder.take_notice()
        assert recorder.record([told(*STORED)])
        assert recorder.take_notice() == ""
    assert recorded(path) == STORY
    (kept,) = path.parent.glob("*.corrupt-*")
    assert kept.read_bytes() == b"garbage" * 5000
    assert str(kept) in notice


def test_a_schema_of_which_a_byte_was_flipped_is_set_aside(path: Path) -> None:
    record(path, told(*STORED[:5]))
    flip_in_schema(path, 7)
    with recording(path) as recorder:
        assert recorder.record([told(*STORED)])
        assert "The history is damaged." in recorder.take_notice()
    assert recorded(path) == STORY


def test_damage_behind_the_first_page_is_found_when_it_is_used(path: Path) -> None:
    record(path, told(*STORED))
    damage(path)
    with recording(path) as recorder:
        assert recorder.record([told(*STORED)])
        assert "The history is damaged." in recorder.take_notice()
    assert recorded(path) == STORY


def spoil_an_index(path: Path) -> None:
    """Remove an event behind the back of an index, which the check of the whole file does not look for."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA writable_schema = ON")
        (index,) = database.execute("SELECT * FROM sqlite_master WHERE name = 'events_of_job'").fetchall()
        database.execute("DELETE FROM sqlite_master WHERE name = 'events_of_job'")
        database.commit()
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM events WHERE number = 2")
        database.execute("PRAGMA writable_schema = ON")
        database.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", index)
        database.commit()


def test_damage_counts_that_only_the_use_of_the_history_finds(path: Path) -> None:
    record(path, told(*STORED))
    spoil_an_index(path)
    assert is_sound(path)
    with recording(path) as recorder:
        assert read_of(recorder) == []
        assert "The history is damaged." in recorder.take_notice()
        assert recorder.record([told(*STORED)])
    assert recorded(path) == STORY


def test_a_file_that_somebody_else_is_setting_aside_is_not_waited_for(path: Path) -> None:
    record(path, told(*STORED))
    damage(path)
    with recording(path) as recorder:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            assert recorder.record([told(*STORED)]) is None
            assert "The history cannot be used" in recorder.take_notice()
        finally:
            os.close(folder)
        recorder.retry()
        assert recorder.unrecorded == 0
        assert "The history is damaged." in recorder.take_notice()
    assert recorded(path) == STORY


def test_a_history_that_another_ftmon_has_set_aside_is_left_as_it_is_now(path: Path) -> None:
    record(path, told(*STORED))
    with recording(path) as recorder:
        damaged = inode(path)
        path.rename(path.with_name("kept"))
        record(path, told(*STORED))
        recorder.set_aside(damaged)
        assert recorder.take_notice() == ""
        assert recorder.record([told(read(event("one more")))])
    assert recorded(path) == [*STORY, event("one more")]
    assert {file.name for file in path.parent.iterdir()} == {path.name, "kept"}


def test_a_history_of_a_later_ftmon_is_read_and_not_written(path: Path) -> None:
    record(path, told(*STORED[:3]))
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    with recording(path) as recorder:
        assert recorder.record([told(*STORED[3:])]) == {}
        assert "written by a newer ftmon" in recorder.take_notice()
        assert recorder.record([told(*STORED[3:])]) == {}
        assert (recorder.take_notice(), recorder.waiting(KEY)) == ("", [])
        assert recorder.is_read_only
        assert read_of(recorder) == STORED[:3]
    assert recorded(path) == STORY[:3]


def test_a_history_that_a_later_ftmon_takes_over_meanwhile_is_no_longer_written(path: Path) -> None:
    with recording(path) as recorder:
        assert recorder.record([told(*STORED[:3])])
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"PRAGMA user_version = {VERSION + 1}")
        for _ in range(2):
            assert recorder.record([told(*STORED[3:], job=job_of())]) == {}
        assert recorder.take_notice().count("written by a newer ftmon") == 1
        assert read_of(recorder) == STORED[:3]
    assert recorded(path) == STORY[:3]
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)


def test_a_file_of_something_else_is_told_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    with recording(path) as recorder:
        assert recorder.record([told(*STORED)]) is None
        assert "is not an ftmon history" in recorder.take_notice()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


def test_a_history_that_another_program_locks_is_written_later(path: Path) -> None:
    record(path, told(*STORED[:2]))
    with recording(path) as recorder, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert recorder.record([told(*STORED[2:])]) is None
        assert "database is locked" in recorder.take_notice()
        other.execute("ROLLBACK")
        recorder.retry()
    assert recorded(path) == STORY


def test_what_cannot_be_read_now_is_not_taken_for_missing(path: Path) -> None:
    record(path, told(*STORED))
    with recording(path) as recorder, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        assert read_of(recorder) is None
        other.close()
        assert read_of(recorder) == STORED


def test_what_the_history_holds_is_what_the_service_sent(path: Path) -> None:
    sent = {"message": "h\u00e9", "created_at": 1.5, "data": {"loss": 0.1}, "more": [None, {"a": 1}]}
    with recording(path) as recorder:
        recorder.record([told(read(sent))])
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT sent FROM events").fetchall() == [(json.dumps(sent),)]
        (received_at,) = database.execute("SELECT received_at FROM events").fetchone()
    assert datetime.fromtimestamp(received_at, UTC).hour == 12


def test_of_a_history_that_is_gone_a_new_one_is_begun(path: Path) -> None:
    with recording(path) as recorder:
        recorder.record([told(*STORED[:5])])
        path.unlink()
        recorder.record([told(*STORED[5:])])
    assert recorded(path) == STORY[5:]


def test_readings_of_a_job_that_cannot_be_recorded_do_not_fill_the_memory(path: Path) -> None:
    in_the_way(path)
    with recording(path, retry_every=600) as recorder:
        for _ in range(1000):
            recorder.record([told(job=job_of())])
        recorder.record([told(job=job_of("succeeded"))])
        path.parent.unlink()
    with closing(History(path)) as history:
        assert [each.job.status for each in history.snapshots(KEY)] == [Status.RUNNING, Status.SUCCEEDED]


def test_a_later_schema_that_cannot_be_read_is_told_once(path: Path) -> None:
    record(path, told(*STORED[:3]))
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE events RENAME TO happenings")
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    with recording(path) as recorder:
        assert read_of(recorder) is None
        assert recorder.record([told(*STORED)]) == {}
        notice = recorder.take_notice()
        assert "written by a newer ftmon" in notice
        assert "cannot be used" not in notice
        assert recorder.unrecorded == 0
