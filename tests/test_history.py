import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftmon import json_text
from ftmon.errors import HistoryError, RemovedError
from ftmon.history.damage import is_damage, is_sound, set_aside, set_aside_damaged
from ftmon.history.file import inode, make_ready
from ftmon.history.insertion import Insertion, event_key
from ftmon.history.schema import VERSION, prepare
from ftmon.history.store import History, Span
from ftmon.model.event import Event, parse_event
from ftmon.model.job import Job, Status
from ftmon.model.key import LOCAL, JobKey
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
    recorded,
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
    assert [each.event.ordinal for each in history.events(KEY)] == [1, 2, 3, 4, 5]
    # Another one counts what it finds, and is told of all ten.
    known = len(history.events(KEY))
    for _ in range(2):
        history.record([told(*alike[known:])])
    assert [each.event for each in history.events(KEY)] == alike


# Positions


def events_in(history: History, span: Span, key: JobKey = KEY) -> list[Event]:
    return [each.event for each in history.events(key, span.before) if each.number <= span.after]


def test_a_span_is_exact_where_all_events_were_new(history: History) -> None:
    history.record([told(read(event("another job")), key=OTHER)])
    (first,) = history.record([told(*STORED[:2]), told(job=job_of()), told(*STORED[2:4])]).values()
    (second,) = history.record([told(*STORED[4:], after=1)]).values()
    assert (first.before, first.is_exact, second.is_exact) == (0, True, True)
    assert second.before == first.after
    assert events_in(history, first) == STORED[:4]
    assert events_in(history, second) == STORED[4:]


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 1000])
def test_events_of_any_number_are_recorded_in_their_order(history: History, count: int) -> None:
    many = counted(read(event(f"Step {step % 400}")) for step in range(count))
    spans = history.record([told(*many[: count // 3]), told(*many[count // 3 :])])
    assert spans[KEY].is_exact
    assert events_in(history, spans[KEY]) == many


def test_a_reader_goes_on_from_its_position(history: History) -> None:
    many = [read(event(f"Step {step}", step)) for step in range(2500)]
    history.record([told(*many), told(*STORED, key=OTHER)])
    position = 0
    sizes: list[int] = []
    seen: list[Event] = []
    while batch := history.events(KEY, position):
        position = batch[-1].number
        sizes.append(len(batch))
        seen.extend(each.event for each in batch)
    assert (sizes, seen) == ([1000, 1000, 500], many)
    history.record([told(read(event("more")))])
    assert [each.event.message for each in history.events(KEY, position, limit=1)] == ["more"]


def test_what_another_ftmon_recorded_in_between_lies_before_the_span(path: Path, history: History) -> None:
    with closing(History(path)) as another:
        mine = history.record([told(*STORED[:2])])[KEY]
        theirs = another.record([told(*STORED[2:4])])[KEY]
        span = history.record([told(*STORED[4:])])[KEY]
    assert (mine.after, theirs.before, span.is_exact) == (theirs.before, mine.after, True)
    assert span.before == theirs.after > mine.after
    assert [each.event for each in history.events(KEY, mine.after)] == STORED[2:]


@pytest.mark.parametrize("known", [STORED[2:3], STORED[4:7], STORED, [STORED[9]]])
def test_a_span_is_not_exact_where_an_event_was_there_already(history: History, known: list[Event]) -> None:
    before = history.record([told(*known)])[KEY].after
    span = history.record([told(*STORED[:5]), told(*STORED[5:])])[KEY]
    assert (span.before, span.is_exact) == (before, False)
    assert events_in(history, span) == [each for each in STORED if each not in known]
    assert history.record([told(*STORED)])[KEY] == Span(span.after, span.after, is_exact=False)


def test_there_is_a_span_for_each_job_that_something_was_said_of(history: History) -> None:
    spans = history.record([told(job=job_of()), told(*STORED, key=OTHER), told(notice="hm", key=KEY)])
    assert spans[KEY] == Span(0, 0, is_exact=True)
    assert spans[OTHER].is_exact
    assert history.record([told(heard=True)]) == {}


def test_two_histories_that_record_one_job_at_once_have_all_of_it_once(path: Path) -> None:
    many = [read(event(f"Step {step}", step)) for step in range(1200)]

    def record(size: int) -> list[tuple[Span, list[Event]]]:
        with closing(History(path)) as history:
            batches = [many[start : start + size] for start in range(0, len(many), size)]
            return [(history.record([told(*batch)])[KEY], batch) for batch in batches]

    History(path).close()
    with ThreadPoolExecutor() as pool:
        recorded = [each for some in pool.map(record, [7, 11]) for each in some]
    with closing(History(path)) as history:
        assert [each.event for batch in history.all_events(KEY) for each in batch] == many
        for span, batch in recorded:
            assert span.is_exact == (events_in(history, span) == batch)


def test_positions_are_not_given_twice_where_a_run_was_removed(history: History) -> None:
    position = history.record([told(*STORED)])[KEY].after
    history.remove([KEY], NOON + timedelta(days=1))
    span = history.record([told(*STORED[:3])])[KEY]
    assert (span.before, span.is_exact) == (0, True)
    assert [each.event for each in history.events(KEY, position)] == STORED[:3]


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


def test_a_day_of_polling_a_job_whose_progress_changes_costs_no_room(path: Path, history: History) -> None:
    readings = 24 * 3600 // 5
    history.record([told(*STORED, job=job_of("pending"))])
    empty = path.stat().st_size
    for reading in range(readings):
        more = {"updated_at": START + 5 * reading, "progress": reading, "estimated_finish": START + readings}
        history.record([told(after=5 * reading, job=job_of("running", **more))])
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < 2**20 + 4 * 2**20
    period = history.snapshots(KEY)[-1]
    assert (period.received_at, json.loads(period.job.raw)["progress"]) == (NOON, readings - 1)
    (run,) = history.runs()
    assert run.last_at == NOON + timedelta(seconds=5 * (readings - 1))
    history.close()
    assert path.stat().st_size < empty + 2**20


def test_a_reading_that_changes_nothing_important_replaces_the_one_before(history: History) -> None:
    changes: list[Fields] = [{}, {"updated_at": START + 1}, {"progress": 0.5}, {"error": None}]
    for second, more in enumerate(changes):
        history.record([told(after=second, job=job_of(**more))])
    (period,) = history.snapshots(KEY)
    assert (period.received_at, period.job) == (NOON, job_of(error=None))
    assert history.job(KEY) == period.job


@pytest.mark.parametrize(
    "change",
    [
        {"status": "pending"},
        {"status": "brand new"},
        {"model": "ada"},
        {"fine_tuned_model": "curie:ft-1"},
        {"error": {"message": "out of memory"}},
        {"created_at": START + 1},
        {"finished_at": START + 1},
    ],
)
def test_a_change_that_matters_begins_a_period(history: History, change: Fields) -> None:
    later = job_of(**{"status": "running", **change})
    history.record([told(job=job_of()), told(after=1, job=later), told(after=2, job=job_of())])
    assert [(each.job, each.received_at - NOON) for each in history.snapshots(KEY)] == [
        (job_of(), timedelta(0)),
        (later, timedelta(seconds=1)),
        (job_of(), timedelta(seconds=2)),
    ]


def test_an_identical_reading_writes_nothing(path: Path, history: History) -> None:
    history.record([told(job=job_of())])
    with closing(sqlite3.connect(path)) as database:
        before = list(database.iterdump())
        history.record([told(after=5, job=job_of())])
        assert list(database.iterdump()) == before


def test_a_reading_that_was_written_late_does_not_replace_a_newer_one(history: History) -> None:
    newest = job_of(progress=3)
    history.record([told(job=job_of(progress=1)), told(after=10, job=newest)])
    history.record([told(after=5, job=job_of(progress=2)), told(after=-5, job=job_of(progress=0))])
    assert [(each.job, each.received_at) for each in history.snapshots(KEY)] == [(newest, NOON)]
    # A change that another ftmon saw in between, which was over by then.
    history.record([told(after=7, job=job_of("paused"))])
    assert history.job(KEY) == newest


def test_a_run_tells_when_and_of_what_it_was_recorded(history: History) -> None:
    history.record([told(*STORED[:2], job=job_of()), told(*STORED[2:], after=60)], "org-1")
    (run,) = history.runs()
    assert (run.key, run.events, run.first_at, run.last_at) == (KEY, 10, NOON, NOON + timedelta(minutes=1))
    assert (run.job.model, run.dialect, run.organization) == ("curie", "", "org-1")


def test_what_says_nothing_of_the_job_leaves_no_trace(history: History) -> None:
    history.record([told(heard=True, notice="hm")])
    assert history.runs() == []
    assert history.job(KEY) is None


def test_the_dialect_of_a_service_is_kept_with_its_job(history: History) -> None:
    history.record([told(*STORED[:2])])
    assert history.dialect(KEY) == ""
    history.record([told(*STORED[2:3], dialect="one"), told(*STORED[3:4])])
    assert history.dialect(KEY) == "one"
    history.record([told(job=job_of(), dialect="two"), told(*STORED, key=OTHER)])
    history.record([told(*STORED)])
    assert (history.dialect(KEY), history.dialect(OTHER)) == ("two", "")
    assert {run.key: run.dialect for run in history.runs()} == {KEY: "two", OTHER: ""}
    assert history.dialect(KEY._replace(job_id="ft-other")) == ""


def test_a_run_of_this_machine_is_recorded_as_one_of_a_service(history: History) -> None:
    key = JobKey(LOCAL, "run-1")
    history.record([told(*STORED, key=key, job=job_of())])
    (run,) = history.runs()
    assert (run.key, run.events, run.job.id) == (key, 10, "run-1")
    assert fields_of(history, key) == STORY


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
def test_stored_keys_are_equal_if_and_only_if_the_events_keys_are(first: Fields, second: Fields) -> None:
    one, another = read(first), read(second)
    assert (event_key(one) == event_key(another)) == (one.key == another.key)


def test_a_stored_key_is_the_same_in_every_process() -> None:
    script = (
        "import sys; from ftmon.history.insertion import event_key; from ftmon.model.event import read_event;"
        "print(event_key(read_event(sys.argv[1])).hex())"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", script, json.dumps(STORY[0])],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert keys == {event_key(STORED[0]).hex()}


@pytest.mark.parametrize("parameters", [999, 5])
def test_all_events_are_recorded_where_sqlite_allows_few_parameters(parameters: int) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        prepare(database)
        database.execute("INSERT INTO jobs VALUES (1, '', '', '', NULL, 0)")
        database.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, parameters)
        insertion = Insertion(database, 1, 0)
        events = [read(event(f"Step {step}: training loss=1", step)) for step in range(300)]
        insertion.add(tuple(events), 0)
        insertion.flush()
        sent = [sent for (sent,) in database.execute("SELECT sent FROM events ORDER BY number")]
    assert sent == [each.raw for each in events]


# Reading while another process removes

LONG = [read(event(f"Step {step}", step)) for step in range(2500)]


@pytest.fixture(params=[None, "unix-dotfile"], ids=["log", "no log"])
def shared(request: pytest.FixtureRequest, path: Path) -> Iterator[tuple[History, History]]:
    """A history that two processes have open. With locks of its own kind it has no write-ahead log."""
    with closing(History(path, vfs=request.param)) as one, closing(History(path, vfs=request.param)) as other:
        one.record([told(*LONG, job=job_of())])
        yield one, other


def test_a_run_that_is_removed_between_two_pages_is_not_taken_for_whole(
    shared: tuple[History, History],
) -> None:
    reader, remover = shared
    pages = reader.all_events(KEY)
    first = next(pages)
    remover.remove([KEY], NOON + timedelta(days=1))
    # It is watched again meanwhile, and has other events at the old positions.
    remover.record([told(*LONG[:1500])])
    assert len(first) == 1000
    with pytest.raises(RemovedError, match=r"; 1,500 of 2,500 events are missing\."):
        next(pages)


def test_a_run_that_is_removed_before_its_first_page_is_not_taken_for_empty(
    shared: tuple[History, History],
) -> None:
    reader, remover = shared
    remover.remove([KEY], NOON + timedelta(days=1))
    with pytest.raises(RemovedError, match=r"while it was read\."):
        next(reader.all_events(KEY))


def test_one_state_is_read_however_long_it_takes_and_nobody_waits_for_it(
    shared: tuple[History, History],
) -> None:
    reader, remover = shared
    with reader.snapshot():
        pages = reader.all_events(KEY)
        assert len(next(pages)) == 1000
        remover.remove([KEY], NOON + timedelta(days=1))
        if Path(f"{reader.path}-wal").exists():
            assert [len(page) for page in pages] == [1000, 500]
            assert [run.events for run in reader.runs()] == [2500]
        else:
            with pytest.raises(RemovedError):
                next(pages)
    assert reader.runs() == []


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


@pytest.mark.parametrize("part", ["", "-wal", "-shm", "-journal"])
def test_a_file_that_others_could_read_becomes_private(path: Path, part: str) -> None:
    History(path).close()
    file = Path(f"{path}{part}")
    file.touch()
    file.chmod(0o644)
    with closing(History(path)):
        assert not file.exists() or mode(file) == 0o600


def test_a_folder_that_was_there_keeps_its_mode(path: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o775)
    path.parent.symlink_to(shared)
    with closing(History(path)):
        assert mode(shared) == 0o775
        assert mode(shared / path.name) == 0o600


def test_nothing_but_a_file_is_made_private(path: Path, tmp_path: Path) -> None:
    History(path).close()
    target = tmp_path / "target"
    target.touch(0o644)
    Path(f"{path}-journal").symlink_to(target)
    folder = Path(f"{path}-wal")
    folder.mkdir(0o755)
    make_ready(path, create=True)
    assert (mode(target), mode(folder)) == (0o644, 0o755)


def test_a_file_of_another_user_keeps_its_mode(path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away, and change its mode then")
    History(path).close()
    os.chown(path, 12345, 12345)
    path.chmod(0o644)
    make_ready(path, create=True)
    assert mode(path) == 0o644


def test_a_history_is_read_behind_a_link_with_its_log(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    path.parent.mkdir()
    path.symlink_to(target)
    with closing(History(path)) as history:
        history.record([told(*STORED)])
        assert {file.name for file in tmp_path.glob("elsewhere*")} == {
            "elsewhere",
            "elsewhere-wal",
            "elsewhere-shm",
        }
        assert not history.is_replaced
        assert recorded(path) == STORY
        kept = set_aside_damaged(path, inode(path), NOON)
        assert history.is_replaced
    assert kept == tmp_path / "elsewhere.corrupt-20260131T120000Z"
    assert path.is_symlink()
    assert recorded(path) == []


def test_what_was_set_aside_is_never_replaced(path: Path) -> None:
    path.parent.mkdir()
    taken = path.with_name(f"{path.name}.corrupt-20260131T120000Z")
    # The log of a file that is gone, and a link to nowhere.
    Path(f"{taken}-wal").write_text("log")
    Path(f"{taken}.2").symlink_to("nowhere")
    path.write_text("garbage")
    Path(f"{path}-wal").write_text("another log")
    kept = set_aside(path, NOON)
    assert kept.name == f"{taken.name}.3"
    assert Path(f"{taken}-wal").read_text() == "log"
    assert Path(f"{kept}-wal").read_text() == "another log"
    assert Path(f"{taken}.2").is_symlink()


@pytest.mark.parametrize("content", [b"x", b"xy", b"x" * 5000])
def test_a_file_that_is_no_database_is_not_overwritten(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(sqlite3.DatabaseError, match="file is not a database") as failed:
        History(path)
    assert is_damage(failed.value)
    assert path.read_bytes() == content


def test_a_history_that_is_only_read_is_not_created(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        History(path, create=False)
    assert not path.parent.exists()


def test_a_file_of_something_else_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(HistoryError, match="is not an ftmon history"):
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
        assert not history.obstacle
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE events ADD COLUMN mood TEXT")
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    with closing(History(path)) as history:
        assert history.obstacle == "was written by a newer ftmon"
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
from ftmon.model.key import JobKey
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
