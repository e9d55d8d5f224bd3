from dataclasses import replace

import pytest

from ftmon.errors import RefusedError
from ftmon.model.job import Job, Status
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Connection, Update, Wire
from ftmon.notify.title import title
from tests.test_run import KEY, LIVE, START, at, event_of, run_of, update_of

ID = "ft-AF1WoRqd3aJAHsqc9NY7iL8F"


def training(status: Status = Status.RUNNING, connection: Connection = LIVE) -> Run:
    steps = [(0, 10, "2.0"), (10, 20, "1.0"), (20, 30, "0.4812")]
    updates = [
        update_of(event_of(f"Step {step}/100: training loss={loss}", seconds), seconds=seconds)
        for seconds, step, loss in steps
    ]
    run = run_of([*updates, update_of(seconds=20, job=Job("ft-1", status), connection=connection)])
    run.key = JobKey(KEY.service, ID)
    return run


def test_a_running_job_is_told_in_a_few_words() -> None:
    assert title(training(), at(21)) == "30% ~1m loss 0.481 · ft-AF1W…"


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (None, "ftmon"),
        (Run(KEY), "… connecting · ft-1"),
        (training(Status.SUCCEEDED), "✔ succeeded · ft-AF1W…"),
        (training(Status.FAILED), "✘ failed · ft-AF1W…"),
        (training(Status.CANCELLED), "⊘ cancelled · ft-AF1W…"),
        (training(connection=Connection(Wire.WAITING)), "… reconnecting 30% loss 0.481 · ft-AF1W…"),
        (training(connection=Connection(Wire.REPLAYING)), "▷ replay 30% loss 0.481 · ft-AF1W…"),
        (
            training(connection=Connection(Wire.REFUSED, error=RefusedError("no"))),
            "■ not watched any more · ft-AF1W…",
        ),
    ],
)
def test_each_state_has_its_words(run: Run | None, words: str) -> None:
    assert title(run, at(21)) == words


def test_a_silence_is_told() -> None:
    assert title(training(), at(20 + 300)) == "! silent 5m 30% loss 0.481 · ft-AF1W…"


def test_an_id_below_an_owner_is_told_without_it() -> None:
    run = Run(JobKey(KEY.service, "acme/job-12"))
    run.apply(Update(KEY, START, job=Job("x", Status.PENDING), connection=LIVE))
    assert title(run, START) == "◷ pending · job-12"


def test_no_word_of_a_service_is_in_the_title() -> None:
    odd = "#(touch /tmp/x) %s"
    run = training()
    job = Job(odd, Status.UNKNOWN, odd, odd, odd, error=odd)
    run.apply(replace(update_of(event_of(odd), seconds=21, job=job), notice=odd))
    assert title(run, at(21)) == "30% ~1m loss 0.481 · ft-AF1W…"
