from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftmon.model.curve import Bucket, Curve, Gap


def test_a_curve_without_points_has_no_ends() -> None:
    curve = Curve()
    assert (curve.first, curve.last, curve.buckets) == (None, None, [])


def test_a_few_points_are_kept_as_they_are() -> None:
    curve = Curve(capacity=4)
    for step, value in [(1, 3.0), (2, 1.0), (5, 2.0)]:
        curve.add(step, value)
    assert curve.buckets == [Bucket(1, 3.0, 3.0, 3.0), Bucket(2, 1.0, 1.0, 1.0), Bucket(5, 2.0, 2.0, 2.0)]
    assert (curve.first, curve.last) == (3.0, 2.0)


def test_neighbours_merge_in_pairs_when_the_buckets_are_full() -> None:
    curve = Curve(capacity=4)
    for step, value in enumerate([5.0, 9.0, 4.0, 1.0, 3.0]):
        curve.add(step, value)
    assert curve.buckets == [Bucket(0, 5.0, 9.0, 9.0), Bucket(2, 1.0, 4.0, 1.0), Bucket(4, 3.0, 3.0, 3.0)]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.sampled_from([2, 4, 8, 64]))
def test_however_many_points_the_memory_is_bounded_and_no_extreme_is_lost(
    values: list[float], capacity: int
) -> None:
    curve = Curve(capacity)
    for step, value in enumerate(values):
        curve.add(step, value)
        assert len(curve.buckets) <= capacity
    assert (curve.first, curve.last, curve.last_step) == (values[0], values[-1], len(values) - 1)
    assert curve.points == len(values)
    assert curve.is_exact == (len(values) <= capacity)
    assert min(bucket.low for bucket in curve.buckets) == min(values)
    assert max(bucket.high for bucket in curve.buckets) == max(values)
    assert curve.buckets[-1].last == values[-1]


@given(st.integers(1, 300))
def test_each_bucket_holds_as_many_points_in_their_order(count: int) -> None:
    curve = Curve(capacity=8)
    for step in range(count):
        curve.add(step, float(step))
    starts = [bucket.step for bucket in curve.buckets]
    size = starts[1] if len(starts) > 1 else count
    assert starts == list(range(0, count, size))
    for bucket in curve.buckets:
        assert (bucket.low, bucket.high) == (bucket.step, min(bucket.step + size, count) - 1)


@pytest.mark.parametrize("capacity", [2, 2048])
def test_a_spike_among_many_points_can_still_be_seen(capacity: int) -> None:
    curve = Curve(capacity)
    for step in range(10_000):
        curve.add(step, 99.0 if step == 4321 else 1.0)
    (spike,) = [bucket for bucket in curve.buckets if bucket.high == 99.0]
    assert spike.step <= 4321


def test_spare_points_count_until_others_come_and_not_beside_them() -> None:
    curve = Curve()
    curve.add(80, 3.0, is_spare=True)
    curve.add(160, 2.0, is_spare=True)
    assert [bucket.step for bucket in curve.buckets] == [80, 160]
    curve.add(1, 9.0)
    curve.add(80, 4.0, is_spare=True)
    curve.add(2, 8.0)
    assert [(bucket.step, bucket.last) for bucket in curve.buckets] == [(1, 9.0), (2, 8.0)]
    assert (curve.first, curve.last, curve.last_step) == (9.0, 8.0, 2)
    # The chart is drawn again when this number changes.
    assert curve.points == 4


def test_the_average_starts_without_a_bias_and_keeps_its_factor_of_itself() -> None:
    curve = Curve()
    for step, value in enumerate([4.0, 2.0, 2.0]):
        curve.add(step, value)
    # Weights of the three points are 1, 2 and 4 where an average keeps half of itself.
    assert curve.smoothed(0.5) == pytest.approx([4.0, (4 + 2 * 2) / 3, (4 + 2 * 2 + 4 * 2) / 7])
    assert curve.smoothed(0.0) == curve.means


@given(st.lists(st.just(3.5), min_size=1, max_size=100), st.sampled_from([0.0, 0.6, 0.99]))
def test_the_average_of_equal_values_is_their_value_however_they_are_merged(
    values: list[float], factor: float
) -> None:
    curve = Curve(capacity=4)
    for step, value in enumerate(values):
        curve.add(step, value)
    assert curve.smoothed(factor) == pytest.approx([3.5] * len(curve))
    assert sum(curve.counts) == len(values)


def test_values_that_are_no_number_leave_gaps() -> None:
    curve = Curve()
    for step, value in enumerate([nan, 2.0, nan, inf, 1.0, nan]):
        curve.add(step, value)
    assert curve.gaps == [Gap(0, 0), Gap(2, 3), Gap(5, 5)]
    assert curve.has_diverged
    assert (curve.points, curve.last, curve.last_step) == (2, 1.0, 4)
    curve.add(6, 0.5)
    assert not curve.has_diverged


def test_a_curve_of_gaps_alone_is_bounded_and_ends_with_its_last() -> None:
    curve = Curve()
    for step in range(10_000):
        curve.add(step, nan if step % 2 else 1.0)
    assert len(curve.gaps) < 100
    assert curve.gaps[-1].last == 9_999


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200))
def test_a_training_that_goes_back_to_an_earlier_step_keeps_the_steps_in_order(steps: list[int]) -> None:
    curve = Curve(capacity=8)
    for step in steps:
        curve.add(step, float(step))
    assert curve.steps == sorted(curve.steps)
    assert (curve.last, curve.last_step) == (steps[-1], steps[-1])
    assert sum(curve.counts) == len(steps)
    assert (min(curve.lows), max(curve.highs)) == (min(steps), max(steps))
    assert curve.steps[0] == min(steps)


def test_the_least_value_is_kept_with_its_step_and_times_never_go_back() -> None:
    curve = Curve()
    for step, value, at in [(1, 3.0, nan), (2, 1.0, 20.0), (3, 2.0, 10.0), (4, 2.5, nan), (5, 2.0, 30.0)]:
        curve.add(step, value, at=at)
    assert curve.least == (1.0, 2)
    assert curve.times[1:] == [20.0, 20.0, 20.0, 30.0]
    assert isnan(curve.times[0])
