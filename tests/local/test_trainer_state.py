import json
from pathlib import Path

import pytest

from ftmon.local.entry import Outcome
from ftmon.local.trainer_state import TrainerStateReader, read_trainer_state
from ftmon.model.job import Status

BODY = (Path(__file__).parent.parent / "samples/hf_trainer_state_checkpoint_375_of_375.json").read_bytes()


def test_the_whole_history_is_read() -> None:
    entries = read_trainer_state(BODY)
    train = [(e.step, e.figures["train_loss"]) for e in entries if "train_loss" in e.figures]
    valid = [(e.step, e.figures["valid_loss"]) for e in entries if "valid_loss" in e.figures]
    assert train[:2] == [(20, 0.6899), (40, 0.6425)]
    assert len(train) == 18
    assert [step for step, _ in valid] == [125, 250, 375]
    assert entries[0].message == "Step 20/375: training loss=0.6899"
    # A checkpoint is no end of the run, not even the last one.
    assert not any(entry.outcome for entry in entries)


def test_the_entry_that_sums_up_is_the_end() -> None:
    value = json.loads(BODY)
    value["log_history"].append({"epoch": 3.0, "step": 375, "train_loss": 0.4, "train_runtime": 61.0})
    last = read_trainer_state(json.dumps(value).encode())[-1]
    assert last.outcome == Outcome(Status.SUCCEEDED)
    assert "train_loss" not in last.figures


@pytest.mark.parametrize("size", [0, 1, 100, len(BODY) // 2, len(BODY) - 2])
def test_half_a_file_is_refused_and_read_again_later(size: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_trainer_state(BODY[:size])


def test_a_file_that_comes_in_parts_is_told_once_when_it_is_whole() -> None:
    reader = TrainerStateReader()
    told = [list(reader.feed(BODY[start : start + 100])) for start in range(0, len(BODY), 100)]
    assert [len(entries) for entries in told if entries] == [21]
    assert list(reader.feed(b"\n")) == []


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b'{"log_history": {}}', b"\x00\xff"])
def test_another_file_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_trainer_state(body)
