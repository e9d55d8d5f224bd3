"""OpenAI's first API, `/v1/fine-tunes`, as recorded before it was shut down: events as list and as stream."""

from collections.abc import Mapping, Sequence

from ftmon.serving.api import MOST_INSIDE, Api, Fields, Query, Stream, openai_error, openai_not_found, seconds
from ftmon.serving.event import ServedEvent, Status
from ftmon.serving.job import File, ServedJob

_STATUSES: Mapping[Status, str] = {
    "pending": "pending",
    "running": "running",
    # This API cannot pause a job.
    "paused": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    # ftmon's own word.
    "ended": "ended",
}


def job_id(job: ServedJob) -> str:
    """Return `ft-` and 24 letters and digits."""
    return job.name or f"ft-{job.key.hex[:24]}"


def _file(file: File) -> Fields:
    return {
        "object": "file",
        "id": file.id,
        "purpose": file.purpose,
        "filename": file.filename,
        "bytes": file.size,
        "created_at": seconds(file.created_at),
        "status": "processed",
        "status_details": None,
    }


def _files(file: File | None) -> list[Fields]:
    return [_file(file)] if file else []


def _listed(job: ServedJob) -> Fields:
    recipe = job.recipe
    return {
        "object": "fine-tune",
        "id": job_id(job),
        "hyperparams": {
            "n_epochs": recipe.n_epochs,
            "batch_size": recipe.batch_size,
            # A weight of the service's own. A client looks for it, and no training here has one.
            "prompt_loss_weight": None,
            "learning_rate_multiplier": recipe.learning_rate,
        },
        "organization_id": f"org-{job.key.hex[-24:]}",
        "model": recipe.model,
        "training_files": _files(recipe.training_file),
        "validation_files": _files(recipe.validation_file),
        "result_files": _files(job.result_file),
        "created_at": seconds(job.created_at),
        "updated_at": seconds(job.updated_at),
        "status": _STATUSES[job.status],
        "fine_tuned_model": job.fine_tuned_model,
    }


def _job(job: ServedJob) -> Fields:
    # The real service sent all. Of a million events, nobody reads them here.
    return {**_listed(job), "events": [_event(event) for event in job.events[-MOST_INSIDE:]]}


def _jobs(jobs: Sequence[ServedJob], query: Query) -> Fields:
    return {"object": "list", "data": [_listed(job) for job in jobs]}


def _event(event: ServedEvent) -> Fields:
    told: Fields = {
        "object": "fine-tune-event",
        # The real service sent "info" with every event, failures too.
        "level": event.level if event.id else "info",
        "message": event.message,
        "created_at": seconds(event.at),
    }
    if event.id:
        told["id"] = event.id
        if event.kind != "message":
            told |= {"type": event.kind, "data": dict(event.figures)}
    if event.is_estimated:
        # As `model.event.ESTIMATED` is read.
        told["time"] = "estimated"
    return told


def _events(job: ServedJob, query: Query) -> Fields:
    return {"object": "list", "data": map(_event, job.events)}


FINE_TUNES = Api(
    name="fine-tunes",
    base="/v1",
    path="/fine-tunes",
    job_id=job_id,
    job=_job,
    jobs=_jobs,
    lists={"events": _events},
    stream=Stream(
        "events",
        _event,
        is_asked=lambda query: query.get("stream", "").lower() == "true",
        end="data: [DONE]\n\n",
    ),
    error=openai_error,
    not_found=openai_not_found,
)
