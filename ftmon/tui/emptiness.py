"""The text in the middle of the screen while there are no events."""

from collections.abc import Iterator, Sequence
from math import inf

from rich.cells import cell_len

from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.text import plural
from ftmon.tui.excerpt import excerpt
from ftmon.tui.log.rows import wrap

Lines = Sequence[tuple[str, str]]
"""Lines of text, each with its look."""

NOT_SHOWN: Lines = [("No event passes the filter.", "strong"), ("& changes it, esc shows all", "muted")]


def emptiness(run: Run | None) -> Iterator[tuple[str, str]]:
    """Yield the lines of text, each with its look (`ftmon/tui/look.py`)."""
    if run is None:
        yield "No job is open.", "strong"
        yield "o opens one · ? shows all keys · q quits", "muted"
        return
    connection = run.connection
    if connection.wire is Wire.CONNECTING:
        yield "connecting …", "strong"
        yield run.key.service, "muted"
        yield "o opens another job", "muted"
    elif connection.wire is Wire.WAITING:
        yield "The connection to the events is down.", "strong"
        if connection.reason:
            yield excerpt(connection.reason), "warning"
        job = "the job is over" if run.status.is_final else "the job may still be running"
        yield f"ftmon keeps trying; {job}", "muted"
        yield "r tries now", "muted"
    elif connection.wire is Wire.REPLAYING and connection.speed == inf:
        yield "reading the history …", "muted"
    elif connection.wire is Wire.REPLAYING:
        yield "the replay is before the first event", "muted"
        yield "+ goes faster · p pauses", "muted"
    elif run.is_over:
        is_read = connection.wire is Wire.CLOSED
        yield "The service has no events of this job." if is_read else "No events were read.", "strong"
        yield "o opens another job", "muted"
    elif run.status is Status.PENDING and run.queue:
        yield f"The job is queued behind {plural(run.queue, 'job')}.", "strong"
        yield "its events come here by themselves", "muted"
    else:
        yield "waiting for the first event …", "strong"
        yield "connected; a job may be silent for hours", "muted"


def centred(lines: Lines, y: int, width: int, height: int) -> tuple[str, str] | None:
    """Return row `y` of lines in the middle of a rectangle, and its look; None for an empty row."""
    line = y - max(0, (height - len(lines)) // 2)
    if not 0 <= line < len(lines) or not width:
        return None
    text, look = lines[line]
    text = wrap(text, width)[0]
    return " " * ((width - cell_len(text)) // 2) + text, look
