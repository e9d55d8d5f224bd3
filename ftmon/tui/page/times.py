"""When each phase of the run began, and how long it took."""

from collections.abc import Iterator
from datetime import datetime

from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.text import ESTIMATED, clock, count, duration, elapsed
from ftmon.tui.page.fact import Fact, since, when

_MOST_EPOCHS = 24


def times(run: Run, now: datetime) -> Iterator[Fact]:
    """Yield the times of the run. `now` is by the service's clock, as they are."""
    job, reached = run.job, run.milestones
    created_at = job.created_at if job else None
    # An event tells the start of the training; some services tell only that of the job.
    started_at = reached.started_at or (job.started_at if job else None)
    if created_at is not None:
        yield Fact("created", when(created_at, now, None))
    if created_at is not None and started_at is not None and _seconds(created_at, started_at) >= 1:
        yield Fact("waited", f"{_between(created_at, started_at)} until it started")
    elif created_at is not None and started_at is None and run.status is Status.PENDING and run.is_current:
        yield Fact("waits", f"for {elapsed(_seconds(created_at, now))} so far")
    if started_at is not None:
        yield Fact("started", _told(run, when(started_at, now, created_at)))
    first = reached.first_step_at
    if first is not None:
        delay = _seconds(started_at or first, first)
        after = f"{duration(delay)} after the start" if delay >= 1 else ""
        yield Fact("first step", _told(run, when(first, now, created_at, after)))
    yield from _epochs(run, first or started_at, now, created_at)
    if job is not None and job.is_over:
        yield from _end(run, now, created_at)
    elif run.last_event_at is not None:
        yield Fact("last event", _told(run, when(run.last_event_at, now, created_at)))
    age = run.age(now)
    if job is not None and job.duration is not None:
        yield Fact("total", f"{duration(job.duration)} from its creation to its end")
    elif age is not None and job is not None and not job.is_over and run.is_current:
        yield Fact("total", f"{elapsed(age)} so far")


def _epochs(run: Run, begun_at: datetime | None, now: datetime, day: datetime | None) -> Iterator[Fact]:
    ends = list(run.milestones.epochs.items())
    left_out = max(0, len(ends) - _MOST_EPOCHS)
    last, begun = ends[left_out - 1] if left_out else (0, begun_at)
    if left_out:
        yield Fact("epochs", f"{count(left_out)} earlier ones are not shown")
    for epoch, ended in ends[left_out:]:
        # Events may tell of some epochs only.
        is_whole = epoch == last + 1
        took = f"took {_between(begun, ended)}" if is_whole and begun and ended > begun else ""
        yield Fact(f"epoch {count(epoch)}", _told(run, when(ended, now, day, took)))
        last, begun = epoch, ended


def _end(run: Run, now: datetime, day: datetime | None) -> Iterator[Fact]:
    told = run.job.finished_at if run.job else None
    at = told or run.milestones.ended_at
    if at is not None:
        yield Fact("ended", when(at, now, day))
    elif run.last_event_at is not None:
        yield Fact(
            "ended",
            f"not told; the last event is of {clock(run.last_event_at)}, {since(run.last_event_at, now)}",
        )


def _told(run: Run, words: str) -> str:
    """Return a time of an event, marked where such times are about when ftmon read them."""
    return f"{ESTIMATED}{words}" if run.has_estimated_times else words


def _seconds(earlier: datetime, later: datetime) -> float:
    return max(0.0, (later - earlier).total_seconds())


def _between(earlier: datetime, later: datetime) -> str:
    return duration(_seconds(earlier, later))
