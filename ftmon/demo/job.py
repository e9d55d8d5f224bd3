"""The names of the demo's job: its model, its files and its ids."""

import secrets
import string
from datetime import UTC, datetime

from ftmon.serving.job import File

MODEL = "ftmon-demo"
"""The name of the model before it is fine-tuned."""


def now() -> datetime:
    """Return the time now."""
    return datetime.now(UTC)


def new_file(filename: str, content: bytes, purpose: str = "fine-tune") -> File:
    """Return a file whose id has the form of OpenAI's: `file-`, then 24 letters and digits."""
    own_id = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24))
    return File(f"file-{own_id}", filename, content, purpose, now())


def model_name(at: datetime) -> str:
    """Return the name of the model that is fine-tuned at this time."""
    return f"{MODEL}:ft-personal-{at:%Y-%m-%d-%H-%M-%S}"
