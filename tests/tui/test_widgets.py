from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from ftmon.model.curve import Curve
from ftmon.tui.chart import chart
from ftmon.tui.look import overlaid
from ftmon.tui.widgets.event_row import Times, columns
from ftmon.tui.widgets.line import Part, fit, width_of
from ftmon.tui.widgets.loss_line import sparkline
from ftmon.tui.widgets.rows import Rows, wrap

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


def test_rows_tell_the_event_and_its_row() -> None:
    rows = Rows()
    for height in (1, 3, 2):
        rows.add(height)
    assert len(rows) == 6
    assert [rows.find(row) for row in range(6)] == [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]
    assert [rows.first_row(event) for event in range(4)] == [0, 1, 4, 6]


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


def test_a_sparkline_of_many_values_ends_with_the_last() -> None:
    assert sparkline([float(value) for value in range(1000, 0, -1)], 10) == "█▇▆▆▅▄▃▃▂▁"


def curve(*values: float, steps: Sequence[int] | None = None) -> Curve:
    result = Curve()
    for step, value in zip(steps or range(len(values)), values, strict=True):
        result.add(step, value)
    return result


def dots(rows: list[list[tuple[str, str]]], look: str) -> list[str]:
    """Return what of a chart has one look, row by row."""
    return ["".join(text if name == look else " " * len(text) for text, name in row) for row in rows]


def label(row: list[tuple[str, str]]) -> float:
    """Return the label of the y axis in a row."""
    return float(row[0][0])


def text_of(row: list[tuple[str, str]]) -> str:
    return "".join(text for text, _ in row)


def columns_of(rows: list[list[tuple[str, str]]], look: str) -> set[int]:
    """Return the columns in which a curve is seen, the axes left out."""
    return {x for row in dots(rows, look)[:-1] for x, sign in enumerate(row) if sign != " "}


def test_a_falling_loss_goes_from_the_top_left_to_the_bottom_right() -> None:
    rows = dots(chart([("train", curve(4, 3, 2, 1))], 40, 6), "train")
    beginnings = [len(row) - len(row.lstrip()) for row in rows[:5]]
    assert beginnings == sorted(beginnings)
    assert len(set(beginnings)) == 5
    assert len(rows) == 6


def test_a_curve_has_no_gap() -> None:
    rows = dots(chart([("train", curve(1, 9, 2, 8, 3))], 60, 9), "train")
    seen = {x for row in rows[:-1] for x, sign in enumerate(row) if sign != " "}
    assert seen == set(range(8, 60))


def test_a_spike_is_drawn_without_flattening_the_rest() -> None:
    values = [1000.0, *(2 - number / 100 for number in range(100))]
    rows = chart([("train", curve(*values))], 60, 9)
    assert float(rows[0][0][0]) < 2.1

    assert "↑ 1.0e+03 at step 0" in text_of(rows[-1])
    assert "↑" in text_of(rows[0])


FALLING = [3.4 - number / 50 for number in range(100)]


def test_a_curve_without_a_spike_is_shown_whole() -> None:
    rows = chart([("train", curve(*FALLING, 3.0))], 60, 9)
    assert (label(rows[0]), label(rows[-2])) == (3.4, 1.42)
    assert "↑" not in text_of(rows[0])
    assert text_of(rows[-1]).split() == ["step", "0", "100"]


@pytest.mark.parametrize("size", [(60, 9), (122, 13)])
@pytest.mark.parametrize("climb", [[100.0], [3, 9, 27, 100], [2 + number for number in range(98)]], ids=len)
def test_a_divergence_at_the_end_rises_to_the_top_of_the_axis(
    size: tuple[int, int], climb: list[float]
) -> None:
    rows = chart([("train", curve(*FALLING, *climb)), ("valid", curve(2.0, 1.6))], *size)
    assert label(rows[0]) == pytest.approx(climb[-1], rel=0.01)
    drawn = dots(rows, "train")[:-1]
    ends = [y for y, row in enumerate(drawn) if row.rstrip() and len(row.rstrip()) >= size[0] - 1]
    assert min(ends) == 0
    assert "at step" not in text_of(rows[-1])


def test_an_axis_that_is_logarithmic_says_so_and_still_shows_the_curve_before() -> None:
    rows = chart([("train", curve(*FALLING, 3, 9, 27, 100))], 60, 9)
    assert "log scale" in text_of(rows[-1])
    before = [row[8:50] for row in dots(rows, "train")[:-1]]
    assert sum(bool(row.strip()) for row in before) >= 2
    linear = chart([("train", curve(*FALLING))], 60, 9)
    assert "log scale" not in text_of(linear[-1])


