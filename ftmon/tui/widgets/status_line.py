"""The status of the job in one row."""

from collections.abc import Iterator
from datetime import datetime

from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.text import STATUS_SIGNS, count, duration, elapsed, money, percent, plural
from ftmon.tui.excerpt import excerpt
from ftmon.tui.look import STATUS_LOOKS
from ftmon.tui.widgets.line import Line, Part


class StatusLine(Line):
    """Status, queue, epoch, step, cost and time of a run."""

    def draw(
        self, run: Run | None, now: datetime, *, with_percent: bool, is_unrecorded: bool = False
    ) -> None:
        """Show the status of this run. `with_percent` adds the percentage, for when the bar is hidden.

        `is_unrecorded` says that nothing is recorded. That stays on the screen, because a toast is gone soon.
        """
        self.show(_parts(run, now, with_percent, is_unrecorded) if run else ())


def _parts(run: Run, now: datetime, with_percent: bool, is_unrecorded: bool) -> Iterator[Part]:
    yield status_part(run)
    if is_unrecorded:
        yield Part("▲ not recorded", "warning", 1)
    elif run.unrecorded:
        yield Part(f"▲ {count(run.unrecorded)} not recorded yet", "warning", 1)
    if with_percent and run.progress is not None and not run.status.is_final:
        yield Part(percent(run.progress), "alive", 1)
    if run.queue is not None and not run.status.is_final:
        yield Part(f"{plural(run.queue, 'job')} ahead" if run.queue else "next in the queue", "waiting", 2)
    if run.epoch is not None:
        yield Part(f"epoch {_of(run.epoch, run.total_epochs)}", "", 2)
    elif run.total_epochs is not None:
        yield Part(f"{count(run.total_epochs)} epochs", "muted", 5)
    if run.step is not None:
        yield Part(f"step {_of(run.step, run.total_steps)}", "muted", 4)
    if run.cost is not None:
        yield Part(money(run.cost), "muted", 5)
    seconds = run.elapsed(now)
    if seconds is not None:
        has_ended = run.is_over or run.status.is_final
        time = duration(seconds) if has_ended else elapsed(seconds)
        yield Part(f"for {time}" if run.status is Status.PENDING else time, "muted", 3)


def status_part(run: Run) -> Part:
    """Return the sign and word of the status. A status unknown to ftmon gets the service's own word."""
    if run.job is None and run.connection.wire is Wire.REPLAYING:
        return Part("▷ replaying", "muted")
    if run.job is None:
        return Part("… status not read yet" if not run.is_over else "? status unknown", "muted")
    word = excerpt(run.status_word)
    if run.is_over and not run.status.is_final:
        return Part(f"{STATUS_SIGNS[run.status]} {word} when last seen", "waiting")
    return Part(f"{STATUS_SIGNS[run.status]} {word}", STATUS_LOOKS[run.status])


def _of(done: int, total: int | None) -> str:
    return f"{count(done)}/{count(total)}" if total else count(done)
