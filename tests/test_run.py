import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest

from ftmon.errors import FtmonError, GaveUpError, OutputError, RefusedError, UsageError
from ftmon.lines.summary import summary
from ftmon.model.curve import Bucket
from ftmon.model.event import Event, parse_event
from ftmon.model.job import Job, Progress, Status
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Connection, Recorded, Traffic, Update, Wire

KEY = JobKey("http://127.0.0.1:8000/v1", "ft-1")
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
CLOSED = Connection(Wire.CLOSED)
LIVE = Connection(Wire.LIVE)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def event_of(message: str, seconds: float = 0, **fields: Any) -> Event:
    fields = {"message": message, "created_at": at(seconds).timestamp(), "level": "info", **fields}
    return parse_event(fields, json.dumps(fields))


def update_of(*events: Event, seconds: float = 0, **news: Any) -> Update:
    return Update(KEY, at(seconds), events, heard=True, **news)


def run_of(updates: Iterable[Update]) -> Run:
    run = Run(KEY)
    for update in updates:
        run.apply(update)
    return run


def told(*messages: str) -> Run:
    return run_of([update_of(*map(event_of, messages))])


def ended(status: Status, connection: Connection = CLOSED, **fields: Any) -> Run:
    return run_of([update_of(job=Job("ft-1", status, **fields), connection=connection)])


def test_a_run_that_has_heard_nothing_knows_nothing() -> None:
    run = Run(KEY)
    assert (run.status, run.is_over, run.exit_status, run.progress) == (Status.UNKNOWN, False, None, None)
    assert (run.age(START), run.remaining(START), run.heard_at, run.failure) == (None, None, None, None)


@pytest.mark.parametrize(
    ("status", "exit_status"), [(Status.SUCCEEDED, 0), (Status.FAILED, 1), (Status.CANCELLED, 3)]
)
def test_the_exit_status_is_the_outcome_of_the_job(status: Status, exit_status: int) -> None:
    assert ended(status).exit_status == exit_status
    assert ended(status, Connection(Wire.REFUSED, error=RefusedError("no"))).exit_status == exit_status


@pytest.mark.parametrize(
    "wire", [wire for wire in Wire if wire not in (Wire.CLOSED, Wire.REFUSED, Wire.RECORDED)]
)
@pytest.mark.parametrize("status", Status)
def test_there_is_no_exit_status_while_news_may_come(wire: Wire, status: Status) -> None:
    assert ended(status, Connection(wire)).exit_status is None


@pytest.mark.parametrize(
    ("error", "exit_status"),
    [
        (UsageError("a"), 2),
        (RefusedError("a", 404), 4),
        (GaveUpError("a"), 5),
        (OutputError("a"), 6),
        (None, 0),
    ],
)
@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING, Status.UNKNOWN])
def test_without_an_outcome_the_exit_status_is_why_the_watching_ended(
    status: Status, error: FtmonError | None, exit_status: int
) -> None:
    wire = Wire.REFUSED if error else Wire.CLOSED
    assert ended(status, Connection(wire, error=error)).exit_status == exit_status


def figures_of(kind: str, step: int, train_loss: float) -> Event:
    data = {"step": step, "total_steps": 9, "train_loss": train_loss}
    return event_of(f"{kind} of step {step}", type=kind, data=data)


def test_a_checkpoint_is_no_second_point_of_a_step_that_was_told() -> None:
    run = run_of([update_of(*(figures_of("metrics", step, 1 / step) for step in (1, 2, 3, 4)))])
    run.apply(update_of(figures_of("checkpoint", 2, 0.5), figures_of("checkpoint", 4, 0.25)))
    assert [bucket.step for bucket in run.train_loss.buckets] == [1, 2, 3, 4]
    assert (run.step, run.train_loss.last) == (4, 0.25)


def test_where_nothing_else_tells_a_loss_the_checkpoints_do() -> None:
    run = run_of([update_of(*(figures_of("checkpoint", step, 1 / step) for step in (2, 4)))])
    assert [bucket.last for bucket in run.train_loss.buckets] == [0.5, 0.25]
    assert run.step == 4


