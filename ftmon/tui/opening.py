"""What is known of a job when ftmon starts: what the history has of it, or nothing."""

from collections.abc import Sequence
from datetime import datetime
from math import inf
from pathlib import Path
from typing import NamedTuple

from ftmon.model.event import Event
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Connection, Update, Wire

_MOST = 500
"""Events that are read: more than a screen has rows, and all events of most runs."""


class Opening(NamedTuple):
    """A job as it is shown until its whole past is read."""

    run: Run | None
    """None where no job is opened."""
    events: Sequence[Event] = ()
    """Those of its last events that are shown."""
    first_at: datetime | None = None
    """The time of the first event that is to be shown."""
    recorded: int = 0
    """How many events are recorded."""
    is_whole: bool = True
    """The run was made from all of them, so that its curves are right."""

    @property
    def is_known(self) -> bool:
        """The history knows the job."""
        return self.run is not None and (self.run.job is not None or self.recorded > 0)

    @property
    def skipped(self) -> int:
        """How many events are recorded before those that are shown."""
        return self.recorded - len(self.events)


def opening_of(
    key: JobKey | None, history: Path | None, tail: int | None, now: datetime, *, is_recorded: bool = False
) -> Opening:
    """Return what the history has of a job. `tail` is how many events are shown; None shows all.

    `is_recorded` is of a run that is read from the history alone, and whose service is not asked.
    """
    run = Run(key) if key else None
    if run is None or history is None:
        return Opening(run)
    from ftmon.history.glance import glance

    found = glance(history, run.key, _MOST)
    if found is None:
        return Opening(run)
    run.events = found.total - len(found.events)
    reading = Connection(Wire.REPLAYING, speed=inf) if is_recorded else None
    run.apply(Update(run.key, now, tuple(found.events), found.job, reading, dialect=found.dialect))
    events, first_at = found.events, found.first_at
    if tail is not None:
        events = events[max(0, len(events) - tail) :]
        first_at = events[0].created_at if events else None
    return Opening(run, events, first_at, found.total, len(found.events) == found.total)
