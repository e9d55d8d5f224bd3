import json
import tracemalloc
from typing import Any

import pytest

from ftmon.model.event import Event, parse_event, read_event
from ftmon.model.events import Events


def event(number: int, **fields: Any) -> Event:
    told = {"object": "event", "created_at": number, "level": "info", "message": f"Step {number}", **fields}
    return parse_event(told, json.dumps(told))


ODD = [
    event(1, created_at=None),
    event(2, created_at="2026-01-31T12:00:00.123456+05:30"),
    event(3, level="warn", message="\x1b[31m\ud800 two\nlines"),
    event(4, message=None, data={"loss": 0.5, "deep": [{"\ud800": None}]}),
    event(5, id="ftevent-1", time="estimated", type="metrics").numbered(3),
]
TOLD = [ODD[number % 5] if number % 7 == 0 else event(number) for number in range(1000)]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000])
def test_events_are_returned_as_they_were_added_however_many_come_at_once(size: int) -> None:
    events = Events()
    for first in range(0, len(TOLD), size):
        events.extend(TOLD[first : first + size])
    assert list(events) == TOLD
    assert events[-1] == TOLD[-1]
    assert events[250:700:3] == TOLD[250:700:3]
    assert events.messages == [each.message for each in TOLD]
    assert events.levels == [each.level for each in TOLD]
    assert [bool(each) for each in events.has_data] == ["data" in each.fields for each in TOLD]
    assert events.has_estimates
    with pytest.raises(IndexError):
        events[1000]


@pytest.mark.parametrize("before", [0, 1, 256])
def test_events_of_another_run_are_added_too(before: int) -> None:
    events = Events(TOLD[:before])
    other = Events(TOLD)
    events.extend(other)
    events.extend(TOLD[:3])
    assert list(events) == [*TOLD[:before], *TOLD, *TOLD[:3]]
    assert list(other) == TOLD
    assert events.has_estimates


def test_an_event_takes_less_than_300_bytes() -> None:
    def read(number: int) -> Event:
        data = {"step": number, "total_steps": 10_000, "train_loss": 1 + 1000 / (number + 500)}
        message = f"Step {number}/10000: training loss={data['train_loss']:.4f}"
        names = {"object": "fine_tuning.job.event", "id": f"ftevent-{number * 7919:024}", "type": "metrics"}
        found = read_event(
            json.dumps(names | {"created_at": number // 4, "level": "info", "message": message, "data": data})
        )
        assert found is not None
        return found

    count = 1280
    tracemalloc.start()
    try:
        events = Events()
        for number in range(count):
            events.extend([read(number)])
        assert tracemalloc.get_traced_memory()[0] / count < 300
    finally:
        tracemalloc.stop()
    assert events[17].fields["data"]["step"] == 17