def test_what_messages_say_is_no_outcome() -> None:
    run = told("Fine-tune failed")
    run.apply(update_of(job=Job("ft-1", Status.SUCCEEDED), connection=CLOSED))
    assert (run.status, run.exit_status) == (Status.SUCCEEDED, 0)


def test_events_are_counted_by_their_level() -> None:
    run = run_of(
        [
            update_of(event_of("a"), event_of("b", level="warn")),
            update_of(event_of("c", level="error"), event_of("c", level="error")),
        ]
    )
    assert (run.events, run.warnings, run.errors) == (4, 1, 2)


def test_the_queue_counts_down_until_the_training_starts() -> None:
    run = told("Fine-tune enqueued. Queue number: 2", "Fine-tune is in the queue. Queue number: 1")
    assert run.queue == 1
    run.apply(update_of(event_of("Fine-tune started")))
    assert run.queue is None


def test_the_queue_is_over_when_the_job_says_that_it_runs() -> None:
    run = told("Fine-tune enqueued. Queue number: 2")
    run.apply(update_of(job=Job("ft-1", Status.PENDING)))
    assert run.queue == 2
    run.apply(update_of(job=Job("ft-1", Status.RUNNING)))
    assert run.queue is None


@pytest.mark.parametrize("status", [Status.RUNNING, Status.SUCCEEDED, Status.CANCELLED])
def test_the_past_told_again_does_not_put_a_job_back_into_the_queue(status: Status) -> None:
    run = run_of(
        [update_of(job=Job("ft-1", status)), update_of(event_of("Fine-tune enqueued. Queue number: 9"))]
    )
    assert run.queue is None


def test_cost_model_and_result_file_are_kept() -> None:
    run = told("Fine-tune costs $3.67", "Uploaded model: curie:ft-1", "Uploaded result file: file-1", "bye")
    assert (run.cost, run.fine_tuned_model, run.result_file) == (3.67, "curie:ft-1", "file-1")


def test_a_cost_of_nothing_is_a_cost() -> None:
    assert told("Fine-tune costs $3.67", "Fine-tune costs $0.00").cost == 0


def test_the_job_s_own_word_of_its_model_is_better_than_a_message() -> None:
    run = told("Uploaded model: curie:ft-1")
    run.apply(update_of(job=Job("ft-1", Status.RUNNING)))
    assert run.fine_tuned_model == "curie:ft-1"
    run.apply(update_of(job=Job("ft-1", Status.SUCCEEDED, fine_tuned_model="curie:ft-2")))
    assert run.fine_tuned_model == "curie:ft-2"


@pytest.mark.parametrize(
    ("messages", "progress"),
    [
        (["Fine-tune started"], None),
        (["Completed epoch 1/4"], 0.25),
        (["Completed epoch 1/4", "Completed epoch 3/4"], 0.75),
        (["Completed epoch 2"], None),
        (["Step 50/200: training loss=1"], 0.25),
        (["Step 100/200: training loss=1", "Step 50: training loss=1"], 0.25),
        (["Step 100/200: training loss=1", "Completed epoch 1/4"], 0.5),
        (["Step 0/200: training loss=1"], 0.0),
        (["Step 5/0: training loss=1"], None),
        (["Step 300/200: training loss=1"], 0.99),
        (["Step 100: training loss=1", "Completed epoch 1/4"], 0.25),
    ],
)
def test_the_progress_is_that_of_the_steps_or_else_of_the_epochs(
    messages: list[str], progress: float | None
) -> None:
    assert told(*messages).progress == progress


def test_the_job_tells_how_many_epochs_there_are() -> None:
    run = run_of(
        [update_of(job=Job("ft-1", Status.RUNNING, n_epochs=4)), update_of(event_of("Completed epoch 1"))]
    )
    assert (run.total_epochs, run.progress) == (4, 0.25)


