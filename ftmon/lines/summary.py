"""The summary of a run, printed after its last event and left behind when the screen closes."""

from collections.abc import Iterator
from datetime import datetime

from ftmon import text
from ftmon.model.job import Job, status_phrase
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.safe import one_line

_MOMENT = 60.0
"""Seconds for which a job stands as it was read, where the reading went well and is over."""


def summary(run: Run, now: datetime) -> list[str]:
    """Return the lines of the summary; none if the job was never read.

    A replay that was left before its end is summed up as the run is recorded.
    """
    job = run.last_job
    if job is None:
        return []
    when = "" if _stands_so(run, job, now) else " when last seen"
    phrase = one_line(status_phrase(job, when + run.asked))
    lines = [f"{text.STATUS_SIGNS[job.status]} {job.id} {phrase}"]
    lines += [f"  {name:<7} {one_line(value)}" for name, value in _details(run) if value]
    return lines


def _stands_so(run: Run, job: Job, now: datetime) -> bool:
    """Whether the last reading of the job is true now."""
    if job is not run.job:
        return job.is_over
    if run.connection.wire is not Wire.CLOSED or run.read_at is None:
        return run.is_current
    return job.is_over or (now - run.read_at).total_seconds() < _MOMENT


def _details(run: Run) -> Iterator[tuple[str, str]]:
    job, recorded = run.last_job, run.connection.recorded
    assert job is not None, "a summary needs a job"
    is_part = recorded is not None and recorded.events > run.events
    yield "error", (job.error if is_part else run.failure) or ""
    if model := job.fine_tuned_model or run.fine_tuned_model:
        yield "model", model
    else:
        yield "base", job.model or ""
    if not is_part:
        # What the events told before a replay was left is not what they tell in all.
        yield "result", run.result_file or ""
        name, train, valid = run.curves
        yield name, "   ".join(filter(None, (text.course("train", train), text.course("valid", valid))))
        yield "cost", "" if run.cost is None else text.money(run.cost)
    if job.duration is not None:
        yield "took", f"{text.duration(job.duration)} from its creation to its end"
    events = text.count(run.events)
    yield (
        "events",
        f"{text.count(recorded.events)} recorded, {events} of them shown" if recorded and is_part else events,
    )
