"""Events made from what a service tells in another shape: figures, checkpoints, log lines, changes of status.

They look as OpenAI's second API writes events, so that the history and `--json` know one shape only.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ftmon.model.event import Event, Level, iso, parse_event
from ftmon.model.figures import Figures, in_words
from ftmon.model.job import Job, Status
from ftmon.wire.dialects import reading

if TYPE_CHECKING:
    from ftmon.model.trainer_lines import TrainerLine

_SENTENCES = {
    Status.PENDING: "The job is pending",
    Status.RUNNING: "The job is running",
    Status.PAUSED: "The job is paused",
    Status.SUCCEEDED: "The job succeeded",
    Status.FAILED: "The job failed",
    Status.CANCELLED: "The job was cancelled",
    Status.UNKNOWN: "The job has a new status",
}


def event(
    message: str,
    at: datetime | None,
    *,
    level: Level = Level.INFO,
    kind: str | None = None,
    data: Mapping[str, Any] | None = None,
    own_id: str | None = None,
) -> Event:
    """Make an event. `own_id` tells it apart from all others of its job."""
    fields: dict[str, Any] = {
        "object": "fine-tune-event",
        "created_at": iso(at),
        "level": level.value,
        "message": message,
        "type": kind,
        "data": data or None,
        "id": own_id,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    return parse_event(fields, json.dumps(fields))


def step(figures: Figures, at: datetime | None, *, kind: str = "metrics", own_id: str | None = None) -> Event:
    """Make an event of the figures of one step. One of the kind `history` may come after later steps."""
    return event(in_words(figures), at, kind=kind, data=figures, own_id=own_id)


def checkpoint(
    name: str, figures: Figures, at: datetime | None, *, note: str = "", own_id: str | None = None
) -> Event:
    """Make an event of a checkpoint, which may be the only place of a service's losses.

    `name` is one that the service takes, `note` what else it says of the checkpoint.
    """
    told = ", ".join(filter(None, (in_words(figures), note)))
    message = f"Checkpoint {name}: {told}" if name else f"Checkpoint: {told}"
    return event(message, at, kind="checkpoint", data=figures, own_id=own_id)


def status_change(job: Job, now: datetime) -> Event:
    """Make an event of the status of a job whose service has no events; `now` where the job tells no time."""
    at = (job.finished_at if job.status.is_final else None) or job.updated_at or now
    return status(job.status, job.provider_status or "", at, error=job.error)


def status(status: Status, word: str, at: datetime | None, *, error: str | None = None) -> Event:
    """Make an event of a status, which the service calls `word`."""
    sentence = _SENTENCES[status]
    if word and word.lower() != status.value:
        sentence += f" ({word})"
    if status is not Status.FAILED:
        return event(sentence, at, kind="status")
    return event(f"{sentence}: {error}" if error else sentence, at, level=Level.ERROR, kind="status")


def line(read: "TrainerLine", at: datetime | None) -> Event:
    """Make an event of a line of a log.

    Time and text tell it apart, not its figures: their step may stand in a progress bar before the line,
    and a log that lost its beginning has no such bar.
    """
    kind = "metrics" if read.figures else None
    return event(read.text, at, level=read.level, kind=kind, data=read.figures).by_text()


def read_line(raw: str) -> Event:
    """Read an event of a log that the history stored."""
    return reading.event(raw).by_text()
