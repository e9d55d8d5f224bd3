"""Together AI: OpenAI's first paths without a stream, ISO times, and the losses in a list of their own.

Source: Together's documentation and its Python client (PROTOCOL §4, SERVICES §2.0).
"""

from dataclasses import replace
from typing import Any

from ftmon import json_text
from ftmon.model.event import Event, Level, parse_time
from ftmon.model.figures import count, number, read_figures
from ftmon.model.job import Job, Progress, Status
from ftmon.wire.dialects import made, reading
from ftmon.wire.dialects.dialect import Dialect, JobAnswer, JobPage, Page, Paths, Source

_STATUSES = {
    # together-python, `FinetuneJobStatus`
    "pending": Status.PENDING,
    "queued": Status.PENDING,
    "running": Status.RUNNING,
    "compressing": Status.RUNNING,
    "uploading": Status.RUNNING,
    "cancel_requested": Status.RUNNING,
    "cancelled": Status.CANCELLED,
    "error": Status.FAILED,
    "user_error": Status.FAILED,
    "completed": Status.SUCCEEDED,
}

_LEVELS = {
    # together-python, `FinetuneEventType`
    "job_error": Level.ERROR,
    "job_user_error": Level.ERROR,
    "warning": Level.WARNING,
}
"""The level of an event that has none, by its type in lower case."""

_MARKS = ("model_output_name", "n_checkpoints", "training_type", "epochs_completed", "total_price")
"""Fields of Together's jobs that no other service of these paths has."""


def _read_job(body: bytes) -> JobAnswer:
    fields = reading.job_fields(body)
    mark = next((name for name in _MARKS if name in fields), None)
    if mark is None:
        raise ValueError("a job of another service")
    inside = fields.get("events")
    page = _leveled(reading.entries(inside, newest_first=False)) if isinstance(inside, list) else None
    return JobAnswer(_make_job(fields), page, mark)


def _make_job(fields: dict[str, Any]) -> Job:
    job = reading.make_job(fields, _STATUSES)
    told = fields.get("progress")
    estimate = told if isinstance(told, dict) and told.get("estimate_available") is True else {}
    progress = Progress(
        step=count(fields.get("steps_completed")),
        total_steps=count(fields.get("total_steps")),
        epoch=count(fields.get("epochs_completed")),
        queue=count(fields.get("queue_depth")) if job.status is Status.PENDING else None,
        remaining=number(estimate.get("seconds_remaining")),
    )
    return replace(job, progress=progress)


def _read_jobs(body: bytes, parameters: str = "") -> JobPage:
    jobs = reading.list_of_jobs(body)
    if not jobs or any(map(set(_MARKS).isdisjoint, jobs)):
        raise ValueError("jobs of another service")
    return reading.job_page(map(_make_job, jobs))


def _read_page(body: bytes, cursor: str = "") -> Page:
    return _leveled(reading.page(body, cursor, newest_first=False))


def _leveled(page: Page) -> Page:
    return page._replace(events=list(map(_with_level, page.events)))


def _with_level(event: Event) -> Event:
    """Return an event with the level of its type, where it has none of its own, as most have not."""
    level = _LEVELS.get(event.type.lower())
    return event if level is None or event.fields.get("level") else event.at_level(level)


def _read_event(raw: str) -> Event:
    return _with_level(reading.event(raw))


def _read_metrics(body: bytes, job_id: str) -> list[Event]:
    """Read the figures of the steps; an evaluation is a row of its own with the step of a training row."""
    value = json_text.decode(body)
    rows = value.get("metrics") if isinstance(value, dict) else None
    if not isinstance(rows, list):
        raise ValueError("no list of metrics")
    return [_row(row) for row in rows if isinstance(row, dict)]


def _row(row: dict[str, Any]) -> Event:
    figures = read_figures({name: value for name, value in row.items() if name != "timestamp"})
    return made.step(figures, parse_time(row.get("timestamp")))


def _read_checkpoints(body: bytes, job_id: str) -> list[Event]:
    return [_checkpoint(item, job_id) for item in reading.list_of_objects(body)]


def _checkpoint(item: dict[str, Any], job_id: str) -> Event:
    """Make an event of a checkpoint, under the name that downloads it: `ft-1:24`, the last one `ft-1`.

    The list tells no name. Together's client makes it so (`fine_tuning list-checkpoints`).
    """
    kind = reading.text(item.get("checkpoint_type")) or ""
    step = count(item.get("step"))
    is_last = "intermediate" not in kind.lower()
    name = job_id if is_last else f"{job_id}:{step}" if step is not None else ""
    return made.checkpoint(name, read_figures({"step": step}), parse_time(item.get("created_at")), note=kind)


TOGETHER = Dialect(
    name="together",
    paths=Paths(
        jobs="/fine-tunes",
        job="/fine-tunes/{job_id}",
        cancel="/fine-tunes/{job_id}/cancel",
        events="/fine-tunes/{job_id}/events",
    ),
    read_job=_read_job,
    read_jobs=_read_jobs,
    read_page=_read_page,
    frame_reader=lambda: reading.frame,
    read_event=_read_event,
    sources=(
        Source("/fine-tunes/{job_id}/metrics", _read_metrics, every=2),
        Source("/fine-tunes/{job_id}/checkpoints", _read_checkpoints, every=5),
    ),
    poll=10.0,
)
