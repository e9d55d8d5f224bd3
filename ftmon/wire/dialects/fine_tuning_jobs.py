"""OpenAI's second fine-tuning API, `/v1/fine_tuning/jobs`: no stream, pages of events with ids, newest first.

Source: OpenAI's published specification and recorded answers (PROTOCOL §2). Azure, Nebius, Amazon Bedrock and
others serve the same routes.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from ftmon.model.event import Event, parse_time
from ftmon.model.figures import count, read_figures
from ftmon.model.job import Status
from ftmon.wire.dialects import made, reading
from ftmon.wire.dialects.dialect import DATED_BASE, Dialect, Paths, Source

_STATUSES = {
    # OpenAI's specification and recordings; `created` of August 2023, `pausing` of 2026 (PROTOCOL §2.2)
    "created": Status.PENDING,
    "validating_files": Status.PENDING,
    "queued": Status.PENDING,
    "running": Status.RUNNING,
    "pausing": Status.RUNNING,
    "paused": Status.PAUSED,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
    # Azure (PROTOCOL §3.2)
    "pending": Status.PENDING,
}


def _read_checkpoints(body: bytes, job_id: str) -> list[Event]:
    """Read the checkpoints; Nebius tells its losses in them alone (SERVICES §2.1)."""
    items = reading.list_of_objects(body)
    # OpenAI sends the newest first, Nebius the oldest, and several may share a second.
    items.sort(key=lambda item: count(item.get("step_number")) or 0)
    return reading.by_time(list(map(_checkpoint, items)))


def _checkpoint(item: dict[str, Any]) -> Event:
    metrics = item.get("metrics")
    figures = read_figures(
        {"step": item.get("step_number"), **(metrics if isinstance(metrics, dict) else {})}
    )
    name = reading.text(item.get("fine_tuned_model_checkpoint")) or ""
    own_id = item.get("id")
    return made.checkpoint(
        name, figures, parse_time(item.get("created_at")), own_id=own_id if isinstance(own_id, str) else None
    )


FINE_TUNING_JOBS = Dialect(
    name="fine-tuning-jobs",
    paths=Paths(
        jobs="/fine_tuning/jobs?limit=100",
        job="/fine_tuning/jobs/{job_id}",
        cancel="/fine_tuning/jobs/{job_id}/cancel",
        pause="/fine_tuning/jobs/{job_id}/pause",
        resume="/fine_tuning/jobs/{job_id}/resume",
        events="/fine_tuning/jobs/{job_id}/events?limit=100",
        file="/files/{job_id}/content",
    ),
    read_job=partial(reading.job, statuses=_STATUSES, newest_first=True),
    read_jobs=partial(reading.jobs, statuses=_STATUSES),
    read_page=partial(reading.page, newest_first=True),
    frame_reader=lambda: reading.frame,
    read_event=reading.event,
    sources=(Source("/fine_tuning/jobs/{job_id}/checkpoints?limit=100", _read_checkpoints, every=3),),
)

# Azure asks for a slower pace. Its events go on for minutes after “Job succeeded.”, while its status is still
# `running` (PROTOCOL §3.2).
AZURE_V1 = replace(FINE_TUNING_JOBS, name="azure-v1", base_shape=f"(?!{DATED_BASE}$).*", poll=10.0)
AZURE = FINE_TUNING_JOBS.dated("azure", "2024-10-21")
