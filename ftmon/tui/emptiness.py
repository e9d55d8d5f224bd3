"""What is said in the middle of the screen while there is no event to show."""

from collections.abc import Iterator

from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.safe import one_line
from ftmon.text import count


def emptiness(run: Run | None) -> Iterator[tuple[str, str]]:
    """Yield the lines, each with its look."""
    if run is None:
        yield "No job is open.", "strong"
        yield "o opens one · q leaves", "muted"
        return
    connection = run.connection
    if connection.wire is Wire.CONNECTING:
        yield "connecting …", "strong"
        yield run.key.service, "muted"
    elif connection.wire is Wire.WAITING:
        yield "There is no connection to the events.", "strong"
        if connection.reason:
            yield one_line(connection.reason), "warning"
        yield "ftmon keeps trying; this says nothing of the job", "muted"
    elif connection.wire is Wire.REPLAYING:
        yield "before the first event", "muted"
    elif run.is_over:
        yield "No event was read." if connection.error else "There are no events.", "muted"
    elif run.status is Status.PENDING and run.queue:
        yield f"The job is queued, {count(run.queue)} ahead.", "strong"
    else:
        yield "waiting for the first event …", "strong"
        yield "connected; a job may be silent for hours", "muted"
