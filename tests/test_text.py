import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftmon import text
from ftmon.model.event import Level, parse_time
from ftmon.model.job import Status
from ftmon.model.key import LOCAL

NOW = datetime(2026, 1, 31, 14, 2, 11, tzinfo=UTC)
MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.fixture(params=["UTC", "Asia/Kathmandu", "America/Los_Angeles", "Etc/GMT+12", "Pacific/Kiritimati"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("utc")
def test_a_time_is_written_in_three_lengths() -> None:
    assert text.clock(NOW) == "14:02:11"
    assert text.day_clock(NOW) == "Jan 31 14:02:11"
    assert text.stamp(NOW) == "2026-01-31 14:02:11"


def test_a_time_is_local(zone: str) -> None:
    expected = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW.timestamp()))
    assert text.stamp(NOW) == expected
    assert os.environ["TZ"] == zone
    assert (text.stamp(NOW) == "2026-01-31 14:02:11") is (zone == "UTC")


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("value", [0, "9998-12-31T23:59:59Z", 253_370_764_799_000])
def test_the_most_absurd_time_that_is_read_can_be_written(value: object) -> None:
    absurd = parse_time(value)
    assert absurd is not None
    assert len(text.stamp(absurd)) == 19


def test_a_time_that_is_not_known_takes_as_much_room() -> None:
    for write in (text.clock, text.day_clock, text.stamp):
        assert len(write(None)) == len(write(NOW))
        assert not any(character.isalnum() for character in write(None))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        *[(-5, "now"), (0, "now"), (9.9, "now"), (10, "10s"), (19.9, "10s"), (59.9, "50s"), (60, "1m")],
        *[(3599, "59m"), (3600, "1h"), (86_399, "23h"), (86_400, "1d"), (40 * DAY, "40d")],
    ],
)
def test_an_age_is_coarse(seconds: float, expected: str) -> None:
    assert text.age(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        *[
            (-100, "now"),
            (0, "now"),
            (9, "now"),
            (10, "10s ago"),
            (59, "50s ago"),
            (60, "a minute ago"),
            (119, "a minute ago"),
        ],
        *[
            (180, "3 minutes ago"),
            (3599, "59 minutes ago"),
            (3600, "an hour ago"),
            (7199, "an hour ago"),
            (7300, "2 hours ago"),
            (DAY, "a day ago"),
        ],
        *[(9 * DAY, "9 days ago"), (400 * DAY, "1 year, 1 month ago")],
    ],
)
def test_how_long_ago_is_said_in_words(seconds: float, expected: str) -> None:
    assert text.ago(NOW - timedelta(seconds=seconds), NOW) == expected


def test_how_long_ago_is_empty_for_an_unknown_time() -> None:
    assert text.ago(None, NOW) == ""


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        *[(0, "0s"), (48.9, "48s"), (60, "1m 00s"), (724, "12m 04s"), (3599.9, "59m 59s"), (3600, "1h 00m")],
        *[(11_100, "3h 05m"), (DAY, "1d 00h"), (2 * DAY + 4 * HOUR, "2d 04h"), (400 * DAY, "400d 00h")],
    ],
)
def test_a_duration_has_two_figures(seconds: float, expected: str) -> None:
    assert text.duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "<10s"), (48, "40s"), (60, "1m"), (724, "12m"), (3599, "59m"), (11_100, "3h 05m"), (DAY, "1d 00h")],
)
def test_a_duration_that_grows_is_coarser(seconds: float, expected: str) -> None:
    assert text.elapsed(seconds) == expected


