import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftmon import json_text
from ftmon.errors import HistoryError
from ftmon.history.file import is_damage, is_sound, set_aside
from ftmon.history.schema import VERSION
from ftmon.history.store import History, name_of
from ftmon.model.event import parse_event
from ftmon.model.job import Job, Status
from tests.records import (
    KEY,
    NOON,
    OTHER,
    STORED,
    counted,
    damage,
    fields_of,
    flip_in_schema,
    job_of,
    read,
    told,
)
from tests.servers.fine_tunes import JOB_ID, START, STORY, Fields, event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ftmon" / "history.sqlite3"


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    with closing(History(path)) as opened:
        yield opened


def test_what_is_recorded_is_read_again_in_its_order(history: History) -> None:
    history.record([told(*STORED[:4]), told(*STORED[4:], after=1.5)])
    recorded = history.events(KEY)
    assert [each.event for each in recorded] == STORED
    assert [each.received_at - NOON for each in recorded] == [
        *[timedelta(0)] * 4,
        *[timedelta(seconds=1.5)] * 6,
    ]


def test_an_event_that_another_ftmon_recorded_is_stored_once(path: Path, history: History) -> None:
    with closing(History(path)) as another:
        for batch in (STORED[:3], STORED[:6], STORED):
            history.record([told(*batch)])
            another.record([told(*batch)])
        assert fields_of(history) == fields_of(another) == STORY


def test_lines_alike_to_the_letter_are_all_stored(history: History) -> None:
    alike = counted([read(STORY[0])] * 3)
    for _ in range(2):
        history.record([told(*alike)])
    assert [each.event.ordinal for each in history.events(KEY)] == [1, 2, 3]


def test_lines_alike_that_were_removed_meanwhile_can_be_recorded_again(history: History) -> None:
    alike = counted([read(STORY[0])] * 10)
    history.record([told(*alike[:4])])
    history.remove([KEY], NOON + timedelta(days=1))
    # The ftmon that watches goes on counting.
    history.record([told(*alike[4:7]), told(*alike[7:9])])
    assert history.recall(KEY, [name_of(alike[8])]) == [alike[8]]
    # Another one counts what it finds, and is told of all ten.
    known = len(history.events(KEY))
    for _ in range(2):
        history.record([told(*alike[known:])])
    assert [each.event for each in history.events(KEY)] == alike


def test_jobs_of_one_id_at_two_services_are_two(history: History) -> None:
    history.record([told(*STORED[:2]), told(*STORED[:5], key=OTHER, after=1)])
    assert (len(history.events(KEY)), len(history.events(OTHER))) == (2, 5)
    assert [run.key for run in history.runs(JOB_ID)] == [OTHER, KEY]
    assert history.runs("ft-other") == []


def test_the_job_is_kept_each_time_that_it_has_changed(history: History) -> None:
    for second, status in enumerate(["pending", "running", "running", "succeeded", "succeeded"]):
        history.record([told(after=second, job=job_of(status, events=STORY[:second]))])
    assert [(each.job.status, each.received_at - NOON) for each in history.snapshots(KEY)] == [
        (Status.PENDING, timedelta(0)),
        (Status.RUNNING, timedelta(seconds=1)),
        (Status.SUCCEEDED, timedelta(seconds=3)),
    ]
    last = history.job(KEY)
    assert last is not None
    assert (last.id, last.status) == (JOB_ID, Status.SUCCEEDED)
    assert "events" not in json.loads(last.raw)


def test_an_end_that_was_read_once_the_clock_was_put_back_is_the_last_one(history: History) -> None:
    history.record([told(*STORED, after=9000, job=job_of("running"))])
    history.record([told(after=20, job=job_of("failed"))])
    last = history.job(KEY)
    assert last is not None
    assert last.status is Status.FAILED


def test_the_job_is_as_last_read_whichever_ftmon_wrote_last(history: History) -> None:
    history.record([told(*STORED, job=job_of("pending")), told(after=5, job=job_of("running"))])
    history.record([told(after=20, job=job_of("succeeded"))])
    # Of an ftmon that could not write for a while.
    history.record([told(after=4, job=job_of("running")), told(after=10, job=job_of("running"))])
    history.record([told(after=30, job=job_of("succeeded"))])
    history.record([told(after=15, job=job_of("running", model="ada"))])
    last = history.job(KEY)
    assert last is not None
    assert last.status is Status.SUCCEEDED
    (run,) = history.runs()
    assert (run.job.status, run.last_at) == (Status.SUCCEEDED, NOON + timedelta(seconds=20))
    assert [
        (each.job.status, each.job.model, each.received_at - NOON) for each in history.snapshots(KEY)
    ] == [
        (Status.PENDING, "curie", timedelta(0)),
        (Status.RUNNING, "curie", timedelta(seconds=5)),
        (Status.RUNNING, "ada", timedelta(seconds=15)),
        (Status.SUCCEEDED, "curie", timedelta(seconds=20)),
    ]