def test_a_divergence_of_losses_below_zero_is_shown_on_a_linear_axis() -> None:
    rows = chart([("train", curve(*[-value for value in FALLING], 500))], 60, 9)
    assert label(rows[0]) == 500
    assert "log scale" not in text_of(rows[-1])


def test_several_spikes_are_marked_where_they_are_with_the_largest() -> None:
    values = [*FALLING, *FALLING]
    values[50], values[120] = 70.0, 90.0
    rows = chart([("train", curve(*values))], 108, 9)
    assert [x for x, sign in enumerate(text_of(rows[0])) if sign == "↑"] == [8 + 24, 8 + 59]
    assert "↑ up to 90.0 at step 120" in text_of(rows[-1])


def test_a_fall_out_of_the_axis_is_marked_too() -> None:
    rows = chart([("train", curve(*FALLING[:50], -1000, *FALLING[50:]))], 60, 9)
    assert "↓ -1.0e+03 at step 50" in text_of(rows[-1])
    assert "↓" in text_of(rows[-2])
    assert label(rows[-2]) > 0


def test_a_spike_among_more_points_than_are_kept_is_marked_near_its_step() -> None:
    values = [1 + (step % 7) / 10 for step in range(10_000)]
    values[4321] = 99.0
    assert "↑ 99.0 at step ~4,320" in text_of(chart([("train", curve(*values))], 100, 9)[-1])


def test_a_validation_that_is_measured_seldom_is_drawn_as_marks_at_its_steps() -> None:
    steps = range(9, 100, 10)
    rows = chart([("train", curve(*FALLING)), ("valid", curve(*[2.0] * 10, steps=steps))], 108, 9)
    marks = "".join(dots(rows, "valid"))
    assert marks.replace(" ", "") == "•" * 10
    assert columns_of(rows, "valid") == {8 + step * 99 // 99 for step in steps}
    assert len(columns_of(rows, "train")) >= 90


def test_two_lines_over_each_other_stay_visible_both() -> None:
    rows = chart([("train", curve(*FALLING)), ("valid", curve(*FALLING))], 108, 9)
    assert len(columns_of(rows, "train")) >= 40
    assert len(columns_of(rows, "valid")) >= 40
    assert len(columns_of(rows, "train") | columns_of(rows, "valid")) == 100


def test_a_validation_alone_is_a_line() -> None:
    assert len(columns_of(chart([("valid", curve(3, 2, 1))], 60, 9), "valid")) == 52


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=1, max_size=80), st.lists(finite, max_size=20), st.integers(16, 140))
@example(train=[0.0, -1.1125369292536007e-308], valid=[], width=19)
@example(train=[0.0, 5e-324], valid=[1e-310], width=19)
@example(train=[-1.1984620899082105e308], valid=[], width=19)
@example(train=[1.7e308, -1.7e308], valid=[1.7e308], width=19)
def test_any_losses_make_a_chart_of_the_asked_size(
    train: list[float], valid: list[float], width: int
) -> None:
    curves = [("train", curve(*train)), *([("valid", curve(*valid))] if valid else [])]
    rows = chart(curves, width, 8)
    assert {len(text_of(row)) for row in rows} <= {width}
    assert len(rows) in (0, 8)
    assert len(sparkline(train, 24)) == min(len(train), 24)


@pytest.mark.parametrize(("width", "height"), [(0, 0), (10, 8), (60, 2)])
def test_a_chart_without_room_is_left_out(width: int, height: int) -> None:
    assert chart([("train", curve(2, 1))], width, height) == []


def test_a_flat_curve_and_a_single_point_are_drawn() -> None:
    assert any("⠁" <= sign <= "⣿" for row in chart([("train", curve(2, 2))], 40, 6) for sign in row[-1][0])
    assert chart([("train", curve(2)), ("valid", curve(1, 1))], 40, 6)


@given(texts, st.integers(0, 90), st.integers(-1, 90))
def test_a_style_over_a_part_leaves_the_text_as_it_is(text: str, start: int, end: int) -> None:
    segments = [Segment(text[:5], Style(bold=True)), Segment(text[5:], None)]
    result = overlaid(segments, start, end, Style(reverse=True))
    assert "".join(segment.text for segment in result) == text
    marked = "".join(segment.text for segment in result if segment.style and segment.style.reverse)
    assert marked == text[start : len(text) if end == -1 else max(start, end)]
