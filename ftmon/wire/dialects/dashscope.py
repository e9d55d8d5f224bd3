"""Alibaba's DashScope (Model Studio): jobs inside `output`, and a log whose lines are a trainer's.

Source: its documentation (SERVICES §2.6, PROTOCOL §7). Its live stream is not used, because the log has the
same lines.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

from ftmon import json_text
from ftmon.model.event import parse_time
from ftmon.model.figures import count
from ftmon.model.job import Job, Status
from ftmon.model.trainer_lines import TrainerReader
from ftmon.wire.dialects import made, paging, reading
from ftmon.wire.dialects.dialect import Dialect, JobAnswer, JobPage, Page, Paths

_STATUSES = {
    # Model Studio's documentation
    "pending": Status.PENDING,
    "queuing": Status.PENDING,
    "suspended": Status.PAUSED,
    "running": Status.RUNNING,
    "canceling": Status.RUNNING,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "canceled": Status.CANCELLED,
}

_CHINA = timezone(timedelta(hours=8))
"""Its times have no zone; the documentation's examples are of China."""


_PAGE_SIZE = 100


def _output(body: bytes) -> dict[str, Any]:
    value = json_text.decode(body)
    output = value.get("output") if isinstance(value, dict) else None
    if not isinstance(output, dict):
        raise ValueError("no answer of DashScope")
    return output


def _read_job(body: bytes) -> JobAnswer:
    fields = _output(body)
    if "status" not in fields:
        raise ValueError("no job of DashScope")
    return JobAnswer(_make_job(fields), None, "output")


def _make_job(fields: dict[str, Any]) -> Job:
    parameters = fields.get("hyper_parameters")
    job = reading.make_job({**fields, "id": fields.get("job_id"), "hyperparameters": parameters}, _STATUSES)
    message = reading.text(fields.get("message"))
    return replace(
        job,
        fine_tuned_model=reading.text(fields.get("finetuned_output")),
        created_at=_time(fields.get("create_time")),
        finished_at=_time(fields.get("end_time")),
        error=job.error or (message if job.status is Status.FAILED else None),
        raw=reading.raw_of({"output": fields}),
    )


def _time(value: object) -> datetime | None:
    time = parse_time(value)
    has_zone = isinstance(value, str) and value.rstrip()[-6:-5] in ("+", "-")
    if time is None or not isinstance(value, str) or has_zone or value.endswith("Z"):
        return time
    return time.replace(tzinfo=_CHINA).astimezone(UTC)


def _read_page(body: bytes, cursor: str = "") -> Page:
    """Read a part of the log; a cursor is the number of lines before it."""
    output = _output(body)
    logs = output.get("logs")
    if not isinstance(logs, list):
        raise ValueError("no log")
    trainer = TrainerReader()
    events = [
        made.line(line, None) for text in logs if isinstance(text, str) for line in trainer.read(text.strip())
    ]
    total, end = count(output.get("total")) or 0, (int(cursor) if cursor else 0) + len(logs)
    return Page(
        events,
        malformed=sum(not isinstance(text, str) for text in logs),
        cursor=str(end) if logs and end < total else "",
        resume=str(end),
    )


def _read_jobs(body: bytes, parameters: str = "") -> JobPage:
    output = _output(body)
    jobs = output.get("jobs")
    if not isinstance(jobs, list):
        raise ValueError("no list of jobs")
    number = paging.page_number(parameters, "page_no", 1)
    total = count(output.get("total")) or 0
    has_more = paging.has_page_after(number, len(jobs), total, _PAGE_SIZE)
    return reading.job_page(
        map(_make_job, reading.objects(jobs)), urlencode({"page_no": number + 1}) if has_more else ""
    )


DASHSCOPE = Dialect(
    name="dashscope",
    paths=Paths(
        jobs=f"/fine-tunes?page_size={_PAGE_SIZE}",
        job="/fine-tunes/{job_id}",
        cancel="/fine-tunes/{job_id}/cancel",
        events="/fine-tunes/{job_id}/logs?offset={cursor}&line=1000",
    ),
    read_job=_read_job,
    read_jobs=_read_jobs,
    read_page=_read_page,
    frame_reader=lambda: reading.frame,
    read_event=made.read_line,
    poll=10.0,
)
