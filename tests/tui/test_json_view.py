import json

import pytest

from ftmon.tui.json_view import coloured, pretty

KEY = "Zx9Kq7Wv-secret-key-of-mine"


def test_a_value_that_fits_is_shown_whole() -> None:
    value = {"a": [1, 2.5, None, True, "é\x1b[31mred"], "b": {}, "nan": float("nan")}
    assert json.loads(pretty(value, ())) == {"a": [1, 2.5, None, True, "éred"], "b": {}, "nan": None}


@pytest.mark.parametrize(
    "giant",
    [
        "x" * 2_000_000,
        ["x" * 20] * 100_000,
        {f"name {number}": number for number in range(200_000)},
        [[["x" * 100] * 100] * 100] * 2,
        {"x" * 2_000_000: 1},
    ],
    ids=["text", "list", "object", "lists", "name"],
)
def test_of_a_giant_value_the_beginning_is_shown_and_the_rest_counted(giant: object) -> None:
    text = pretty({"first": 1, "giant": giant, "last": 2}, (), 20_000)
    assert len(text) < 60_000
    assert '"first": 1' in text
    assert "more" in text


def test_neither_a_key_nor_the_half_of_one_is_shown() -> None:
    for room in range(len(KEY) + 20):
        text = pretty({"a": f"key {KEY}", "b": [KEY], KEY: KEY}, (KEY,), room)
        assert KEY[:6] not in text
    told = pretty({"wandb": {"api_key": "hunter2", "project": "p"}, "secrets": {"A": "hunter2"}}, ())
    assert "hunter2" not in told
    assert '"project": "p"' in told


def test_a_deep_value_is_cut_and_colours_change_no_text() -> None:
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    text = pretty(deep, ())
    assert "…" in text
    assert coloured(text).plain == text
