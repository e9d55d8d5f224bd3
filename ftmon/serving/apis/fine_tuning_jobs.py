"""OpenAI's second API, `/v1/fine_tuning/jobs`: no stream, pages of events with ids, newest first."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ftmon.serving.api import (
    Api,
    Fields,
    Query,
    RequestError,
    file_id,
    openai_error,
    openai_not_found,
    seconds,
    whole_number,
)
from ftmon.serving.event import Level, ServedEvent, Status
from ftmon.serving.job import ServedJob

_T = TypeVar("_T")

_MOST = 100
"""Entries of a page."""

_STATUSES: Mapping[Status, str] = {
    "pending": "queued",
    "running": "running",
    "paused": "paused",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    "ended": "ended",
}
_LEVELS: Mapping[Level, str] = {"info": "info", "warning": "warn", "error": "error"}


def _job_id(job: ServedJob) -> str:
    return job.name or f"ftjob-{job.key.hex[:24]}"


def _job(job: ServedJob) -> Fields:
    recipe = job.recipe
    # A cancelled job has no time of its end (PROTOCOL §2.2).
    finished_at = None if job.status == "cancelled" else job.finished_at
    return {
        "object": "fine_tuning.job",
        "id": _job_id(job),
        "model": recipe.model,
        "created_at": seconds(job.created_at),
        "finished_at": seconds(finished_at) if finished_at else None,
        "fine_tuned_model": job.fine_tuned_model,
        "organization_id": f"org-{job.key.hex[-24:]}",
        "result_files": [job.result_file.id] if job.result_file else [],
        "status": _STATUSES[job.status],
        "validation_file": file_id(recipe.validation_file),
        "training_file": file_id(recipe.training_file),
        "hyperparameters": {
            "n_epochs": recipe.n_epochs,
            "batch_size": recipe.batch_size,
            "learning_rate_multiplier": recipe.learning_rate,
        },
        "trained_tokens": None,
        "error": {
            "code": "training_failed" if job.error else None,
            "message": job.error,
            "param": None,
        },
        "user_provided_suffix": None,
        "seed": 0,
        "estimated_finish": None,
        "integrations": [],
    }


def _jobs(jobs: Sequence[ServedJob], query: Query) -> Fields:
    newest_first = sorted(jobs, key=lambda job: job.created_at, reverse=True)
    by_id = {_job_id(job): job for job in newest_first}
    found, has_more = _page(newest_first, by_id.get, query, 20)
    return {"object": "list", "data": [_job(job) for job in found], "has_more": has_more}


def _events(job: ServedJob, query: Query) -> Fields:
    prefix = f"ftevent-{job.key.hex[:16]}"
    events = job.events

    def number_of(own_id: str) -> int | None:
        return whole_number(own_id.removeprefix(prefix)) if own_id.startswith(prefix) else None

    found, has_more = _page(range(len(events))[::-1], number_of, query, 20)
    data = [_event(events[number], f"{prefix}{number:08}") for number in found]
    return {"object": "list", "data": data, "has_more": has_more}


def _event(event: ServedEvent, own_id: str) -> Fields:
    is_metrics = event.kind == "metrics"
    return {
        "object": "fine_tuning.job.event",
        "id": own_id,
        "created_at": seconds(event.at),
        "level": _LEVELS[event.level],
        "message": event.message,
        "data": dict(event.figures) if is_metrics else {},
        "type": "metrics" if is_metrics else "message",
    }


def _checkpoints(job: ServedJob, query: Query) -> Fields:
    def own_id(event: ServedEvent) -> str:
        return f"ftckpt_{job.key.hex[:16]}{event.step:08}"

    newest_first = list(job.events_of("checkpoint"))[::-1]
    by_id = {own_id(event): event for event in newest_first}
    found, has_more = _page(newest_first, by_id.get, query, 10)
    return {
        "object": "list",
        "data": [_checkpoint(event, job, own_id(event)) for event in found],
        "has_more": has_more,
        "first_id": own_id(found[0]) if found else None,
        "last_id": own_id(found[-1]) if found else None,
    }


def _checkpoint(event: ServedEvent, job: ServedJob, own_id: str) -> Fields:
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": own_id,
        "created_at": seconds(event.at),
        "fine_tuned_model_checkpoint": f"ft:{job.recipe.model}:ckpt-step-{event.step}",
        "fine_tuning_job_id": _job_id(job),
        "metrics": dict(event.figures),
        "step_number": event.step,
    }


def _page(
    items: Sequence[_T], item_of: Callable[[str], _T | None], query: Query, usual: int
) -> tuple[Sequence[_T], bool]:
    """Return the items that a query asks for, `limit` of them behind the id `after`, and whether more follow.

    No answer of OpenAI to a wrong value was recorded; these are worded as its other APIs word them.
    """
    limit = whole_number(query.get("limit", str(usual)))
    if not limit:
        raise RequestError(400, "Invalid 'limit': it is not a whole number above 0.", param="limit")
    start = 0
    if after := query.get("after"):
        item = item_of(after)
        if item is None or item not in items:
            raise RequestError(400, "Invalid 'after': it is no id in this list.", param="after")
        start = items.index(item) + 1
    end = start + min(limit, _MOST)
    return items[start:end], end < len(items)


FINE_TUNING_JOBS = Api(
    name="fine-tuning-jobs",
    base="/v1",
    path="/fine_tuning/jobs",
    job_id=_job_id,
    job=_job,
    jobs=_jobs,
    lists={"events": _events, "checkpoints": _checkpoints},
    actions=("cancel", "pause", "resume"),
    error=openai_error,
    not_found=openai_not_found,
)
