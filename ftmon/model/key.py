"""What identifies a job: a service, and an id there."""

import re
from typing import NamedTuple

from ftmon.errors import UsageError

_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
_SHORTEST_BELOW = 6
"""Characters that an id below an owner has at least: Hugging Face's have 24, Fireworks' 6."""


def check_job_id(text: str) -> str:
    """Return the text where it can be a job's id, which becomes part of a path asked for with the key.

    Some services have ids below an owner: `NAMESPACE/ID`, each part as any other id.

    Raises:
        UsageError: for anything else, wherever it came from; the text itself is not repeated.
    """
    if not text:
        raise UsageError("The job id is empty.")
    parts = text.split("/")
    if len(text) > 128 and (len(parts) != 2 or max(map(len, parts)) > 128):
        raise UsageError(f"This is no job id: it has {len(text):,} characters, and an id has at most 128.")
    is_short = len(parts) == 2 and len(parts[1]) < _SHORTEST_BELOW
    if len(parts) > 2 or is_short or not all(map(_JOB_ID.fullmatch, parts)) or ".." in text:
        raise UsageError(
            "This is no job id: an id has only letters, digits and _ . : - in it (no ..), "
            "such as ft-AF1WoRqd3aJAHsqc9NY7iL8F."
        )
    return text


def typed_job_id(text: str) -> str:
    """Return the job id in a text that the user gave. Blanks and line ends around it do no harm.

    Raises:
        UsageError: as `check_job_id`.
    """
    return check_job_id(text.strip())


LOCAL = "local"
"""The service of a run of this machine."""


class JobKey(NamedTuple):
    """Identifies a job: a service and an id there. Make one with `checked`, and pass it on."""

    service: str
    """The normalised base URL of the service, or `LOCAL` for a run of this machine."""
    job_id: str

    @classmethod
    def checked(cls, service: str, job_id: str) -> "JobKey":
        """Return the key of a job of a service whose base URL is already normalised.

        Raises:
            UsageError: where the text cannot be a job's id.
        """
        return cls(service, check_job_id(job_id))