def test_a_run_tells_when_and_of_what_it_was_recorded(history: History) -> None:
    history.record([told(*STORED[:2], job=job_of()), told(*STORED[2:], after=60)], "org-1")
    (run,) = history.runs()
    assert (run.key, run.events, run.first_at, run.last_at) == (KEY, 10, NOON, NOON + timedelta(minutes=1))
    assert (run.job.model, run.dialect, run.organization) == ("curie", "fine-tunes", "org-1")


def test_what_says_nothing_of_the_job_leaves_no_trace(history: History) -> None:
    history.record([told(heard=True, notice="hm")])
    assert history.runs() == []
    assert history.job(KEY) is None


def test_an_event_is_found_by_its_name(history: History) -> None:
    history.record([told(*STORED)])
    wanted = [STORED[6], STORED[0], STORED[9]]
    assert history.recall(KEY, [name_of(each) for each in wanted]) == wanted
    assert history.recall(KEY, [name_of(read(event("of another run")))]) == []


def test_removing_a_run_removes_all_of_it(path: Path, history: History) -> None:
    history.record([told(*STORED, job=job_of()), told(*STORED, key=OTHER)])
    gone = history.remove([KEY], NOON + timedelta(seconds=1))
    assert [(run.key, run.events) for run in gone] == [(KEY, 10)]
    assert [run.key for run in history.runs()] == [OTHER]
    with closing(sqlite3.connect(path)) as database:
        counts = [database.execute(f"SELECT count(*) FROM {t}").fetchone() for t in ("events", "snapshots")]
    assert counts == [(10,), (0,)]


ODD = [
    '{"message": "\u00e9 \u202e \U0001f600 \u2028", "created_at": 1}',
    '{"message": "\\ud800 lone", "created_at": 1691665913.25}',
    '{"message": "n", "created_at": NaN, "data": {"loss": -Infinity, "n": 1e400, "i": 99999999999999999999}}',
    '{"id": "ev-\u00e9", "message": "1.0 and 1", "a": 1.0, "b": 1, "c": null}',
    "{}",
]


@pytest.mark.parametrize("raw", ODD)
def test_what_was_sent_is_stored_as_it_stands_in_ascii(path: Path, history: History, raw: str) -> None:
    sent = parse_event(json_text.decode(raw), raw)
    history.record([told(sent)])
    (recorded,) = history.events(KEY)
    with closing(sqlite3.connect(path)) as database:
        (stored,) = database.execute("SELECT sent FROM events").fetchone()
    assert stored.isascii()
    assert repr(recorded.event.fields) == repr(sent.fields)
    assert (recorded.event.key, recorded.event.message) == (sent.key, sent.message)


# So few that events alike are common.
values: st.SearchStrategy[Any] = st.sampled_from([None, 1, 1.0, "a", "b", {}, "\ud800"])
odd_events = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "created_at", "level", "message", "data", "x"), values)
)


@given(odd_events, odd_events)
@settings(max_examples=500, deadline=None)
def test_events_have_one_name_if_and_only_if_they_have_one_key(first: Fields, second: Fields) -> None:
    one, another = read(first), read(second)
    assert (name_of(one) == name_of(another)) == (one.key == another.key)


