"""How the APIs of OpenAI's family write jobs, lists and frames: one tolerant reader for all of them.

Azure, Together, Nebius and self-hosted servers write the same objects with other words and more fields. A
dialect gives its own words of status and the order in which it sends pages.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ftmon import json_text
from ftmon.errors import UsageError
from ftmon.model.event import Event, parse_event, parse_time, read_event
from ftmon.model.figures import count
from ftmon.model.job import Job, Progress, Status
from ftmon.model.key import check_job_id
from ftmon.model.link import links, wandb_project
from ftmon.safe import safe
from ftmon.wire.dialects import paging
from ftmon.wire.dialects.dialect import DONE, Done, InBandError, JobAnswer, JobPage, Page
from ftmon.wire.dialects.statuses import ENDED, read_status
from ftmon.wire.refusal import sentence
from ftmon.wire.sse import ServerEvent

_SIGNS_OF_LIFE = frozenset({"ping", "pong", "heartbeat", "keepalive"})
"""Words of messages that only keep a connection open (REPORTS B): as name, text or `type`, in any case,
with hyphens and underscores or without.
"""

_JOB_FIELDS = frozenset({"model", "created_at", "updated_at", "fine_tuned_model", "hyperparameters"})
"""One of these has a job whose object has no id."""

_JOB_OBJECTS = ("fine-tune", "fine_tuning.job")

UNDESCRIBED = "an error that it did not describe"
"""Stands for the sentence of an error that has none."""

_MOST_FILES = 8
"""Result files of one job that are read. OpenAI writes one."""

_FIRST_TIMESTAMP = 1e9
"""Seconds of the year 2001: a bare number in a stream that is as large is a time."""


def frame(message: ServerEvent) -> Event | InBandError | Done | None:
    """Read one message of a stream; None for a sign of life, the job object or an empty object.

    Raises:
        ValueError: for a message that is no JSON object.
    """
    data = message.data
    if (event := read_event(data)) is not None:
        return event
    if message.event == "done" or data.startswith(("[DONE]", '"[DONE]"')):
        return DONE
    if _is_sign_of_life(message.event) or _tells_nothing(data):
        return None
    fields = json_text.decode(data)
    if not isinstance(fields, dict):
        raise ValueError("not an object")
    if message.event == "error":
        return InBandError(sentence(fields) or UNDESCRIBED)
    if not fields or fields.get("object") in _JOB_OBJECTS:
        return None
    if "message" not in fields and _is_sign_of_life(fields.get("type")):
        return None
    if _is_error(fields):
        return InBandError(sentence(fields) or UNDESCRIBED)
    return parse_event(fields, data)


def _is_sign_of_life(word: object) -> bool:
    return isinstance(word, str) and word.lower().replace("-", "").replace("_", "") in _SIGNS_OF_LIFE


def _tells_nothing(data: str) -> bool:
    """Whether a message is empty, a sign of life or only a time. Some services keep a stream open with it."""
    word = data.strip().strip('"').strip()
    if not word or word.startswith(("{", "[")) or len(word) > 40:
        return not word
    if _is_sign_of_life(word):
        return True
    time = parse_time(word)
    return time is not None and ("-" in word or time.timestamp() > _FIRST_TIMESTAMP)


def _is_error(fields: dict[str, Any]) -> bool:
    """Whether an object is an error body, which has no time; an event may hold an `error` as well."""
    if "error" in fields and "message" not in fields:
        return True
    is_marked = "error" in (fields.get("object"), fields.get("status"))
    return bool(is_marked or fields.get("error") or fields.get("detail")) and "created_at" not in fields


def event(raw: str) -> Event:
    """Read an event that the history stored; one that cannot be read is an empty event."""
    try:
        return read_event(raw) or parse_event(json_text.decode(raw), raw)
    except (ValueError, AttributeError):
        return parse_event({}, "{}")


def no_page(body: bytes, cursor: str = "") -> Page:
    """Read the list of events of an API that has none.

    Raises:
        ValueError: always.
    """
    raise ValueError("this API has no list of events")


def by_time(events: Sequence[Event]) -> list[Event]:
    """Return events in the order of their times; one without a time stays behind the one before it."""
    last = 0.0
    times = []
    for each in events:
        last = each.created_at.timestamp() if each.created_at else last
        times.append(last)
    return [events[number] for number in sorted(range(len(events)), key=times.__getitem__)]


def page(body: bytes, cursor: str = "", *, newest_first: bool) -> Page:
    """Read a page of a list of events: an object with `data` or `events`, or a bare JSON list.

    Raises:
        ValueError: for a body that holds no list; it has the service's sentence where there is one.
    """
    value = json_text.decode(body)
    has_more = isinstance(value, dict) and value.get("has_more") is True
    value = _list_in(value, "events")
    if value is None:
        raise ValueError("no list of events")
    last = value[-1] if has_more and value else None
    last_id = last.get("id") if isinstance(last, dict) else None
    return entries(value, newest_first=newest_first)._replace(
        cursor=last_id if isinstance(last_id, str) else ""
    )


def entries(values: list[Any], *, newest_first: bool) -> Page:
    """Read the decoded entries of a list of events.

    The order is found from the times; where they do not tell, `newest_first` is the API's own.
    """
    events: list[Event] = []
    malformed = 0
    for item in values:
        try:
            if not isinstance(item, dict):
                raise ValueError("not an object")
            if item:
                events.append(parse_event(item, json.dumps(item)))
        except (ValueError, RecursionError):
            malformed += 1
    times = [each.created_at for each in events if each.created_at is not None]
    shows_order = bool(times) and times[0] != times[-1]
    is_newest_first = times[0] > times[-1] if shows_order else newest_first
    if is_newest_first:
        events.reverse()
    return Page(events, malformed, is_newest_first=is_newest_first, shows_order=shows_order)


def job(body: bytes, *, statuses: Mapping[str, Status], newest_first: bool) -> JobAnswer:
    """Read a job object.

    Raises:
        ValueError: for a body that is no job.
    """
    fields = job_fields(body)
    inside = fields.get("events")
    return JobAnswer(
        make_job(fields, statuses),
        entries(inside, newest_first=newest_first) if isinstance(inside, list) else None,
    )


def job_fields(body: bytes) -> dict[str, Any]:
    """Return the fields of a job object.

    Raises:
        ValueError: for a body that is no job.
    """
    fields = json_text.decode(body)
    # Without an id, a `status` may be that of the request: `{"status": "success", "fine_tune": …}` (Oxen).
    if not isinstance(fields, dict) or ("id" not in fields and _JOB_FIELDS.isdisjoint(fields)):
        raise ValueError("no job object")
    return fields


def jobs(body: bytes, parameters: str = "", *, statuses: Mapping[str, Status]) -> JobPage:
    """Read a page of a list of jobs.

    Raises:
        ValueError: for a body that holds no list.
    """
    # Under `jobs` they stand at Scale's llm-engine.
    found = [make_job(fields, statuses) for fields in list_of_jobs(body, "jobs")]
    return job_page(found, paging.after_last(body))


def list_of_jobs(body: bytes, *names: str) -> list[dict[str, Any]]:
    """Return those objects of a list of jobs whose ids can be shown; raises as `list_of_objects`."""
    return [fields for fields in list_of_objects(body, *names) if _has_clean_id(fields)]


def list_of_objects(body: bytes, *names: str) -> list[dict[str, Any]]:
    """Return the objects of a list: a bare one, or one under `data` or one of `names`.

    Raises:
        ValueError: for a body that holds no list.
    """
    value = _list_in(json_text.decode(body), *names)
    if value is None:
        raise ValueError("no list")
    return objects(value)


def _list_in(value: Any, *names: str) -> list[Any] | None:
    """Return a bare list, or the one in an object under `data` or one of `names`; None where there is none.

    A service in Go writes a list without entries as null.
    """
    if not isinstance(value, dict):
        return value if isinstance(value, list) else None
    found = next((value[name] for name in ("data", *names) if name in value), None)
    if found is None and value.get("object") == "list":
        return []
    return found if isinstance(found, list) else None


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a decoded list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _has_clean_id(fields: dict[str, Any]) -> bool:
    """Whether nothing is taken out of a job's id to make it safe: else it is not the id to ask for."""
    ids = [fields.get(name) for name in ("id", "job_id", "name")]
    return all(safe(each) == each for each in ids if isinstance(each, str))


