"""Tells when the ages and countdowns on the screen change as time passes."""

from datetime import datetime

from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.text import until_next_reading_changes, until_next_step


def until_changes(run: Run, until_next_age: float | None, now: datetime) -> list[float]:
    """Return the seconds until each age or countdown on the screen changes.

    `until_next_age` is that of the newest visible event, or None if no age is visible.
    """
    waits = [] if until_next_age is None else [until_next_age]
    until_next = (run.next_at - now).total_seconds() if run.next_at else None
    if run.connection.wire is Wire.WAITING:
        waits.append(1.0)
    elif run.connection.wire is Wire.POLLING and until_next is not None:
        waits += filter(None, [until_next_reading_changes(until_next)])
    elif run.heard_at and run.connection.is_in_touch:
        waits.append(until_next_step(max(0.0, (now - run.heard_at).total_seconds())))
    age, until_silent, silence = run.age(now), run.until_silent(now), run.silence(now)
    if age is not None and not run.is_job_over:
        waits.append(until_next_step(age))
    if until_silent is not None:
        waits.append(until_silent)
    if silence is not None:
        waits.append(until_next_step(silence))
    return waits
