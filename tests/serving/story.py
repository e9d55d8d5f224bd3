"""A job that a test tells event by event, and a client of the routes that serve it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx

from ftmon.serving.event import Kind, Level, ServedEvent, Status
from ftmon.serving.job import File, Recipe, ServedJob, Source
from ftmon.serving.routes import app

KEY = UUID("0123456789abcdef0123456789abcdef")
START = datetime(2026, 1, 31, 12, 0, 0, 250_000, UTC)
TRAINING_FILE = File("file-1", "training.txt", b"text", "fine-tune", START)
RECIPE = Recipe(
    model="ftmon-demo",
    n_epochs=2,
    total_steps=4,
    batch_size=8,
    learning_rate=0.05,
    training_file=TRAINING_FILE,
    validation_file=File("file-2", "validation.txt", b"more", "fine-tune", START),
)


class Story:
    """A source whose job is told by a test, an event each second."""

    def __init__(self, key: UUID = KEY) -> None:
        self.job = ServedJob(key, RECIPE, START)
        self.source = Source(self.job, self.cancel, self.pause, self.resume)

    def tell(
        self,
        message: str,
        status: Status | None = None,
        *,
        level: Level = "info",
        kind: Kind = "message",
        figures: Mapping[str, float] | None = None,
    ) -> None:
        at = START + timedelta(seconds=len(self.job.events))
        self.job.publish(ServedEvent(at, message, status or self.job.status, level, kind, figures or {}))

    def step(self, step: int, train_loss: float, valid_loss: float | None = None) -> None:
        figures = {"step": step, "total_steps": 4, "epoch": step / 2, "train_loss": train_loss}
        if valid_loss is not None:
            figures["valid_loss"] = valid_loss
        self.tell(f"Step {step}/4: training loss={train_loss}", kind="metrics", figures=figures)
        if step % 2 == 0:
            self.tell(f"Completed epoch {step // 2}/2", kind="checkpoint", figures=figures)

    def run(self) -> None:
        """Let the training begin and take its four steps."""
        self.tell("Created fine-tune")
        self.tell("Fine-tune started", "running")
        self.step(1, 2.5)
        self.step(2, 2.25, 2.5)
        self.step(3, 2.125)
        self.step(4, 2.0, 2.25)

    def succeed(self) -> None:
        self.job.fine_tuned_model = "ftmon-demo:ft-1"
        self.job.result_file = File("file-3", "results.csv", b"step\n1\n", "fine-tune-results", START)
        self.tell("Fine-tune succeeded", "succeeded")

    def fail(self) -> None:
        self.job.error = "The training has diverged."
        self.tell("Error: The training has diverged.", "failed", level="error")

    def cancel(self) -> None:
        self.tell("Fine-tune cancelled", "cancelled")

    def pause(self) -> None:
        self.tell("Fine-tune paused", "paused")

    def resume(self) -> None:
        self.tell("Fine-tune resumed", "running")


def client(*stories: Story, cut_after: int | None = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app([story.source for story in stories], cut_after))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")
