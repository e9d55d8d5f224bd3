import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from math import nan, ulp

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ftmon.model.curve import Curve
from ftmon.model.series import Curves
from ftmon.tui.chart import cursor, ticks
from ftmon.tui.chart.axis import Course, axis_of, choices, turned
from ftmon.tui.chart.frame import MARK, Frame, draw
from ftmon.tui.chart.line import smoothing, visible
from ftmon.tui.chart.view import Across, View

RAW = View(smoothing=0.0)
NO_COURSE = Course()
START = 1_700_000_000
FALLING = [3.4 - number / 50 for number in range(100)]


def curve(*values: float, steps: Sequence[int] | None = None) -> Curve:
    result = Curve()
    for step, value in zip(steps or range(len(values)), values, strict=True):
        result.add(step, value, at=START + 60 * step)
    return result


def curves(train: Curve | None = None, valid: Curve | None = None, name: str = "loss") -> Curves:
    return Curves(name, train or Curve(), valid or Curve())


def drawn(
    shown: Curves, width: int = 60, height: int = 10, view: View = RAW, course: Course = NO_COURSE
) -> Frame:
    frame = draw(shown, course, view, width, height)
    assert frame is not None
    return frame


def text_of(frame: Frame) -> list[str]:
    return ["".join(text for text, _ in row) for row in frame.rows]


def dots(frame: Frame, *looks: str) -> list[str]:
    """Return what of the plot has one of the looks, row by row."""
    rows = ["".join(text if look in looks else " " * len(text) for text, look in row) for row in frame.rows]
    return [row[frame.margin :] for row in rows[:-1]]


def columns_of(frame: Frame, *looks: str) -> set[int]:
    return {x for row in dots(frame, *looks) for x, sign in enumerate(row) if sign != " "}


def labels(frame: Frame) -> list[str]:
    return [label for row in text_of(frame)[:-1] if (label := row[: frame.margin - 1].strip())]


def last_row(frame: Frame) -> str:
    return text_of(frame)[-1]


def test_a_falling_loss_goes_from_the_top_left_to_the_bottom_right_without_a_gap() -> None:
    frame = drawn(curves(curve(4, 3, 2, 1)), 41, 7)
    beginnings = [len(row) - len(row.lstrip()) for row in dots(frame, "train") if row.strip()]
    assert beginnings == sorted(beginnings)
    assert len(set(beginnings)) == 6
    assert columns_of(frame, "train") == set(range(frame.columns))


def test_the_axes_have_three_to_six_round_numbers() -> None:
    frame = drawn(curves(curve(*FALLING)))
    assert labels(frame) == ["3.0", "2.5", "2.0", "1.5"]
    assert last_row(frame).split() == ["step", "└0────────────┴25──────────┴50──────────┴75─────────99"]
    small = drawn(curves(curve(*(value / 100_000 for value in FALLING))), height=5)
    assert labels(small) == ["3e-5", "2e-5"]
    assert labels(drawn(curves(curve(0, 2_000_000)))) == ["2.0M", "1.5M", "1.0M", "0.5M", "0"]


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9), st.integers(3, 6))
@example(low=-879609303.0, length=0.001, most=6)
def test_round_numbers_enclose_what_is_shown(low: float, length: float, most: int) -> None:
    marks = ticks.enclosing(low, low + length, most)
    assume(marks)
    assert 3 <= len(marks) <= most
    assert marks == sorted(set(marks))
    # Two neighbours among large floats may be further apart than a millionth of the length.
    slack = max(length * 1e-6, ulp(marks[0]), ulp(marks[-1]))
    assert marks[0] <= low + slack
    assert marks[-1] >= low + length - slack


@given(st.floats(-1e9, 1e9), st.floats(1e-2, 1e9), st.integers(3, 6))
@example(low=1.00001, length=1e-5, most=5)
@example(low=1.00001e-5, length=1e-10, most=5)
def test_different_marks_have_different_labels(low: float, length: float, most: int) -> None:
    marks = ticks.enclosing(low, low + length, most)
    assert len(set(ticks.labels(marks))) == len(marks)


@pytest.mark.parametrize("factor", [1, 1e-5, 1e5])
def test_a_label_tells_its_mark(factor: float) -> None:
    units = {"": 1.0, "k": 1e3}
    # Every second one of a series of round numbers, as where there is room for no more.
    marks = [each * factor for each in (2.25, 2.75, 3.25)]
    for mark, label in zip(marks, ticks.labels(marks), strict=True):
        unit = label.lstrip("0123456789.e-")
        assert float(label.removesuffix(unit)) * units[unit] == pytest.approx(mark)


