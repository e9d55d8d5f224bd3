from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ftmon import json_text
from ftmon.csv_text import csv_row
from ftmon.local.own_table import COLUMNS
from ftmon.local.place import Place
from ftmon.local.source import OWN_EVENTS, OWN_TABLE
from ftmon.model.event import event_json
from ftmon.model.events import Events
from ftmon.model.job import Job, Status, job_json
from ftmon.model.metrics import read_metrics
from ftmon.serving.apis.fine_tunes import FINE_TUNES
from ftmon.serving.job import ServedJob
from ftmon.serving.local_jobs import LocalJobs
from ftmon.tui.saving import save
from tests.records import read

assert FINE_TUNES.stream is not None
FRAME = FINE_TUNES.stream.frame
CREATED = datetime(2026, 1, 31, 11, tzinfo=UTC)


def told(number: int, message: str, **fields: Any) -> dict[str, Any]:
    own = {"object": "event", "id": f"e-{number}", "created_at": 1_700_000_000 + number, "level": "info"}
    return {**own, "message": message, **fields}


def metrics(number: int, step: int, loss: float | None, kind: str = "metrics") -> dict[str, Any]:
    data = {"step": step, "total_steps": 9, "train_loss": loss}
    return told(number, f"Step {step}: training loss={loss or 'nan'}", type=kind, data=data)


def served(path: Path, *lines: Sequence[Any]) -> ServedJob:
    path.write_bytes(b"".join(json_text.encode_lines(line) for line in lines))
    return of_file(path)


def of_file(path: Path) -> ServedJob:
    jobs = LocalJobs([Place(path)])
    jobs.read()
    # The last line waits for the next one.
    jobs.read()
    assert len(jobs.sources) == 1
    assert jobs.newest is not None
    return jobs.newest


STEPS = [
    metrics(1, 1, 2.5),
    metrics(2, 5, None),
    # Told late, of a step before
    metrics(3, 1, 2.25, "checkpoint"),
    told(4, "Out of\nmemory", level="error"),
    told(5, "Out of\nmemory", level="error"),
]
JOB = Job("ft-1", Status.FAILED, created_at=CREATED, error="out of memory")


def test_what_ftmon_has_written_is_told_as_it_was(tmp_path: Path) -> None:
    events = [event_json(read(fields), JOB.id) for fields in STEPS]
    job = served(tmp_path / "d.jsonl", events, [job_json(JOB, len(events), None)])
    again = [event_json(read(FRAME(event)), JOB.id) for event in job.events]
    for field in ("message", "level", "created_at", "type", "data"):
        assert [getattr(event, field) for event in again] == [getattr(event, field) for event in events]
    assert (job.status, job.error, job.created_at) == ("failed", "out of memory", CREATED)


def test_a_table_that_ftmon_has_written_is_told_as_it_was(tmp_path: Path) -> None:
    odd = ['"', "=1+1", "a,b", 'two\n"lines"\n', "x" * 200_000, "Fine-tune succeeded"]
    events = Events(map(read, [*STEPS, *(told(10 + number, message) for number, message in enumerate(odd))]))
    save(tmp_path / "d.csv", events, range(len(events)), "ft-1", [], overwrites=False)
    job = of_file(tmp_path / "d.csv")
    again = [read(FRAME(event)) for event in job.events]
    for field in ("message", "level", "created_at", "type"):
        assert [getattr(event, field) for event in again] == [getattr(event, field) for event in events]
    assert [read_metrics(event.details).train_loss for event in again[:3]] == [2.5, None, 2.25]
    assert job.status == "succeeded"


def test_a_quote_in_a_table_that_is_never_closed_ends_it() -> None:
    reader = OWN_TABLE.reader()
    row = csv_row("2026-01-31T11:00:00Z", "info", None, None, "first", None)
    assert [entry.message for entry in reader.feed(csv_row(*COLUMNS) + row + b'"')] == ["first"]
    with pytest.raises(ValueError, match="never closed"):
        all(not [*reader.feed(b"x" * 999_999 + b"\n")] for _ in range(100))


def test_an_end_comes_with_the_last_event_and_not_before(tmp_path: Path) -> None:
    events = [event_json(read(fields), JOB.id) for fields in STEPS]
    running = Job("ft-1", Status.RUNNING, created_at=CREATED)
    job = served(tmp_path / "d.jsonl", events, [job_json(running, len(events), None)])
    assert [event.status for event in job.events][:5] == ["running"] * 5
    assert job.status == "running"
    job = served(tmp_path / "e.jsonl", [job_json(JOB, 0, None)])
    assert (job.status, len(job.events)) == ("failed", 1)


def test_an_end_that_is_written_long_after_the_last_event_is_told() -> None:
    reader = OWN_EVENTS.reader()
    event = json_text.encode_lines([event_json(read(STEPS[0]), JOB.id)])
    job = json_text.encode_lines([job_json(JOB, 1, None)])
    assert [entry.outcome for entry in (*reader.feed(event), *reader.flush(1))] == [None]
    [end] = reader.feed(job)
    assert end.outcome is not None
    assert end.outcome.status is Status.FAILED