def test_losses_come_from_the_words() -> None:
    run = told(
        "Step 1/9: training loss=2.5, validation loss=3.5",
        "Step 2/9: training loss=2.0",
        "Step 3/9: training loss=1.5, validation loss=2.5",
    )
    assert (run.train_loss.first, run.train_loss.last) == (2.5, 1.5)
    assert run.valid_loss.buckets == [Bucket(1, 3.5, 3.5, 3.5), Bucket(3, 2.5, 2.5, 2.5)]


def test_the_figures_of_the_data_are_exact_and_those_of_the_words_stand_in_for_them() -> None:
    data = {"step": 20, "total_steps": 40, "train_loss": 1.46875}
    events = [
        event_of("Step 10/40: training loss=2.5", data={}),
        event_of("Step 20/40: training loss=1.47", data=data),
    ]
    run = run_of([update_of(*events)])
    assert (run.step, run.total_steps, run.progress) == (20, 40, 0.5)
    assert run.train_loss.buckets == [Bucket(10, 2.5, 2.5, 2.5), Bucket(20, 1.46875, 1.46875, 1.46875)]


def test_a_job_that_succeeded_is_done_and_no_other_is() -> None:
    run = told("Step 200/200: training loss=1")
    assert (run.progress, run.is_trained) == (0.99, True)
    for status in (Status.RUNNING, Status.FAILED, Status.CANCELLED):
        run.apply(update_of(job=Job("ft-1", status)))
        assert run.progress == 0.99
    run.apply(update_of(job=Job("ft-1", Status.SUCCEEDED)))
    assert run.progress == 1


@pytest.mark.parametrize("last", ["Step 3/200: training loss=1", "Completed epoch 1/4"])
def test_a_job_that_succeeded_is_done_whatever_its_last_step_said(last: str) -> None:
    run = told(last)
    run.apply(update_of(job=Job("ft-1", Status.SUCCEEDED)))
    assert run.progress == 1


def test_an_age_runs_from_the_creation() -> None:
    run = run_of([update_of(event_of("Fine-tune started", 60), job=Job("ft-1", created_at=at(0)))])
    assert run.age(at(100)) == 100
    # The clock of this machine is behind.
    assert run.age(at(-1000)) == 60


def test_nothing_has_an_age_where_no_creation_is_told() -> None:
    assert run_of([update_of(event_of("Fine-tune started", 60), job=Job("ft-1"))]).age(at(100)) is None


@pytest.mark.parametrize("status", Status)
def test_only_a_job_that_is_over_has_a_duration(status: Status) -> None:
    job = Job("ft-1", status, created_at=at(0), finished_at=at(95))
    assert job.duration == (95 if status.is_final else None)


@pytest.mark.parametrize(
    ("created", "finished", "duration"), [(0, None, None), (None, 95, None), (100, 95, 0), (0, 0, 0)]
)
def test_a_duration_needs_a_begin_and_an_end(
    created: float | None, finished: float | None, duration: float | None
) -> None:
    created_at, finished_at = (None if each is None else at(each) for each in (created, finished))
    assert Job("ft-1", Status.FAILED, created_at=created_at, finished_at=finished_at).duration == duration


def test_an_estimate_needs_a_measured_pace() -> None:
    run = told("Fine-tune started")
    run.apply(update_of(connection=LIVE))
    assert run.remaining(at(10)) is None
    assert run.silence(at(9999)) is None


HALF = [
    update_of(event_of("Fine-tune started", 0), connection=LIVE),
    update_of(event_of("Completed epoch 1/4", 100), seconds=100),
    update_of(event_of("Completed epoch 2/4", 200), seconds=200),
]
"""Half of a run, with news every 100 s."""


def test_the_rest_is_estimated_from_the_pace_and_counts_down() -> None:
    run = run_of(HALF)
    assert run.remaining(at(200)) == pytest.approx(200)
    assert run.remaining(at(250)) == pytest.approx(150)
    assert run.remaining(at(399)) == pytest.approx(1)


def steps_of(*pairs: tuple[int, float]) -> list[Update]:
    return [update_of(event_of(f"Step {step}: training loss=1", at), seconds=at) for step, at in pairs]


