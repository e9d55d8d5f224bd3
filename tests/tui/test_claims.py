"""Every state of a run, and what may be said of it."""

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from math import inf

import pytest

from ftmon.commands.listing import table
from ftmon.errors import FtmonError, GaveUpError, HistoryError, RefusedError
from ftmon.history.reader import RecordedRun
from ftmon.lines.summary import summary
from ftmon.model.job import Job, Status
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Connection, Recorded, Update, Wire
from tests.records import read
from tests.servers.fine_tunes import JOB_ID, event
from tests.tui.stage import NOW, stage

pytestmark = pytest.mark.slow

REPLAYED = Recorded(Job(JOB_ID, Status.CANCELLED), 99)

CONNECTIONS = [
    Connection(Wire.CONNECTING),
    Connection(Wire.LIVE),
    Connection(Wire.QUIET),
    Connection(Wire.POLLING),
    Connection(Wire.POLLING, "the service answers 504"),
    Connection(Wire.WAITING, "the connection was reset", 3, 8.0),
    Connection(Wire.CLOSED),
    Connection(Wire.REFUSED, error=RefusedError("The service does not accept the key (401).", 401)),
    Connection(Wire.REFUSED, error=RefusedError("The service no longer knows this job (404).", 404)),
    Connection(Wire.REFUSED, error=GaveUpError("Gave up after 60 s: no answer.")),
    Connection(Wire.REFUSED, error=HistoryError("The history cannot be used.")),
    Connection(Wire.REPLAYING, speed=inf, recorded=REPLAYED),
    Connection(Wire.REPLAYING, speed=5.0, recorded=REPLAYED),
    Connection(Wire.REPLAYING, speed=0.0, recorded=REPLAYED),
    Connection(Wire.RECORDED),
]

QUEUED = [event("Fine-tune enqueued. Queue number: 2")]
TRAINING = [event(f"Step {step}/100: training loss=2.5", step) for step in range(1, 61)]
TRAINED = [*TRAINING, event("Step 100/100: training loss=2.5", 100)]
STORIES = {"nothing": [], "queued": QUEUED, "training": TRAINING, "trained": TRAINED}


def is_in_touch(run: Run) -> bool:
    return run.connection.wire in (Wire.LIVE, Wire.QUIET, Wire.POLLING)


def is_wire(*wires: Wire) -> Callable[[Run], bool]:
    return lambda run: run.connection.wire in wires


def is_status(*statuses: Status) -> Callable[[Run], bool]:
    return lambda run: run.status in statuses


def ended_by(*errors: type[FtmonError]) -> Callable[[Run], bool]:
    return lambda run: isinstance(run.connection.error, errors)


def is_replayed(run: Run) -> bool:
    return run.connection.recorded is not None and run.connection.speed < inf


def is_over(run: Run) -> bool:
    return run.connection.error is not None or run.connection.wire in (Wire.CLOSED, Wire.RECORDED)


def is_last_seen(run: Run) -> bool:
    return may_go_on(run) and not is_in_touch(run) and not is_replayed(run)


may_train = is_status(Status.RUNNING, Status.UNKNOWN)
is_waiting = is_status(Status.PENDING, Status.UNKNOWN)


def may_go_on(run: Run) -> bool:
    return not run.status.is_final


CLAIMS: list[tuple[str, Callable[[Run], bool]]] = [
    # How the job stands
    (r"[◷▶⏸] (pending|running|paused)(?! when last seen| then)", is_in_touch),
    (r"[◷▶⏸?] \w+ when last seen", is_last_seen),
    (r"[◷▶⏸?] \w+ then\b", lambda run: may_go_on(run) and is_replayed(run)),
    (r"✔ succeeded", is_status(Status.SUCCEEDED)),
    (r"✘ failed", is_status(Status.FAILED)),
    (r"⊘ cancelled", is_status(Status.CANCELLED)),
    (r"status not read yet", lambda run: run.job is None and not is_over(run)),
    (r"the job was \w+ when last seen", lambda run: may_go_on(run) and is_over(run)),
    (r"The job (succeeded|failed|was cancelled)", lambda run: run.status.is_final and is_over(run)),
    (r"took \d", lambda run: run.status.is_final),
    (r"created .* ago", may_go_on),
    # How it goes on
    (r"left\b|any moment", lambda run: is_in_touch(run) and may_train(run)),
    (r"no progress for", lambda run: is_in_touch(run) and may_train(run)),
    (r"trained, not over yet", lambda run: is_in_touch(run) and may_go_on(run)),
    (r"100%", is_status(Status.SUCCEEDED)),
    (r"jobs? ahead|is queued behind", lambda run: is_in_touch(run) and is_waiting(run)),
    (r"may still be running", lambda run: is_wire(Wire.WAITING)(run) and may_go_on(run)),
    (r"the job is over|last events are awaited", lambda run: run.status.is_final),
    (r"may be silent for hours", is_in_touch),
    # How the watching goes
    (r"◌ connecting|connecting …", is_wire(Wire.CONNECTING)),
    (r"● live", is_wire(Wire.LIVE)),
    (r"◐ quiet", is_wire(Wire.QUIET)),
    (r"◔ polling", is_wire(Wire.POLLING)),
    (r"no stream:", lambda run: run.connection.wire is Wire.POLLING and bool(run.connection.reason)),
    (r"↻ retrying|connection to the events is down", is_wire(Wire.WAITING)),
    (r"■ closed|so far has been read|The service has no events", is_wire(Wire.CLOSED)),
    (r"▲ refused", ended_by(RefusedError)),
    (r"▲ gave up", ended_by(GaveUpError)),
    (r"cannot read this run from the history", ended_by(HistoryError)),
    (r"stopped watching|cannot watch this job|no longer has this job", ended_by(FtmonError)),
    (r"▷ reading|reading the history", lambda run: run.connection.speed == inf),
    (r"▷ replay|before the first event", lambda run: run.connection.wire is Wire.REPLAYING),
    (r"■ recorded|Everything recorded", is_wire(Wire.RECORDED)),
    (r"↓ following", lambda run: not is_over(run)),
    (r"at the end|q quits with exit status", is_over),
    (r"r (tries|reads) again", lambda run: is_over(run) and may_go_on(run)),
]  # fmt: skip


