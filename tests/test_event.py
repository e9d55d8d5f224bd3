import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftmon import json_text
from ftmon.model.event import (
    NO_MESSAGE,
    Event,
    Level,
    event_json,
    iso,
    parse_event,
    parse_level,
    parse_time,
    read_event,
)
from ftmon.model.metrics import Metrics, parse_metrics
from ftmon.safe import safe

thorough = settings(deadline=None, max_examples=250)

NAMES = [
    *["object", "id", "created_at", "level", "message", "type", "data", "step", "train_loss", "total_steps"],
    *["", "extra", "\x1b[31m", "\ud800", "\u202e"],
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**15, 10**400)
    | st.floats()
    | st.text()
    | st.sampled_from(["info", "warn", "\x1b[2J", "\x9b31m", "\ud800", "2023-10-03T21:42:09.864Z", "nan"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), values, max_size=8)


def event_of(**fields: Any) -> Event:
    return parse_event(fields, json.dumps(fields))


def printed(event: Event) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(json_text.encode_lines([event_json(event, "ft-1")]))
    return value


SENT = {"object": "event", "created_at": 1, "level": "info", "message": "Step 1/2: training loss=0.5"}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_an_event_of_the_first_api_is_read() -> None:
    event = event_of(
        object="fine-tune-event", created_at=1691713498, level="info", message="Fine-tune costs $0.00"
    )
    assert event.created_at == datetime(2023, 8, 11, 0, 24, 58, tzinfo=UTC)
    assert (event.level, event.message) == (Level.INFO, "Fine-tune costs $0.00")


@pytest.mark.parametrize(
    "fields",
    [
        {"object": "fine-tune-event", "level": "info", "message": "a", "created_at": 1},
        {"object": "fine-tune-event", "level": "warn", "message": "\x1b[31mred", "created_at": 0},
        {"object": "fine-tune-event", "level": "", "message": "", "created_at": -1},
        {"object": "x", "level": "error", "message": "é\u2028訓", "created_at": 10**17},
        {"object": "x", "level": "info", "message": "a", "created_at": 1, "id": "b"},
        {**SENT, "id": "b", "type": "metrics", "data": {"step": 1, "more": [{}]}, "time": None},
        {**SENT, "id": "b", "type": 7, "data": "none", "time": "estimated", "level": "error"},
    ],
    ids=repr,
)
def test_the_fast_way_and_the_thorough_one_read_the_same_event(fields: dict[str, Any]) -> None:
    raw = json.dumps(fields)
    assert read_event(raw) == parse_event(fields, raw)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "[DONE]",
        "[]",
        "null",
        "<html>",
        '{"message": "a"}',
        '{"object": "a", "created_at": 1.5, "level": "info", "message": "a"}',
        '{"object": "a", "created_at": 1, "level": null, "message": "a"}',
        '{"object": "a", "created_at": 1, "level": "info", "message": "a", "id": ""}',
        '{"object": "a", "created_at": 1, "level": "info", "message": "a", "id": 7}',
        '{"object": "a", "created_at": 1, "level": "info", "message": "a", "type": "b"}',
        '{"object": "a", "created_at": 1, "level": "info", "message": "a", "id": "b", "more": 1}',
        f'{{"object": "a", "created_at": 1, "level": "info", "message": "a", "id": "b", "data": {"[" * 100}1'
        f"{']' * 100}}}",
        '{"object": "a", "created_at": 1, "level": "info", "message": "\\ud800"}',
        "[" * 200_000,
    ],
    ids=lambda raw: repr(raw[20:60] + raw[-20:]),
)
def test_the_fast_way_leaves_all_else_to_the_thorough_one(raw: str) -> None:
    assert read_event(raw) is None


def test_an_event_without_fields_is_still_an_event() -> None:
    event = event_of()
    assert (event.created_at, event.level, event.message) == (None, Level.INFO, NO_MESSAGE)