def test_the_pace_is_told_in_steps_also_where_their_total_is_not_known() -> None:
    run = run_of([update_of(connection=LIVE), *steps_of((1, 0))])
    assert run.steps_per_second(at(1)) is None
    for update in steps_of((11, 20), (21, 40), (31, 60)):
        run.apply(update)
    assert run.steps_per_second(at(61)) == pytest.approx(0.5)
    assert run.remaining(at(61)) is None
    # It is silent for longer than usual, or over.
    assert run.steps_per_second(at(200)) is None
    run.apply(update_of(job=Job("ft-1", Status.FAILED)))
    assert run.steps_per_second(at(61)) is None


RUNNING = Job("ft-1", Status.RUNNING)


@pytest.mark.parametrize(
    "progress", [Progress(remaining=50), Progress(ends_at=at(250))], ids=["seconds", "a time"]
)
def test_the_estimate_of_the_service_goes_before_the_measured_one_until_it_has_passed(
    progress: Progress,
) -> None:
    run = run_of([*HALF, update_of(job=replace(RUNNING, progress=progress), seconds=200)])
    assert run.told_remaining(at(200)) == run.remaining(at(200)) == pytest.approx(50)
    assert run.remaining(at(240)) == pytest.approx(10)
    assert run.told_remaining(at(260)) is None
    assert run.remaining(at(260)) == pytest.approx(140)
    run.apply(update_of(job=replace(RUNNING, status=Status.SUCCEEDED, progress=progress), seconds=240))
    assert run.remaining(at(240)) is None


def test_the_time_at_which_a_service_sees_the_end_is_one_of_its_own_clock() -> None:
    job = replace(RUNNING, progress=Progress(ends_at=at(3600 + 250)))
    run = run_of([*HALF, update_of(job=job, seconds=200, skew=3600.0)])
    assert run.remaining(at(200)) == pytest.approx(50)
    run.apply(update_of(job=replace(RUNNING, progress=Progress(remaining=30)), seconds=210))
    assert run.remaining(at(220)) == pytest.approx(20)


def test_an_estimate_that_the_service_takes_back_is_gone() -> None:
    run = run_of([*HALF, update_of(job=replace(RUNNING, progress=Progress(remaining=50)), seconds=200)])
    run.apply(update_of(job=RUNNING, seconds=210))
    assert run.remaining(at(210)) == pytest.approx(190)


@pytest.mark.parametrize("seconds", [-1, 1e300, float("nan"), float("inf")])
def test_an_estimate_that_is_none_is_left_alone(seconds: float) -> None:
    run = run_of([*HALF, update_of(job=replace(RUNNING, progress=Progress(remaining=seconds)), seconds=200)])
    assert run.remaining(at(200)) == pytest.approx(200)


def test_the_estimate_in_an_event_counts_from_its_arrival() -> None:
    step = event_of("Step 2/4: training loss=1", 210, data={"step": 2, "total_steps": 4, "eta_seconds": 30})
    run = run_of([*HALF, update_of(step, seconds=210)])
    assert run.remaining(at(220)) == pytest.approx(20)


def test_the_share_that_the_service_tells_is_the_progress_and_its_pace_where_no_steps_are_known() -> None:
    jobs = [replace(RUNNING, progress=Progress(share=share)) for share in (0.1, 0.2, 0.3)]
    run = run_of([update_of(job=job, connection=LIVE, seconds=10 * n) for n, job in enumerate(jobs)])
    assert run.progress == 0.3
    assert run.remaining(at(20)) == pytest.approx(70)
    run.apply(update_of(event_of("Step 10/100: training loss=1", 21), seconds=21))
    assert run.progress == 0.1


def test_a_loss_without_a_step_stands_after_the_last_one() -> None:
    run = told(
        "{'loss': 2.5, 'epoch': 0.5}", "{'loss': 2.25, 'epoch': 1.0}", "{'eval_loss': 1.5, 'epoch': 1.0}"
    )
    assert [(bucket.step, bucket.last) for bucket in run.train_loss.buckets] == [(1, 2.5), (2, 2.25)]
    assert [(bucket.step, bucket.last) for bucket in run.valid_loss.buckets] == [(2, 1.5)]
    assert (run.step, run.epoch) == (None, 1)


