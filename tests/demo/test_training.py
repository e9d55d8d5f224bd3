import asyncio
import csv
import re
from importlib import resources

import pytest

from ftmon.demo.setup import Course
from ftmon.demo.training import Training
from ftmon.errors import UsageError
from ftmon.serving.apis.fine_tunes import job_id

pytestmark = pytest.mark.slow

AT_ONCE = 1e9


async def trained(course: Course) -> Training:
    training = Training(course)
    await training.run()
    return training


def messages(training: Training) -> list[str]:
    return [event.message for event in training.job.events]


def figures(training: Training, name: str) -> list[float]:
    return [float(figure) for figure in re.findall(rf"{name}=([\d.]+)", "\n".join(messages(training)))]


async def test_the_held_out_loss_falls_because_the_model_learns() -> None:
    training = await trained(Course(steps=40, epochs=2, speed=AT_ONCE))
    learned, held_out = figures(training, "training loss"), figures(training, "validation loss")
    assert len(learned) == 40
    assert held_out == sorted(held_out, reverse=True)
    assert held_out[-1] < 1.6 < 2.6 < learned[0]
    assert learned[-1] < 1.7


async def test_the_job_is_told_as_the_real_one_was() -> None:
    training = await trained(Course(steps=12, epochs=2, speed=AT_ONCE))
    story = [re.sub(r"\d+\.\d\d", "X", message) for message in messages(training)]
    samples = [message for message in story if message.startswith("Sample: ")]
    assert len(samples) == 2
    job = training.job
    model, file = job.fine_tuned_model, job.result_file
    assert file
    assert [message for message in story if message not in samples] == [
        f"Created fine-tune: {job_id(job)}",
        "Fine-tune costs $X",
        "Fine-tune enqueued. Queue number: 3",
        "Fine-tune is in the queue. Queue number: 2",
        "Fine-tune is in the queue. Queue number: 1",
        "Fine-tune is in the queue. Queue number: 0",
        "Fine-tune started",
        *(f"Step {step}/12: training loss=X" for step in range(1, 7)),
        "Completed epoch 1/2",
        *(f"Step {step}/12: training loss=X" for step in range(7, 10)),
        "Step 10/12: training loss=X, validation loss=X",
        "Step 11/12: training loss=X",
        "Step 12/12: training loss=X, validation loss=X",
        "Completed epoch 2/2",
        f"Uploaded model: {model}",
        f"Uploaded result file: {file.id}",
        "Fine-tune succeeded",
    ]
    assert job.status == "succeeded"
    assert model
    assert re.fullmatch(r"ftmon-demo:ft-personal-\d{4}(-\d\d){5}", model)


@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (3, 3), (7, 2), (11, 3)])
async def test_every_epoch_is_completed_once_and_in_order(steps: int, epochs: int) -> None:
    training = await trained(Course(steps, epochs, AT_ONCE))
    completed = [message for message in messages(training) if message.startswith("Completed")]
    assert completed == [f"Completed epoch {epoch}/{epochs}" for epoch in range(1, epochs + 1)]


@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (2, 2), (7, 2), (40, 1), (500, 1)])
async def test_a_training_that_diverges_fails_past_the_middle(steps: int, epochs: int) -> None:
    training = await trained(Course(steps, epochs, AT_ONCE, diverges=True))
    *_, last_step, error = messages(training)
    assert steps // 2 < int(last_step.removeprefix("Step ").partition("/")[0]) <= steps
    assert error.startswith("Error: The training has diverged")
    assert training.job.status == "failed"
    assert training.job.error == error.removeprefix("Error: ")
    assert not training.job.fine_tuned_model
    assert not training.job.result_file


async def test_two_runs_learn_the_same() -> None:
    course = Course(steps=5, epochs=1, speed=AT_ONCE)
    first, second = await trained(course), await trained(course)
    assert messages(first)[7:-3] == messages(second)[7:-3]
    assert first.job.key != second.job.key


async def test_the_result_file_tells_of_each_step() -> None:
    training = await trained(Course(steps=11, epochs=2, speed=AT_ONCE))
    training_file, _, result_file = (file.content for file in training.job.files)
    rows = list(csv.DictReader(result_file.decode().splitlines()))
    assert [row["step"] for row in rows] == [str(step) for step in range(1, 12)]
    assert [round(float(row["training_loss"]), 2) for row in rows] == figures(training, "training loss")
    measured = [row for row in rows if row["validation_loss"]]
    assert [row["step"] for row in measured] == ["10", "11"]
    assert [round(float(row["validation_loss"]), 2) for row in measured] == figures(
        training, "validation loss"
    )
    examples = [int(row["elapsed_examples"]) for row in rows]
    assert examples == sorted(set(examples))
    assert examples[-1] == 2 * len(training_file)


def test_what_is_learned_and_what_is_held_out_are_the_text_in_the_package() -> None:
    text = resources.files("ftmon.demo").joinpath("corpus.txt").read_bytes()
    job = Training(Course(steps=4, epochs=4)).job
    learned, held_out = (file.content for file in job.files)
    assert learned + held_out == text
    assert len(learned) == pytest.approx(9 * len(held_out), rel=0.01)


@pytest.mark.parametrize(("steps", "epochs"), [(3, 4), (7000, 1), (10**9, 4)])
def test_steps_that_do_not_fit_the_epochs_are_refused(steps: int, epochs: int) -> None:
    with pytest.raises(UsageError, match=rf"^{epochs} epochs need from {epochs} to \d+ steps\.$"):
        Training(Course(steps, epochs))


async def test_a_paused_training_waits_until_it_is_resumed() -> None:
    training = Training(Course(steps=8, epochs=1, speed=1000))
    running = asyncio.create_task(training.run())
    seen = 0
    while await training.job.has_more(seen):
        event = training.job.events[seen]
        seen += 1
        if event.message.startswith("Step 3/"):
            training.pause()
        elif event.status == "paused":
            break
    told = messages(training)
    # Not paused, it would be over by then.
    done, _ = await asyncio.wait({running}, timeout=0.3)
    assert not done
    # The step that was under way may still be told.
    assert len(messages(training)) <= len(told) + 1
    assert not training.job.is_final
    training.resume()
    await running
    assert training.job.status == "succeeded"
    assert sum(message.startswith("Step ") for message in messages(training)) == 8
