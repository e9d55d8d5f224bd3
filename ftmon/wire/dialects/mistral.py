"""Mistral: no list of events; changes of status and checkpoints stand inside the job.

Source: Mistral's client 1.12.4 and a recorded job (PROTOCOL §5).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from ftmon import json_text
from ftmon.model.event import Event, parse_time
from ftmon.model.figures import count, read_figures
from ftmon.model.job import Job, Progress, Status
from ftmon.wire.dialects import made, paging, reading
from ftmon.wire.dialects.dialect import Dialect, JobAnswer, JobPage, Page, Paths
from ftmon.wire.dialects.statuses import read_status

_STATUSES = {
    # mistralai 1.12.4, `JobStatus`
    "queued": Status.PENDING,
    "started": Status.RUNNING,
    "validating": Status.PENDING,
    "validated": Status.PENDING,
    "running": Status.RUNNING,
    "failed_validation": Status.FAILED,
    "failed": Status.FAILED,
    "success": Status.SUCCEEDED,
    "cancelled": Status.CANCELLED,
    "cancellation_requested": Status.RUNNING,
}


_PAGE_SIZE = 100


def _read_job(body: bytes) -> JobAnswer:
    fields = reading.job_fields(body)
    if fields.get("object") != "job":
        raise ValueError("a job of another service")
    job = _make_job(fields)
    events = [_status_event(item) for item in reading.objects(fields.get("events"))]
    events += [_checkpoint(item, job) for item in reading.objects(fields.get("checkpoints"))]
    # Both lists come newest first.
    return JobAnswer(job, Page(reading.by_time(events[::-1])), "the object job")


def _make_job(fields: dict[str, Any]) -> Job:
    job = reading.make_job(fields, _STATUSES)
    modified_at = parse_time(fields.get("modified_at"))
    hyperparameters = fields.get("hyperparameters")
    total = hyperparameters.get("training_steps") if isinstance(hyperparameters, dict) else None
    return replace(
        job,
        updated_at=modified_at,
        finished_at=modified_at if job.status.is_final else None,
        progress=Progress(total_steps=count(total)),
    )


def _status_event(item: Mapping[str, Any]) -> Event:
    data = item.get("data")
    word = reading.text(data.get("status")) if isinstance(data, dict) else None
    at = parse_time(item.get("created_at"))
    if word is None:
        return made.event(reading.text(item.get("name")) or "", at)
    return made.status(read_status(word, _STATUSES), word, at)


def _checkpoint(item: Mapping[str, Any], job: Job) -> Event:
    metrics = item.get("metrics")
    told = metrics if isinstance(metrics, dict) else {}
    figures = read_figures({"step": item.get("step_number"), **told})
    if job.progress.total_steps:
        figures.setdefault("total_steps", job.progress.total_steps)
    return made.checkpoint("", figures, parse_time(item.get("created_at")))


def _read_jobs(body: bytes, parameters: str = "") -> JobPage:
    jobs = reading.list_of_jobs(body)
    if not (jobs or parameters) or any(fields.get("object") != "job" for fields in jobs):
        raise ValueError("jobs of another service")
    number = paging.page_number(parameters, "page", 0)
    total = json_text.decode(body).get("total")
    has_more = paging.has_page_after(number + 1, len(jobs), count(total) or 0, _PAGE_SIZE)
    return reading.job_page(map(_make_job, jobs), urlencode({"page": number + 1}) if has_more else "")


MISTRAL = Dialect(
    name="mistral",
    paths=Paths(
        jobs=f"/fine_tuning/jobs?page_size={_PAGE_SIZE}",
        job="/fine_tuning/jobs/{job_id}",
        cancel="/fine_tuning/jobs/{job_id}/cancel",
    ),
    read_job=_read_job,
    read_jobs=_read_jobs,
    read_page=reading.no_page,
    frame_reader=lambda: reading.frame,
    read_event=reading.event,
    poll=10.0,
)
