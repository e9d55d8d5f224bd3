"""The training: the steps it takes and the events it publishes on the way."""

import asyncio
import csv
import io
import random
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import islice
from uuid import uuid4

from ftmon.demo.job import MODEL, model_name, new_file, now
from ftmon.demo.language_model import Example, LanguageModel, Score, examples_of
from ftmon.demo.setup import Course
from ftmon.errors import UsageError
from ftmon.serving.apis.fine_tunes import job_id
from ftmon.serving.event import Kind, ServedEvent, Status
from ftmon.serving.job import Recipe, ServedJob

LEARNING_RATE = 0.05
HELD_OUT = 0.1
"""The share of the text, at its end, that the model is scored on and never learns."""
VALIDATE_EVERY = 10
"""Steps from one validation loss to the next."""
DIVERGED = 100.0
"""A loss, in nats, far above that of any useful training."""
QUEUE_NUMBER = 3
LONGEST_SAMPLE = 72

SECONDS_TO_CHECK = 0.8
SECONDS_PER_PLACE_IN_QUEUE = 1.0
SECONDS_PER_STEP = 0.28
SECONDS_TO_UPLOAD = 1.0

_RESULT_COLUMNS = [
    "step",
    "elapsed_tokens",
    "elapsed_examples",
    "training_loss",
    "training_sequence_accuracy",
    "training_token_accuracy",
    "validation_loss",
    "validation_sequence_accuracy",
    "validation_token_accuracy",
]


