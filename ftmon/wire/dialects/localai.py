"""LocalAI: a stream of progress without replay and without `[DONE]`; the outcome stands in the job.

The status of a job moves only while somebody reads its stream. Source: LocalAI's server of 2026-08-22
(SERVICES §2.4).
"""

from dataclasses import replace
from typing import Any

from ftmon import json_text
from ftmon.model.event import Event
from ftmon.model.figures import Figures, in_words, number, read_figures
from ftmon.model.job import Job, Status
from ftmon.wire.dialects import made, reading
from ftmon.wire.dialects.dialect import Dialect, Done, InBandError, JobAnswer, JobPage, Paths
from ftmon.wire.refusal import sentence
from ftmon.wire.sse import ServerEvent

_STATUSES = {
    # core/schema/finetune.go, `FineTuneJob.Status`
    "queued": Status.PENDING,
    "loading_model": Status.RUNNING,
    "loading_dataset": Status.RUNNING,
    "training": Status.RUNNING,
    "saving": Status.RUNNING,
    "completed": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "stopped": Status.CANCELLED,
}

_MARKS = frozenset({"backend", "training_method", "output_dir"})
_TRIVIAL = frozenset({"progress_percent"})


def _read_job(body: bytes) -> JobAnswer:
    fields = reading.job_fields(body)
    if _MARKS.isdisjoint(fields):
        raise ValueError("a job of another service")
    return JobAnswer(_make_job(fields), None)


def _make_job(fields: dict[str, Any]) -> Job:
    job = reading.make_job(fields, _STATUSES)
    message = reading.text(fields.get("message"))
    return replace(job, error=message if job.status is Status.FAILED else None)


def _read_jobs(body: bytes, parameters: str = "") -> JobPage:
    return reading.job_page(map(_make_job, reading.list_of_jobs(body)))


def _frame(message: ServerEvent) -> Event | InBandError | Done | None:
    fields = json_text.decode(message.data)
    if not isinstance(fields, dict):
        raise ValueError("not an object")
    if fields.get("status") == "error":
        return InBandError(sentence(fields) or reading.UNDESCRIBED)
    if "current_step" not in fields:
        return reading.frame(message)
    figures = _figures(fields)
    word = reading.text(fields.get("status")) or ""
    told = reading.text(fields.get("message"))
    is_step = bool(figures.get("step"))
    text = told or (in_words(figures) if is_step else f"Status: {word}")
    # The same state is sent again and again.
    own_id = f"{word} {fields.get('current_step')} {told or ''}"
    return made.event(text, None, kind="metrics" if is_step else "status", data=figures, own_id=own_id)


def _figures(fields: dict[str, Any]) -> Figures:
    """Return the figures of a frame. A Go server sends 0 for what is not there."""
    more = fields.get("extra_metrics")
    values = {name: value for name, value in fields.items() if name not in _TRIVIAL and number(value) != 0}
    return read_figures({**values, **(more if isinstance(more, dict) else {})})


LOCALAI = Dialect(
    name="localai",
    paths=Paths(
        jobs="/api/fine-tuning/jobs",
        job="/api/fine-tuning/jobs/{job_id}",
        cancel="/api/fine-tuning/jobs/{job_id}/stop?save_checkpoint=true",
        stream="/api/fine-tuning/jobs/{job_id}/progress",
    ),
    read_job=_read_job,
    read_jobs=_read_jobs,
    read_page=reading.no_page,
    frame_reader=lambda: _frame,
    read_event=reading.event,
    replays=False,
    ends_with_eof=True,
    tells_status=False,
    is_at_root=True,
)
