import pytest

from ftmon.local.entry import Entry, Outcome
from ftmon.local.verdict import Judge, Standing, Verdict
from ftmon.model.job import Status

SUCCEEDED = Outcome(Status.SUCCEEDED)


def point(step: int, total: int | None = 100, outcome: Outcome | None = None) -> Entry:
    figures = {"step": step, "train_loss": 1.0} | ({"total_steps": total} if total else {})
    return Entry("", figures, outcome=outcome)


def judged(*points: tuple[float, Entry]) -> Judge:
    judge = Judge()
    for at, entry in points:
        judge.note([entry], at)
    return judge


def test_a_run_that_has_told_nothing_runs() -> None:
    assert Judge().verdict(1e9) == Verdict(Standing.RUNNING)


def test_the_last_step_is_no_end() -> None:
    assert judged((0, point(100))).verdict(10) == Verdict(Standing.RUNNING)


def test_an_end_that_is_told_is_the_outcome_whatever_the_step() -> None:
    failed = Outcome(Status.FAILED, "exit status 1")
    assert judged((0, point(10, outcome=failed))).verdict(10) == Verdict(Standing.OVER, failed)


def test_a_point_after_an_end_begins_another_training() -> None:
    judge = judged((0, point(100, outcome=SUCCEEDED)), (60, point(110, 200)))
    assert judge.verdict(61) == Verdict(Standing.RUNNING)


def test_a_file_with_results_that_is_newer_than_the_last_point_is_an_end() -> None:
    judge = judged((5, point(50)))
    assert judge.verdict(10, results_at=6) == Verdict(Standing.OVER, SUCCEEDED)
    # That of an earlier run in the same directory is none.
    assert judge.verdict(10, results_at=4) == Verdict(Standing.RUNNING)


@pytest.mark.parametrize("interval", [1.0, 600.0])
def test_silence_is_judged_by_the_rhythm_of_the_run(interval: float) -> None:
    judge = judged(*((number * interval, point(number)) for number in range(1, 11)))
    patience = max(180.0, 3 * interval)
    last = 10 * interval
    assert judge.verdict(last + 0.99 * patience).standing is Standing.RUNNING
    assert judge.verdict(last + 1.01 * patience).standing is Standing.STALLED
    assert judge.verdict(last + 9.9 * patience).standing is Standing.STALLED
    assert judge.verdict(last + 10.1 * patience).standing is Standing.ENDED


def test_points_that_come_together_have_the_rhythm_of_their_number() -> None:
    judge = Judge()
    judge.note([point(1)], 0)
    judge.note([point(step) for step in range(2, 12)], 6000)
    assert judge.stall_after == 1800


def test_a_stalled_run_that_goes_on_runs() -> None:
    judge = judged((0, point(1)))
    assert judge.verdict(500).standing is Standing.STALLED
    judge.note([Entry("Saving …")], 500)
    assert judge.verdict(501).standing is Standing.RUNNING