@pytest.mark.parametrize("message", [None, "", 5, ["a"], {}, "\x1b[0m", "\u200b"], ids=ascii)
def test_what_is_no_message_is_shown_as_a_dash(message: object) -> None:
    assert event_of(message=message).message == "—"


def test_a_message_is_made_safe_and_keeps_its_lines() -> None:
    assert (
        event_of(message="\x1b]0;title\x07one\r\ntwo\x9b2J\u202e").message
        == "one\ntwo\N{REPLACEMENT CHARACTER}"
    )


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("info", Level.INFO),
        ("INFO", Level.INFO),
        ("legacy_info", Level.INFO),
        ("warn", Level.WARNING),
        ("warning", Level.WARNING),
        ("WARNING", Level.WARNING),
        ("legacy_iwarning", Level.WARNING),
        ("error", Level.ERROR),
        ("Error", Level.ERROR),
        ("legacy_ierror", Level.ERROR),
        ("fatal", Level.ERROR),
        ("", Level.INFO),
        ("verbose", Level.INFO),
        (None, Level.INFO),
        (3, Level.INFO),
        (["error"], Level.INFO),
    ],
)
def test_a_level_of_any_service_is_read(word: object, level: Level) -> None:
    assert parse_level(word) is level


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("  0%|    | 0/9\r 50%|██  | 5/9\r100%|████| 9/9", "100%|████| 9/9"),
        ("Downloading\r10 %\r20 %\r", "20 %"),
        ("10 %\r20 %\r\nDone\r\n", "20 %\nDone\n"),
        ("\r\r", NO_MESSAGE),
        ("one\r\ntwo\nthree", "one\ntwo\nthree"),
    ],
)
def test_of_a_progress_bar_in_a_message_the_last_state_is_left(sent: str, shown: str) -> None:
    assert event_of(message=sent).message == shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1691665913, "2023-08-10T11:11:53Z"),
        (1691665913.0, "2023-08-10T11:11:53Z"),
        (1691665913.25, "2023-08-10T11:11:53.250000Z"),
        (1691665913250, "2023-08-10T11:11:53.250000Z"),
        ("1691665913", "2023-08-10T11:11:53Z"),
        ("1691665913.25", "2023-08-10T11:11:53.250000Z"),
        ("1612101100000", "2021-01-31T13:51:40Z"),
        ("2023-10-03T21:42:09.864Z", "2023-10-03T21:42:09.864000Z"),
        ("2025-04-03T03:19:55.595750", "2025-04-03T03:19:55.595750Z"),
        ("2023-10-03T21:42:09+02:00", "2023-10-03T19:42:09Z"),
        (" 2023-10-03 21:42:09 ", "2023-10-03T21:42:09Z"),
        ("2023-10-03", "2023-10-03T00:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        (-1, None),
        (-0.5, None),
        ("-1", None),
        (99_999_999_999_000, "5138-11-16T09:46:39Z"),
        (1_779_196_193_564_587, "2026-05-19T13:09:53.564587Z"),
        (1_779_196_193_564_587_000, "2026-05-19T13:09:53.564587Z"),
        ("1779196193564587000", "2026-05-19T13:09:53.564587Z"),
        ("9998-12-31T23:59:59Z", "9998-12-31T23:59:59Z"),
        (10**20, None),
        (10**400, None),
        ("9999-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("0001-01-01T00:00:00+12:00", None),
        ("1969-12-31T23:59:59Z", None),
        (float("nan"), None),
        (float("inf"), None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("yesterday", None),
        ("", None),
        ("1" * 10_000, None),
        (None, None),
        (True, None),
        ([1691665913], None),
        ({}, None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_time_of_any_service_is_read(value: object, expected: str | None) -> None:
    assert iso(parse_time(value)) == expected


@given(values | st.datetimes().map(str) | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat))
@thorough
def test_a_time_is_never_more_than_unreadable_and_has_a_local_time_everywhere(value: object) -> None:
    time = parse_time(value)
    if time is not None:
        assert time.utcoffset() == timedelta(0)
        for hours in (-23, 23):
            time.astimezone(timezone(timedelta(hours=hours)))


def test_a_time_that_is_estimated_is_no_part_of_what_an_identified_event_says() -> None:
    first, second = (event_of(id="a", message="b", created_at=at, time="estimated") for at in (1, 2))
    told, other = (event_of(id="a", message="b", created_at=at) for at in (1, 2))
    assert (first.key, first.loose_key) == (second.key, second.loose_key)
    assert told.loose_key != other.loose_key
    assert first.is_estimated
    assert not told.is_estimated


def test_an_event_is_known_by_its_own_id() -> None:
    first = event_of(id="ftevent-1", message="a", created_at=1)
    assert first.key == event_of(id="ftevent-1", message="b", created_at=2).key
    assert first.key != event_of(id="ftevent-2", message="a", created_at=1).key


@pytest.mark.parametrize(
    ("fields", "others"),
    [
        ({"message": "a", "created_at": 1, "level": "info"}, {"message": "b"}),
        ({"message": "a", "created_at": 1, "level": "info"}, {"created_at": 2}),
        ({"message": "a", "created_at": 1, "level": "info"}, {"level": "warning"}),
        ({"message": "a", "created_at": "soon", "level": "info"}, {"created_at": "later"}),
        ({"message": "a", "step": 1}, {"step": 2}),
        ({"message": "a", "step": 1}, {"step": 1.5}),
        ({"message": "a", "data": {"loss": 0.5}}, {"data": {"loss": 0.25}}),
        ({"message": "a", "hash": "1"}, {"hash": ""}),
    ],
    ids=repr,
)
def test_without_an_id_every_field_tells_events_apart(fields: dict[str, Any], others: dict[str, Any]) -> None:
    assert event_of(**fields).key == event_of(**dict(reversed(fields.items()))).key
    assert event_of(**fields).key != event_of(**{**fields, **others}).key


@pytest.mark.parametrize("nothing", [{"data": None}, {"data": {}}, {"type": None}, {"error": {"code": None}}])
@pytest.mark.parametrize("fields", [{"message": "a", "created_at": 1}, {"message": "a", "step": 1}])
def test_fields_that_hold_nothing_do_not_tell_events_apart(
    fields: dict[str, Any], nothing: dict[str, Any]
) -> None:
    assert event_of(**fields).key == event_of(**fields, **nothing).key


def test_where_a_route_adds_a_field_the_loose_key_is_still_the_same() -> None:
    fields = {"message": "a", "created_at": 1, "level": "info"}
    with_more = event_of(**fields, step=1)
    assert with_more.key != event_of(**fields).key
    assert with_more.loose_key == event_of(**fields).loose_key


@pytest.mark.parametrize("name", ["id", "created_at", "level", "message", "data", "more"])
@pytest.mark.parametrize("with_id", [False, True])
def test_what_is_nested_too_deeply_is_no_event(name: str, with_id: bool) -> None:
    fields = {**({"id": "ftevent-1"} if with_id else {}), name: nested(900)}
    with pytest.raises(ValueError, match="deep"):
        parse_event(fields, json.dumps(fields))


def test_what_is_nested_as_deeply_as_allowed_is_printed() -> None:
    event = event_of(id="ftevent-1", data={"a": nested(90)}, more=nested(90))
    assert printed(event)["extra"] == {"more": nested(90)}


@given(objects)
@thorough
def test_any_object_is_an_event_or_a_value_error_and_is_printed_as_safe_ascii(fields: dict[str, Any]) -> None:
    raw = json.dumps(fields)
    try:
        event = parse_event(json_text.decode(raw), raw)
    except ValueError:
        return
    line = json_text.encode_lines([event_json(event, "ft-1")]).decode("ascii")
    assert line.endswith("\n")
    assert line.count("\n") == 1

    def refuse(word: str) -> None:
        raise AssertionError(word)

    def check(value: object) -> None:
        if isinstance(value, str):
            assert value == safe(value)
        elif isinstance(value, dict):
            for name, item in value.items():
                check(name)
                check(item)
        elif isinstance(value, list):
            for item in value:
                check(item)

    check(json.loads(line, parse_constant=refuse))
    parse_metrics(event)


def test_a_plain_event_is_printed_with_all_its_fields_in_their_order() -> None:
    event = event_of(object="x", created_at=1769860800, level="warn", message="é\n\x1b[31mtwo")
    assert json_text.encode_lines([event_json(event, "ft-1")]) == (
        b'{"object":"fine-tune-event","job_id":"ft-1","id":null,"created_at":"2026-01-31T12:00:00Z",'
        b'"level":"warning","message":"\\u00e9\\ntwo","type":null,"data":null}\n'
    )


def test_a_message_that_is_no_text_is_printed_beside_it() -> None:
    event = event_of(object="fine-tune-event", created_at=5, level="info", message=["a", "\x1b[31mb"])
    assert (event.message, printed(event)["extra"]) == ("—", {"message": ["a", "b"]})


def test_an_event_with_more_fields_is_printed_with_all_of_them() -> None:
    event = event_of(
        object="fine_tuning.job.event",
        id="ftevent-1",
        created_at=1769860800.5,
        level="info",
        message="Step 1/2: training loss=0.5",
        type="metrics",
        data={"step": 1, "train_loss": float("nan"), "usage": {"a": [float("inf"), "\x1b[31mb"]}},
        token_count=2**70,
        wandb_url=None,
    )
    assert json_text.encode_lines([event_json(event, "ft-1")]) == (
        b'{"object":"fine-tune-event","job_id":"ft-1","id":"ftevent-1","created_at":"2026-01-31T12:00:00.500000Z",'
        b'"level":"info","message":"Step 1/2: training loss=0.5","type":"metrics",'
        b'"data":{"step":1,"train_loss":null,"usage":{"a":[null,"b"]}},'
        b'"extra":{"token_count":1180591620717411303424,"wandb_url":null}}\n'
    )


@pytest.mark.parametrize(
    ("own_id", "expected"), [("a\x1b[31mb", "ab"), (7, 7), (1.5, None), (None, None), ([], None)]
)
def test_an_own_id_is_a_safe_text_or_a_number(own_id: object, expected: object) -> None:
    assert printed(event_of(id=own_id, message="a"))["id"] == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"step": 10, "total_steps": 90, "train_loss": 2.5, "valid_loss": 3, "full_valid_loss": None},
            Metrics(10, 90, 2.5, 3.0),
        ),
        (
            {"step": 10.0, "train_loss": 2.5, "valid_loss": 3.0, "full_valid_loss": 4.0},
            Metrics(10, None, 2.5, 4.0),
        ),
        (
            {"current_steps": "10", "total_steps": "90", "loss": "2.5", "eval_loss": "3e-1"},
            Metrics(10, 90, 2.5, 0.3),
        ),
        ({"step": 0, "train_loss": 0}, Metrics(0, None, 0.0)),
        ({"step": -1, "total_steps": -1}, Metrics()),
        ({"step": 10**20, "total_steps": 1e200}, Metrics()),
        ({"step": True, "train_loss": False}, Metrics()),
        ({"step": float("nan"), "train_loss": float("inf"), "valid_loss": "nan"}, Metrics()),
        ({"train_loss": 10**400, "valid_loss": "much"}, Metrics()),
        ({"error_code": "invalid_n_examples"}, Metrics()),
        ({}, Metrics()),
        (None, Metrics()),
        ([1], Metrics()),
        ("step", Metrics()),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_the_figures_of_an_event_are_read(data: object, expected: Metrics) -> None:
    assert parse_metrics(event_of(message="a", data=data)) == expected


def test_an_event_without_data_has_no_figures() -> None:
    assert parse_metrics(event_of(message="data")) == Metrics()
