"""Together AI: OpenAI's first paths with ISO times, and the figures of the steps in a list of their own.

Its base has a prefix, because its paths are those of OpenAI's first API. Source of the fields: its client,
together 3.1.1.
"""

from collections.abc import Iterator, Mapping, Sequence

from ftmon.serving.api import MOST_INSIDE, Api, Fields, Query, file_id, iso, openai_error, openai_not_found
from ftmon.serving.event import Events, ServedEvent, Status
from ftmon.serving.job import ServedJob

_STATUSES: Mapping[Status, str] = {
    "pending": "pending",
    "running": "running",
    "paused": "running",
    "succeeded": "completed",
    "failed": "error",
    "cancelled": "cancelled",
    "ended": "ended",
}

_TYPES: Mapping[Status, str] = {
    "pending": "job_pending",
    "running": "training_start",
    "paused": "training_start",
    "succeeded": "job_complete",
    "failed": "job_error",
    "cancelled": "job_stopped",
    "ended": "ended",
}
"""The type of an event that is no epoch's end, by the status that it leaves."""


def _job_id(job: ServedJob) -> str:
    return job.name or f"ft-{job.key}"


def _listed(job: ServedJob) -> Fields:
    recipe = job.recipe
    checkpoints = len(job.events_of("checkpoint"))
    return {
        "id": _job_id(job),
        "status": _STATUSES[job.status],
        "user_id": job.key.hex[-24:],
        "created_at": iso(job.created_at),
        "started_at": iso(job.started_at),
        "updated_at": iso(job.updated_at),
        "model": recipe.model,
        "model_output_name": job.fine_tuned_model,
        "training_file": file_id(recipe.training_file),
        "validation_file": file_id(recipe.validation_file),
        "training_type": {"type": "Full"},
        "training_method": {"method": "sft", "train_on_inputs": "auto"},
        "n_epochs": recipe.n_epochs,
        "n_checkpoints": checkpoints,
        "epochs_completed": checkpoints,
        "batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "total_price": 0,
    }


def _job(job: ServedJob) -> Fields:
    return {**_listed(job), "events": [_event(event) for event in _entries(job)[-MOST_INSIDE:]]}


def _jobs(jobs: Sequence[ServedJob], query: Query) -> Fields:
    return {"data": [_listed(job) for job in jobs]}


def _entries(job: ServedJob) -> Events:
    return job.events_of("message", "checkpoint")


def _event(event: ServedEvent) -> Fields:
    is_epoch = event.kind == "checkpoint"
    return {
        "object": "fine-tune-event",
        "created_at": iso(event.at),
        "level": event.level,
        "message": event.message,
        "type": "epoch_complete" if is_epoch else _TYPES[event.status],
        "step": event.figures.get("step"),
        "hash": "",
    }


def _events(job: ServedJob, query: Query) -> Fields:
    return {"data": map(_event, _entries(job))}


def _metrics(job: ServedJob, query: Query) -> Fields:
    return {"metrics": (row for event in job.events_of("metrics") for row in _rows(event))}


def _rows(event: ServedEvent) -> Iterator[Fields]:
    """Yield the row of a training step and that of an evaluation, each where the figures have its loss."""
    figures = event.figures
    place = {
        # Whole microseconds, because a float of these nanoseconds would end in noise.
        "timestamp": round(event.at.timestamp() * 1_000_000) * 1000,
        "train/global_step": event.step,
        **({"train/epoch": figures["epoch"]} if "epoch" in figures else {}),
    }
    for name, ours in (("train/loss", "train_loss"), ("eval/loss", "valid_loss")):
        if ours in figures:
            yield {**place, name: figures[ours]}


def _checkpoints(job: ServedJob, query: Query) -> Fields:
    return {"data": (_checkpoint(event, job) for event in job.events_of("checkpoint"))}


def _checkpoint(event: ServedEvent, job: ServedJob) -> Fields:
    return {
        "step": event.step,
        "path": f"s3://ftmon/{_job_id(job)}/{event.step}",
        "created_at": iso(event.at),
        "checkpoint_type": f"Intermediate (step {event.step})",
    }


TOGETHER = Api(
    name="together",
    base="/together/v1",
    path="/fine-tunes",
    job_id=_job_id,
    job=_job,
    jobs=_jobs,
    lists={"events": _events, "metrics": _metrics, "checkpoints": _checkpoints},
    error=openai_error,
    not_found=openai_not_found,
)
