"""What the row of the status tells."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.text import STATUS_SIGNS, count, duration, elapsed, figure, money, pace, percent, plural
from ftmon.tui.excerpt import excerpt
from ftmon.tui.parts.part import Part
from ftmon.tui.parts.status_look import STATUS_LOOKS

_NARROW = 32
"""Cells below which each of them counts."""


def status_gap(width: int) -> str:
    """Return what separates two parts in a row of a width, in cells."""
    return " " if width < _NARROW else "   "


def status_parts(
    run: Run,
    now: datetime,
    width: int,
    *,
    with_percent: bool,
    with_losses: bool = False,
    is_unrecorded: bool = False,
) -> Iterator[Part]:
    """Yield status, phase, queue, epoch, step, pace, cost and time of a run, for a width in cells.

    `with_percent` adds the percentage, for when the bar is hidden, `with_losses` the last losses, for when
    neither their line nor the chart is shown. `is_unrecorded` says that nothing is recorded. That stays on
    the screen, because a toast is gone soon.
    """
    is_brief = width < _NARROW
    losses = _losses(run, is_brief=is_brief) if with_losses else ()
    yield status_part(run)
    yield from _warnings(run, is_unrecorded, is_brief=is_brief)
    yield from _parts(run, now, with_percent, losses)


def _warnings(run: Run, is_unrecorded: bool, *, is_brief: bool) -> Iterator[Part]:
    if run.is_stalled and run.is_current and not run.is_job_over:
        yield Part("▲ stalled", "warning", 1)
    if is_unrecorded or run.unrecorded:
        words = "not recorded" if is_unrecorded else f"{count(run.unrecorded)} not recorded yet"
        yield Part("▲ no rec" if is_brief else f"▲ {words}", "warning", 1)


def _losses(run: Run, *, is_brief: bool) -> Iterator[Part]:
    """Yield the last loss of the training, and of the validation."""
    name, train, valid = run.curves
    if train.newest is not None:
        words = "" if is_brief else f"{name} "
        yield Part(f"{words}{figure(train.newest)}", "warning" if train.has_diverged else "train", 3)
    if valid.newest is not None:
        words = "" if is_brief or train.newest is not None else f"{name} "
        yield Part(f"{words}v{figure(valid.newest)}", "warning" if valid.has_diverged else "valid", 4)


def _parts(run: Run, now: datetime, with_percent: bool, losses: Iterable[Part]) -> Iterator[Part]:
    if with_percent and run.progress is not None and not run.status.is_final:
        yield Part(percent(run.progress), status_look(run, now), 2)
    yield from losses
    if run.job is not None and run.job.phase and run.is_current:
        yield Part(excerpt(run.job.phase), "muted", 4)
    if run.queue is not None and run.is_current and not run.status.is_final:
        yield Part(f"{plural(run.queue, 'job')} ahead" if run.queue else "next in the queue", "waiting", 3)
    if run.epoch is not None:
        yield Part(f"{epochs(run.epoch, run.total_epochs)} done", "", 5)
    elif run.total_epochs is not None:
        yield Part(plural(run.total_epochs, "epoch"), "muted", 8)
    if run.step is not None:
        yield Part(f"step {_of(run.step, run.total_steps)}", "muted", 7)
    if (steps := run.steps_per_second(now)) is not None:
        yield Part(pace(steps), "muted", 9)
    if run.cost is not None:
        yield Part(money(run.cost), "muted", 8)
    took, since = run.job.duration if run.job else None, run.age(now)
    if took is not None:
        yield Part(f"took {duration(took)}", "muted", 6)
    elif since is not None and not run.is_job_over:
        yield Part(f"created {elapsed(since)} ago", "muted", 6)


def status_part(run: Run) -> Part:
    """Return the sign and word of the status. A status unknown to ftmon gets the service's own word."""
    if run.job is None and run.connection.wire is Wire.REPLAYING:
        return Part("▷ replaying", "muted")
    if run.job is None:
        return Part("… status not read yet" if not run.is_over else "? status unknown", "muted")
    look = STATUS_LOOKS[run.status] if run.is_current else "waiting"
    return Part(f"{STATUS_SIGNS[run.status]} {excerpt(run.status_phrase)}", look)


def status_look(run: Run, now: datetime) -> str:
    """Return the look of the progress: calm where the run is not known to go on."""
    return STATUS_LOOKS[run.status] if run.is_current and run.silence(now) is None else "waiting"


def epochs(done: int, total: int | None) -> str:
    """Return `1 of 4 epochs`, or `1 epoch` if the total is not known."""
    return f"{count(done)} of {plural(total, 'epoch')}" if total else plural(done, "epoch")


def _of(done: int, total: int | None) -> str:
    return f"{count(done)}/{count(total)}" if total else count(done)