def job_page(jobs: Iterable[Job], parameters: str = "") -> JobPage:
    """Return the jobs whose ids can be asked for as a page; `parameters` ask for the next one."""
    found = [job for job in jobs if is_job_id(job.id)]
    times = [job.created_at for job in found if job.created_at is not None]
    is_newest_first = not times or times[0] >= times[-1]
    found.sort(key=lambda job: job.created_at.timestamp() if job.created_at else 0, reverse=True)
    return JobPage(found, parameters, is_newest_first)


def make_job(fields: dict[str, Any], statuses: Mapping[str, Status], word: object = None) -> Job:
    """Make a job of an object that looks like OpenAI's; `word` is its status where that stands elsewhere."""
    provider_status = text(word or fields.get("status"))
    status = read_status(provider_status, statuses)
    has_ended = provider_status == ENDED
    updated_at = parse_time(fields.get("updated_at"))
    # The first API has no time of the end; a job that is over was last changed when it ended.
    ended_at = updated_at if status.is_final or has_ended else None
    finished_at = parse_time(fields.get("finished_at")) or ended_at
    # Together's, which has a name before there is a model (PROTOCOL §4).
    output = fields.get("model_output_name") if status is Status.SUCCEEDED else None
    return Job(
        id=text(fields.get("id")) or "",
        status=status,
        provider_status=provider_status,
        has_ended=has_ended,
        model=text(fields.get("model")),
        fine_tuned_model=text(fields.get("fine_tuned_model") or output),
        created_at=parse_time(fields.get("created_at")),
        started_at=parse_time(fields.get("started_at")),
        updated_at=updated_at,
        finished_at=finished_at,
        n_epochs=_epochs(fields),
        progress=Progress(
            # Nebius', which begins with 0 of null (SERVICES §2.1)
            step=count(fields.get("trained_steps")) or None,
            total_steps=count(fields.get("total_steps")) or None,
            ends_at=None if status.is_final else parse_time(fields.get("estimated_finish")),
        ),
        error=sentence(fields.get("error")),
        result_files=_result_files(fields.get("result_files")),
        links=links(wandb=_wandb(fields)),
        raw=raw_of(fields),
    )