@pytest.mark.parametrize(
    "message", ["{'", "{'loss': nan}", "{'a':  10%|█| 1/10 [00:01<00:09]", "{'train_loss': 1"]
)
def test_a_line_of_a_trainer_that_tells_no_loss_adds_no_point(message: str) -> None:
    assert told(message).train_loss.points == 0


def test_a_run_that_is_silent_for_longer_than_usual_has_no_estimate() -> None:
    run = run_of(HALF)
    assert (run.silence(at(399)), run.until_silent(at(399))) == (None, 1)
    assert (run.silence(at(400)), run.until_silent(at(400))) == (200, None)
    assert run.remaining(at(400)) is None
    run.apply(update_of(event_of("Completed epoch 3/4", 450), seconds=450))
    assert run.silence(at(500)) is None
    assert run.remaining(at(500)) == pytest.approx(100)


def test_a_fast_run_is_not_silent_between_two_readings_of_its_list() -> None:
    steps = [event_of(f"Step {step}/100: training loss=1", step) for step in range(1, 20)]
    run = run_of([update_of(*steps, seconds=19, connection=Connection(Wire.POLLING))])
    assert run.silence(at(30)) is None
    assert run.silence(at(34)) == 15


@pytest.mark.parametrize("wire", Wire)
def test_nothing_is_estimated_unless_the_service_is_in_touch(wire: Wire) -> None:
    run = run_of([*HALF, update_of(connection=Connection(wire))])
    is_known = wire in (Wire.LIVE, Wire.QUIET, Wire.POLLING)
    assert (run.remaining(at(250)) is not None) == is_known
    assert (run.silence(at(999)) is not None) == is_known
    assert (run.until_silent(at(250)) is not None) == is_known


@pytest.mark.parametrize("status", [Status.PENDING, Status.PAUSED, Status.SUCCEEDED, Status.FAILED])
def test_nothing_is_estimated_of_a_job_that_does_not_run(status: Status) -> None:
    run = run_of([*HALF, update_of(job=Job("ft-1", status))])
    assert run.remaining(at(200)) is None
    assert run.silence(at(9999)) is None


def test_nothing_is_estimated_once_all_steps_are_done() -> None:
    run = run_of([*HALF, update_of(event_of("Completed epoch 4/4", 400), seconds=400)])
    assert (run.remaining(at(400)), run.silence(at(9999)), run.until_silent(at(400))) == (None, None, None)


def test_times_that_go_backwards_or_are_absurd_estimate_nothing_negative() -> None:
    run = run_of(
        [
            update_of(event_of("Fine-tune started", 1000), connection=LIVE),
            update_of(event_of("Step 1/100: training loss=1", 10)),
            update_of(event_of("Step 2/100: training loss=1", created_at="soon")),
        ]
    )
    assert run.remaining(at(0)) is None


@pytest.mark.parametrize("wire", Wire)
@pytest.mark.parametrize("status", Status)
def test_a_status_is_told_as_of_now_only_where_it_is_known_now(wire: Wire, status: Status) -> None:
    speed = 10.0 if wire is Wire.REPLAYING else 0.0
    run = ended(status, Connection(wire, speed=speed), provider_status="odd")
    word = "odd" if status is Status.UNKNOWN else status.value
    if status.is_final or wire in (Wire.LIVE, Wire.QUIET, Wire.POLLING):
        assert run.status_phrase == word
    elif wire is Wire.REPLAYING:
        assert run.status_phrase == f"{word} then"
    else:
        assert run.status_phrase == f"{word} when last seen"


def test_a_past_that_is_still_being_read_was_seen_last_then() -> None:
    assert ended(Status.RUNNING, Connection(Wire.REPLAYING, speed=inf)).status_phrase.endswith("last seen")


