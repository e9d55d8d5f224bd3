from collections.abc import Iterator
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from ftmon.model.key import LOCAL, JobKey
from ftmon.model.run import Run
from ftmon.model.update import Update
from ftmon.tui.log.event_row import Times, columns
from ftmon.tui.log.rows import Rows, wrap
from ftmon.tui.look import overlaid
from ftmon.tui.parts.losses import loss_parts, sparkline
from ftmon.tui.parts.part import Part, fit, width_of
from tests.records import KEY, NOON, STORED, read

texts = st.text(st.characters(exclude_categories=["C"]), max_size=80)


@given(texts, st.integers(2, 40))
def test_wrapped_rows_fit_and_joined_are_the_text(text: str, width: int) -> None:
    rows = wrap(text, width)
    assert "".join(rows) == text
    assert all(rows) or not text
    assert all(cell_len(row.removesuffix(" ")) <= width for row in rows)


def test_rows_are_cut_at_spaces() -> None:
    assert wrap("training loss=0.48, validation loss=0.53", 20) == [
        "training loss=0.48, ",
        "validation loss=0.53",
    ]


def test_a_word_that_is_too_long_is_cut() -> None:
    assert wrap("a " + "b" * 25, 10) == ["a bbbbbbbb", "bbbbbbbbbb", "bbbbbbb"]


HEIGHTS = [place * 7 % 5 + 1 for place in range(1300)]


@pytest.mark.parametrize("looked_at", [[], [1299, 0, 700], [512, 511, 1299, 1024]], ids=str)
def test_rows_tell_the_place_and_its_row_in_whatever_order_they_are_looked_at(looked_at: list[int]) -> None:
    rows = Rows(lambda first, after: HEIGHTS[first:after])
    for places in (3, 600, 1300):
        rows.grow(places)
        rows.settle_end(24)
    for place in looked_at:
        first = rows.first_row(place)
        assert rows.find(first) == (place, 0)
        assert rows.find(first + HEIGHTS[place] - 1) == (place, HEIGHTS[place] - 1)
        assert rows.find(first + rows.settle(first, 24)) == (place, 0)
    tops = [rows.first_row(place) for place in range(1301)]
    assert tops == list(accumulate(HEIGHTS, initial=0))
    assert len(rows) == sum(HEIGHTS)


def test_only_the_rows_in_sight_are_measured() -> None:
    measured: list[int] = []

    def measure(first: int, after: int) -> Iterator[int]:
        measured.extend(range(first, after))
        yield from [2] * (after - first)

    rows = Rows(measure)
    rows.grow(1_000_000)
    rows.settle(500_000, 40)
    rows.settle_end(40)
    assert len(measured) < 4000


@given(st.integers(1, 300), st.sampled_from(Times), st.booleans())
def test_the_columns_fill_the_width(width: int, times: Times, is_dated: bool) -> None:
    place = columns(width, times, is_dated)
    assert place.message >= 1
    assert place.indent + place.message == max(width, place.sign + 1)


def test_parts_give_way_by_rank_from_both_ends() -> None:
    left = Part("status"), Part("model", "", 2)
    right = Part("badge"), Part("age", "", 1)
    assert fit(left, right, 100, " ") == (left, right)
    assert fit(left, right, 16, " ") == (left[:1], right)
    assert fit(left, right, 12, " ") == (left[:1], right[:1])
    assert fit(left, right, 1, " ") == (left[:1], right[:1])
    assert width_of((*left, *right), " ") == 22


@pytest.mark.parametrize(
    ("values", "line"),
    [([1.0], "▁"), ([2.0, 2.0], "▁▁"), ([8, 7, 6, 5, 4, 3, 2, 1], "█▇▆▅▄▃▂▁"), ([9, 9, 1, 1], "██▁▁")],
)
def test_a_sparkline_falls_with_its_values(values: list[float], line: str) -> None:
    assert sparkline(values, 8) == line


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=80))
def test_any_values_make_a_sparkline(values: list[float]) -> None:
    assert len(sparkline(values, 24)) == min(len(values), 24)


def test_a_sparkline_of_many_values_ends_with_the_last() -> None:
    assert sparkline([float(value) for value in range(1000, 0, -1)], 10) == "█▇▆▆▅▄▃▃▂▁"


@given(texts, st.integers(0, 90), st.integers(-1, 90))
def test_a_style_over_a_part_leaves_the_text_as_it_is(text: str, start: int, end: int) -> None:
    segments = [Segment(text[:5], Style(bold=True)), Segment(text[5:], None)]
    result = overlaid(segments, start, end, Style(reverse=True))
    assert "".join(segment.text for segment in result) == text
    marked = "".join(segment.text for segment in result if segment.style and segment.style.reverse)
    assert marked == text[start : len(text) if end == -1 else max(start, end)]


@pytest.mark.parametrize(
    ("events", "service", "is_told"), [(49, LOCAL, False), (50, LOCAL, True), (50, "", False)]
)
def test_many_lines_of_a_training_here_without_a_loss_say_what_is_read(
    events: int, service: str, is_told: bool
) -> None:
    run = Run(JobKey(service or KEY.service, "mine"))
    line = STORED[0]
    run.apply(Update(run.key, NOON, (line,) * events))
    assert (
        any("step 10/500: loss=0.85" in part.text for part in loss_parts(run, with_sparklines=True))
        is is_told
    )
    point = read({"created_at": 1, "message": "m", "data": {"step": 1, "loss": 0.5}})
    run.apply(Update(run.key, NOON, (point,)))
    assert "train" in loss_parts(run, with_sparklines=True)[1].text
