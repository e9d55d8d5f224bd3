"""NVIDIA NeMo Customizer: one status document that holds the whole history at each reading.

Source: its documentation and a recorded document of a job that failed at 100 % (SERVICES §2.5).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ftmon import json_text
from ftmon.model.event import Event, Level, parse_time
from ftmon.model.figures import count, number, share
from ftmon.model.job import Progress, Status
from ftmon.wire.dialects import made, paging, reading
from ftmon.wire.dialects.dialect import Dialect, JobAnswer, JobPage, Page, Paths

_STATUSES = {
    # nemo-microservices, `JobStatus`
    "created": Status.PENDING,
    "pending": Status.PENDING,
    "running": Status.RUNNING,
    "cancelling": Status.RUNNING,
    "cancelled": Status.CANCELLED,
    "failed": Status.FAILED,
    "completed": Status.SUCCEEDED,
    "ready": Status.SUCCEEDED,
}

_MARKS = frozenset({"status_logs", "percentage_done", "steps_per_epoch", "steps_completed"})
_CURVES = {"train_loss": "train_loss", "val_loss": "valid_loss"}


def _read_job(body: bytes) -> JobAnswer:
    fields = json_text.decode(body)
    if not isinstance(fields, dict) or "status" not in fields or _MARKS.isdisjoint(fields):
        raise ValueError("no status of a customization job")
    job = reading.make_job(fields, _STATUSES)
    # Its percentage is a whole number, which tells no total, and 100 of a job that failed.
    progress = Progress(
        step=count(fields.get("steps_completed")),
        epoch=count(fields.get("epochs_completed")),
        share=share(fields.get("percentage_done")),
    )
    logs = reading.objects(fields.get("status_logs"))
    error = _reason(logs) if job.status is Status.FAILED else None
    job = replace(job, progress=progress, error=error or job.error)
    events = [*_points(fields), *(_log(entry, job.status) for entry in logs)]
    return JobAnswer(job, Page(reading.by_time(events)))


def _points(fields: Mapping[str, Any]) -> Iterator[Event]:
    outer = fields.get("metrics")
    curves = outer.get("metrics") if isinstance(outer, dict) else None
    for name, own in _CURVES.items():
        for point in reading.objects(curves.get(name) if isinstance(curves, dict) else None):
            step, value = count(point.get("step")), number(point.get("value"))
            if step is not None and value is not None:
                yield made.step(
                    {"step": step, own: value}, parse_time(point.get("timestamp")), own_id=f"{name} {step}"
                )


def _log(entry: Mapping[str, Any], status: Status) -> Event:
    message = reading.text(entry.get("message")) or ""
    detail = reading.text(entry.get("detail"))
    is_error = status is Status.FAILED and "fail" in f"{message} {detail}".lower()
    return made.event(
        f"{message}: {detail}" if detail else message,
        parse_time(entry.get("updated_at")),
        level=Level.ERROR if is_error else Level.INFO,
    )


def _reason(logs: list[dict[str, Any]]) -> str | None:
    """Return the last detail of the logs, which are machine words otherwise."""
    details = [(parse_time(each.get("updated_at")), reading.text(each.get("detail"))) for each in logs]
    told = [(at, detail) for at, detail in details if detail and at]
    return max(told, key=lambda pair: pair[0])[1] if told else None


def _read_jobs(body: bytes, parameters: str = "") -> JobPage:
    jobs = [reading.make_job(fields, _STATUSES) for fields in reading.list_of_jobs(body)]
    return reading.job_page(jobs, paging.page_after(body, parameters))


NEMO_CUSTOMIZER = Dialect(
    name="nemo-customizer",
    paths=Paths(
        jobs="/v1/customization/jobs?page_size=100",
        job="/v1/customization/jobs/{job_id}/status",
        cancel="/v1/customization/jobs/{job_id}/cancel",
    ),
    read_job=_read_job,
    read_jobs=_read_jobs,
    read_page=reading.no_page,
    frame_reader=lambda: reading.frame,
    read_event=reading.event,
    id_shape="cust-[A-Za-z0-9]+",
    poll=10.0,
    is_at_root=True,
)
