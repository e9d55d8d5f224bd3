"""Mistral: no list of events; changes of status and checkpoints stand inside the job, newest first.

Its base has a prefix, because its paths are those of OpenAI's second API. Source of the fields: a recorded
job, and mistralai 1.12.4, which also wants `auto_start` and another `job_type`.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from ftmon.serving.api import Api, Fields, Query, RequestError, seconds
from ftmon.serving.event import ServedEvent, Status
from ftmon.serving.job import ServedJob

_STATUSES: Mapping[Status, str] = {
    "pending": "QUEUED",
    "running": "RUNNING",
    "paused": "RUNNING",
    "succeeded": "SUCCESS",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
    "ended": "ENDED",
}


def _job_id(job: ServedJob) -> str:
    return job.name or str(job.key)


def _listed(job: ServedJob) -> Fields:
    recipe = job.recipe
    return {
        "id": _job_id(job),
        "auto_start": True,
        "hyperparameters": {"training_steps": recipe.total_steps, "learning_rate": recipe.learning_rate},
        "fine_tuned_model": job.fine_tuned_model,
        "model": recipe.model,
        "status": _STATUSES[job.status],
        "job_type": "completion",
        "created_at": seconds(job.created_at),
        "modified_at": seconds(job.updated_at),
        "training_files": [file.id for file in (recipe.training_file,) if file],
        "validation_files": [file.id for file in (recipe.validation_file,) if file],
        "object": "job",
        "integrations": [],
    }


def _job(job: ServedJob) -> Fields:
    changes = [
        event
        for before, event in pairwise([None, *job.changes])
        if event and (before is None or _STATUSES[before.status] != _STATUSES[event.status])
    ]
    return {
        **_listed(job),
        "events": [_status_event(event) for event in reversed(changes)],
        "checkpoints": [_checkpoint(event) for event in reversed(job.events_of("checkpoint"))],
    }


def _status_event(event: ServedEvent) -> Fields:
    return {
        "name": "status-updated",
        "data": {"status": _STATUSES[event.status]},
        "created_at": seconds(event.at),
    }


def _checkpoint(event: ServedEvent) -> Fields:
    names = ("train_loss", "valid_loss", "valid_mean_token_accuracy")
    return {
        "metrics": {name: event.figures.get(name) for name in names},
        "step_number": event.step,
        "created_at": seconds(event.at),
    }


def _jobs(jobs: Sequence[ServedJob], query: Query) -> Fields:
    return {"data": [_listed(job) for job in jobs], "object": "list", "total": len(jobs)}


def _error(error: RequestError) -> Fields:
    """Return a flat error body, as recorded for a 429 (PROTOCOL §8)."""
    return {
        "object": "error",
        "message": error.message,
        "type": "invalid_request_error",
        "param": error.param,
        "code": error.code,
    }


def _not_found(job_id: str) -> RequestError:
    return RequestError(404, f"No job with id {job_id}")


MISTRAL = Api(
    name="mistral",
    base="/mistral/v1",
    path="/fine_tuning/jobs",
    job_id=_job_id,
    job=_job,
    jobs=_jobs,
    error=_error,
    not_found=_not_found,
)
