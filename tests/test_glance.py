import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ftmon.history.glance import glance
from tests.records import KEY, OTHER, STORED, job_of, record, told

Break = Callable[[Path], object]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "history.sqlite3"
    record(file, told(*STORED, job=job_of("running")), told(*STORED[:3], key=OTHER))
    return file


def change(statement: str) -> Break:
    def run(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute(statement)

    return run


def replaced(make: Break) -> Break:
    def run(path: Path) -> None:
        path.unlink()
        make(path)

    return run


def test_a_glance_is_the_job_with_the_last_of_its_events(path: Path) -> None:
    found = glance(path, KEY, 4)
    assert found is not None
    assert found.job == job_of("running")
    assert found.events == STORED[-4:]
    assert found.total == len(STORED)
    assert found.first_at == STORED[0].created_at


def test_a_glance_changes_nothing(path: Path) -> None:
    before = {each.name: each.stat() for each in path.parent.iterdir()}
    assert glance(path, KEY, 4) is not None
    assert {each.name: each.stat().st_mtime_ns for each in path.parent.iterdir()} == {
        name: status.st_mtime_ns for name, status in before.items()
    }


RUINS: dict[str, Break] = {
    "removed": Path.unlink,
    "foreign": lambda path: path.write_bytes(b"x" * 5000),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "a directory": replaced(Path.mkdir),
    "a pipe": replaced(os.mkfifo),
    "a circle": replaced(lambda path: path.symlink_to(path)),
    "unknown": change("DELETE FROM jobs"),
    "partial": change("UPDATE jobs SET is_partial = 1"),
    "older": change("PRAGMA user_version = 1"),
    "newer": change("PRAGMA user_version = 99"),
    "another program's": change("PRAGMA application_id = 1"),
}


@pytest.mark.parametrize("ruin", RUINS.values(), ids=RUINS)
def test_what_cannot_be_seen_at_once_is_not_seen(path: Path, ruin: Break) -> None:
    ruin(path)
    assert glance(path, KEY, 4) is None


@pytest.mark.parametrize(("journal", "is_seen"), [("WAL", True), ("DELETE", False)])
def test_a_glance_does_not_wait_for_whoever_writes(path: Path, journal: str, is_seen: bool) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"PRAGMA journal_mode = {journal}")
        database.execute("BEGIN EXCLUSIVE")
        assert (glance(path, KEY, 4) is not None) == is_seen
