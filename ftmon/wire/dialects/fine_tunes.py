"""OpenAI's first fine-tuning API, `/v1/fine-tunes`: the events come as a stream.

Azure's old api-versions and Together use the same paths; the latter has no stream, writes ISO times and more
fields. Source: OpenAI's published specification of 2023 and recorded answers (tests/samples).
"""

import json
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from ftmon import json_text
from ftmon.errors import UsageError
from ftmon.model.event import Event, parse_event, parse_time, read_event
from ftmon.model.job import Job, Status, check_job_id
from ftmon.safe import safe
from ftmon.wire.sse import ServerEvent

NAME = "fine-tunes"

LIST_PATH = "/fine-tunes"

_STATUSES = {
    "created": Status.PENDING,
    "validating_files": Status.PENDING,
    "pending": Status.PENDING,
    "queued": Status.PENDING,
    "notrunning": Status.PENDING,
    "running": Status.RUNNING,
    "compressing": Status.RUNNING,
    "uploading": Status.RUNNING,
    "cancel_requested": Status.RUNNING,
    "pausing": Status.RUNNING,
    "paused": Status.PAUSED,
    "succeeded": Status.SUCCEEDED,
    "completed": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "error": Status.FAILED,
    "user_error": Status.FAILED,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
    "deleted": Status.CANCELLED,
}

_SIGNS_OF_LIFE = ("ping", "heartbeat", "keepalive", "keep-alive")
"""What services name a message that keeps the connection open."""

_JOB_OBJECTS = ("fine-tune", "fine_tuning.job")


class Done:
    """The stream says that it is over, which says nothing of how."""


DONE: Final = Done()


@dataclass(frozen=True, slots=True)
class Fault:
    """The service told of an error of its own inside the stream: neither an event nor the end."""

    message: str
    """Safe text."""


class Page(NamedTuple):
    """The events of one answer, oldest first, and how many entries could not be read."""

    events: list[Event]
    malformed: int = 0
    cursor: str = ""
    """The id of the entry after which the list goes on; empty at its end."""


class JobAnswer(NamedTuple):
    """One job object, and the entries of its `events`, still to be read; None where it has none."""

    job: Job
    entries: list[Any] | None


def job_path(job_id: str) -> str:
    """Return the path of the job object, below the base URL."""
    return f"{LIST_PATH}/{job_id}"


def events_path(job_id: str, *, stream: bool, cursor: str = "") -> str:
    """Return the path of the events: all so far, or the stream of them, or what comes after a cursor."""
    after = f"&after={quote(cursor, safe='')}" if cursor else ""
    return f"{job_path(job_id)}/events?stream={'true' if stream else 'false'}{after}"


def cancel_path(job_id: str) -> str:
    """Return the path that a POST cancels the job at."""
    return f"{job_path(job_id)}/cancel"


def parse_frame(frame: ServerEvent) -> Event | Fault | Done | None:
    """Read one message of the stream; None for one that is neither, such as a sign of life or the job itself.

    Raises:
        ValueError: for a message that is no JSON object.
    """
    data = frame.data
    if (event := read_event(data)) is not None:
        return event
    if data.startswith("[DONE]"):
        return DONE
    fields = json_text.decode(data)
    if not isinstance(fields, dict):
        raise ValueError("not an object")
    if frame.event in _SIGNS_OF_LIFE or fields.get("object") in _JOB_OBJECTS:
        return None
    if frame.event == "error" or _is_error(fields):
        return Fault(error_message(fields) or "an error that it did not describe")
    return parse_event(fields, data)


def _is_error(fields: dict[str, Any]) -> bool:
    """Whether an object is an error body, which has no time; an event may hold an `error` as well."""
    if "error" in fields and "message" not in fields:
        return True
    is_marked = "error" in (fields.get("object"), fields.get("status"))
    return bool(is_marked or fields.get("error") or fields.get("detail")) and "created_at" not in fields


def parse_page(body: bytes) -> Page:
    """Read a list of events, put oldest first.

    Raises:
        ValueError: for an answer that holds no list.
    """
    value = json_text.decode(body)
    has_more = False
    if isinstance(value, dict):
        has_more = value.get("has_more") is True
        value = value["data"] if "data" in value else value.get("events")
    if not isinstance(value, list):
        raise ValueError("no list of events")
    last = value[-1] if has_more and value else None
    cursor = last.get("id") if isinstance(last, dict) else None
    return read_entries(value)._replace(cursor=cursor if isinstance(cursor, str) else "")


