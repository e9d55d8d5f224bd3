import json
import os
from pathlib import Path

import pytest

from ftmon.errors import UsageError
from ftmon.local.entry import Entry
from ftmon.local.folder import MOST_FILES, RunFolder, find_runs
from ftmon.local.source import EVENT_FILE, LOG, TABLE, TRAINER_STATE, FileSource
from tests.local.test_tensorboard import event

SAMPLES = Path(__file__).parent.parent / "samples"
ROW = '{"step": 1, "loss": 2.5}\n'


def write(path: Path, content: str | bytes = ROW, at: float | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if at is not None:
        os.utime(path, (at, at))
    return path


def state(step: int) -> str:
    return json.dumps({"global_step": step, "log_history": [{"loss": 1.0, "step": step}], "max_steps": 1000})


def found(root: Path) -> list[RunFolder]:
    runs, is_whole = find_runs(root)
    assert is_whole
    return runs


def read(source: FileSource) -> list[Entry]:
    numbered = [each for part in source.rest() for each in part]
    return [entry for _, entry in (*numbered, *source.poll())]


def test_a_trainer_s_directory_is_one_run(tmp_path: Path) -> None:
    write(tmp_path / "trainer_log.jsonl")
    write(tmp_path / "running_log.txt", "text\n")
    write(tmp_path / "checkpoint-1000/trainer_state.json", state(1000))
    write(tmp_path / "checkpoint-200/trainer_state.json", state(200))
    write(tmp_path / "runs/May12_10-11-12_box/events.out.tfevents.1.box.1.0", event(1, "train/loss", 2.5))
    write(tmp_path / "all_results.json", "{}")
    [run] = found(tmp_path)
    assert run.path == tmp_path
    assert [(source.format.name, source.path.parent.name) for source in run.sources()] == [
        ("JSON Lines", tmp_path.name),
        ("a log", tmp_path.name),
        ("a TensorBoard file", "May12_10-11-12_box"),
        ("a trainer's state", "checkpoint-1000"),
    ]
    assert [path.name for path in run.results] == ["all_results.json"]


def test_the_state_of_the_most_steps_is_read_wherever_it_is(tmp_path: Path) -> None:
    write(tmp_path / "trainer_state.json", state(500))
    write(tmp_path / "checkpoint-750/trainer_state.json", state(750))
    [run] = found(tmp_path)
    assert [source.path.parent.name for source in run.sources()] == ["checkpoint-750"]
    write(tmp_path / "trainer_state.json", state(1000))
    assert [source.path.parent for source in run.sources()] == [tmp_path]


def test_several_runs_in_a_directory_are_told_apart_the_newest_first(tmp_path: Path) -> None:
    for version, at in ((0, 3000), (1, 1000), (10, 2000)):
        write(tmp_path / f"lightning_logs/version_{version}/metrics.csv", "step,train_loss\n1,2\n", at)
    assert [run.path.name for run in found(tmp_path)] == ["version_0", "version_10", "version_1"]


def test_of_several_event_files_in_a_folder_the_newest_is_read(tmp_path: Path) -> None:
    write(tmp_path / "events.out.tfevents.1.box", event(1, "loss", 1.0), at=1000)
    newest = write(tmp_path / "events.out.tfevents.2.box", event(1, "loss", 1.0), at=2000)
    write(tmp_path / "eval/events.out.tfevents.1.box", event(1, "eval/loss", 1.0), at=1000)
    [run] = found(tmp_path)
    assert {source.path.parent.name for source in run.sources()} == {tmp_path.name, "eval"}
    assert newest in {source.path for source in run.sources()}


def test_data_sets_and_hidden_folders_are_no_runs(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", '{"messages": [{"role": "user", "content": "loss"}]}\n')
    write(tmp_path / "data.csv", "prompt,completion\na,b\n")
    write(tmp_path / "README.md", "loss: 2.5\n")
    write(tmp_path / ".git/logs.jsonl")
    write(tmp_path / "node_modules/x/metrics.jsonl")
    assert found(tmp_path) == []


def test_links_pipes_and_files_that_cannot_be_read_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.log").symlink_to(tmp_path / "self.log")
    os.mkfifo(tmp_path / "pipe.log")
    write(tmp_path / "metrics.jsonl")
    [run] = found(tmp_path)
    assert [path.name for path, _ in run.files] == ["metrics.jsonl"]


@pytest.mark.slow
def test_only_so_much_of_a_directory_is_looked_at(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 10):
        (tmp_path / str(number)).touch()
    _, is_whole = find_runs(tmp_path)
    assert not is_whole


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_directory_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=str(tmp_path / name)):
        find_runs(tmp_path / name)


def test_what_is_new_in_a_file_is_read_and_its_new_beginning_too(tmp_path: Path) -> None:
    path = write(tmp_path / "metrics.csv", "step,train_loss\n1,2.5\n")
    source = FileSource(path, TABLE)
    assert [entry.step for entry in read(source)] == [1]
    with path.open("a") as file:
        file.write("2,2.25\n3,2")
    assert [entry.step for entry in read(source)] == [2]
    write(path, "step,train_loss,val_loss\n1,2.5,2.6\n")
    assert [entry.figures for entry in read(source)] == [{"step": 1, "train_loss": 2.5, "valid_loss": 2.6}]


def test_a_state_is_read_when_it_is_whole(tmp_path: Path) -> None:
    whole = (SAMPLES / "hf_trainer_state_checkpoint_375_of_375.json").read_bytes()
    path = write(tmp_path / "trainer_state.json", whole[:2000])
    source = FileSource(path, TRAINER_STATE)
    assert read(source) == []
    write(path, whole)
    assert len(read(source)) == 21
    assert read(source) == []


def test_a_damaged_file_tells_what_stands_before_the_damage_and_why_it_is_left(tmp_path: Path) -> None:
    bad = bytearray(event(3, "train/loss", 2.0))
    bad[-1] ^= 1
    data = event(1, "train/loss", 2.5) + event(2, "train/loss", 2.25) + bytes(bad)
    source = FileSource(write(tmp_path / "events.out.tfevents.1", data), EVENT_FILE)
    assert [entry.step for entry in read(source)] == [1, 2]
    assert source.fault == "A TensorBoard file is read no further: a record of it is damaged."


def test_what_follows_a_line_that_is_too_long_is_read(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "a.log", b"before\n" + b"x" * (9 << 20) + b"\nafter\n"), LOG)
    assert [entry.message for entry in read(source)] == [
        "before",
        "A line of more than 8 MiB was passed over.",
        "after",
    ]
