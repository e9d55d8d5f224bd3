from pathlib import Path

import pytest

from ftmon.local.entry import Entry
from ftmon.local.table import TableReader

SAMPLES = Path(__file__).parent.parent / "samples"


def read(text: str) -> list[Entry]:
    reader = TableReader()
    return [entry for line in text.split("\n") for entry in reader.read(line)]


def test_lightning_s_table_is_read() -> None:
    entries = read((SAMPLES / "lightning_metrics.csv").read_text())
    assert [(entry.step, entry.figures["train_loss"]) for entry in entries] == [
        (49, 0.06728213280439377),
        (99, 0.038861844688653946),
    ]


def test_training_and_validation_may_stand_on_separate_rows() -> None:
    entries = read("epoch,step,train_loss,val_loss\n0,49,0.5,\n0,49,,0.6\n1,99,0.4,\n")
    assert [entry.message for entry in entries] == [
        "Step 49: training loss=0.5",
        "Step 49: validation loss=0.6",
        "Step 99: training loss=0.4",
    ]


def test_keras_rows_have_the_step_of_their_epoch() -> None:
    entries = read("epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.2,0.4,1.3\n1,0.6,1.1,0.5,nan\n")
    assert [entry.step for entry in entries] == [1, 2]
    assert entries[0].figures["valid_loss"] == 1.3


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_other_delimiters_comments_quotes_and_line_ends_are_read(delimiter: str) -> None:
    text = f'# mine\r\n"step"{delimiter}"loss"\r\n1{delimiter}"2.5"\r\n# later\r\n2{delimiter}2.25\r\n'
    assert [(entry.step, entry.figures["train_loss"]) for entry in read(text)] == [(1, 2.5), (2, 2.25)]


def test_a_header_that_is_repeated_and_rows_that_are_short_or_long_do_no_harm() -> None:
    entries = read("step,loss\n1,2.5\nstep,loss\n2\n3,2.0,9\n,\n")
    assert [(entry.step, entry.figures.get("train_loss")) for entry in entries] == [(1, 2.5), (3, 2.0)]


@pytest.mark.parametrize("header", ["name,address", "hello world", "\x00\x01", '"', "a," * 5000 + "loss"])
def test_another_table_is_refused(header: str) -> None:
    with pytest.raises(ValueError, match="not a table of a training"):
        read(header)
