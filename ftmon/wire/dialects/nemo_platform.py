"""NVIDIA NeMo Platform: one status document of steps and tasks, with the newest figures of each.

What comes between two readings is lost, because the document has no history. Source: its documentation of
2026 and the routes of its client, `nemo_platform_plugin/jobs/endpoints.py` (SERVICES §2.5); its further
`metrics` are not read, because no answer with them was found.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ftmon import json_text
from ftmon.model.event import Event, Level
from ftmon.model.figures import Figures, count, read_figures, share
from ftmon.model.job import Job, Progress, Status
from ftmon.wire.dialects import made, paging, reading
from ftmon.wire.dialects.dialect import Dialect, JobAnswer, JobPage, Page, Paths
from ftmon.wire.dialects.statuses import read_status

_STATUSES: Mapping[str, Status] = {
    # nemo_platform_plugin, `PlatformJobStatus`
    "created": Status.PENDING,
    "pending": Status.PENDING,
    "active": Status.RUNNING,
    "cancelling": Status.RUNNING,
    "pausing": Status.RUNNING,
    "paused": Status.PAUSED,
    "resuming": Status.RUNNING,
    "completed": Status.SUCCEEDED,
    "cancelled": Status.CANCELLED,
    "error": Status.FAILED,
}

_JOB = "/apis/jobs/v2/workspaces/{namespace}/jobs/{job_id}"

_FIGURES = frozenset(
    {"step", "max_steps", "epoch", "num_epochs", "train_loss", "val_loss", "lr", "grad_norm"}
)


def _read_job(body: bytes) -> JobAnswer:
    fields = json_text.decode(body)
    if not isinstance(fields, dict) or "status" not in fields or not isinstance(fields.get("steps"), list):
        raise ValueError("no status of NeMo Platform")
    job = _make_job(fields)
    steps = reading.objects(fields["steps"])
    figures = next((found for step in steps if (found := _figures(step))), {})
    progress = Progress(
        step=count(figures.get("step")),
        total_steps=count(figures.get("total_steps")),
        share=share(fields.get("percentage_done")),
    )
    error = next(filter(None, map(_reason, steps)), None) if job.status is Status.FAILED else None
    job = replace(job, progress=progress, error=job.error or error)
    return JobAnswer(job, Page([event for step in steps for event in _events(step)]))


def _make_job(fields: Mapping[str, Any]) -> Job:
    """Make a job. What it is asked for by is its name below its workspace, and not its `id`."""
    workspace, name = reading.text(fields.get("workspace")), reading.text(fields.get("name"))
    own_id = f"{workspace}/{name}" if workspace and name else name
    return reading.make_job({**fields, "id": own_id}, _STATUSES)


def _details(step: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for task in reading.objects(step.get("tasks")):
        details = task.get("status_details")
        if isinstance(details, dict):
            yield details


def _figures(step: Mapping[str, Any]) -> Figures:
    """Return the newest figures of a step of the job that trains; none of any other."""
    for details in _details(step):
        if "step" in details:
            return read_figures({name: value for name, value in details.items() if name in _FIGURES})
    return {}


def _reason(step: Mapping[str, Any]) -> str | None:
    if read_status(reading.text(step.get("status")), _STATUSES) is not Status.FAILED:
        return None
    return next(filter(None, (reading.text(details.get("message")) for details in _details(step))), None)


def _events(step: Mapping[str, Any]) -> Iterator[Event]:
    name, word = reading.text(step.get("name")) or "", reading.text(step.get("status")) or ""
    status = read_status(word, _STATUSES)
    if not name or status is Status.PENDING:
        return
    # A step that is over has begun, even where no reading saw it.
    yield made.event(f"{name}: active", None, kind="status", own_id=f"{name} active")
    if figures := _figures(step):
        yield made.step(figures, None, own_id=f"{name} {figures.get('step')}")
    if status.is_final:
        reason = _reason(step)
        message, level = f"{name}: {word}", Level.ERROR if status is Status.FAILED else Level.INFO
        message += f": {reason}" if reason else ""
        yield made.event(message, None, level=level, kind="status", own_id=f"{name} {word}")


def _read_jobs(body: bytes, parameters: str = "") -> JobPage:
    jobs = map(_make_job, reading.list_of_jobs(body))
    return reading.job_page(jobs, paging.page_after(body, parameters))


NEMO_PLATFORM = Dialect(
    name="nemo-platform",
    paths=Paths(
        jobs="/apis/jobs/v2/workspaces/{namespace}/jobs?page_size=100&sort=-created_at",
        job=f"{_JOB}/status",
        cancel=f"{_JOB}/cancel",
        pause=f"{_JOB}/pause",
        resume=f"{_JOB}/resume",
    ),
    read_job=_read_job,
    read_jobs=_read_jobs,
    read_page=reading.no_page,
    frame_reader=lambda: reading.frame,
    read_event=reading.event,
    is_at_root=True,
    poll=10.0,
)
