"""How the run stands, or how it ended."""

from collections.abc import Iterator
from datetime import datetime

from ftmon import text
from ftmon.model.link import Link
from ftmon.model.run import Run
from ftmon.tui.excerpt import bounded, excerpt
from ftmon.tui.page.fact import Fact
from ftmon.tui.parts.status_look import STATUS_LOOKS


def status(run: Run, links: tuple[Link, ...], now: datetime) -> Iterator[Fact]:
    """Yield what can be told of the run now."""
    sign = text.STATUS_SIGNS[run.status]
    look = STATUS_LOOKS[run.status] if run.is_current else "waiting"
    yield Fact("status", f"{sign} {excerpt(run.status_phrase)}", look)
    if run.job is not None and run.job.phase:
        yield Fact("phase", excerpt(run.job.phase))
    if run.is_stalled and not run.is_job_over:
        yield Fact("stalled", "nothing new is written", "warning")
    if run.queue is not None and not run.is_job_over:
        yield Fact("queue", f"{text.plural(run.queue, 'job')} ahead" if run.queue else "next")
    if progress := " · ".join(_progress(run)):
        yield Fact("progress", progress)
    yield from _outlook(run, now)
    name, train, valid = run.curves
    if told := "   ".join(filter(None, (text.course("training", train), text.course("validation", valid)))):
        yield Fact(name, told)
    if error := run.failure or run.error:
        yield Fact("error", bounded(error), "bad" if run.failure else "")
    job = run.job
    if job is not None and job.model:
        yield Fact("base", excerpt(job.model))
    if run.fine_tuned_model:
        yield Fact("model", excerpt(run.fine_tuned_model))
    for link in links:
        yield Fact(link.name, link.url)


def _progress(run: Run) -> Iterator[str]:
    if run.progress is not None:
        yield text.percent(run.progress)
    if run.step is not None:
        yield f"step {_of(run.step, run.total_steps)}"
    if run.epoch is not None:
        yield f"{_of(run.epoch, run.total_epochs)} epochs done"


def _of(done: int, total: int | None) -> str:
    return f"{text.count(done)} of {text.count(total)}" if total else text.count(done)


def _outlook(run: Run, now: datetime) -> Iterator[Fact]:
    pace, left, silence = run.steps_per_second(now), run.remaining(now), run.silence(now)
    if pace is not None:
        yield Fact("speed", f"{text.pace(pace)}, as measured")
    if left is not None:
        source = text.source(run.key.service, is_told=run.told_remaining(now) is not None)
        yield Fact("left", f"{text.left(left).removesuffix(' left')}, {source}")
    elif silence is not None:
        yield Fact("silent", f"no progress for {text.age(silence)}, which is long for this run", "warning")
