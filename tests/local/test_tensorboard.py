import struct
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftmon.local.entry import Entry
from ftmon.local.source import EVENT_FILE, FileSource
from ftmon.local.tensorboard import EventFileReader, masked_crc
from ftmon.model.job import Status

BODY = (Path(__file__).parent.parent / "samples/tensorboard_events_scalars.tfevents").read_bytes()


def field(number: int, kind: int, data: bytes) -> bytes:
    return bytes([number << 3 | kind]) + (bytes([len(data)]) if kind == 2 else b"") + data


def scalar(tag: str, value: float, *, as_tensor: bool = False) -> bytes:
    packed = struct.pack("<f", value)
    held = field(8, 2, field(1, 0, b"\x01") + field(4, 2, packed)) if as_tensor else field(2, 5, packed)
    return field(5, 2, field(1, 2, field(1, 2, tag.encode()) + held))


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def event(step: int, tag: str, value: float, *, as_tensor: bool = False) -> bytes:
    time = field(1, 1, struct.pack("<d", 1_700_000_000.0 + step))
    return record(time + field(2, 0, bytes([step])) + scalar(tag, value, as_tensor=as_tensor))


def read(data: bytes) -> list[Entry]:
    reader = EventFileReader()
    return [*reader.feed(data), *reader.flush(inf)]


TAGS = ("train/loss", "train/learning_rate", "train/grad_norm")


@given(st.integers(3, 17))
def test_a_step_is_told_alike_wherever_its_writer_has_made_a_pause(cut: int) -> None:
    records = [event(step, tag, step + 0.5) for step in range(1, 7) for tag in TAGS]
    reader = EventFileReader()
    before = [*reader.feed(b"".join(records[:cut])), *reader.flush(120)]
    assert [*before, *reader.feed(b"".join(records[cut:])), *reader.flush(inf)] == read(b"".join(records))
    # A step that has all that the others have does not wait for the next one.
    assert len(before) == max(1, cut // 3)


def test_the_number_of_an_entry_does_not_depend_on_how_the_ones_before_were_read(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    records = [event(step, tag, step + 0.5) for step in range(1, 4) for tag in TAGS]
    path.write_bytes(b"".join(records[:2]))
    source = FileSource(path, EVENT_FILE)
    told = [*source.poll(), *source.finish()]
    path.write_bytes(b"".join(records))
    told += source.poll()
    assert [number for number, _ in told] == [1, 3, 4, 7]
    assert [number for number, _ in FileSource(path, EVENT_FILE).poll()] == [1, 4, 7]


def test_the_scalars_of_a_step_are_one_entry() -> None:
    entries = read(BODY)
    assert [entry.step for entry in entries] == list(range(17))
    assert entries[0].figures == {
        "step": 0,
        "batch_loss": 3.913577,
        "batch_acc": 0.0,
        "epoch_acc": 0.0,
        "train_loss": 3.913577,
        "epoch_val_acc": 1.0,
        "valid_loss": 2.956347e-05,
    }
    assert entries[0].at == datetime(2020, 4, 1, 19, 39, 7, 935316, tzinfo=UTC)


@pytest.mark.parametrize("size", [1, 7, 100, 4096])
def test_a_file_is_read_alike_however_it_is_cut(size: int) -> None:
    reader = EventFileReader()
    entries = [e for start in range(0, len(BODY), size) for e in reader.feed(BODY[start : start + size])]
    assert [*entries, *reader.flush(inf)] == read(BODY)


@pytest.mark.parametrize("as_tensor", [False, True])
def test_scalars_are_read_in_both_forms(as_tensor: bool) -> None:
    data = event(1, "train/loss", 2.5, as_tensor=as_tensor) + event(1, "eval/loss", 2.25, as_tensor=as_tensor)
    [entry] = read(data)
    assert entry.figures == {"step": 1, "train_loss": 2.5, "valid_loss": 2.25}


def test_the_time_that_the_training_took_tells_its_end() -> None:
    *_, last = read(event(1, "train/loss", 2.5) + event(2, "train/train_runtime", 60.0))
    assert last.outcome is not None
    assert last.outcome.status is Status.SUCCEEDED


def test_a_torn_last_record_waits_for_its_rest() -> None:
    reader = EventFileReader()
    data = event(1, "train/loss", 2.5) + event(2, "train/loss", 2.25)
    assert not list(reader.feed(data[:-3]))
    assert [entry.step for entry in (*reader.feed(data[-3:]), *reader.flush(inf))] == [1, 2]


@pytest.mark.parametrize("position", [3, 9, 20, len(event(1, "train/loss", 2.5)) - 1])
def test_a_wrong_checksum_ends_the_reading(position: int) -> None:
    data = bytearray(event(1, "train/loss", 2.5))
    data[position] ^= 0xFF
    with pytest.raises(ValueError, match="damaged"):
        read(bytes(data))


def test_a_large_record_is_passed_over() -> None:
    large = record(field(2, 0, b"\x05") + bytes(1_000_000))
    reader = EventFileReader()
    data = event(1, "train/loss", 2.5) + large + event(2, "train/loss", 2.25)
    entries = [e for start in range(0, len(data), 4096) for e in reader.feed(data[start : start + 4096])]
    assert [entry.step for entry in (*entries, *reader.flush(inf))] == [1, 2]


@given(st.binary(max_size=200))
def test_any_record_is_read_without_an_error(data: bytes) -> None:
    read(record(data))


def test_the_checksum_is_the_one_of_the_castagnoli_polynomial() -> None:
    # RFC 3720 §B.4: 32 bytes of zeros have the CRC-32C 0x8a9136aa.
    crc = 0x8A9136AA
    assert masked_crc(bytes(32)) == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