@given(st.floats(1e-12, 1e12), st.floats(1.5, 1e9), st.integers(3, 6))
def test_round_numbers_of_a_logarithmic_axis_enclose_what_is_shown(
    low: float, factor: float, most: int
) -> None:
    marks = ticks.powers(low, low * factor, most)
    assert 2 <= len(marks) <= most
    assert marks[0] <= low * (1 + 1e-9)
    assert marks[-1] >= low * factor * (1 - 1e-9)


def test_the_x_axis_goes_to_the_last_expected_step_and_what_is_left_is_dashed() -> None:
    frame = drawn(curves(curve(*FALLING)), course=Course(total_steps=199))
    assert last_row(frame).endswith("199")
    assert max(columns_of(frame, "train")) == (frame.columns - 1) // 2
    assert "╌" in last_row(frame)
    assert "╌" not in last_row(drawn(curves(curve(*FALLING))))


def test_epochs_and_checkpoints_are_marked_at_their_steps() -> None:
    course = Course(epochs=[30, 60, 90], checkpoints=[50])
    frame = drawn(curves(curve(*FALLING)), 108, course=course)
    axis = last_row(frame)[frame.margin :]
    assert [x for x, sign in enumerate(axis) if sign == "◆"] == [frame.cell_of(step) for step in (30, 60, 90)]
    assert axis[frame.cell_of(50)] == "▲"
    assert columns_of(frame, "faint") == {frame.cell_of(step) for step in (30, 60, 90)}


def test_many_epochs_leave_room_between_their_marks() -> None:
    frame = drawn(curves(curve(*FALLING)), 60, course=Course(epochs=range(1, 100)))
    cells = sorted(columns_of(frame, "faint"))
    assert len(cells) > 3
    assert min(after - cell for cell, after in pairwise(cells)) >= 5


def test_the_x_axis_shows_epochs_or_local_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    course = Course(total_steps=100, total_epochs=4)
    shown = curves(curve(*FALLING))
    assert choices(shown, course) == [Across.STEP, Across.EPOCH, Across.TIME]
    epochs = last_row(drawn(shown, view=View(across=Across.EPOCH), course=course))
    assert epochs.split("└")[0].strip() == "epoch"
    assert all(f"┴{number}" in epochs for number in (1, 2, 3))
    times = last_row(drawn(shown, view=View(across=Across.TIME), course=course))
    first = datetime.fromtimestamp(START, UTC).astimezone()
    assert f"time └{first:%H:%M:%S}" in times


def test_times_and_epochs_that_are_not_known_are_no_choice() -> None:
    untimed = Curve()
    for step in range(9):
        untimed.add(step, 1.0)
    assert choices(curves(untimed), Course()) == [Across.STEP]
    assert last_row(drawn(curves(untimed), view=View(across=Across.TIME))).startswith(" step")


def test_a_spike_is_cut_off_and_marked_without_flattening_the_rest() -> None:
    frame = drawn(curves(curve(1000.0, *(2 - number / 100 for number in range(100)))))
    assert frame.height.high <= 2.5
    assert "↑" in dots(frame, "warning")[0]


def test_of_a_few_points_none_is_cut_off() -> None:
    frame = drawn(curves(curve(2.2, 1.1, 1.05, 1.02, 1.0)))
    assert frame.height.high >= 2.2
    assert not columns_of(frame, "warning")


def test_a_spike_does_not_lift_the_average() -> None:
    values = [70.0 if number == 20 else 1 + number % 2 / 10 for number in range(200)]
    reading = cursor.read(curves(curve(*values)), View(), 21)
    assert reading.average is not None
    assert reading.average < 1.3


@pytest.mark.parametrize("size", [(60, 10), (122, 14)])
@pytest.mark.parametrize("climb", [[100.0], [3, 9, 27, 100], [2 + number for number in range(98)]], ids=len)
def test_a_divergence_at_the_end_rises_to_the_end_of_the_axis(
    size: tuple[int, int], climb: list[float]
) -> None:
    frame = drawn(curves(curve(*FALLING, *climb), curve(2.0, 1.6)), *size)
    assert frame.height.low < 2 < climb[-1] <= frame.height.high
    rows = [row for row in dots(frame, "train") if row.rstrip()]
    assert len(rows[0].rstrip()) == frame.columns
    assert "↑" not in "".join(dots(frame, "warning"))


