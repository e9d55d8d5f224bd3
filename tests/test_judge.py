from collections.abc import Iterable
from datetime import datetime
from math import inf

import pytest

from ftmon.errors import GaveUpError
from ftmon.model.event import Event
from ftmon.model.job import Job, Status
from ftmon.model.judge import Judge
from ftmon.model.note import Note, Reason
from ftmon.model.run import Run
from ftmon.model.update import Connection, Update, Wire
from tests.test_run import KEY, START, at, event_of, update_of

RUNNING = Job("ft-1", Status.RUNNING)
LIVE, WAITING = Connection(Wire.LIVE), Connection(Wire.WAITING, "the connection was cut")


class Watch:
    """Shows updates to a judge, at the times that they bear, and keeps what it tells."""

    def __init__(self, began_at: datetime = START) -> None:
        self.run = Run(KEY)
        self.judge = Judge(began_at, 0.0)
        self.notes: list[Note] = []

    def show(self, *updates: Update) -> None:
        for update in updates:
            self.run.apply(update)
            self.notes += self.judge.take(update, self.run, (update.at - START).total_seconds())

    def wait(self, since: float, until: float) -> None:
        """Ask the judge whenever it wants to be asked, from one second to another."""
        now = since
        while now < until and (wait := self.judge.wait(self.run)) is not None:
            now = min(until, now + max(0.1, wait))
            self.notes += self.judge.check(self.run, now)

    @property
    def told(self) -> list[Reason]:
        return [note.reason for note in self.notes]


def live(*losses: float | str, valid: Iterable[float] = (), start: int = 1) -> list[Update]:
    """Return an update for each loss, one a second, and one for each validation."""
    messages = [f"Step {number}: training loss={loss}" for number, loss in enumerate(losses, start)]
    messages += [f"Step {number}: validation loss={loss}" for number, loss in enumerate(valid, start)]
    return [
        update_of(event_of(message, second), seconds=second, job=RUNNING, connection=LIVE)
        for second, message in enumerate(messages, start)
    ]


def job_update(status: Status, seconds: float, **fields: object) -> Update:
    job = Job("ft-1", status, **fields)  # type: ignore[arg-type]
    return Update(KEY, at(seconds), job=job, connection=LIVE)


def over(seconds: float = 3) -> Update:
    return Update(KEY, at(seconds), connection=Connection(Wire.CLOSED))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.SUCCEEDED, Reason.FINISHED),
        (Status.FAILED, Reason.FAILED),
        (Status.CANCELLED, Reason.CANCELLED),
    ],
)
def test_the_end_of_a_job_is_told_once_with_what_the_service_says(status: Status, reason: Reason) -> None:
    watch = Watch()
    watch.show(*live(2.0), job_update(status, 2, error="out of memory"))
    assert watch.told == []
    watch.show(over(), job_update(status, 4), over(5))
    watch.wait(5, 500)
    assert watch.notes == [Note(reason, detail="out of memory")]


def test_an_end_whose_last_events_do_not_come_is_told_without_them() -> None:
    watch = Watch()
    watch.show(*live(2.0), job_update(Status.SUCCEEDED, 2))
    watch.wait(2, 11)
    assert watch.told == []
    watch.wait(11, 13)
    assert watch.told == [Reason.FINISHED]


def test_a_job_that_was_over_before_is_no_news() -> None:
    watch = Watch()
    watch.show(job_update(Status.FAILED, 1, finished_at=at(-60)), update_of(event_of("x", -60)), over())
    watch.wait(3, 500)
    assert watch.notes == []


def test_an_end_since_the_watching_began_is_news_though_no_reading_found_the_job_alive() -> None:
    watch = Watch(at(0.4))
    watch.show(job_update(Status.FAILED, 1, finished_at=at(1)), over())
    assert watch.told == [Reason.FAILED]


def test_what_the_history_knows_is_no_news() -> None:
    watch = Watch(at(-5))
    known = Job("ft-1", Status.FAILED, finished_at=at(0))
    watch.show(Update(KEY, at(0), (event_of("Step 1: training loss=nan"),), known), over())
    assert watch.notes == []


def test_an_end_that_nobody_watched_is_news_where_the_history_has_seen_the_job_alive() -> None:
    watch = Watch()
    watch.show(Update(KEY, at(0), job=RUNNING), job_update(Status.FAILED, 1, finished_at=at(-60)), over())
    assert watch.told == [Reason.FAILED]


