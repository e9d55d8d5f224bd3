"""Tells when the ages and countdowns on the screen change as time passes."""

from datetime import datetime

from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.text import until_next_step


def until_changes(run: Run, until_next_age: float | None, now: datetime) -> list[float]:
    """Return the seconds until each age or countdown on the screen changes.

    `until_next_age` is that of the newest visible event, or None if no age is visible.
    """
    waits = [] if until_next_age is None else [until_next_age]
    if run.is_over:
        return waits
    if run.connection.wire is Wire.WAITING:
        waits.append(1.0)
    elif run.heard_at:
        waits.append(until_next_step(max(0.0, (now - run.heard_at).total_seconds())))
    elapsed = run.elapsed(now)
    if elapsed is not None and not run.status.is_final:
        waits.append(until_next_step(elapsed))
    return waits