@given(st.integers(0, 4000) | st.integers(0, 800 * DAY), st.integers(0, 99))
def test_no_age_changes_before_its_next_step(seconds: int, percent: int) -> None:
    step = text.until_next_step(seconds)
    later = seconds + step * percent / 100
    assert 0 < step <= HOUR
    assert text.age(later) == text.age(seconds)
    assert text.elapsed(later) == text.elapsed(seconds)
    assert text.ago(NOW - timedelta(seconds=later), NOW) == text.ago(NOW - timedelta(seconds=seconds), NOW)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        *[
            (0, "~ any moment"),
            (0.9, "~ any moment"),
            (1, "~5s left"),
            (12, "~10s left"),
            (57.4, "~55s left"),
        ],
        *[(57.5, "~1 minute left"), (59, "~1 minute left"), (89, "~1 minute left"), (240, "~4 minutes left")],
        *[(5399, "~90 minutes left"), (5400, "~1 hour and 30 minutes left"), (2 * HOUR, "~2 hours left")],
        *[(3 * DAY, "~3 days left")],
        *[(86_399, "~1 day left"), (2 * DAY + 20.3 * HOUR, "~2 days and 20 hours left")],
        *[(366 * DAY, "~ over a year left"), (1e26, "~ over a year left")],
    ],
)
def test_an_estimate_is_coarse_and_has_a_tilde(seconds: float, expected: str) -> None:
    assert text.left(seconds) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (1234.5, "1,234 steps/s"),
        (12.4, "12 steps/s"),
        (2.43, "2.4 steps/s"),
        (0.2, "12 steps/min"),
        (1 / 600, "6.0 steps/h"),
    ],
)
def test_a_pace_has_two_figures_and_a_unit_that_suits_it(steps: float, expected: str) -> None:
    assert text.pace(steps) == expected


def test_who_says_how_long_it_takes_is_told() -> None:
    told = [text.source(service, is_told=True) for service in ("https://a.example/v1", LOCAL)]
    assert told == ["as the service says", "as the trainer says"]
    assert text.source(LOCAL, is_told=False) == "as measured"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1, "~5s"),
        (49, "~50s"),
        (57.5, "~1m"),
        (119, "~2m"),
        (5400, "~2h"),
        (35 * HOUR, "~35h"),
        (3 * DAY, "~3d"),
        (1e26, "~>1y"),
    ],
)
def test_time_left_in_few_characters_is_rounded_the_same_way(seconds: float, expected: str) -> None:
    assert text.brief_left(seconds) == expected


@pytest.mark.parametrize("hundredth", range(101))
def test_a_percentage_is_the_one_that_was_counted(hundredth: int) -> None:
    assert text.percent(hundredth / 100) == f"{hundredth}%"


@pytest.mark.parametrize(("fraction", "expected"), [(0.999, "99%"), (199 / 200, "99%"), (0.0049, "0%")])
def test_a_percentage_is_rounded_down(fraction: float, expected: str) -> None:
    assert text.percent(fraction) == expected


@pytest.mark.parametrize(
    ("dollars", "expected"),
    [(0, "$0.00"), (3.67, "$3.67"), (1234.5, "$1,234.50"), (1e15, "$1,000,000,000,000,000.00")],
)
def test_money_has_cents(dollars: float, expected: str) -> None:
    assert text.money(dollars) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *[(2.886, "2.89"), (0.46378, "0.464"), (0, "0.00"), (1, "1.00"), (-0.5, "-0.500"), (123.456, "123")],
        *[(99.995, "100"), (0.01, "0.0100"), (999.4, "999"), (999.5, "1.0e+03"), (12_345.6, "1.2e+04")],
        *[(0.009, "9.0e-03"), (3.457e-06, "3.5e-06"), (1e300, "1.0e+300")],
    ],
)
def test_a_loss_has_three_figures(value: float, expected: str) -> None:
    assert text.figure(value) == expected


def test_counts_have_commas_and_a_noun_in_its_number() -> None:
    assert text.count(1_234_567) == "1,234,567"
    assert [text.plural(number, "event") for number in (0, 1, 2, 1000)] == [
        "0 events",
        "1 event",
        "2 events",
        "1,000 events",
    ]


def test_every_status_has_a_sign_of_its_own_and_every_level_a_word() -> None:
    assert len({text.STATUS_SIGNS[status] for status in Status}) == len(Status)
    assert [text.LEVEL_WORDS[level] for level in Level] == ["", "warning: ", "error: "]
