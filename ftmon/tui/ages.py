"""When what is drawn of a run says something else by itself, because time passes."""

from datetime import datetime

from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.text import until_next_step


def until_changes(run: Run, newest_age: float | None, now: datetime) -> list[float]:
    """Return in how many seconds each age and countdown changes that is drawn of a run.

    `newest_age` is that of the events in sight, None where none is.
    """
    waits = [] if newest_age is None else [newest_age]
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