def run_of(connection: Connection, status: Status | None, story: str, service: str) -> Run:
    run = Run(JobKey(service, JOB_ID))
    events = tuple(map(read, STORIES[story]))
    job = None
    if status is not None:
        job = Job(JOB_ID, status, created_at=NOW - timedelta(hours=1), finished_at=NOW)
    run.apply(Update(run.key, NOW, events, job, connection, heard=True))
    return run


def check(told: str, run: Run) -> set[str]:
    """Check each claim that a text makes, and return those."""
    made = {words for words, _ in CLAIMS if re.search(words, told)}
    for words, holds in CLAIMS:
        assert words not in made or holds(run), f"{words} of {run.status} {run.connection}:\n{told}"
    return made


@pytest.mark.parametrize("size", [(140, 40), (40, 12)], ids=str)
async def test_the_screen_claims_only_what_is_known(size: tuple[int, int]) -> None:
    made: set[str] = set()
    async with stage({}, size=size, job_id=None) as seen:
        await seen.press("escape")
        monitor = seen.monitor
        for connection, status, story in product(CONNECTIONS, (None, *Status), STORIES):
            run = run_of(connection, status, story, f"{seen.server.origin}/v1")
            monitor.run = run
            monitor.event_log.clear()
            monitor.event_log.extend(tuple(map(read, STORIES[story])))
            monitor.draw()
            await seen.pilot.pause()
            made |= check(seen.text, run)
            if run.status.is_final:
                assert run.status.value in seen.text
    if size == (140, 40):
        assert made >= {words for words, _ in CLAIMS} - {r"no progress for"}


def test_the_summary_claims_only_what_is_known() -> None:
    for connection, status, story in product(CONNECTIONS, Status, STORIES):
        run = run_of(connection, status, story, "http://127.0.0.1:1/v1")
        told = "\n".join(summary(run, NOW))
        if connection.recorded is None:
            check(told, run)
        else:
            # The replayed run is summed up as it is recorded.
            assert told.startswith("⊘ ")
            assert " cancelled" in told.splitlines()[0]


@pytest.mark.parametrize("status", Status)
def test_the_list_of_recorded_runs_claims_only_what_is_known(status: Status) -> None:
    job = Job(JOB_ID, status, created_at=NOW - timedelta(hours=1), finished_at=NOW)
    key = JobKey("http://127.0.0.1:1/v1", JOB_ID)
    (row,) = table([RecordedRun(key, NOW, NOW, 3, job, "", None, is_partial=False)])
    is_known = status.is_final or status is Status.UNKNOWN
    assert ("last seen" in row) == (not is_known)
    assert ("took 1h 00m" in row) == status.is_final
    assert ("status unknown" in row) == (status is Status.UNKNOWN)


async def test_silence_takes_the_place_of_the_estimate() -> None:
    later = NOW + timedelta(minutes=2)
    async with stage({}, size=(100, 30), job_id=None, now=later) as seen:
        await seen.press("escape")
        seen.monitor.run = run = run_of(Connection(Wire.QUIET), Status.RUNNING, "training", "http://a/v1")
        seen.monitor.draw()
        await seen.until_shown("no progress for 2m")
        assert "◐ quiet · 2m ago" in seen.text
        assert "left" not in seen.text
        run.apply(Update(run.key, later, (read(TRAINED[-1]),)))
        seen.monitor.draw()
        await seen.until_shown("trained, not over yet")
        assert "99%" in seen.text
