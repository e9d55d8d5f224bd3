import os
from pathlib import Path

import pytest

from ftmon.errors import UsageError
from ftmon.local.entry import Entry, RunSplitter
from ftmon.local.growing_file import GrowingFile, LineSplitter, Reading
from ftmon.local.source import LOG, FileSource
from ftmon.model.job import Status


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = GrowingFile(path)
    assert file.read() == Reading()
    path.write_bytes(b"one\n")
    assert file.read() == Reading(b"one\n")
    assert file.read() == Reading()
    with path.open("ab") as appended:
        appended.write(b"two\n")
    assert file.read() == Reading(b"two\n")


def test_a_file_that_shrank_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    file = GrowingFile(path)
    file.read()
    path.write_bytes(b"new\n")
    assert file.read() == Reading(b"new\n", is_anew=True)


def test_a_line_that_waits_for_more_is_told_where_another_file_takes_its_place(tmp_path: Path) -> None:
    path, other = tmp_path / "log", tmp_path / "other"
    path.write_text("\r 50%|##   | 1/2 [00:01<00:01]\r   \r{'loss': 1.5, 'epoch': 0.5}\n")
    source = FileSource(path, LOG)
    assert source.poll() == []
    other.write_text("another\n")
    other.replace(path)
    told = [(number, entry.message) for number, entry in source.poll()]
    assert told == [(1, "{'loss': 1.5, 'epoch': 0.5}"), (1, "another")]


def test_a_file_that_was_replaced_by_a_longer_one_begins_anew(tmp_path: Path) -> None:
    path, other = tmp_path / "log", tmp_path / "other"
    path.write_bytes(b"one\n")
    file = GrowingFile(path)
    file.read()
    other.write_bytes(b"another beginning\n")
    other.replace(path)
    assert file.read() == Reading(b"another beginning\n", is_anew=True)


def test_a_file_that_was_rewritten_in_place_begins_anew_whatever_the_clock_says(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"step,loss\n1,2.5\n")
    file = GrowingFile(path)
    file.read()
    before = path.stat()
    path.write_bytes(b"step,loss,val_loss\n1,2.5,\n1,,2.6\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns - 10**10))
    assert file.read() == Reading(b"step,loss,val_loss\n1,2.5,\n1,,2.6\n", is_anew=True)


def test_a_file_that_is_deleted_is_read_again_when_it_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    file = GrowingFile(path)
    file.read()
    path.unlink()
    assert file.read() == Reading()
    path.write_bytes(b"two\n")
    assert file.read() == Reading(b"two\n", is_anew=True)


def test_a_large_file_is_read_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * (1 << 17) + b"y")
    file = GrowingFile(path)
    parts = []
    while not file.is_at_end:
        parts.append(file.read().data)
    assert [len(part) for part in parts] == [1 << 16, 1 << 16, 1]


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "loop", Path("/dev/zero")):
        with pytest.raises(UsageError, match=str(path)):
            GrowingFile(path).read()


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_lines_are_split_alike_however_they_are_cut(size: int) -> None:
    text = "eins\nzwö\r\n\ndrei"
    splitter = LineSplitter()
    lines = [
        line for start in range(0, len(text), size) for line in splitter.feed(text[start : start + size])
    ]
    assert lines == ["eins", "zwö\r", ""]
    assert splitter.pending == "drei"


def test_a_line_that_is_too_long_is_passed_over_and_marked() -> None:
    splitter = LineSplitter()
    lines = splitter.feed("one\n")
    for _ in range(10):
        lines += splitter.feed("x" * (1 << 20))
    lines += splitter.feed("x\ntwo\n")
    assert lines == ["one", None, "two"]


def steps(*numbers: int | None) -> list[list[int | None]]:
    splitter = RunSplitter()
    runs: list[list[int | None]] = [[]]
    for number in numbers:
        if splitter.begins(Entry("", {} if number is None else {"step": number})):
            runs.append([])
        runs[-1].append(number)
    return runs


def test_a_step_that_goes_back_begins_a_new_run() -> None:
    assert steps(5, 10, 10, None, 15, 5, 10) == [[5, 10, 10, None, 15], [5, 10]]


@pytest.mark.parametrize("numbers", [(5, 5, 10, 10, 15, 15), (5, 10, 5, 15, 10, 20, 15)])
def test_two_writers_of_one_file_are_one_run(numbers: tuple[int, ...]) -> None:
    assert steps(*numbers) == [list(numbers)]


def test_a_line_keeps_its_last_state_and_progress_bars_give_the_step() -> None:
    reader = LOG.reader()

    def read(line: str) -> list[Entry]:
        return list(reader.feed(f"{line}\n".encode()))

    assert read("Loading:  50%|#  | 1/2 [00:01<00:01]\rLoading: 100%|##| 2/2 [00:02<00:00]") == []
    [entry] = read(
        " 10%|#    | 10/100 [00:01<00:09,  9.9it/s]\r{'loss': 1.5, 'learning_rate': 1e-05, 'epoch': 0.1}"
    )
    assert entry.figures == {
        "train_loss": 1.5,
        "learning_rate": 1e-05,
        "epoch": 0.1,
        "step": 10,
        "total_steps": 100,
    }
    assert [each.message for each in read("1/3 waiting\r2/3 waiting\r3/3 done\r")] == ["3/3 done"]


def test_a_log_tells_its_end_where_the_trainer_sums_up() -> None:
    [entry] = LOG.reader().feed(b"{'train_runtime': 61.5, 'train_loss': 0.4, 'epoch': 3.0}\n")
    assert entry.outcome is not None
    assert entry.outcome.status is Status.SUCCEEDED
