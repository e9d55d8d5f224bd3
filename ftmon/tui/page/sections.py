"""The run's page, section by section."""

from collections.abc import Iterator
from datetime import datetime

from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.tui.page.connection import connection, history
from ftmon.tui.page.fact import Fact, Section
from ftmon.tui.page.job import costs, files, settings
from ftmon.tui.page.own_run import own_run
from ftmon.tui.page.status import status
from ftmon.tui.page.times import times
from ftmon.tui.parts.header import links_of
from ftmon.watch.watcher import Watcher


def of_the_job(run: Run | None, now: datetime) -> Iterator[Section]:
    """Yield the sections before the checkpoints, always the same ones. `now` is this machine's time."""
    facts: list[Iterator[Fact]] = [iter(())] * 6
    if run is not None:
        there = run.service_time(now)
        told = status(run, links_of(run), now), times(run, there)
        facts = [*told, own_run(run), settings(run), files(run), costs(run)]
    first = "Outcome" if run and run.is_job_over else "Now"
    titles = (first, "Times", "This machine", "Hyperparameters", "Files", "Cost")
    yield from (Section(title, tuple(each)) for title, each in zip(titles, facts, strict=True))


def of_the_watching(run: Run | None, watcher: Watcher, now: datetime) -> Iterator[Section]:
    """Yield the sections after the checkpoints, always the same ones."""
    yield Section("Connection", tuple(connection(run, watcher, now)))
    yield Section("History", tuple(history(run, watcher)))


def json_title(run: Run | None) -> str:
    """Return the title of the job object."""
    is_recorded = run is not None and run.connection.wire in (Wire.RECORDED, Wire.REPLAYING)
    return "The job as it is recorded" if is_recorded else "The job as the service sent it"