def test_a_name_is_the_same_in_every_process() -> None:
    script = (
        "import json, sys; from ftmon.history.store import name_of; from ftmon.model.event import read_event;"
        "print(name_of(read_event(sys.argv[1])).key.hex())"
    )
    names = {
        subprocess.run(
            [sys.executable, "-c", script, json.dumps(STORY[0])],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert names == {name_of(STORED[0]).key.hex()}


# Files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_file_is_private(path: Path) -> None:
    umask = os.umask(0)
    try:
        with closing(History(path)) as history:
            history.record([told(*STORED)])
            assert mode(path.parent) == 0o700
            assert {mode(file) for file in path.parent.iterdir()} == {0o600}
            assert len(list(path.parent.iterdir())) == 3
    finally:
        os.umask(umask)


def test_a_file_that_others_could_read_becomes_private(path: Path) -> None:
    History(path).close()
    path.parent.chmod(0o755)
    path.chmod(0o644)
    History(path).close()
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)


def test_a_file_of_something_else_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(HistoryError, match="is no history of ftmon's"):
        History(path)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_history(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with closing(History(path)) as history:
        history.record([told(*STORED)])
        assert fields_of(history) == STORY


def test_a_file_of_a_later_schema_is_read_and_not_changed(path: Path) -> None:
    with closing(History(path)) as history:
        history.record([told(*STORED)])
        assert not history.is_newer
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE events ADD COLUMN mood TEXT")
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    with closing(History(path)) as history:
        assert history.is_newer
        assert fields_of(history) == STORY
    assert path.read_bytes() == before


def test_where_memory_cannot_be_shared_it_works_all_the_same(path: Path) -> None:
    with closing(History(path, vfs="unix-dotfile")) as history:
        history.record([told(*STORED)])
        assert fields_of(history) == STORY
        assert not Path(f"{path}-wal").exists()


def test_a_transaction_that_fails_stores_nothing_of_itself(history: History) -> None:
    history.record([told(*STORED[:2])])
    no_event: Any = "no event"
    with pytest.raises(AttributeError):
        history.record([told(*STORED[2:]), told(no_event)])
    assert fields_of(history) == STORY[:2]
    history.record([told(*STORED[2:])])
    assert fields_of(history) == STORY


def test_damage_is_noticed_and_set_aside_without_losing_the_file(path: Path) -> None:
    with closing(History(path)) as history:
        history.record([told(*STORED)])
    assert is_sound(path)
    damage(path)
    garbage = path.read_bytes()
    assert not is_sound(path)
    with closing(History(path)) as history, pytest.raises(sqlite3.DatabaseError) as failed:
        history.runs()
    assert is_damage(failed.value)
    first = set_aside(path, NOON)
    assert (first.name, first.read_bytes()) == ("history.sqlite3.corrupt-20260131T120000Z", garbage)
    path.write_bytes(b"no database")
    second = set_aside(path, NOON)
    assert second != first
    assert (first.read_bytes(), second.read_bytes()) == (garbage, b"no database")
    assert not path.exists()


def test_a_file_that_is_no_database_is_damaged(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"This is no database. " * 100)
    assert not is_sound(path)
    with pytest.raises(sqlite3.DatabaseError) as failed:
        History(path)
    assert is_damage(failed.value)


@pytest.mark.parametrize("offset", [0, 7, 20])
def test_a_schema_of_which_a_byte_was_flipped_is_damaged(path: Path, offset: int) -> None:
    with closing(History(path)) as history:
        history.record([told(*STORED)])
    flip_in_schema(path, offset)
    assert not is_sound(path)
    with pytest.raises(sqlite3.DatabaseError, match="malformed database schema") as failed:
        History(path)
    assert is_damage(failed.value)


def test_a_file_that_is_not_there_is_not_damaged(path: Path) -> None:
    assert is_sound(path)
    assert not path.exists()


@pytest.mark.parametrize("sent", ["", "[]", "7", "{", '{"message": "a"', "\x00"])
def test_an_entry_that_somebody_spoiled_spoils_no_other(path: Path, history: History, sent: str) -> None:
    history.record([told(*STORED[:3], job=job_of())])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE events SET sent = ? WHERE number = 2", (sent,))
        database.execute("UPDATE snapshots SET sent = ?", (sent,))
    messages = [recorded.event.message for recorded in history.events(KEY)]
    assert messages == [STORY[0]["message"], "—", STORY[2]["message"]]
    assert history.job(KEY) == Job(JOB_ID)
    assert [run.events for run in history.runs()] == [3]


# Many processes

_WRITER = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from ftmon.history.store import History
from ftmon.model.event import read_event
from ftmon.model.job import JobKey
from ftmon.model.update import Update

key, path, start = JobKey(*sys.argv[1:3]), Path(sys.argv[3]), int(sys.argv[4])
history = History(path)
number = 0
while number < int(sys.argv[5]):
    sent = {"object": "fine-tune-event", "level": "info", "message": f"Step {number}", "created_at": start}
    history.record([Update(key, datetime.now(UTC), (read_event(json.dumps(sent)),))])
    print(number, flush=True)
    number += 1
"""


def writer(path: Path, events: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _WRITER, *KEY, str(path), str(START), str(events)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_several_processes_begin_and_fill_one_history_at_once(path: Path) -> None:
    writers = [writer(path, 200) for _ in range(4)]
    for process in writers:
        process.communicate(timeout=60)
    assert [process.returncode for process in writers] == [0] * 4
    with closing(History(path)) as history:
        messages = [fields["message"] for fields in fields_of(history)]
    assert messages == [f"Step {number}" for number in range(200)]


def test_a_process_that_is_killed_loses_nothing_that_it_had_recorded(path: Path) -> None:
    shown = -1
    for events in (20, 60, 150):
        with writer(path, 100_000) as process:
            assert process.stdout is not None
            for line in process.stdout:
                shown = int(line)
                if shown >= events:
                    break
            process.send_signal(signal.SIGKILL)
        with closing(History(path)) as history:
            messages = [fields["message"] for fields in fields_of(history)]
        assert messages == [f"Step {number}" for number in range(len(messages))]
        assert len(messages) > shown
    assert is_sound(path)
