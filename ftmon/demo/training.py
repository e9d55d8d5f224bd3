"""The training: what is learned, in which steps, and what the job tells of it on the way."""

import asyncio
import csv
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import islice

from ftmon.demo.job import File, Job
from ftmon.demo.language_model import Example, LanguageModel, Score, examples_of
from ftmon.errors import UsageError

LEARNING_RATE = 0.05
HELD_OUT = 0.1
"""The share of the text, at its end, that is never learned and only scored."""
VALIDATE_EVERY = 10
"""Steps from one validation loss to the next."""
DIVERGED = 100.0
"""A loss, in nats, that no training reaches which is still of use."""
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


@dataclass(frozen=True)
class Course:
    """How long to train, how fast, and whether to any good."""

    steps: int
    epochs: int
    speed: float = 1.0
    """Divides every pause."""
    diverges: bool = False
    """From the middle on the learning rate grows ten-thousandfold, and the training comes to nothing."""


class Training:
    """Teaches a model and tells of it in the events of a job.

    An example is one character with what stands before it; a step learns from some of them, in random order.

    Raises:
        UsageError: when the steps and the epochs do not fit each other or the text.
    """

    def __init__(self, course: Course) -> None:
        text = resources.files("ftmon.demo").joinpath("corpus.txt").read_text(encoding="utf-8")
        split = round(len(text) * (1 - HELD_OUT))
        self._examples = examples_of(text[:split])
        self._held_out = examples_of(text[split:])
        most_steps = course.epochs * len(self._examples)
        if not course.epochs <= course.steps <= most_steps:
            raise UsageError(f"{course.epochs} epochs take from {course.epochs} to {most_steps} steps.")
        self._course = course
        self._model = LanguageModel("".join(sorted(set(text))))
        # The same at every start, so that two runs of the demo can be compared.
        self._chance = random.Random(0)
        self._results = _ResultFile()
        self.job = Job(
            {
                "n_epochs": course.epochs,
                "batch_size": round(most_steps / course.steps),
                "prompt_loss_weight": 0.0,
                "learning_rate_multiplier": LEARNING_RATE,
            },
            File("training.txt", text[:split].encode()),
            File("validation.txt", text[split:].encode()),
        )

    async def run(self) -> None:
        """Take the job from its creation to its end; to cancel the task is to stop the training."""
        await self._wait_in_queue()
        self.job.tell("Fine-tune started", status="running")
        stream = self._shuffled_examples()
        learned = 0
        for step in range(1, self._course.steps + 1):
            await self._pause(SECONDS_PER_STEP)
            epoch = learned // len(self._examples)
            upto = step * self._course.epochs * len(self._examples) // self._course.steps
            batch = list(islice(stream, upto - learned))
            # In a thread, because a long batch would keep the requests waiting.
            training = await asyncio.to_thread(self._model.learn, batch, self._learning_rate(step))
            validation = None
            if step % VALIDATE_EVERY == 0 or step == self._course.steps:
                validation = await asyncio.to_thread(self._model.score, self._held_out)
            learned = upto
            self._tell_step(step, training, validation)
            self._results.add(step, learned, training, validation)
            if training.loss > DIVERGED:
                self.job.tell(
                    f"Error: The training has diverged: the loss of step {step} is far worse than guessing.",
                    status="failed",
                )
                return
            if learned // len(self._examples) > epoch:
                self._tell_epoch(epoch + 1)
        await self._pause(SECONDS_TO_UPLOAD)
        self.job.upload(self._results.content())
        self.job.tell("Fine-tune succeeded", status="succeeded")

    async def _wait_in_queue(self) -> None:
        await self._pause(SECONDS_TO_CHECK)
        self.job.tell("Fine-tune costs $0.00")
        self.job.tell(f"Fine-tune enqueued. Queue number: {QUEUE_NUMBER}")
        for number in reversed(range(QUEUE_NUMBER)):
            await self._pause(SECONDS_PER_PLACE_IN_QUEUE)
            self.job.tell(f"Fine-tune is in the queue. Queue number: {number}")
        await self._pause(SECONDS_PER_PLACE_IN_QUEUE)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._course.speed)

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

    def _tell_step(self, step: int, training: Score, validation: Score | None) -> None:
        message = f"Step {step}/{self._course.steps}: training loss={training.loss:.2f}"
        if validation:
            message += f", validation loss={validation.loss:.2f}"
        self.job.tell(message)

    def _tell_epoch(self, epoch: int) -> None:
        self.job.tell(f"Completed epoch {epoch}/{self._course.epochs}")
        self.job.tell(f"Sample: {self._model.write(LONGEST_SAMPLE, self._chance)}")


class _ResultFile:
    """The record of every step, as the service wrote it: an empty cell where nothing was measured."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self._table = csv.writer(self._text, lineterminator="\n")
        self._table.writerow(_RESULT_COLUMNS)

    def add(self, step: int, learned: int, training: Score, validation: Score | None) -> None:
        """Add a step after which so many examples have been learned."""
        row: list[float | None] = [step, learned * (LanguageModel.ORDER + 1), learned]
        for score in (training, validation):
            # What an example asks for is one token, so that the accuracy of sequences is that of tokens.
            row += [score.loss, score.accuracy, score.accuracy] if score else [None, None, None]
        self._table.writerow(row)

    def content(self) -> bytes:
        """Return the CSV so far."""
        return self._text.getvalue().encode()