@pytest.mark.parametrize("wire", [Wire.REPLAYING, Wire.RECORDED])
def test_of_a_run_that_is_replayed_nothing_is_news(wire: Wire) -> None:
    watch = Watch()
    replaying = Update(KEY, at(0), connection=Connection(Wire.REPLAYING, speed=inf))
    events = [event_of(f"Step {number}: training loss=nan", number) for number in range(9)]
    ended = Update(KEY, at(9), job=Job("ft-1", Status.FAILED), connection=Connection(wire))
    watch.show(replaying, Update(KEY, at(1), job=RUNNING), Update(KEY, at(2), tuple(events)), ended)
    watch.wait(10, 1000)
    assert watch.notes == []
    assert watch.judge.wait(watch.run) is None


def test_a_silence_far_longer_than_usual_is_told_once_and_so_is_its_end() -> None:
    watch = Watch()
    watch.show(*live(2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3))
    watch.wait(8, 187)
    assert watch.told == []
    watch.wait(187, 1000)
    assert watch.told == [Reason.STALLED]
    watch.show(*live(1.2, start=1000))
    assert watch.told == [Reason.STALLED, Reason.BACK]
    assert watch.notes[-1].seconds == pytest.approx(992, abs=1)


def test_a_stall_that_is_told_of_a_run_of_this_machine_is_told_once_and_is_no_sign_of_life() -> None:
    watch = Watch()
    stall = event_of("Nothing was written for 4 minutes", 250, level="warning")
    watch.show(*live(2.0, 1.9), update_of(stall, seconds=250))
    assert watch.notes == [Note(Reason.STALLED, seconds=240)]
    watch.wait(250, 2000)
    watch.show(*live(1.8, start=2000))
    assert watch.told == [Reason.STALLED, Reason.BACK]


def test_a_stall_of_the_past_is_known() -> None:
    watch = Watch()
    steps = [event_of(f"Step {number}: training loss=2", -900 + number) for number in range(9)]
    stall = event_of("Nothing was written for 4 minutes", -500, level="warning")
    watch.show(Update(KEY, at(0), (*steps, stall), RUNNING), Update(KEY, at(1), connection=LIVE))
    watch.wait(1, 2000)
    assert watch.notes == []


def test_the_rhythm_is_the_runs_own() -> None:
    events = [event_of(f"Step {number}: training loss=2", 600 * number) for number in range(8)]
    watch = Watch()
    watch.show(update_of(*events, seconds=4200, job=RUNNING, connection=LIVE))
    watch.wait(4200, 5990)
    assert watch.told == []
    watch.wait(5990, 6010)
    assert watch.told == [Reason.STALLED]


@pytest.mark.parametrize(
    "update",
    [
        Update(KEY, at(9), job=Job("ft-1", Status.PAUSED)),
        Update(KEY, at(9), connection=Connection(Wire.CONNECTING)),
        update_of(event_of("Step 9/9: training loss=1", 9), seconds=9),
    ],
    ids=["paused", "not in touch", "trained"],
)
def test_a_run_of_which_nothing_is_expected_does_not_stall(update: Update) -> None:
    watch = Watch()
    watch.show(*live(2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3), update)
    watch.wait(9, 290)
    assert watch.notes == []


def test_what_a_sleeping_machine_did_not_hear_is_no_silence() -> None:
    watch = Watch()
    watch.show(*live(2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3))
    watch.notes += watch.judge.check(watch.run, 30_000)
    watch.notes += watch.judge.check(watch.run, 60_000)
    assert watch.notes == []


@pytest.mark.parametrize("loss", ["nan", "inf", "-Infinity", "NaN"])
def test_a_loss_that_is_no_number_is_told_once(loss: str) -> None:
    watch = Watch()
    watch.show(*live(2.0, 1.0), *live(loss, loss, loss, start=3))
    assert watch.notes == [Note(Reason.DIVERGED, before=1.0)]


def test_a_number_that_is_none_in_the_data_of_an_event_is_told() -> None:
    watch = Watch()
    event = event_of("Step 1", 1, data={"step": 1, "train_loss": float("nan")})
    watch.show(update_of(event, seconds=1, connection=LIVE))
    assert watch.told == [Reason.DIVERGED]


def test_a_loss_that_explodes_is_told_and_a_spike_is_not() -> None:
    watch = Watch()
    watch.show(*live(3.0, 2.0, 1.0, 90, 95, 0.9, 0.8))
    assert watch.notes == []
    watch.show(*live(5, 50, 500, 5000, start=8))
    assert watch.notes == [Note(Reason.DIVERGED, value=500, before=0.8)]


