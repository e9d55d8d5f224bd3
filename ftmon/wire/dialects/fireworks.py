"""Fireworks: no events; a job's state alone, and figures in files behind signed URLs, which are not read.

Source: Fireworks' Python client of 2026-07-21 (PROTOCOL §6, SERVICES §2.7).
"""

from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from ftmon import json_text
from ftmon.model.event import parse_time
from ftmon.model.figures import count, share
from ftmon.model.job import NO_PROGRESS, Job, Progress, Status
from ftmon.model.link import links
from ftmon.wire.dialects import reading
from ftmon.wire.dialects.dialect import Dialect, JobAnswer, JobPage, Paths

_STATUSES = {
    # fireworks-ai, `JobState`; what ends a run is in `statuses`, without the prefix
    "job_state_unspecified": Status.UNKNOWN,
    "job_state_creating": Status.PENDING,
    "job_state_creating_input_dataset": Status.PENDING,
    "job_state_validating": Status.PENDING,
    "job_state_pending": Status.PENDING,
    "job_state_re_queueing": Status.PENDING,
    "job_state_running": Status.RUNNING,
    "job_state_idle": Status.RUNNING,
    "job_state_writing_results": Status.RUNNING,
    "job_state_cancelling": Status.RUNNING,
    "job_state_paused": Status.PAUSED,
    "job_state_deleting": Status.CANCELLED,
    "job_state_deleting_cleaning_up": Status.CANCELLED,
}

_SIGNED = ("metricsFileSignedUrl", "trainerLogsSignedUrl")
"""URLs that give access to whoever has them."""


def _read_job(body: bytes) -> JobAnswer:
    fields = json_text.decode(body)
    if not isinstance(fields, dict) or "state" not in fields:
        raise ValueError("no job of Fireworks")
    return JobAnswer(_make_job(fields), None)


def _make_job(fields: dict[str, Any]) -> Job:
    name = reading.text(fields.get("name")) or ""
    account, _, job_id = name.removeprefix("accounts/").partition("/")
    job = reading.make_job({**fields, "id": name, "status": fields.get("state")}, _STATUSES)
    status, wandb = fields.get("status"), fields.get("wandbConfig")
    wandb = wandb if isinstance(wandb, dict) else {}
    message = reading.text(status.get("message")) if isinstance(status, dict) else None
    return replace(
        job,
        id=f"{account}/{job_id.rpartition('/')[2]}" if job_id else name,
        model=reading.text(fields.get("baseModel")),
        # The name is chosen when the job is made, before there is a model.
        fine_tuned_model=reading.text(fields.get("outputModel")) if job.status is Status.SUCCEEDED else None,
        created_at=parse_time(fields.get("createTime")),
        updated_at=parse_time(fields.get("updateTime")),
        finished_at=parse_time(fields.get("completedTime")),
        progress=_progress(fields.get("jobProgress")),
        error=message if job.status is Status.FAILED else None,
        links=links(wandb=wandb.get("url")),
        # `wandbConfig` holds a key.
        raw=reading.raw_of({**fields, "wandbConfig": {"url": wandb.get("url")}}, *_SIGNED),
    )


def _progress(told: object) -> Progress:
    if not isinstance(told, dict):
        return NO_PROGRESS
    return Progress(epoch=count(told.get("epoch")), share=share(told.get("percent")))


def _read_jobs(body: bytes, parameters: str = "", *, kind: str) -> JobPage:
    jobs = map(_make_job, reading.list_of_jobs(body, kind))
    value = json_text.decode(body)
    token = reading.text(value.get("nextPageToken")) if isinstance(value, dict) else None
    return reading.job_page(jobs, urlencode({"pageToken": token}) if token else "")


def _jobs_of(kind: str, name: str) -> Dialect:
    """Return the API of one kind of jobs, which all look alike and stand at routes of their own."""
    route = f"/accounts/{{namespace}}/{kind}"
    return Dialect(
        name=name,
        paths=Paths(
            jobs=f"{route}?pageSize=200",
            job=f"{route}/{{job_id}}",
            cancel=f"{route}/{{job_id}}:cancel",
            resume=f"{route}/{{job_id}}:resume",
        ),
        read_job=_read_job,
        read_jobs=partial(_read_jobs, kind=kind),
        read_page=reading.no_page,
        frame_reader=lambda: reading.frame,
        read_event=reading.event,
        id_shape="[a-z0-9][a-z0-9-]{5,62}",
        poll=10.0,
    )


FIREWORKS = _jobs_of("supervisedFineTuningJobs", "fireworks")
FIREWORKS_REINFORCEMENT = _jobs_of("reinforcementFineTuningJobs", "fireworks-reinforcement")
FIREWORKS_DPO = _jobs_of("dpoJobs", "fireworks-dpo")
