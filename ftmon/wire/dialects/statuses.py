"""Words of status of services that no dialect knows: compatible, self-hosted and home-made ones."""

from collections.abc import Mapping

from ftmon.model.job import Status

_PENDING, _RUNNING, _PAUSED = Status.PENDING, Status.RUNNING, Status.PAUSED
_SUCCEEDED, _FAILED, _CANCELLED = Status.SUCCEEDED, Status.FAILED, Status.CANCELLED

COMMON: Mapping[str, Status] = {
    # OpenAI's second API, whose words compatible servers use (PROTOCOL §2.2)
    "validating_files": _PENDING,
    "pausing": _RUNNING,
    # Mistral, Hugging Face Jobs, llama-stack, Replicate, DashScope (PROTOCOL §5–§7, SERVICES §2)
    "created": _PENDING,
    "pending": _PENDING,
    "queued": _PENDING,
    "scheduled": _PENDING,
    "scheduling": _PENDING,
    "starting": _PENDING,
    "validating": _PENDING,
    "validated": _PENDING,
    "started": _RUNNING,
    "running": _RUNNING,
    "in_progress": _RUNNING,
    "processing": _RUNNING,
    "training": _RUNNING,
    "active": _RUNNING,
    "cancelling": _RUNNING,
    "cancellation_requested": _RUNNING,
    "paused": _PAUSED,
    "suspended": _PAUSED,
    # What ends a run (SERVICES §3.5)
    "succeeded": _SUCCEEDED,
    "success": _SUCCEEDED,
    "completed": _SUCCEEDED,
    "complete": _SUCCEEDED,
    "finished": _SUCCEEDED,
    "done": _SUCCEEDED,
    "early_stopped": _SUCCEEDED,
    "partially_succeeded": _SUCCEEDED,
    "failed": _FAILED,
    "failure": _FAILED,
    "error": _FAILED,
    "user_error": _FAILED,
    "deploy_failed": _FAILED,
    "expired": _FAILED,
    "timeout": _FAILED,
    "aborted": _FAILED,
    "cancelled": _CANCELLED,
    "canceled": _CANCELLED,
    "stopped": _CANCELLED,
}
"""By the word in lower case, without the prefixes below. Every other word is unknown, and no end."""

ENDED = "ended"
"""ftmon's own word for a run of a trainer that is over and whose outcome nothing tells."""

_PREFIXES = ("job_state_", "training_job_")
"""Fireworks and Vertex AI, Baseten (SERVICES §3.5)."""


def read_status(word: str | None, own: Mapping[str, Status]) -> Status:
    """Return what a word of status means: by the dialect's own table, else by the common one."""
    if word is None:
        return Status.UNKNOWN
    text = word.strip().lower()
    if text in own:
        return own[text]
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return COMMON.get(text, Status.UNKNOWN)