def test_a_divergence_after_a_long_calm_is_news_again() -> None:
    watch = Watch()
    watch.show(*live(2.0, "nan", *[1.0] * 19, "nan", *[1.0] * 20, "nan"))
    assert watch.told == [Reason.DIVERGED, Reason.DIVERGED]


def test_a_loss_that_may_be_negative_does_not_explode() -> None:
    watch = Watch()
    watch.show(*live(-0.2, 0.1, 4, 5, 6, 7))
    assert watch.notes == []


def test_a_validation_loss_that_rises_for_long_is_told_once_for_each_best_one() -> None:
    watch = Watch()
    watch.show(*live(valid=[2.0, 1.0, 1.1, 1.2, 1.2, 1.3]))
    assert watch.notes == []
    watch.show(*live(valid=[1.3, 1.4, 1.5], start=7))
    assert watch.notes == [Note(Reason.OVERFITTING, value=1.3, before=1.0)]
    watch.show(*live(valid=[0.9, 1, 1, 1, 1, 1], start=10))
    assert watch.told == [Reason.OVERFITTING, Reason.OVERFITTING]


def test_a_validation_that_is_no_number_is_not_the_best_one() -> None:
    watch = Watch()
    watch.show(*live(valid=[float("nan"), 1.0, 1.1, 1.1, 1.1, 1.2, 1.3]))
    assert watch.told == [Reason.DIVERGED, Reason.OVERFITTING]


def test_what_the_past_tells_is_told_no_more() -> None:
    past: list[Event] = []
    for number, loss in enumerate([2.0, 1.0, 90.0, 95.0, 99.0]):
        past.append(event_of(f"Step {number}: training loss={loss}", -100 + number))
    for number, loss in enumerate([1.0, 1.5, 1.5, 1.5, 1.5, 1.5]):
        past.append(event_of(f"Step {number}: validation loss={loss}", -50 + number))
    watch = Watch()
    watch.show(Update(KEY, at(0), tuple(past), RUNNING), update_of(*past, seconds=1, connection=LIVE))
    watch.show(*live(100.0, 101.0, 102.0, 103.0, valid=[1.6, 1.6]))
    assert watch.notes == []


def test_a_loss_that_was_no_number_in_the_past_is_told_no_more() -> None:
    watch = Watch()
    watch.show(update_of(event_of("Step 1: training loss=nan", -5), seconds=1), *live("nan", "nan", start=2))
    assert watch.notes == []


def test_a_service_that_is_away_for_long_is_told_once_and_that_it_is_back() -> None:
    watch = Watch()
    watch.show(*live(2.0), Update(KEY, at(2), connection=WAITING))
    watch.wait(2, 300)
    watch.show(Update(KEY, at(300), connection=Connection(Wire.CONNECTING)))
    assert watch.notes == []
    watch.show(Update(KEY, at(301), connection=WAITING))
    watch.wait(301, 900)
    assert watch.told == [Reason.DISCONNECTED]
    assert watch.notes[0].detail == "the connection was cut"
    watch.show(Update(KEY, at(902), connection=LIVE))
    assert watch.told == [Reason.DISCONNECTED, Reason.BACK]
    assert [note.seconds for note in watch.notes] == pytest.approx([300, 900], abs=1)


def test_a_cut_that_is_soon_over_is_no_news() -> None:
    watch = Watch()
    for second in range(0, 3000, 200):
        watch.show(*live(2.0, start=second), Update(KEY, at(second + 2), connection=WAITING))
        watch.wait(second + 2, second + 200)
    assert watch.notes == []


def test_that_the_watching_has_ended_before_the_job_is_told() -> None:
    watch = Watch()
    gave_up = Connection(Wire.REFUSED, error=GaveUpError("The end of the job stays unknown."))
    watch.show(*live(2.0), Update(KEY, at(2), connection=gave_up), Update(KEY, at(3), connection=gave_up))
    watch.wait(3, 900)
    assert watch.notes == [Note(Reason.DISCONNECTED, detail="The end of the job stays unknown.")]


def test_a_service_that_was_never_reached_is_no_news() -> None:
    watch = Watch()
    refused = Connection(Wire.REFUSED, error=GaveUpError("It cannot be reached."))
    watch.show(Update(KEY, at(1), connection=WAITING))
    watch.wait(1, 900)
    watch.show(Update(KEY, at(900), connection=refused))
    assert watch.notes == []


def test_the_judge_is_asked_seldom() -> None:
    watch = Watch()
    watch.show(*live(2.0, 1.9))
    assert watch.judge.wait(watch.run) == 60
