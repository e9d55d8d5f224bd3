"""Hugging Face Jobs: a stream of log lines, replayed on each connection; the outcome stands in the job.

Source: huggingface_hub of 2026-08-20 and recorded streams (SERVICES §2.2).
"""

from dataclasses import replace
from typing import Any

from ftmon import json_text
from ftmon.model.event import Event, parse_time
from ftmon.model.job import Job, Status
from ftmon.model.link import links
from ftmon.model.trainer_lines import TrainerReader
from ftmon.wire.dialects import made, reading
from ftmon.wire.dialects.dialect import (
    Dialect,
    Done,
    FrameReader,
    InBandError,
    JobAnswer,
    JobPage,
    Paths,
    Whoami,
)
from ftmon.wire.sse import ServerEvent

_STATUSES = {
    # huggingface_hub, `JobStage`
    "scheduling": Status.PENDING,
    "running": Status.RUNNING,
    "updating": Status.RUNNING,
    "completed": Status.SUCCEEDED,
    "canceled": Status.CANCELLED,
    "error": Status.FAILED,
    "deleted": Status.CANCELLED,
}

_HIDDEN = ("environment", "secrets", "arguments", "command")
"""Fields that may hold what nobody wants on a screen."""


def _read_job(body: bytes) -> JobAnswer:
    fields = json_text.decode(body)
    if not isinstance(fields, dict) or not isinstance(fields.get("status"), dict):
        raise ValueError("no job")
    return JobAnswer(_make_job(fields), None)


def _make_job(fields: dict[str, Any]) -> Job:
    status = fields.get("status")
    status = status if isinstance(status, dict) else {}
    job = reading.make_job({**fields, "status": status.get("stage")}, _STATUSES)
    message = reading.text(status.get("message"))
    owner = _owner(fields)
    return replace(
        job,
        model=reading.text(fields.get("dockerImage") or fields.get("spaceId")),
        created_at=parse_time(fields.get("createdAt")),
        started_at=parse_time(fields.get("startedAt")),
        finished_at=parse_time(fields.get("finishedAt")),
        error=message if job.status is Status.FAILED else None,
        links=links(page=f"https://huggingface.co/jobs/{owner}/{job.id}" if owner else None),
        raw=reading.raw_of(fields, *_HIDDEN),
    )


def _owner(fields: dict[str, Any]) -> str | None:
    owner = fields.get("owner")
    return reading.text(owner.get("name")) if isinstance(owner, dict) else None


def _read_jobs(body: bytes, parameters: str = "") -> JobPage:
    jobs = []
    for fields in reading.list_of_jobs(body):
        job = _make_job(fields)
        owner = _owner(fields)
        jobs.append(replace(job, id=f"{owner}/{job.id}" if owner else job.id))
    return reading.job_page(jobs)


def _read_owner(body: bytes) -> str:
    fields = json_text.decode(body)
    name = fields.get("name") if isinstance(fields, dict) else None
    if not isinstance(name, str) or not reading.is_job_id(name):
        raise ValueError("no owner")
    return name


def _frame_reader() -> FrameReader:
    trainer = TrainerReader()

    def read(message: ServerEvent) -> Event | InBandError | Done | None:
        fields = json_text.decode(message.data)
        if not isinstance(fields, dict):
            raise ValueError("not an object")
        line = fields.get("data")
        if not isinstance(line, str):
            item = reading.frame(message)
            return item.by_text() if isinstance(item, Event) else item
        # A progress bar is no event.
        lines = trainer.read(line)
        return made.line(lines[-1], parse_time(fields.get("timestamp"))) if lines else None

    return read


HUGGING_FACE_JOBS = Dialect(
    name="hugging-face-jobs",
    paths=Paths(
        jobs="/api/jobs/{namespace}",
        job="/api/jobs/{namespace}/{job_id}",
        cancel="/api/jobs/{namespace}/{job_id}/cancel",
        stream="/api/jobs/{namespace}/{job_id}/logs",
    ),
    read_job=_read_job,
    read_jobs=_read_jobs,
    read_page=reading.no_page,
    frame_reader=_frame_reader,
    read_event=made.read_line,
    ends_with_eof=True,
    tells_status=False,
    id_shape="[0-9a-f]{24}",
    whoami=Whoami("/api/whoami-v2", _read_owner),
    poll=10.0,
    is_at_root=True,
)
