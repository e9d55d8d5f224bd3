"""Replicate's trainings: no events; the whole log so far stands in the job as one text.

Source: Replicate's Python client and its recorded answers (SERVICES §2.9).
"""

from dataclasses import replace
from typing import Any

from ftmon import json_text
from ftmon.model.event import parse_time
from ftmon.model.job import Job, Status
from ftmon.model.link import links
from ftmon.model.trainer_lines import TrainerReader
from ftmon.wire.dialects import made, paging, reading
from ftmon.wire.dialects.dialect import Dialect, JobAnswer, JobPage, Page, Paths

_STATUSES = {
    # replicate-python, `Training.status`; `aborted` of newer documentation
    "starting": Status.PENDING,
    "processing": Status.RUNNING,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "canceled": Status.CANCELLED,
    "aborted": Status.CANCELLED,
}


def _read_job(body: bytes) -> JobAnswer:
    fields = reading.job_fields(body)
    if "logs" not in fields and "urls" not in fields:
        raise ValueError("no training")
    job = _make_job(fields)
    logs = fields.get("logs")
    lines = logs.split("\n") if isinstance(logs, str) else []
    if not job.status.is_final:
        # The last line may still grow.
        lines = lines[:-1]
    trainer = TrainerReader()
    return JobAnswer(job, Page([made.line(found, None) for line in lines for found in trainer.read(line)]))


def _make_job(fields: dict[str, Any]) -> Job:
    job = reading.make_job(fields, _STATUSES)
    output, urls = fields.get("output"), fields.get("urls")
    version = output.get("version") if isinstance(output, dict) else None
    return replace(
        job,
        fine_tuned_model=reading.text(version),
        finished_at=parse_time(fields.get("completed_at")),
        links=links(page=urls.get("web") if isinstance(urls, dict) else None),
        raw=reading.raw_of(fields, "logs", "input"),
    )


def _read_jobs(body: bytes, parameters: str = "") -> JobPage:
    jobs = map(_make_job, reading.list_of_jobs(body, "results"))
    value = json_text.decode(body)
    return reading.job_page(jobs, paging.query_of(value.get("next") if isinstance(value, dict) else None))


REPLICATE = Dialect(
    name="replicate",
    paths=Paths(
        jobs="/trainings",
        job="/trainings/{job_id}",
        cancel="/trainings/{job_id}/cancel",
    ),
    read_job=_read_job,
    read_jobs=_read_jobs,
    read_page=reading.no_page,
    frame_reader=lambda: reading.frame,
    read_event=made.read_line,
    id_shape="[0-9a-z]+",
)