def test_the_axis_is_logarithmic_where_the_curves_need_it_or_where_it_is_asked_for() -> None:
    diverged = drawn(curves(curve(*FALLING, 3, 9, 27, 100)))
    assert diverged.height.is_logarithmic
    assert labels(diverged)[0] == "100"
    assert not drawn(curves(curve(*FALLING))).height.is_logarithmic
    asked = drawn(curves(curve(*FALLING)), view=View(is_logarithmic=True))
    assert labels(asked) == ["3", "2.5", "2", "1.5"]
    assert (asked.height.low, asked.height.high) == (FALLING[-1], FALLING[0])
    below_zero = curves(curve(*[-value for value in FALLING], 500))
    assert not drawn(below_zero).height.is_logarithmic
    assert not drawn(curves(curve(-2, -1)), view=View(is_logarithmic=True)).height.is_logarithmic


def test_a_validation_stands_as_marks_beside_the_line_of_the_training() -> None:
    steps = range(9, 100, 10)
    frame = drawn(curves(curve(*FALLING), curve(*[2.0] * 10, steps=steps)), 107)
    assert "".join(dots(frame, "valid")).replace(" ", "") == MARK * 10
    assert columns_of(frame, "valid") == {frame.cell_of(step) for step in steps}
    assert len(columns_of(frame, "train")) >= 90


def test_two_curves_in_the_same_cells_are_told_apart_by_their_shape() -> None:
    text = "".join(text_of(drawn(curves(curve(*FALLING), curve(*FALLING)), 107))[:-1])
    assert text.count(MARK) >= 40
    assert sum("⠁" <= sign <= "⣿" for sign in text) >= 40


def test_a_validation_alone_is_a_line() -> None:
    frame = drawn(curves(valid=curve(3, 2, 1)))
    assert columns_of(frame, "valid") == set(range(frame.columns))
    assert MARK not in "".join(text_of(frame))


def test_the_average_is_bright_over_dim_points() -> None:
    noisy = curves(curve(*(value + number % 2 for number, value in enumerate(FALLING))))
    smooth = drawn(noisy, 107, view=View())
    assert columns_of(smooth, "train") == columns_of(smooth, "raw") | columns_of(smooth, "train")
    assert sum(len(row.replace(" ", "")) for row in dots(smooth, "raw")) > 100
    assert not columns_of(drawn(noisy, 107), "raw")


def test_what_is_set_or_has_few_points_is_not_smoothed() -> None:
    assert not columns_of(drawn(curves(curve(*FALLING), name="learning rate"), view=View()), "raw")
    assert not columns_of(drawn(curves(curve(3, 1, 2)), view=View()), "raw")


@pytest.mark.parametrize(("points", "factor"), [(10, 0.0), (39, 0.6), (399, 0.9), (400, 0.99)])
def test_an_average_is_over_a_part_of_the_points(points: int, factor: float) -> None:
    shown = curves(curve(*range(points)))
    assert smoothing(shown, shown.train, View(smoothing=0.99)) == factor


def test_another_x_axis_shows_the_same_part_of_the_run() -> None:
    shown, course = curves(curve(*FALLING)), Course(total_steps=198, epochs=[33, 66], per_epoch=33)
    view = View(start=0.25, end=0.5)
    for across in (Across.EPOCH, Across.TIME, Across.STEP):
        view = turned(shown, course, view, across)
        axis = axis_of(shown, course, view)
        first, after = visible(shown.train, axis)
        assert (first, after) == pytest.approx((50, 100), abs=1)
    assert turned(shown, course, View(start=0.75), Across.TIME) == View(across=Across.TIME)


def test_a_gap_is_marked_and_breaks_the_line() -> None:
    values = [*FALLING[:40], *[nan] * 20, *FALLING[60:]]
    frame = drawn(curves(curve(*values)), 107)
    gap = set(range(frame.cell_of(41), frame.cell_of(59)))
    assert not columns_of(frame, "train") & gap
    assert gap <= {x for x, sign in enumerate(dots(frame, "warning")[-1]) if sign == "×"}


def test_a_part_is_shown_where_the_view_is_zoomed() -> None:
    shown = curves(curve(*FALLING))
    whole = drawn(shown)
    view = RAW.zoomed(0.25, 0.5)
    part = drawn(shown, view=view)
    assert columns_of(part, "train") == set(range(part.columns))
    assert part.height.high < whole.height.high
    assert (part.axis.low, part.axis.high) == pytest.approx((99 * 0.375, 99 * 0.625))
    assert view.zoomed(4, 0.5) == RAW
    assert RAW.zoomed(0.5, 1.0).panned(9).end == 1.0
    assert RAW.zoomed(0.5, 1.0).panned(-9).start == 0.0
    assert not RAW.panned(1).is_zoomed


