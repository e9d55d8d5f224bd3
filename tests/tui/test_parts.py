"""What the rows of the screen say of a run, without a screen."""

from datetime import timedelta

import pytest

from ftmon.model.job import Job, Status
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Connection, Update, Wire
from ftmon.tui.chart.axis import Course
from ftmon.tui.chart.frame import draw
from ftmon.tui.chart.view import View
from ftmon.tui.parts.header import badge_parts
from ftmon.tui.parts.part import Part
from ftmon.tui.parts.progress import progress_of
from ftmon.tui.parts.status import status_parts
from ftmon.tui.widgets.chart_title import state
from tests.records import read
from tests.servers.fine_tunes import JOB_ID, Fields, event
from tests.tui.stage import NOW

KEY = JobKey("http://127.0.0.1:1/v1", JOB_ID)
HALF = [event("Fine-tune started"), event("Completed epoch 1/4", 10), event("Completed epoch 2/4", 20)]


def run_of(wire: Wire, *sent: Fields, status: Status = Status.RUNNING) -> Run:
    run = Run(KEY)
    job = Job(JOB_ID, status, created_at=NOW - timedelta(minutes=20), finished_at=NOW)
    run.apply(Update(KEY, NOW, tuple(map(read, sent)), job, Connection(wire), heard=True))
    return run


def status_of(run: Run, width: int = 100) -> list[Part]:
    return list(status_parts(run, NOW, width, with_percent=False))


def looks(run: Run) -> tuple[str | None, ...]:
    badge, status = next(badge_parts(run, NOW)), status_of(run)[0]
    return badge.look, status.look, progress_of(run, NOW).look


def test_what_may_not_be_so_now_does_not_look_as_if_it_were() -> None:
    live = looks(run_of(Wire.LIVE, *HALF))
    assert live == ("alive", "alive", "alive")
    assert looks(run_of(Wire.QUIET, *HALF))[0] != live[0]
    for wire in (Wire.CONNECTING, Wire.WAITING, Wire.CLOSED, Wire.REFUSED, Wire.RECORDED):
        assert "alive" not in looks(run_of(wire, *HALF))


def test_a_bar_looks_calm_while_a_run_is_silent_for_longer_than_usual() -> None:
    run = run_of(Wire.LIVE, *HALF)
    later = NOW + timedelta(minutes=2)
    assert run.silence(later) is not None
    assert progress_of(run, later).look == "waiting"


def test_epochs_that_are_done_are_told_as_done() -> None:
    words = [part.text for part in status_of(run_of(Wire.LIVE, *HALF[:2]))]
    assert "1 of 4 epochs done" in words


@pytest.mark.parametrize(
    ("status", "words"), [(Status.RUNNING, "created 20m ago"), (Status.FAILED, "took 20m 00s")]
)
def test_a_time_says_what_it_is_of(status: Status, words: str) -> None:
    run = run_of(Wire.LIVE, status=status)
    assert [part.text for part in status_of(run)][1:] == [words]


def test_what_is_cut_off_is_told_with_its_value_and_its_step() -> None:
    losses = [1000.0 if step == 40 else 3 - step / 50 for step in range(100)]
    run = run_of(
        Wire.LIVE, *(event(f"Step {step}: training loss={loss}") for step, loss in enumerate(losses))
    )
    frame = draw(run.curves, Course(), View(), 80, 10)
    assert frame is not None
    assert frame.height.high < 10
    assert "↑ 1.0e+03 at step 40" in [part.text for part in state(run.curves, View(), frame, 80)]


def test_a_scale_that_the_losses_need_is_told() -> None:
    losses = [*(3 - step / 50 for step in range(100)), 3.0, 9.0, 27.0, 100.0]
    run = run_of(
        Wire.LIVE, *(event(f"Step {step}: training loss={loss}") for step, loss in enumerate(losses))
    )
    frame = draw(run.curves, Course(), View(), 80, 10)
    assert frame is not None
    assert "log scale" in [part.text for part in state(run.curves, View(), frame, 80)]
