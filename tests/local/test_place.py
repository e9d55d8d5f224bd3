import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ftmon.errors import UsageError
from ftmon.local.entry import Outcome
from ftmon.local.place import SCAN_EVERY, Place, outcome_of
from ftmon.local.run import Told
from ftmon.local.verdict import Standing
from ftmon.model.job import Status
from tests.local.test_folder import state, write
from tests.local.test_run import rows

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=SCAN_EVERY)


def read(place: Place, now: datetime = NOW) -> dict[str, list[Told]]:
    told: dict[str, list[Told]] = {}
    for news in place.poll(now):
        told.setdefault(news.run.id, []).extend(news.told)
    return told


def steps(told: list[Told]) -> list[int | None]:
    return [each.entry.step for each in told]


def test_a_file_is_a_place(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1, 2))
    place = Place(path)
    [told] = read(place).values()
    assert steps(told) == [1, 2]
    assert read(place) == {}


def test_runs_that_begin_later_are_found(tmp_path: Path) -> None:
    write(tmp_path / "first/log.jsonl", rows(1, 2))
    place = Place(tmp_path)
    assert len(read(place)) == 1
    write(tmp_path / "second/log.jsonl", rows(1))
    assert read(place) == {}
    [told] = read(place, LATER).values()
    assert steps(told) == [1]
    assert len(place.runs) == 2


def test_a_new_checkpoint_goes_on_where_the_one_before_it_ended(tmp_path: Path) -> None:
    write(tmp_path / "checkpoint-200/trainer_state.json", state(200))
    place = Place(tmp_path)
    [first] = read(place).values()
    history = '[{"loss": 1.0, "step": 200}, {"loss": 0.5, "step": 400}]'
    whole = f'{{"global_step": 400, "max_steps": 1000, "log_history": {history}}}'
    write(tmp_path / "checkpoint-400/trainer_state.json", whole)
    [second] = read(place, LATER).values()
    assert (steps(first), steps(second)) == ([200], [400])
    # Whoever begins to watch now knows the same entries by the same ids.
    [both] = read(Place(tmp_path)).values()
    assert [each.id for each in both] == [first[0].id, second[0].id]


def test_the_runs_of_a_place_are_listed_the_last_heard_first(tmp_path: Path) -> None:
    for name, at in (("a", 1000), ("b", 3000), ("c", 2000)):
        write(tmp_path / name / "log.jsonl", rows(1), at)
    place = Place(tmp_path)
    read(place)
    assert [run.id[0] for run in place.runs] == ["b", "c", "a"]


def test_a_run_that_another_one_follows_in_its_file_is_over(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1, 2, 3) + rows(1))
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    place = Place(path)
    first, second = read(place)
    by_id = {run.id: run for run in place.runs}
    assert place.verdict(by_id[first], NOW).standing is Standing.ENDED
    assert place.verdict(by_id[second], NOW).standing is Standing.RUNNING
    assert outcome_of(place.verdict(by_id[first], NOW)) == Outcome(Status.UNKNOWN)
    assert outcome_of(place.verdict(by_id[second], NOW)) is None


def test_runs_are_found_when_the_clock_was_put_back(tmp_path: Path) -> None:
    write(tmp_path / "first/log.jsonl", rows(1, 2))
    place = Place(tmp_path)
    read(place)
    write(tmp_path / "second/log.jsonl", rows(1))
    [told] = read(place, NOW - timedelta(days=1)).values()
    assert steps(told) == [1]
    for run in place.runs:
        assert place.verdict(run, NOW - timedelta(days=1)).standing is Standing.RUNNING


def test_the_results_of_a_run_end_it(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", rows(1), at=1000)
    write(tmp_path / "all_results.json", "{}", at=1001)
    place = Place(tmp_path)
    read(place)
    assert outcome_of(place.verdict(place.runs[0], NOW)) == Outcome(Status.SUCCEEDED)


def test_a_place_that_is_not_there_or_cannot_be_read_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        read(Place(tmp_path / "missing"))
    with pytest.raises(UsageError, match="pipe is no regular file"):
        read(Place(tmp_path / "pipe"))