def test_the_cursor_goes_by_columns_or_by_points_where_they_are_few() -> None:
    many, few = curves(curve(*range(1000))), curves(curve(5, 4, 3, 2, 1))
    frame = drawn(many)
    step = cursor.moved(many, frame, None, -1)
    assert step == 999
    left = cursor.moved(many, frame, step, -10)
    assert frame.cell_of(step) - frame.cell_of(left) == 10
    assert cursor.moved(many, frame, left, 10) <= 999
    assert frame.cell_of(cursor.moved(many, frame, left, 1)) == frame.cell_of(left) + 1
    assert cursor.moved(many, frame, 0, -1) == 0
    frame = drawn(few)
    assert [cursor.moved(few, frame, 2, by) for by in (-10, -1, 1, 10)] == [1, 1, 3, 3]
    assert cursor.ends(few) == (0, 4)
    twice = curves(curve(5, 4, 3, 2, 1, steps=[1, 1, 2, 2, 3]))
    frame = drawn(twice)
    assert [cursor.moved(twice, frame, step, -1) for step in (3, 2, 1)] == [2, 1, 1]
    assert [cursor.moved(twice, frame, step, 1) for step in (1, 2, 3)] == [2, 3, 3]


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(0, 45))
def test_the_cursor_goes_to_the_point_nearest_to_the_mouse(points: int, cell: int) -> None:
    shown = curves(curve(*range(points)))
    frame = drawn(shown)
    found = cursor.nearest(shown, frame, cell)
    best = min(range(points), key=lambda step: abs(frame.cell_of(step) - cell))
    assert abs(frame.cell_of(found) - cell) <= abs(frame.cell_of(best) - cell)


def test_the_cursor_reads_the_values_and_the_time_of_its_step() -> None:
    shown = curves(curve(*FALLING), curve(2.5, 2.0, steps=[10, 60]))
    reading = cursor.read(shown, View(), 50)
    assert (reading.train, reading.valid, reading.valid_step) == (FALLING[50], 2.5, 10)
    assert reading.average == pytest.approx(FALLING[50] + 9 / 50, rel=0.1)
    assert reading.at == datetime.fromtimestamp(START + 60 * 50, UTC)
    assert reading.is_exact
    frame = drawn(shown, view=View(cursor=50))
    assert {frame.cell_of(50)} == columns_of(frame, "key", "chosen")


finite = st.floats(allow_nan=False, allow_infinity=False)
# `st.builds` would choose the other fields too.
views = st.builds(
    View()._replace,
    is_logarithmic=st.sampled_from([None, True, False]),
    across=st.sampled_from(Across),
    smoothing=st.sampled_from([0.0, 0.9]),
    cursor=st.none() | st.integers(0, 99),
)


@settings(deadline=None)
@given(st.lists(finite, min_size=1, max_size=80), st.lists(finite, max_size=20), st.integers(16, 140), views)
@example(train=[0.0, -1.1125369292536007e-308], valid=[], width=19, view=RAW)
@example(train=[0.0, 5e-324], valid=[1e-310], width=19, view=View(is_logarithmic=True))
@example(train=[-1.1984620899082105e308], valid=[], width=19, view=RAW)
@example(train=[1.7e308, -1.7e308], valid=[1.7e308], width=19, view=View(is_logarithmic=True))
@example(train=[1e-299, 1e300], valid=[], width=60, view=View(is_logarithmic=True))
def test_any_values_make_a_chart_of_the_asked_size(
    train: list[float], valid: list[float], width: int, view: View
) -> None:
    frame = draw(curves(curve(*train), curve(*valid)), Course(), view, width, 8)
    if frame is not None:
        assert {len(row) for row in text_of(frame)} == {width}
        assert len(frame.rows) == 8


@pytest.mark.parametrize(("width", "height"), [(0, 0), (10, 8), (60, 2)])
def test_a_chart_without_room_is_left_out(width: int, height: int) -> None:
    assert draw(curves(curve(2, 1)), Course(), RAW, width, height) is None


def test_a_flat_curve_and_a_single_point_are_drawn() -> None:
    assert columns_of(drawn(curves(curve(2, 2))), "train")
    assert columns_of(drawn(curves(curve(2), curve(1, 1))), "train")


@pytest.mark.parametrize("capacity", [64, 2048])
def test_one_extreme_among_very_many_points_is_marked_where_it_is(capacity: int) -> None:
    many = Curve(capacity)
    for step in range(20_000):
        many.add(step, 99.0 if step == 12_345 else math.sin(step))
    frame = drawn(curves(many), 107)
    (x,) = {x for x, sign in enumerate(dots(frame, "warning")[0]) if sign == "↑"}
    assert abs(x - frame.cell_of(12_345)) <= 2