def joined(pages: list[Page]) -> Page:
    """Return the pages of one list as one, oldest first."""
    times = [page.events[0].created_at for page in pages if page.events]
    known = [time for time in times if time is not None]
    if known and known[0] > known[-1]:
        pages = pages[::-1]
    return Page([event for page in pages for event in page.events], sum(page.malformed for page in pages))


def parse_job(body: bytes) -> JobAnswer:
    """Read a job object.

    Raises:
        ValueError: for an answer that is no job.
    """
    fields = json_text.decode(body)
    if not isinstance(fields, dict) or not ("status" in fields or "id" in fields):
        raise ValueError("no job object")
    if "id" not in fields and error_message(fields):
        # The `status` of `{"status": "error", "message": …}` is that of the request.
        raise ValueError("an error, not a job")
    events = fields.get("events")
    return JobAnswer(_job(fields), events if isinstance(events, list) else None)


def parse_jobs(body: bytes) -> list[Job]:
    """Read the list of jobs, put newest first; entries without a usable id are left out.

    Raises:
        ValueError: for an answer that holds no list.
    """
    value = json_text.decode(body)
    if isinstance(value, dict):
        value = value.get("data")
    if not isinstance(value, list):
        raise ValueError("no list of jobs")
    jobs = [_job(fields) for fields in value if isinstance(fields, dict) and _is_job_id(fields.get("id"))]
    return sorted(jobs, key=lambda job: job.created_at.timestamp() if job.created_at else 0, reverse=True)


def read_entries(entries: list[Any]) -> Page:
    """Read the decoded entries of a list of events, put oldest first; unreadable ones are counted."""
    events: list[Event] = []
    malformed = 0
    for item in entries:
        try:
            if not isinstance(item, dict):
                raise ValueError("not an object")
            events.append(parse_event(item, json.dumps(item)))
        except (ValueError, RecursionError):
            malformed += 1
    times = [event.created_at for event in events if event.created_at is not None]
    if times and times[0] > times[-1]:
        events.reverse()
    return Page(events, malformed)


def error_message(value: Any) -> str | None:
    """Find the sentence in an error body of any shape, made safe; None where there is none.

    OpenAI and Azure nest it under `error`, Mistral is flat, LocalAI's `error` is a text, FastAPI's `detail`.
    """
    for _ in range(4):
        if isinstance(value, str):
            return safe(value) or None
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, dict):
            value = next(
                (value[name] for name in ("error", "message", "detail", "msg") if value.get(name)), None
            )
        else:
            return None
    return None


def _job(fields: dict[str, Any]) -> Job:
    word = _text(fields.get("status"))
    status = _STATUSES.get(word.lower(), Status.UNKNOWN) if word else Status.UNKNOWN
    updated_at = parse_time(fields.get("updated_at"))
    # This API has no time of the end; a job that is over was last changed when it ended.
    finished_at = parse_time(fields.get("finished_at")) or (updated_at if status.is_final else None)
    return Job(
        id=_text(fields.get("id")) or "",
        status=status,
        provider_status=word,
        model=_text(fields.get("model")),
        fine_tuned_model=_text(fields.get("fine_tuned_model") or fields.get("model_output_name")),
        created_at=parse_time(fields.get("created_at")),
        updated_at=updated_at,
        finished_at=finished_at,
        n_epochs=_epochs(fields),
        error=error_message(fields.get("error")),
        raw=_raw(fields),
    )


def _raw(fields: dict[str, Any]) -> str:
    try:
        return json.dumps({name: value for name, value in fields.items() if name != "events"})
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _epochs(fields: dict[str, Any]) -> int | None:
    for place in (fields.get("hyperparams"), fields.get("hyperparameters"), fields):
        epochs = place.get("n_epochs") if isinstance(place, dict) else None
        if isinstance(epochs, int) and not isinstance(epochs, bool) and 0 < epochs < 1_000_000:
            return epochs
    return None


def _text(value: object) -> str | None:
    return (safe(value) or None) if isinstance(value, str) else None


def _is_job_id(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(check_job_id(value))
    except UsageError:
        return False
