"""Hugging Face Jobs: the messages as lines of a log that is streamed; the outcome stands in the job.

Source: a recorded log, the documented job and huggingface_hub 2.4.0 (SERVICES §2.2).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ftmon.serving.api import Api, Fields, Query, RequestError, Stream, iso, whole_number
from ftmon.serving.event import ServedEvent, Status
from ftmon.serving.job import ServedJob

_OWNER = {"id": "0" * 24, "name": "ftmon", "type": "user"}
"""Every job of this service belongs to one user, whatever the key."""

_STAGES: Mapping[Status, str] = {
    "pending": "SCHEDULING",
    "running": "RUNNING",
    "paused": "RUNNING",
    "succeeded": "COMPLETED",
    "failed": "ERROR",
    "cancelled": "CANCELED",
    "ended": "ENDED",
}


def _job_id(job: ServedJob) -> str:
    # Also for a job with a name: all ids of this API are hexadecimal.
    return job.key.hex[:24]


def _job(job: ServedJob) -> Fields:
    return {
        "id": _job_id(job),
        "createdAt": iso(job.created_at),
        "startedAt": iso(job.started_at),
        "finishedAt": iso(job.finished_at),
        "dockerImage": job.recipe.model,
        "command": [],
        "arguments": [],
        "environment": {},
        "secrets": {},
        "flavor": "cpu-basic",
        "labels": None,
        "status": {"stage": _STAGES[job.status], "message": job.error},
        "owner": _OWNER,
        "initiator": _OWNER,
    }


def _jobs(jobs: Sequence[ServedJob], query: Query) -> list[Any]:
    return [_job(job) for job in jobs]


def _line(event: ServedEvent) -> Fields:
    return {"data": event.message, "timestamp": iso(event.at)}


def _banner(job: ServedJob) -> list[Fields]:
    """Return the first line of every log, which a `tail` has too."""
    at = f"{job.created_at:%Y-%m-%d %H:%M:%S}"
    return [{"data": f"===== Job started at {at} =====", "timestamp": iso(job.created_at)}]


def _start(job: ServedJob, query: Query) -> int:
    tail = whole_number(query.get("tail", ""))
    return 0 if tail is None else max(0, len(job.events) - tail)


def _error(error: RequestError) -> Fields:
    return {"error": error.message}


def _not_found(job_id: str) -> RequestError:
    return RequestError(404, "Job not found")


HUGGING_FACE_JOBS = Api(
    name="hugging-face",
    base="",
    path=f"/api/jobs/{_OWNER['name']}",
    job_id=_job_id,
    job=_job,
    jobs=_jobs,
    stream=Stream("logs", _line, start=_start, head=_banner),
    documents={"/api/whoami-v2": {**_OWNER, "fullname": "ftmon", "orgs": []}},
    error=_error,
    not_found=_not_found,
)
