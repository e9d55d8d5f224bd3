"""The job of the demo, in the shapes of OpenAI's fine-tunes API."""

import secrets
import string
import time
from dataclasses import dataclass, field
from typing import Any

from ftmon.serving.job import ServedJob

MODEL = "ftmon-demo"
"""The name of the model before it is fine-tuned."""


def new_id(kind: str) -> str:
    """Return a random id in the service's form: `ft-`, `file-` or `org-`, then 24 letters and digits."""
    return f"{kind}-" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24))


def now() -> int:
    """Return the Unix time in whole seconds, as the API gives it."""
    return int(time.time())


@dataclass(frozen=True)
class File:
    """A file that belongs to the job."""

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
    """The demo's fine-tune: publishes its events and changes through `served`."""

    def __init__(self, hyperparams: dict[str, Any], training_file: File, validation_file: File) -> None:
        created_at = now()
        self.served = ServedJob(
            {
                "object": "fine-tune",
                "id": new_id("ft"),
                "hyperparams": hyperparams,
                "organization_id": new_id("org"),
                "model": MODEL,
                "training_files": [training_file.as_json()],
                "validation_files": [validation_file.as_json()],
                "result_files": [],
                "created_at": created_at,
                "updated_at": created_at,
                "status": "pending",
                "fine_tuned_model": None,
            }
        )
        for file in (training_file, validation_file):
            self.served.files[file.id] = file.content
        self.tell(f"Created fine-tune: {self.served.id}")

    def tell(self, message: str, **changes: object) -> None:
        """Publish an event, and with it changes of the job, such as `status="running"`."""
        at = now()
        event = {
            "object": "fine-tune-event",
            # The real service sent "info" with every event, failures too.
            "level": "info",
            "message": message,
            "created_at": at,
        }
        self.served.publish(event, updated_at=at, **changes)

    def upload(self, result_csv: bytes) -> None:
        """Publish the name of the trained model and the record of its training."""
        model = time.strftime(f"{MODEL}:ft-personal-%Y-%m-%d-%H-%M-%S", time.gmtime())
        self.tell(f"Uploaded model: {model}", fine_tuned_model=model)
        file = File("compiled_results.csv", result_csv, purpose="fine-tune-results")
        self.served.files[file.id] = file.content
        self.tell(f"Uploaded result file: {file.id}", result_files=[file.as_json()])
