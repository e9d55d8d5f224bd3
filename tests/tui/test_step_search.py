import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftmon.model.event import Event, parse_event
from ftmon.tui.step_search import index_of, step_of


def event_of(message: str, **more: Any) -> Event:
    fields = {"object": "event", "created_at": 1_700_000_000, "level": "info", "message": message, **more}
    return parse_event(fields, json.dumps(fields))


def told(step: int) -> Event:
    return event_of(f"Step {step}/200: training loss=1.00")


CHECKPOINT = event_of("Checkpoint", type="checkpoint", data={"step": 5})


@pytest.mark.parametrize(
    ("event", "step"),
    [
        (told(7), 7),
        (event_of("x", data={"step": 9}), 9),
        (CHECKPOINT, 5),
        (event_of("Fine-tune started"), None),
    ],
)
def test_the_step_of_an_event_is_in_its_data_or_in_its_words(event: Event, step: int | None) -> None:
    assert step_of(event) == step


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(0, 45), st.integers(1, 5))
def test_the_first_event_of_a_step_or_after_it_is_found(steps: list[int], step: int, every: int) -> None:
    events = [event_of("Fine-tune started")]
    for number, each in enumerate(sorted(steps)):
        events.append(told(each))
        if number % every == 0:
            events += [event_of("The file has no rows"), CHECKPOINT]
    found = index_of(events, step)
    expected = [
        index
        for index, event in enumerate(events)
        if event is not CHECKPOINT and (step_of(event) or -1) >= step
    ]
    if step:
        assert found == (expected[0] if expected else None)


def test_a_checkpoint_that_comes_late_does_not_mislead() -> None:
    events = [*map(told, range(1, 101)), *[CHECKPOINT] * 9]
    assert index_of(events, 90) == 89
    assert index_of(events, 101) is None
