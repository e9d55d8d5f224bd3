import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ftmon.local.folder import find_runs
from ftmon.local.run import LocalRun, RunFiles, Told
from ftmon.local.source import JSON_LINES, LOG, FileSource
from ftmon.local.verdict import Standing
from ftmon.model.event import Level
from ftmon.model.key import check_job_id
from tests.local.test_folder import state, write
from tests.local.test_tensorboard import event

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
WRITTEN_AT = datetime(2026, 4, 1, tzinfo=UTC)


def files_of(path: Path) -> RunFiles:
    if path.is_dir():
        [folder], _ = find_runs(path)
        return RunFiles(folder.path, folder.sources())
    return RunFiles(path, [FileSource(path, JSON_LINES if path.suffix == ".jsonl" else LOG)])


def read(files: RunFiles, now: datetime = NOW) -> dict[str, list[Told]]:
    told: dict[str, list[Told]] = {}
    for run, new in files.poll(now):
        told.setdefault(run.id, []).extend(new)
    return told


def only(files: RunFiles) -> tuple[LocalRun, list[Told]]:
    [told] = read(files).values()
    [run] = files.runs
    return run, told


def rows(*steps: int, loss: float = 2.5) -> str:
    return "".join(f'{{"step": {step}, "loss": {loss}}}\n' for step in steps)


def test_what_counts_down_is_not_a_million_runs(tmp_path: Path) -> None:
    files = files_of(write(tmp_path / "log.jsonl", rows(*range(2000, 0, -1))))
    assert len(read(files)) == len(files.runs) == 1000


def test_a_run_has_an_id_that_any_service_takes_and_that_stays(tmp_path: Path) -> None:
    path = write(tmp_path / "my run: ünder..way!" / "trainer_log.jsonl", rows(1, 2))
    run, _ = only(files_of(path.parent))
    assert run.id.startswith("my-run-nder-way-")
    assert check_job_id(run.id) == run.id
    path.write_text(rows(1, 2, 3))
    assert only(files_of(path.parent))[0].id == run.id
    assert only(files_of(write(tmp_path / "other" / "trainer_log.jsonl", rows(1, 2)).parent))[0].id != run.id


def test_an_entry_has_one_id_however_often_and_in_whatever_parts_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "run.log", "text\nother\n{'loss': 1.5, 'epoch': 0.1}\n")
    _, at_once = only(files_of(path))
    path.write_text("text\n")
    files = files_of(path)
    _, first = only(files)
    with path.open("a") as file:
        file.write("other\n{'loss': 1.5, 'epoch': 0.1}\n")
    [rest] = read(files).values()
    ids = [told.id for told in at_once]
    assert [told.id for told in (*first, *rest)] == ids
    assert len(set(ids)) == 3


def test_lines_that_are_shown_as_one_change_no_id_of_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "run.log", "Loading\nLoading\nLoading\nStarting\n")
    _, at_once = only(files_of(path))
    assert [told.entry.message for told in at_once] == [
        "Loading",
        "3 equal lines are shown as one",
        "Starting",
    ]
    path.write_text("Loading\nLoading\n")
    files = files_of(path)
    _, first = only(files)
    with path.open("a") as file:
        file.write("Loading\nStarting\n")
    [rest] = read(files).values()
    assert [told.id for told in (*first, *rest)] == [told.id for told in at_once]


def test_a_table_that_is_written_anew_with_a_new_column_is_of_the_same_run(tmp_path: Path) -> None:
    path = write(tmp_path / "metrics.csv", "epoch,step,train_loss\n0,4,1.5\n0,9,1.4\n")
    files = files_of(tmp_path)
    run, _ = only(files)
    path.write_text("epoch,step,train_loss,val_loss\n0,4,1.5,\n0,9,1.4,\n0,9,,1.3\n1,14,1.2,\n")
    assert {run_id: [each.entry.message for each in told] for run_id, told in read(files).items()} == {
        run.id: ["Step 9: validation loss=1.3", "Step 14: training loss=1.2"]
    }
    path.write_text("epoch,step,train_loss\n0,4,2.5\n")
    [again] = read(files)
    assert again != run.id


def test_times_that_a_format_does_not_tell_are_estimated(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1) + '{"step": 2, "loss": 2.0, "time": 1770000000}\n')
    os.utime(path, (WRITTEN_AT.timestamp(), WRITTEN_AT.timestamp()))
    files = files_of(path)
    _, told = only(files)
    assert [(each.at, each.is_estimated) for each in told] == [
        (WRITTEN_AT, True),
        (datetime.fromtimestamp(1770000000, UTC), False),
    ]
    with path.open("a") as file:
        file.write(rows(3))
    [[later]] = read(files, NOW + timedelta(seconds=5)).values()
    assert (later.at, later.is_estimated) == (NOW + timedelta(seconds=5), True)


def test_several_runs_in_one_file_are_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1, 2, 3) + rows(1, 2, 3, loss=2.0) + rows(1))
    files = files_of(path)
    told = read(files)
    assert [len(each) for each in told.values()] == [3, 3, 1]
    assert [run.id for run in files.runs] == list(told)
    # The first and the last one begin alike.
    assert files.runs[2].id == f"{files.runs[0].id}-2"
    with path.open("a") as file:
        file.write(rows(2))
    assert list(read(files)) == [files.runs[2].id]


def test_what_the_best_file_lacks_comes_from_the_others(tmp_path: Path) -> None:
    write(tmp_path / "trainer_log.jsonl", rows(1, 2))
    write(tmp_path / "debug.log", "Loading the model\n{'loss': 2.5, 'grad_norm': 0.5, 'epoch': 0.1}\n")
    write(tmp_path / "checkpoint-2/trainer_state.json", state(2))
    _, told = only(files_of(tmp_path))
    assert [(each.entry.message, sorted(each.entry.figures)) for each in told] == [
        ("Step 1: training loss=2.5", ["step", "train_loss"]),
        ("Step 2: training loss=2.5", ["step", "train_loss"]),
        ("Loading the model", []),
        ("{'loss': 2.5, 'grad_norm': 0.5, 'epoch': 0.1}", ["epoch", "grad_norm"]),
    ]


def test_a_run_stands_as_its_files_tell(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(1, 2))
    os.utime(path, (WRITTEN_AT.timestamp(), WRITTEN_AT.timestamp()))
    run, _ = only(files_of(path))
    assert run.verdict(WRITTEN_AT + timedelta(minutes=1), None).standing is Standing.RUNNING
    assert run.verdict(WRITTEN_AT + timedelta(minutes=4), None).standing is Standing.STALLED
    assert run.verdict(WRITTEN_AT + timedelta(hours=1), None).standing is Standing.ENDED
    results_at = (WRITTEN_AT + timedelta(seconds=1)).timestamp()
    assert run.verdict(NOW, results_at).standing is Standing.OVER


def test_a_damaged_file_is_told_once_after_what_it_has_told(tmp_path: Path) -> None:
    bad = bytearray(event(3, "train/loss", 2.0))
    bad[-1] ^= 1
    data = event(1, "train/loss", 2.5) + event(2, "train/loss", 2.25) + bytes(bad)
    files = files_of(write(tmp_path / "events.out.tfevents.1", data).parent)
    _, told = only(files)
    assert [each.entry.message for each in told] == [
        "Step 1: training loss=2.5",
        "Step 2: training loss=2.25",
        "A TensorBoard file is read no further: a record of it is damaged.",
    ]
    assert told[-1].entry.level is Level.WARNING
    assert read(files) == {}