def test_a_job_stands_as_it_was_read_a_moment_ago_unless_the_service_was_lost() -> None:
    read = update_of(job=Job("ft-1", Status.RUNNING), traffic=Traffic())
    lost = update_of(connection=Connection(Wire.REFUSED, error=GaveUpError("Gave up.")))
    only_recorded = update_of(job=Job("ft-1", Status.RUNNING))
    closed = update_of(connection=CLOSED)
    assert summary(run_of([read, closed]), at(5))[0] == "▶ ft-1 running"
    for updates, seconds in (([read, closed], 3600), ([read, lost], 5), ([only_recorded, closed], 5)):
        assert summary(run_of(updates), at(seconds))[0] == "▶ ft-1 running when last seen"


@pytest.mark.parametrize("wire", Wire)
def test_a_status_that_nobody_told_is_unknown(wire: Wire) -> None:
    assert ended(Status.UNKNOWN, Connection(wire)).status_phrase == "status unknown"
    assert run_of([update_of(connection=Connection(wire))]).status_phrase == "status unknown"


@pytest.mark.parametrize(
    ("status", "outcome", "phrase"),
    [
        (Status.SUCCEEDED, 0, "succeeded"),
        (Status.FAILED, 1, "failed"),
        (Status.CANCELLED, 3, "cancelled"),
        (Status.RUNNING, None, "running when last seen"),
        (Status.UNKNOWN, None, "status unknown"),
    ],
)
def test_during_a_replay_what_is_recorded_counts(status: Status, outcome: int | None, phrase: str) -> None:
    replaying = Connection(Wire.REPLAYING, speed=5, recorded=Recorded(Job("ft-1", status), 9))
    run = ended(Status.PENDING, replaying)
    assert (run.outcome, run.exit_status) == (outcome, None)
    assert summary(run, at(0))[0].endswith(f" ft-1 {phrase}")
    assert run.status_phrase == "pending then"
    run.apply(update_of(job=Job("ft-1", status), connection=Connection(Wire.RECORDED)))
    assert run.outcome == outcome
    assert summary(run, at(0))[0].endswith(f" ft-1 {phrase}")


@pytest.mark.parametrize(
    ("status", "own", "failure"),
    [
        (Status.FAILED, None, "The file is too long."),
        (Status.FAILED, "invalid file", "invalid file"),
        (Status.SUCCEEDED, None, None),
        (Status.CANCELLED, None, None),
        (Status.RUNNING, None, None),
        (Status.CANCELLED, "too slow", "too slow"),
    ],
)
def test_an_error_that_an_event_told_is_the_reason_only_where_the_job_failed(
    status: Status, own: str | None, failure: str | None
) -> None:
    run = told("Error: The file is too long.", "Fine-tune failed")
    run.apply(update_of(job=Job("ft-1", status, error=own)))
    assert run.failure == failure


def test_the_last_event_of_level_error_tells_why_it_failed() -> None:
    run = run_of(
        [update_of(event_of("first", level="error"), event_of("last", level="error"), event_of("bye"))]
    )
    run.apply(update_of(job=Job("ft-1", Status.FAILED)))
    assert run.failure == "last"


@pytest.mark.parametrize("outcome_only", [False, True])
def test_the_outcome_is_told_also_by_a_run_that_reads_nothing_else(outcome_only: bool) -> None:
    run = Run(KEY, outcome_only=outcome_only)
    events = [
        event_of("Step 1/2: training loss=1"),
        event_of("Error: no space"),
        event_of("odd", level="warn"),
    ]
    run.apply(update_of(*events, job=Job("ft-1", Status.FAILED), connection=CLOSED))
    assert (run.events, run.warnings, run.failure, run.exit_status) == (3, 1, "no space", 1)
    assert run.step == (None if outcome_only else 1)


def test_only_what_came_from_the_service_is_heard() -> None:
    run = run_of([Update(KEY, at(1), connection=Connection(Wire.WAITING, "refused", 1, 2.0))])
    assert (run.heard_at, run.connection.reason) == (None, "refused")
    run.apply(update_of(seconds=2))
    assert run.heard_at == at(2)


def test_news_without_a_state_of_the_wire_leaves_it_as_it_was() -> None:
    run = run_of([update_of(connection=Connection(Wire.LIVE)), update_of(event_of("a"))])
    assert run.connection.wire is Wire.LIVE