def _wandb(fields: dict[str, Any]) -> object:
    """Return the page of the job's run, or of its project, at Weights & Biases.

    `wandb_url` is Together's; Mistral's integration tells its `url`, OpenAI's its entity and project.
    """
    if told := fields.get("wandb_url"):
        return told
    for integration in objects(fields.get("integrations")):
        inner = integration.get("wandb")
        settings = inner if isinstance(inner, dict) else integration
        if integration.get("type") == "wandb":
            return settings.get("url") or wandb_project(settings.get("entity"), settings.get("project"))
    return ""


def raw_of(fields: dict[str, Any], *left_out: str) -> str:
    """Return a job object as JSON, without its events and what else is left out.

    Raises:
        ValueError: for an object nested too deeply.
    """
    try:
        return json.dumps(
            {name: value for name, value in fields.items() if name not in ("events", *left_out)}
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _result_files(value: object) -> tuple[str, ...]:
    """Return the ids of result files, which the first API gives as objects."""
    files = value if isinstance(value, list) else []
    ids = [each.get("id") if isinstance(each, dict) else each for each in files[:_MOST_FILES]]
    return tuple(each for each in ids if isinstance(each, str) and is_job_id(each) and "/" not in each)


def _epochs(fields: dict[str, Any]) -> int | None:
    for place in (fields.get("hyperparams"), fields.get("hyperparameters"), fields):
        epochs = count(place.get("n_epochs")) if isinstance(place, dict) else None
        if epochs and epochs < 1_000_000:
            return epochs
    return None


def text(value: object) -> str | None:
    """Return a value as safe text; None where it is no text, or an empty one."""
    return (safe(value) or None) if isinstance(value, str) else None


def is_job_id(value: object) -> bool:
    """Whether a value can be asked for as a job's id."""
    try:
        return isinstance(value, str) and bool(check_job_id(value))
    except UsageError:
        return False