class Training:
    """Trains a model and publishes events about it.

    An example is one character and the text before it. Each step learns from a batch of examples, in random
    order.

    Raises:
        UsageError: when there are too few or too many steps for the epochs and the text.
    """

    def __init__(self, course: Course) -> None:
        text = resources.files("ftmon.demo").joinpath("corpus.txt").read_text(encoding="utf-8")
        split = round(len(text) * (1 - HELD_OUT))
        self._examples = examples_of(text[:split])
        self._held_out = examples_of(text[split:])
        most_steps = course.epochs * len(self._examples)
        if not course.epochs <= course.steps <= most_steps:
            raise UsageError(f"{course.epochs} epochs need from {course.epochs} to {most_steps} steps.")
        self._course = course
        self._model = LanguageModel("".join(sorted(set(text))))
        # A fixed seed, so that two runs of the demo can be compared.
        self._chance = random.Random(0)
        self._results = _ResultFile()
        self._may_go_on = asyncio.Event()
        self._may_go_on.set()
        recipe = Recipe(
            model=MODEL,
            n_epochs=course.epochs,
            total_steps=course.steps,
            batch_size=round(most_steps / course.steps),
            learning_rate=LEARNING_RATE,
            training_file=new_file("training.txt", text[:split].encode()),
            validation_file=new_file("validation.txt", text[split:].encode()),
        )
        self.job = ServedJob(uuid4(), recipe, now())
        self._tell(f"Created fine-tune: {job_id(self.job)}")

    async def run(self) -> None:
        """Train to the end of the job. Cancelling this task stops the training."""
        await self._wait_in_queue()
        self._tell("Fine-tune started", "running")
        stream = self._shuffled_examples()
        learned = 0
        for step in range(1, self._course.steps + 1):
            await self._wait(SECONDS_PER_STEP)
            epoch = learned // len(self._examples)
            upto = step * self._course.epochs * len(self._examples) // self._course.steps
            batch = list(islice(stream, upto - learned))
            # In a thread, because a long batch would delay answers to requests.
            training = await asyncio.to_thread(self._model.learn, batch, self._learning_rate(step))
            validation = None
            if step % VALIDATE_EVERY == 0 or step == self._course.steps:
                validation = await asyncio.to_thread(self._model.score, self._held_out)
            learned = upto
            figures = self._figures(step, learned, training, validation)
            self._tell_step(training, validation, figures)
            self._results.add(step, learned, training, validation)
            if training.loss > DIVERGED:
                self._fail(f"The training has diverged: the loss of step {step} is far worse than guessing.")
                return
            if learned // len(self._examples) > epoch:
                self._tell_epoch(epoch + 1, figures)
        await self._wait(SECONDS_TO_UPLOAD)
        self._upload()
        self._tell("Fine-tune succeeded", "succeeded")

    def cancel(self) -> None:
        """End the job; the task that trains is to be cancelled as well."""
        self._tell("Fine-tune cancelled", "cancelled")

    def pause(self) -> None:
        """Let the training wait before its next step."""
        self._may_go_on.clear()
        self._tell("Fine-tune paused", "paused")

    def resume(self) -> None:
        """Let a paused training go on."""
        self._tell("Fine-tune resumed", "running")
        self._may_go_on.set()

    async def _wait_in_queue(self) -> None:
        await self._wait(SECONDS_TO_CHECK)
        self._tell("Fine-tune costs $0.00")
        self._tell(f"Fine-tune enqueued. Queue number: {QUEUE_NUMBER}")
        for number in reversed(range(QUEUE_NUMBER)):
            await self._wait(SECONDS_PER_PLACE_IN_QUEUE)
            self._tell(f"Fine-tune is in the queue. Queue number: {number}")
        await self._wait(SECONDS_PER_PLACE_IN_QUEUE)

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._course.speed)
        await self._may_go_on.wait()

    def _shuffled_examples(self) -> Iterator[Example]:
        while True:
            yield from self._chance.sample(self._examples, len(self._examples))

    def _learning_rate(self, step: int) -> float:
        beyond_middle = step - self._course.steps // 2
        if not self._course.diverges or beyond_middle <= 0:
            return LEARNING_RATE
        steps_of_growth = max(1, self._course.steps // 40)
        growth: float = 10_000.0 ** min(1.0, beyond_middle / steps_of_growth)
        return LEARNING_RATE * growth

    def _figures(
        self, step: int, learned: int, training: Score, validation: Score | None
    ) -> dict[str, float]:
        figures = {
            "step": step,
            "total_steps": self._course.steps,
            "epoch": learned / len(self._examples),
            "train_loss": training.loss,
            "train_mean_token_accuracy": training.accuracy,
        }
        if validation:
            figures |= {"valid_loss": validation.loss, "valid_mean_token_accuracy": validation.accuracy}
        return figures

    def _tell_step(self, training: Score, validation: Score | None, figures: Mapping[str, float]) -> None:
        message = f"Step {figures['step']}/{self._course.steps}: training loss={training.loss:.2f}"
        if validation:
            message += f", validation loss={validation.loss:.2f}"
        self._tell(message, kind="metrics", figures=figures)

    def _tell_epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        self._tell(f"Completed epoch {epoch}/{self._course.epochs}", kind="checkpoint", figures=figures)
        self._tell(f"Sample: {self._model.write(LONGEST_SAMPLE, self._chance)}")

    def _fail(self, reason: str) -> None:
        self.job.error = reason
        self.job.publish(ServedEvent(now(), f"Error: {reason}", "failed", "error"))

    def _upload(self) -> None:
        """Publish the name of the trained model and the record of its training."""
        self.job.fine_tuned_model = model_name(now())
        self._tell(f"Uploaded model: {self.job.fine_tuned_model}")
        self.job.result_file = new_file(
            "compiled_results.csv", self._results.content(), purpose="fine-tune-results"
        )
        self._tell(f"Uploaded result file: {self.job.result_file.id}")

    def _tell(
        self,
        message: str,
        status: Status | None = None,
        *,
        kind: Kind = "message",
        figures: Mapping[str, float] | None = None,
    ) -> None:
        """Publish an event, and with it a new status of the job where there is one."""
        event = ServedEvent(now(), message, status or self.job.status, kind=kind, figures=figures or {})
        self.job.publish(event)


class _ResultFile:
    """The metrics of every step, as the service wrote them: a cell is empty where nothing was measured."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self._table = csv.writer(self._text, lineterminator="\n")
        self._table.writerow(_RESULT_COLUMNS)

    def add(self, step: int, learned: int, training: Score, validation: Score | None) -> None:
        """Add a step. `learned` counts the examples learned so far."""
        row: list[float | None] = [step, learned * (LanguageModel.ORDER + 1), learned]
        for score in (training, validation):
            # An example has one token to predict, so sequence accuracy and token accuracy are the same.
            row += [score.loss, score.accuracy, score.accuracy] if score else [None, None, None]
        self._table.writerow(row)

    def content(self) -> bytes:
        """Return the CSV so far."""
        return self._text.getvalue().encode()
