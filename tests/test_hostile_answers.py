import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftmon import json_text
from ftmon.lines.printer import text_line
from ftmon.lines.summary import summary
from ftmon.model.event import Event, event_json
from ftmon.model.figures import read_figures
from ftmon.model.job import Job, job_json
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Update
from ftmon.safe import safe
from ftmon.wire.dialects import candidates
from ftmon.wire.dialects.dialect import Dialect, InBandError, Source
from ftmon.wire.follow.ledger import Ledger
from ftmon.wire.sse import Decoder, ServerEvent
from tests.servers.case import Case
from tests.servers.scripted import Script
from tests.servers.services import CASES

KEY = JobKey("http://127.0.0.1:1/v1", "ft-1")
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

every_dialect = pytest.mark.parametrize("dialect", candidates("auto"), ids=lambda dialect: dialect.name)

FIREWORKS = ("supervisedFineTuningJobs", "reinforcementFineTuningJobs", "dpoJobs")
LISTS = ("data", "jobs", "results", "runs", *FIREWORKS)
"""Under these names stand the jobs of a list."""


# Good answers, of which one field or another is changed


def answers_of(dialect: Dialect) -> list[Any]:
    """Return what the services of a dialect answer: jobs, lists of jobs, of events and of figures, frames."""
    return [value for case in CASES.values() if case.dialect == dialect.name for value in _answers(case)]


def _answers(case: Case) -> Iterator[Any]:
    for ending in case.endings.values():
        job = ending.stage.job
        # DashScope's jobs stand inside `output`, and NeMo's status has no id.
        inner = job["output"] if case.dialect == "dashscope" else {"id": case.job_id, **job}
        jobs = {name: [inner] for name in LISTS}
        yield from (job, {**jobs, "output": jobs})
        yield from map(_body, ending.stage.lists.values())
        for scripts in ending.streams.values():
            decoder = Decoder()
            for part in scripts[-1][1:]:
                frames = decoder.feed(part) if isinstance(part, bytes) else []
                yield from (json.loads(frame.data) for frame in frames if frame.data != "[DONE]")


def _body(script: Script) -> Any:
    body = script[1]
    assert isinstance(body, bytes)
    return json.loads(body)


Path = tuple[str | int, ...]


def paths_of(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the way to each value inside a JSON value, and to itself."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inside:
        # Entries of a list are alike.
        if not isinstance(name, int) or name < 3:
            yield from paths_of(item, (*path, name))


def changed(value: Any, path: Path, new: Any) -> Any:
    """Return a JSON value in which another one stands at a path."""
    if not path:
        return new
    value = deepcopy(value)
    place = value
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = new
    return value


HOSTILE = ["\x1b]0;owned\x07a", "\x9b2J", "\u202eevil", "\ud800", "a\r\nb", "\x00", "\u200b", "[/x]", "[b"]
WORDS = [
    "",
    "0",
    "-1",
    "1e400",
    "nan",
    "9" * 400,
    "2026-01-31 12:00:00",
    "9999-12-31T23:59:59-12:00",
    "ready",
]
NUMBERS = [0, -1, 10**13, 10**16, 10**19, 10**400, -(10**400), 0.5, 1e308, float("nan"), float("inf")]
leaves = (
    st.sampled_from([None, True, False, *HOSTILE, *WORDS, *NUMBERS]) | st.text(max_size=5) | st.integers()
)
values = leaves | st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "status", "message", "data", "error", "step", *HOSTILE]), inner
        )
    ),
    max_leaves=6,
)


# What is read of them


def read(dialect: Dialect, value: Any) -> tuple[list[Job], list[Event], list[str]]:
    """Give a body to every reader of a dialect; return the jobs, the events and the sentences of errors."""
    text = json.dumps(value)
    body = text.encode()
    jobs: list[Job] = []
    events: list[Event] = []
    errors: list[str] = []

    def read_job() -> None:
        answer = dialect.read_job(body)
        jobs.append(answer.job)
        events.extend(answer.page.events if answer.page else [])

    def read_frame() -> None:
        item = dialect.frame_reader()(ServerEvent(text))
        if isinstance(item, Event):
            events.append(item)
        elif isinstance(item, InBandError):
            errors.append(item.message)

    def read_source(source: Source) -> None:
        events.extend(source.read(body, "ft-1"))

    readers: list[Callable[[], None]] = [read_job, lambda: jobs.extend(dialect.read_jobs(body).jobs)]
    readers += [partial(read_source, source) for source in dialect.sources]
    if dialect.paths.stream:
        readers.append(read_frame)
    if dialect.paths.events:
        readers.append(lambda: events.extend(dialect.read_page(body).events))
    if dialect.whoami is not None:
        whoami = dialect.whoami.read
        readers.append(lambda: errors.append(whoami(body)))
    for reader in readers:
        try:
            reader()
        except ValueError:
            continue
    return jobs, events, errors


def check_told(jobs: Sequence[Job], events: Sequence[Event], errors: Sequence[str], dialect: Dialect) -> None:
    """Check that everything after the readers can live with what they made, and that all texts are safe."""
    run = Run(KEY)
    for job in jobs:
        run.apply(Update(KEY, NOW, job=job))
    new = Ledger(KEY.job_id).missing(events)
    run.apply(Update(KEY, NOW, events=tuple(new)))
    printed = [text_line(event) for event in new] + summary(run, NOW)
    texts = [text for job in jobs for text in (job.id, job.model, job.fine_tuned_model, job.error) if text]
    texts += [job.provider_status for job in jobs if job.provider_status]
    for text in [*texts, *errors, *printed, *[event.message for event in events]]:
        assert text == safe(text)
    lines = json_text.encode_lines([event_json(event, KEY.job_id) for event in new])
    lines += json_text.encode_lines([job_json(job, 1, run.failure) for job in jobs])
    for line in lines.splitlines():
        json.loads(line, parse_constant=pytest.fail)
    for event in events:
        again = dialect.read_event(event.raw)
        assert (again.key, again.identity, again.message) == (event.key, event.identity, event.message)
        assert (again.created_at, again.level) == (event.created_at, event.level)


@pytest.mark.slow
@every_dialect
@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_any_value_in_any_field_is_read_or_refused_and_never_more(
    dialect: Dialect, data: st.DataObject
) -> None:
    value = data.draw(st.sampled_from(answers_of(dialect)))
    for _ in range(data.draw(st.integers(1, 3))):
        value = changed(value, data.draw(st.sampled_from(list(paths_of(value)))), data.draw(values))
    check_told(*read(dialect, value), dialect)


ODD: list[Any] = [None, [], {}, "nan", "1e400", 10**400, float("inf")]


@pytest.mark.slow
@every_dialect
def test_an_odd_value_in_each_field_in_turn_is_no_fault(dialect: Dialect) -> None:
    good, odd = answers_of(dialect), cycle(ODD)
    for value in good[: len(good) // 3]:
        for path in list(paths_of(value)):
            # Fields of one name are in many answers, so that each gets all of them.
            for _ in range(2):
                check_told(*read(dialect, changed(value, path, next(odd))), dialect)


def test_a_share_next_to_nothing_tells_no_total() -> None:
    assert read_figures({"step": 10, "percentage": 1e-320}) == {"step": 10}


@every_dialect
def test_the_good_answers_are_read(dialect: Dialect) -> None:
    readings = [read(dialect, value) for value in answers_of(dialect)]
    assert sum(bool(jobs) for jobs, _, _ in readings) >= 6
    has_events = not dialect.name.startswith("fireworks")
    assert any(events for _, events, _ in readings) == has_events
    assert not any(errors for _, _, errors in readings)
