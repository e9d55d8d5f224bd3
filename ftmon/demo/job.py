"""The one job of the service, in the shapes of OpenAI's fine-tunes API."""

import asyncio
import secrets
import string
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

MODEL = "ftmon-demo"
"""The name of the model before it is fine-tuned."""

FINAL = frozenset({"succeeded", "failed", "cancelled"})
"""The statuses after which nothing happens any more."""


def new_id(kind: str) -> str:
    """Return a random id as the service made them: `ft-`, `file-` or `org-`, and 24 letters and digits."""
    return f"{kind}-" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24))


def now() -> int:
    """Return the time in whole seconds, which is all that the API tells."""
    return int(time.time())


@dataclass(frozen=True)
class File:
    """A file that the service holds."""

    filename: str
    content: bytes
    purpose: str = "fine-tune"
    id: str = field(default_factory=lambda: new_id("file"))
    created_at: int = field(default_factory=now)

    def as_json(self) -> dict[str, Any]:
        """Return the API's File object."""
        return {
            "object": "file",
            "id": self.id,
            "purpose": self.purpose,
            "filename": self.filename,
            "bytes": len(self.content),
            "created_at": self.created_at,
            "status": "processed",
            "status_details": None,
        }


class Job:
    """A fine-tune and the events it has told so far.

    It belongs to one event loop: whoever reads or changes it runs there, so that nobody needs a lock.
    """

    def __init__(self, hyperparams: dict[str, Any], training_file: File, validation_file: File) -> None:
        self.id = new_id("ft")
        self.status = "pending"
        self.fine_tuned_model: str | None = None
        self.events: list[dict[str, Any]] = []
        self._hyperparams = hyperparams
        self._organization_id = new_id("org")
        self._training_file = training_file
        self._validation_file = validation_file
        self._result_file: File | None = None
        self._created_at = self._updated_at = now()
        self._is_closed = False
        self._news = asyncio.Event()
        self.tell(f"Created fine-tune: {self.id}")

    @property
    def is_final(self) -> bool:
        """Whether the job is over, and with it its events."""
        return self.status in FINAL

    @property
    def files(self) -> list[File]:
        """The files that can be read."""
        files = [self._training_file, self._validation_file, self._result_file]
        return [file for file in files if file is not None]

    def tell(self, message: str, *, status: str | None = None) -> None:
        """Add an event and, at the same moment, change the status."""
        self._updated_at = now()
        self.events.append(
            {
                "object": "fine-tune-event",
                # The real service said this of every event, failures too.
                "level": "info",
                "message": message,
                "created_at": self._updated_at,
            }
        )
        self.status = status or self.status
        self._wake_followers()

    def upload(self, result_csv: bytes) -> None:
        """Give out the trained model and the record of its training."""
        self.fine_tuned_model = time.strftime(f"{MODEL}:ft-personal-%Y-%m-%d-%H-%M-%S", time.gmtime())
        self.tell(f"Uploaded model: {self.fine_tuned_model}")
        self._result_file = File("compiled_results.csv", result_csv, purpose="fine-tune-results")
        self.tell(f"Uploaded result file: {self._result_file.id}")

    def close(self) -> None:
        """End every `follow`, whether or not the job is over."""
        self._is_closed = True
        self._wake_followers()

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """Yield all events from the first on, and new ones as they come, until the job is over or closed."""
        sent = 0
        while True:
            while sent < len(self.events):
                yield self.events[sent]
                sent += 1
            if self.is_final or self._is_closed:
                return
            await self._news.wait()

    def as_json(self, *, with_events: bool) -> dict[str, Any]:
        """Return the API's FineTune object, which has its events everywhere but in the list of jobs."""
        fine_tune: dict[str, Any] = {
            "object": "fine-tune",
            "id": self.id,
            "hyperparams": self._hyperparams,
            "organization_id": self._organization_id,
            "model": MODEL,
            "training_files": [self._training_file.as_json()],
            "validation_files": [self._validation_file.as_json()],
            "result_files": [self._result_file.as_json()] if self._result_file else [],
            "created_at": self._created_at,
            "updated_at": self._updated_at,
            "status": self.status,
            "fine_tuned_model": self.fine_tuned_model,
        }
        return {**fine_tune, "events": self.events} if with_events else fine_tune

    def _wake_followers(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
