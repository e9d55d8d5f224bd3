"""Reads the scalars of TensorBoard event files (TRAINERS §6).

A file is a row of TFRecords: the length (u64) and its masked CRC-32C, the data and its masked CRC-32C, all in
little endian. The data is a protobuf `Event`. Every library for these files pulls in NumPy, pandas or
protobuf, for about a hundred lines.
"""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from math import isnan

from ftmon.local.entry import LONG_SILENCE, Entry, Outcome, of_figures
from ftmon.model.event import parse_time
from ftmon.model.figures import Figures, read_figures
from ftmon.model.job import Status
from ftmon.safe import safe

_MASK_DELTA = 0xA282EAD8
_HEAD, _FOOT = 12, 4
_LARGEST_SCALAR = 16_384
"""Bytes of a record that is read. Larger ones hold images, graphs or histograms."""

_END = "train/train_runtime"
"""The tag of the time that a whole training took, which Hugging Face's Trainer writes at its end."""

_MOST = 1 << 40
"""Bytes that no record has."""

_LONGEST_BUFFERED = 150.0
"""Seconds. TensorBoard's writers keep records for up to 120 s before they write them."""

_MOST_SETS = 64
"""Sets of tags that are remembered. A training has a few."""


def is_event_file(head: bytes) -> bool:
    """Whether a file that begins with these bytes is one: with a length and its checksum."""
    if len(head) < _HEAD:
        return False
    length, checksum = struct.unpack_from("<QI", head)
    return bool(length < _MOST and checksum == masked_crc(head[:8]))


class EventFileReader:
    """Reads one file from its beginning, however its bytes are cut."""

    def __init__(self) -> None:
        self._buffer = b""
        self._skip = 0
        """Bytes of a large record that are still to be passed over."""
        self._step: int | None = None
        self._tags: set[str] = set()
        """Of the records of this step, which follow each other."""
        self._at: datetime | None = None
        self._scalars: dict[str, float] = {}
        """What is not told yet of the step, by the tags."""
        self._count = 0
        """In how many records that is."""
        self._usual: set[frozenset[str]] = set()
        """The sets of tags of earlier steps."""

    def feed(self, data: bytes) -> Iterator[Entry]:
        """Yield the entries that are complete now: those of steps that have the tags of an earlier one.

        Other steps are complete when a later one, or `flush`, comes. A writer may write a part of a step long
        before the rest; a step is cut by its tags, and not by time, to be told alike at whichever reading.

        Raises:
            ValueError: for a record with a wrong checksum: what follows cannot be read.
        """
        self._buffer += data
        for record in self._records():
            step, at, scalars = _event(record)
            if not scalars:
                continue
            if step != self._step or not self._tags.isdisjoint(scalars):
                yield from self._tell()
                if self._tags and len(self._usual) < _MOST_SETS:
                    self._usual.add(frozenset(self._tags))
                self._step, self._tags = step, set()
            self._at = self._at if self._scalars else at
            self._scalars.update(scalars)
            self._tags.update(scalars)
            self._count += 1
            # Sets of other sizes are unlike at once, however many tags there are.
            if any(self._tags == usual for usual in self._usual):
                yield from self._tell()

    def flush(self, silence: float) -> Iterator[Entry]:
        """Yield the entry of the last step, where no more of it seems to come."""
        is_part = any(self._tags < usual for usual in self._usual)
        if silence >= (_LONGEST_BUFFERED if is_part else LONG_SILENCE):
            yield from self._tell()

    def _records(self) -> Iterator[bytes]:
        """Yield the data of the records that are whole, without those that are too large for scalars."""
        buffer, self._buffer = self._buffer, b""
        position = min(self._skip, len(buffer))
        self._skip -= position
        while len(buffer) - position >= _HEAD:
            length, checksum = struct.unpack_from("<QI", buffer, position)
            if checksum != masked_crc(buffer[position : position + 8]) or length > _MOST:
                raise ValueError("a record of it is damaged")
            end = position + _HEAD + length + _FOOT
            if length > _LARGEST_SCALAR:
                self._skip = max(0, end - len(buffer))
                position = min(end, len(buffer))
                continue
            if end > len(buffer):
                break
            data = buffer[position + _HEAD : end - _FOOT]
            if struct.unpack_from("<I", buffer, end - _FOOT) != (masked_crc(data),):
                raise ValueError("a record of it is damaged")
            position = end
            yield data
        self._buffer = buffer[position:]

    def _tell(self) -> Iterator[Entry]:
        if not self._scalars:
            return
        figures: Figures = {"step": self._step or 0, **read_figures(self._scalars)}
        outcome = Outcome(Status.SUCCEEDED) if _END in self._scalars else None
        entry = of_figures(figures, self._at, outcome, self._count)
        self._scalars, self._count = {}, 0
        yield entry


# Protobuf: only what an Event with scalars needs (tensorflow/core/util/event.proto, framework/summary.proto)


def _event(data: bytes) -> tuple[int, datetime | None, dict[str, float]]:
    """Return step, time and scalars of an `Event`."""
    step, at = 0, None
    scalars: dict[str, float] = {}
    for number, value in _fields(data):
        match number, value:
            case 1, bytes() if len(value) == 8:
                (seconds,) = struct.unpack("<d", value)
                at = None if isnan(seconds) else parse_time(seconds)
            case 2, int():
                step = value if value < 1 << 63 else 0
            case 5, bytes():
                scalars.update(_summary(value))
            case _:
                pass
    return step, at.astimezone(UTC) if at else None, scalars


def _summary(data: bytes) -> Iterator[tuple[str, float]]:
    for number, value in _fields(data):
        tag, scalar = "", None
        if number != 1 or not isinstance(value, bytes):
            continue
        for inner, part in _fields(value):
            match inner, part:
                case 1, bytes():
                    tag = safe(part.decode(errors="replace"))
                case 2, bytes() if len(part) == 4:
                    (scalar,) = struct.unpack("<f", part)
                case 8, bytes():
                    scalar = _tensor(part)
                case _:
                    pass
        if tag and scalar is not None:
            yield tag, _short(scalar)


def _tensor(data: bytes) -> float | None:
    """Return the one float of a `TensorProto`: `float_val`, or `tensor_content` of four bytes."""
    found = None
    for number, value in _fields(data):
        if number in (4, 5) and isinstance(value, bytes) and len(value) == 4:
            (found,) = struct.unpack("<f", value)
        elif number == 1 and value != 1:
            # DT_FLOAT is 1.
            return None
    return found


def _short(value: float) -> float:
    """Return a float of 32 bits with the digits that it has, not those of its conversion to 64."""
    return float(f"{value:.7g}")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a protobuf message by their numbers; nothing of a part that is none."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        kind = key & 7
        if kind == 0:
            value, position = _varint(data, position)
            yield key >> 3, value
            continue
        if kind == 2:
            size, position = _varint(data, position)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            return
        if position + size > len(data):
            return
        yield key >> 3, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    return 0, len(data)


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def masked_crc(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of data, masked as TFRecord masks it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF
