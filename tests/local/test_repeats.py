from itertools import count

import pytest

from ftmon.local.entry import Entry
from ftmon.local.repeats import Repeats

TRACEBACK = ("Traceback (most recent call last):", "ValueError: loss is NaN")


def told(*lines: str | float) -> list[tuple[int, str]]:
    """Return the lines that are told, with their numbers; a number among them is the time that has passed."""
    repeats, at, numbers = Repeats(), 0.0, count(1)
    shown: list[tuple[int, str]] = []
    for line in lines:
        if isinstance(line, str):
            entries = repeats.drop([(next(numbers), Entry(line))], at)
            shown += [(number, entry.message) for number, entry in entries]
        else:
            at += line
    return shown


def test_lines_that_follow_each_other_are_told_once_with_their_count() -> None:
    lines = ["Loading", *4 * ["Saving"], "Saved", *4 * ["Bye"], "End"]
    count = (5, "4 equal lines are shown as one")
    assert told(*lines) == [(1, "Loading"), (2, "Saving"), count, (6, "Saved"), (7, "Bye"), (11, "End")]


def test_a_line_is_told_at_once_and_its_number_is_that_in_the_file() -> None:
    assert told("a", "a") == [(1, "a")]
    assert told("a", "a", "b")[-1] == (3, "b")


def test_a_line_that_comes_again_later_is_another_one() -> None:
    assert told("Waiting", 6.0, "Waiting", 6.0, "Waiting", "Waiting") == [
        (1, "Waiting"),
        (2, "2 equal lines are shown as one"),
        (3, "Waiting"),
    ]


def test_a_line_of_the_next_epoch_is_another_one() -> None:
    assert [line for _, line in told("Saving", "Saved", "Saving", "Saved")] == 2 * ["Saving", "Saved"]


def test_figures_are_told_again_where_a_curve_is_flat() -> None:
    repeats, flat = Repeats(), Entry("loss: 0.0", {"train_loss": 0.0})
    assert list(repeats.drop([(1, flat), (2, flat)], 0.0)) == [(1, flat), (2, flat)]


def test_what_ranks_print_alike_is_told_once_whatever_stands_between() -> None:
    lines = [f"[rank{rank}]: {line}" for rank in (2, 0, 1) for line in TRACEBACK]
    assert [line for _, line in told(*lines, "Bye")] == [
        f"[rank2]: {TRACEBACK[0]}",
        f"[rank2]: {TRACEBACK[1]}",
        "3 equal lines are shown as one",
        "Bye",
    ]


@pytest.mark.parametrize("prefix", ["[rank0]: ", "[default0]:"])
def test_a_rank_s_own_repeat_is_another_line(prefix: str) -> None:
    again = f"{prefix}Saving"
    assert [line for _, line in told(again, again, again.replace("0", "1"))] == [again, again]
