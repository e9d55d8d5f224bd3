"""Unsloth Studio: a stream of the newest step each second, and all steps with the outcome in the run.

The stream resumes by the step, so that its first connection asks for the past with step 0. It ends with
`complete`, also for a run that failed; where another run takes over, it just ends. Source: Studio's backend
of 2026-08-22 (SERVICES §2.3).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from ftmon import json_text
from ftmon.model.event import Event, parse_time
from ftmon.model.figures import count, in_words, number, read_figures
from ftmon.model.job import Job, Progress, Status
from ftmon.wire.dialects import made, paging, reading
from ftmon.wire.dialects.dialect import DONE, Dialect, Done, InBandError, JobAnswer, JobPage, Page, Paths
from ftmon.wire.refusal import sentence
from ftmon.wire.sse import ServerEvent

_STATUSES = {
    # studio/backend/models/training.py, `TrainingRunSummary.status`
    "running": Status.RUNNING,
    "completed": Status.SUCCEEDED,
    "stopped": Status.CANCELLED,
    "error": Status.FAILED,
}

_HIDDEN = ("preview_sig",)
"""A token that shows the model to whoever has it."""

_LEFT_OUT = frozenset({"job_id", "progress_percent", "elapsed_seconds", "eval_loss"})
"""Of a frame: what is no figure of its step. Its `eval_loss` is that of the last evaluation."""


def _read_job(body: bytes) -> JobAnswer:
    fields = json_text.decode(body)
    run = fields.get("run") if isinstance(fields, dict) else None
    if not isinstance(run, dict) or "model_name" not in run:
        raise ValueError("no run of Unsloth Studio")
    metrics = fields.get("metrics")
    return JobAnswer(_make_job(run), Page(_points(metrics) if isinstance(metrics, dict) else []))


def _make_job(run: dict[str, Any]) -> Job:
    return replace(
        reading.make_job(run, _STATUSES),
        model=reading.text(run.get("model_name")),
        created_at=parse_time(run.get("started_at")),
        finished_at=parse_time(run.get("ended_at")),
        error=reading.text(run.get("error_message")),
        progress=Progress(step=count(run.get("final_step")), total_steps=count(run.get("total_steps"))),
        raw=reading.raw_of({"run": {name: value for name, value in run.items() if name not in _HIDDEN}}),
    )


def _points(metrics: dict[str, Any]) -> list[Event]:
    """Return all points in the order of their steps; the stream tells those again that it does not miss."""
    points = [
        *_curve(metrics, "loss_step_history", "loss_history", "train_loss"),
        *_curve(metrics, "eval_step_history", "eval_loss_history", "valid_loss"),
    ]
    points.sort(key=lambda point: point[0])
    return [
        made.step({"step": step, name: value}, None, own_id=f"{name} {step}", kind="history")
        for step, name, value in points
    ]


def _curve(metrics: dict[str, Any], steps: str, values: str, name: str) -> Iterator[tuple[int, str, float]]:
    lists = metrics.get(steps), metrics.get(values)
    for step, value in zip(*(each if isinstance(each, list) else [] for each in lists), strict=False):
        if (at := count(step)) and (found := number(value)) is not None:
            yield at, name, found


def _frame(message: ServerEvent) -> Event | InBandError | Done | None:
    if message.event not in ("progress", "complete", "error"):
        return reading.frame(message)
    if message.event == "complete":
        return DONE
    fields = json_text.decode(message.data)
    if not isinstance(fields, dict):
        raise ValueError("not an object")
    if message.event == "error":
        return InBandError(sentence(fields) or "the run has told no step for too long")
    figures = read_figures({name: value for name, value in fields.items() if name not in _LEFT_OUT})
    step = figures.get("step")
    if not step:
        return None
    # The message is that of the run's own list, which does not know the total when the first steps are told.
    told = {name: value for name, value in figures.items() if name in ("step", "train_loss")}
    return made.event(in_words(told), None, kind="metrics", data=figures, own_id=f"train_loss {step}")


def _read_jobs(body: bytes, parameters: str = "") -> JobPage:
    jobs = reading.list_of_jobs(body, "runs")
    value = json_text.decode(body)
    total = count(value.get("total")) if isinstance(value, dict) else None
    end = paging.page_number(parameters, "offset", 0) + len(jobs)
    has_more = jobs and end < (total or 0)
    return reading.job_page(map(_make_job, jobs), urlencode({"offset": end}) if has_more else "")


UNSLOTH_STUDIO = Dialect(
    name="unsloth-studio",
    paths=Paths(
        jobs="/api/train/runs?limit=200",
        job="/api/train/runs/{job_id}",
        cancel="/api/train/stop",
        stream="/api/train/progress?expected_job_id={job_id}",
    ),
    read_job=_read_job,
    read_jobs=_read_jobs,
    read_page=reading.no_page,
    frame_reader=lambda: _frame,
    read_event=reading.event,
    replays=False,
    # It saves what was trained so far, as the button of the Studio does.
    action_body='{"save": true, "expected_job_id": "{job_id}"}',
    past_id="0",
    tells_status=False,
    id_shape=r"job_\w+",
    is_at_root=True,
)
