import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ftmon.errors import UsageError
from ftmon.model.event import Event, parse_event
from ftmon.model.events import Events
from ftmon.tui.finding import read_step
from ftmon.tui.log.filter import NO_STEPS, Filter, thinning
from ftmon.tui.log.finder import Finder, neighbour
from ftmon.tui.log.jump import place_of_step, place_of_time, read_time
from ftmon.tui.log.pattern import read_pattern
from ftmon.tui.log.scan import Scan

START = 1_685_000_000


def event(message: str, at: int = 0, **fields: Any) -> Event:
    fields = {"object": "event", "created_at": START + at, "level": "info", "message": message, **fields}
    return parse_event(fields, json.dumps(fields))


TOLD = [
    event("Job started"),
    event("Step 10/40: training loss=2.5", 10, type="metrics"),
    event("The GPU is hot", 11, level="warning"),
    event("Step 20/40: training loss=1.5, validation loss=2.0", 70, type="metrics"),
    event("out of memory", 71, level="error"),
    event("Completed epoch 1/2", 72, type="message"),
    event("no time", created_at=None),
    event("Step 30/40: training loss=0.5", 200, type="metrics"),
]
EVENTS = Events(TOLD)


def shown(text: str, every: int = 1) -> list[int]:
    test, indices = Filter(text, every).test(), range(len(EVENTS))
    return list(indices) if test is None else test(EVENTS, indices)


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("LOSS", []),
        ("gpu", [2]),
        ("GPU", [2]),
        ("Gpu", []),
        ("valid", [3]),
        (r"/loss=[01]\./", [3, 7]),
        (r"/step \d+/", [1, 3, 7]),
        (r"/Step \D/", []),
        ("level:warning", [2, 4]),
        ("level:error", [4]),
        ("!level:warning", [0, 1, 3, 5, 6, 7]),
        ("type:metrics", [1, 3, 7]),
        ("type:METRICS & !valid", [1, 7]),
        ("loss & 0.5 & level:info", [7]),
        (" & ", [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_a_filter_shows_what_meets_each_condition(text: str, indices: list[int]) -> None:
    assert shown(text) == indices


@pytest.mark.parametrize(
    "text", ["/(/", "loss & /[/", "!", "level:bad", "!!", "/a{9999999999}/", "/" + "(" * 5000 + "/"]
)
def test_what_is_no_filter_gets_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"\.$"):
        Filter(text).test()


@pytest.mark.parametrize("text", ["/", "/loss", "loss & /a", "loss & !/a", "loss &"])
def test_a_condition_that_is_still_typed_is_not_tried_out(text: str) -> None:
    assert Filter(text).is_unfinished


@pytest.mark.parametrize("text", ["", "loss", "//", "/loss/", "/a/ & loss", "a/b", "!a"])
def test_a_condition_that_is_whole_is_tried_out(text: str) -> None:
    assert not Filter(text).is_unfinished


def test_a_thinned_log_keeps_every_nth_step_the_milestones_and_what_is_no_step() -> None:
    assert shown("", every=20) == [0, 2, 3, 4, 5, 6]
    assert set(shown("", every=NO_STEPS)) < set(shown("", every=20))


@pytest.mark.parametrize(
    ("words", "fields", "is_shown"),
    [
        ("Step 30/40: loss=1", {}, False),
        ("Step 40/40: loss=1", {}, True),
        ("Step 30/40: saved a checkpoint", {}, True),
        ("Step 30/40: loss=1", {"level": "warning"}, True),
        ("Step 30/40: loss=1", {"data": {"step": 40}}, True),
        ("Step 40/40: loss=1", {"data": {"step": 30}}, False),
        ("loss=1", {"data": {"step": 30}}, False),
    ],
)
def test_a_step_of_a_thinned_log_is_told_by_its_data_or_its_first_word(
    words: str, fields: dict[str, Any], is_shown: bool
) -> None:
    test = Filter(every=20).test()
    assert test is not None
    assert test(Events([event(words, **fields)]), [0]) == [0] * is_shown


@pytest.mark.parametrize("last", [1, 30, 200, 12_345, 1_000_000])
def test_a_thinned_log_has_some_dozens_of_steps(last: int) -> None:
    every = thinning(last)
    assert str(every).rstrip("0") in ("2", "5", "1")
    assert 25 <= last / every <= 75 or every == 2


def test_a_regex_that_never_ends_is_given_up() -> None:
    test = Filter("/(a+)+$/").test()
    assert test is not None
    scan = Scan(Events([event("a" * 60 + "b")]), test)
    with pytest.raises(TimeoutError):
        scan.run()


def test_a_text_is_found_wherever_it_stands() -> None:
    assert list(read_pattern("loss").spans("Loss, loss")) == [(0, 4), (6, 10)]
    assert list(read_pattern("/x*/").spans("axxb")) == [(1, 3)]
    assert list(read_pattern("a.c").spans("abc a.c")) == [(4, 7)]


def test_events_that_come_meanwhile_are_found_too() -> None:
    events = Events(TOLD * 100)
    finder = Finder(events)
    finder.search("step")
    finder.set_filter(Filter("level:info & training"))
    assert finder.coming is not None
    assert finder.hits is not None
    finder.run(0)
    assert not finder.is_done
    events.extend(TOLD)
    while not finder.is_done:
        finder.run(0)
    assert len(finder.coming.found) == len(finder.hits.found) == 303
    events.extend(TOLD)
    assert not finder.is_done


def test_the_nearest_one_found_before_and_after() -> None:
    assert neighbour([2, 5, 9], 5, 1) == 9
    assert neighbour([2, 5, 9], 5, -1) == 2
    assert neighbour([2, 5, 9], 3, -1) == 2
    assert neighbour([2, 5, 9], 9, 1) is None


@pytest.mark.parametrize(("step", "place"), [(1, 1), (10, 1), (11, 3), (30, 7), (31, 8)])
def test_a_step_is_found_or_the_next_one_that_is_told(step: int, place: int) -> None:
    assert place_of_step(EVENTS, range(len(EVENTS)), step) == place


@pytest.mark.parametrize(("at", "place"), [(-5, 0), (11, 2), (73, 7), (201, 8)])
def test_a_time_is_found_or_the_next_event_after_it(at: int, place: int) -> None:
    assert place_of_time(EVENTS, range(len(EVENTS)), datetime.fromtimestamp(START + at, UTC)) == place


@pytest.mark.parametrize("text", ["14:02", "14:02:00", "2026-01-31 14:02", "2026-01-31T14:02:00"])
def test_a_time_is_read_as_it_is_typed(text: str) -> None:
    local = datetime(2026, 1, 31, 14, 2).astimezone()
    assert read_time(text, local) == local


@pytest.mark.parametrize("text", ["", "noon", "25:00", "0001-01-01 00:00"])
def test_what_is_no_time_gets_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="Type a time"):
        read_time(text, datetime(2026, 1, 31, tzinfo=UTC))


def test_a_number_is_a_step_unless_it_is_absurd() -> None:
    assert read_step("120") == 120
    assert read_step("1.5") is None
    with pytest.raises(UsageError):
        read_step("9" * 5000)
