import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftmon.json_text import MAX_DEPTH, canonical, decode, encode_lines, pruned

thorough = settings(deadline=None, max_examples=250)

finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers() | st.integers(2**63, 2**90) | finite | st.text()


def nested(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=16,
    )


values = nested(scalars)


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shuffled(item) for name, item in reversed(value.items())}
    if isinstance(value, list):
        return [shuffled(item) for item in value]
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (b'{"a": 1}', {"a": 1}),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\ud800"', "\ud800"),
        (str(2**70), 2**70),
        ("1.50", 1.5),
        ("1e999", math.inf),
        ("-Infinity", -math.inf),
        ('"\u2028\x7f\x85"', "\u2028\x7f\x85"),
        (b"\xef\xbb\xbf[]", []),
        (b'["\xff\xc3"]', ["\ufffd\ufffd"]),
        (b'["\xed\xa0\x80"]', ["\ufffd\ufffd\ufffd"]),
    ],
)
def test_a_text_is_decoded(text: str | bytes, value: object) -> None:
    assert decode(text) == value


def test_what_is_no_number_is_decoded() -> None:
    assert math.isnan(decode("NaN"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        b"",
        b"\xff",
        "[DONE]",
        "<!DOCTYPE html><html><body>data: {}</body></html>",
        "{'a': 1}",
        '{"a": 1',
        '{"a": 1} {"a": 2}',
        '{"a": 1,}',
        '"a\nb"',
        "9" * 5000,
        "[" * 200_000,
        "[" * 200_000 + "]" * 200_000,
        '{"a":' * 200_000,
    ],
    ids=lambda text: repr(text[:12] + text[-12:]),
)
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(text)


@given(st.text() | st.binary())
@thorough
def test_nothing_but_a_value_error_comes_of_any_text(text: str | bytes) -> None:
    try:
        decode(text)
    except ValueError:
        return


@given(nested(scalars | st.floats()))
@thorough
def test_what_json_writes_is_read_as_json_reads_it(value: Any) -> None:
    text = json.dumps(value)
    # A number that is none is not equal to itself.
    assert repr(decode(text)) == repr(json.loads(text))


@given(values)
@thorough
def test_the_canonical_form_does_not_depend_on_the_order_of_names(value: Any) -> None:
    assert canonical(pruned(value)) == canonical(pruned(shuffled(value)))


@given(st.dictionaries(st.text(), values, max_size=4), st.text())
@thorough
def test_nulls_and_empty_objects_do_not_change_the_canonical_form(fields: dict[str, Any], name: str) -> None:
    fields.pop(name, None)
    expected = canonical(pruned(fields))
    nothings: list[Any] = [None, {}, {"a": None}, {"a": {"b": {}}}]
    for nothing in nothings:
        assert canonical(pruned({**fields, name: nothing})) == expected


@pytest.mark.parametrize("kept", [0, 0.0, False, "", [], [None], [{}]], ids=repr)
def test_what_is_empty_but_not_nothing_is_kept(kept: object) -> None:
    assert pruned({"a": kept, "b": None}) == {"a": kept}


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, "1"), (0, False), ([], ""), ([1, 2], [2, 1])])
def test_numbers_and_lists_stay_as_they_were_sent(one: object, other: object) -> None:
    assert canonical({"a": one}) != canonical({"a": other})


def test_a_surrogate_and_a_huge_number_have_a_canonical_form() -> None:
    assert canonical({"b": 2**70, "a": "\ud800"}) == b'{"a":"\\ud800","b":1180591620717411303424}'


@pytest.mark.parametrize(
    "wrap", [lambda value: [value], lambda value: {"a": value}], ids=["lists", "objects"]
)
def test_what_is_nested_too_deeply_is_refused(wrap: Any) -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH - 1):
        value = wrap(value)
    assert pruned(value) == value
    with pytest.raises(ValueError, match="nested too deeply"):
        pruned(wrap(value))


@given(st.lists(values, max_size=4))
@thorough
def test_lines_are_ascii_and_one_for_each_value(written: list[Any]) -> None:
    lines = encode_lines(written).decode("ascii").split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(written)
    assert [json.loads(line) for line in lines] == written
