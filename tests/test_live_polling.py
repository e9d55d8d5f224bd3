import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from ftmon.lines.printer import Printer
from ftmon.model.job import Status
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Connection, Update, Wire
from ftmon.settings import Settings
from ftmon.text import next_reading, until_next_reading_changes
from ftmon.wire.allowance import Allowance
from ftmon.wire.client import Client
from ftmon.wire.dialects import candidates
from tests.servers.fine_tunes import JOB as FIRST_JOB
from tests.servers.fine_tunes import STORY as FIRST_STORY
from tests.servers.fine_tunes import STREAM, Fields, answer, page
from tests.servers.fine_tunes import job as first_job
from tests.servers.fine_tuning_jobs import (
    CHECKPOINTS,
    EVENTS,
    FIRST_PAGE,
    JOB,
    MOMENTS,
    STORY,
    SUCCEEDED_JOB,
    JobsServer,
    Moment,
    job,
)
from tests.servers.scripted import Script, Server
from tests.test_fine_tuning_jobs import LATE_PACE, told_by
from tests.tui.stage import stage

pytestmark = pytest.mark.slow

DATE = "Fri, 27 Nov 2026 12:00:00 GMT"
PATH = "/v1/anything"
KEY = JobKey("http://127.0.0.1:1/v1", "ft-1")


# When the next reading is


async def test_each_reading_tells_when_the_next_one_is() -> None:
    told = await told_by(JobsServer(), pace=replace(LATE_PACE, poll=0.05))
    polling = [connection for connection in told.connections if connection.wire is Wire.POLLING]
    delays = [connection.delay for connection in polling if connection.delay]
    assert len(delays) > 3
    assert max(delays) <= 0.15
    assert told.wires == [Wire.CONNECTING, Wire.POLLING, Wire.CLOSED]


@pytest.mark.parametrize(
    ("provider", "seconds"), [("openai", 5), ("nebius", 5), ("azure", 10), ("together", 10), ("mistral", 10)]
)
def test_each_service_has_its_own_pace(provider: str, seconds: float) -> None:
    assert {dialect.poll for dialect in candidates(provider)} == {seconds}


async def test_a_job_in_a_queue_is_left_alone_for_three_times_as_long() -> None:
    queued, running = Moment(job("queued"), 3), Moment(job("running"), 4)
    server = JobsServer([*[queued] * 5, *[running] * 5, MOMENTS[-1]])
    told = await told_by(server, pace=replace(LATE_PACE, poll=0.05))
    delays: dict[Status, list[float]] = {Status.PENDING: [], Status.RUNNING: []}
    status = Status.UNKNOWN
    for update in told.updates:
        status = update.job.status if update.job else status
        if update.connection and update.connection.delay:
            delays[status].append(update.connection.delay)
    assert 0.05 < min(delays[Status.PENDING]) <= max(delays[Status.PENDING]) <= 0.15
    assert max(delays[Status.RUNNING]) <= 0.05


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *[(600, "next in 10 min"), (120, "next in 2 min"), (119, "next in 110 s"), (30, "next in 30 s")],
        *[(9.9, "next in 8 s"), (5, "next in 4 s"), (3.9, "next in 2 s"), (1.9, "next in 1 s")],
        *[(0, "next in 1 s"), (-0.4, "next in 1 s"), (-0.5, "reading now"), (-99, "reading now")],
    ],
)
def test_the_countdown_goes_in_coarse_steps(seconds: float, text: str) -> None:
    assert next_reading(seconds) == text


def test_the_screen_is_painted_again_only_when_the_countdown_changes() -> None:
    left, texts = 30.0, [next_reading(30.0)]
    while (wait := until_next_reading_changes(left)) is not None:
        assert next_reading(left - wait + 0.02) == texts[-1]
        left -= wait
        texts.append(next_reading(left))
    assert [text.removeprefix("next in ") for text in texts] == [
        *["30 s", "20 s", "10 s", "8 s", "6 s", "4 s", "2 s", "1 s", "reading now"]
    ]


async def test_the_badge_counts_down_and_r_reads_at_once() -> None:
    scripts = {FIRST_JOB: [answer(first_job())], STREAM: [page(*FIRST_STORY[:4])]}
    lists = {f"{FIRST_JOB}/events?stream=false": [page(*FIRST_STORY[:4]), page(*FIRST_STORY[:6])]}
    pace = replace(LATE_PACE, poll=600)
    async with stage({**scripts, **lists}, pace=pace, now=datetime.now(UTC)) as seen:
        await seen.until_shown("polling · next in 10 min")
        assert FIRST_STORY[5]["message"] not in seen.text
        readings = len(seen.server.asked(FIRST_JOB))
        await seen.press("r")
        await seen.until(lambda: len(seen.server.asked(FIRST_JOB)) > readings)
        await seen.press("r")
        await seen.until_shown(FIRST_STORY[5]["message"])
        await seen.until_shown("polling · next in 10 min")


def test_lines_tell_once_that_the_list_is_read(capfd: pytest.CaptureFixture[str]) -> None:
    printer = Printer(Run(KEY), as_json=False)
    for delay in (0.0, 5.0, 4.0):
        printer.show(Update(KEY, datetime.now(UTC), connection=Connection(Wire.POLLING, delay=delay)))
    printer.show(
        Update(KEY, datetime.now(UTC), connection=Connection(Wire.POLLING, "the service answers 504"))
    )
    once, again = capfd.readouterr().err.splitlines()
    assert once.endswith("the service has no stream; asking every few seconds")
    assert again.endswith("(the service answers 504); asking every few seconds")


# What the service allows

RUNNING = answer(first_job())
LIMITED: Mapping[str, tuple[dict[str, str], float]] = {
    "Retry-After": ({"Retry-After": "7"}, 7),
    "retry-after-ms": ({"retry-after-ms": "1500"}, 1.5),
    "a date": ({"Retry-After": "Fri, 27 Nov 2026 12:00:09 GMT", "Date": DATE}, 9),
    "OpenAI, seconds": (
        {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"},
        1,
    ),
    "OpenAI, minutes": ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360),
    "OpenAI, milliseconds": (
        {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s500ms"},
        1.5,
    ),
    "the draft": ({"ratelimit-remaining": "0", "ratelimit-reset": "3"}, 3),
    "a gateway's date": (
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795780805", "Date": DATE},
        5,
    ),
    "for ever": ({"Retry-After": "999999"}, 600),
    "some are left": ({"ratelimit-remaining": "1", "ratelimit-reset": "3"}, 0),
    "only tokens are used up": ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "9s"}, 0),
    "no reset": ({"ratelimit-remaining": "0"}, 0),
    "garbage": ({"ratelimit-remaining": "0", "ratelimit-reset": "soon", "Retry-After": "soon"}, 0),
    "a date without a clock": ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795780805"}, 0),
    "nothing": ({}, 0),
}


@pytest.mark.parametrize(("headers", "seconds"), LIMITED.values(), ids=LIMITED)
async def test_a_good_answer_may_ask_for_a_pause(headers: dict[str, str], seconds: float) -> None:
    # As bytes of an answer, because the names of headers have no case.
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    body = f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n{head}\r\n{{}}".encode()
    server = Server({PATH: [[body]]})
    async with server.running(), aclosing(Client(Settings(f"{server.origin}/v1"))) as client:
        await client.get("/anything")
        assert seconds - 0.5 < client.allowance.seconds <= seconds or client.allowance.seconds == seconds == 0


async def test_a_pause_that_was_asked_for_is_not_taken_back_by_an_answer_that_says_nothing() -> None:
    allowance = Allowance()
    allowance.note({"retry-after": "7"})
    allowance.note({})
    assert allowance.seconds > 6
    allowance.forget()
    assert allowance.seconds == 0


class LimitedServer(JobsServer):
    """Allows one request in each 50 ms, and says so."""

    def _script(self, target: str) -> Script:
        head, *body = super()._script(target)
        assert isinstance(head, bytes)
        limits = b"ratelimit-remaining: 0\r\nretry-after-ms: 50\r\n\r\n"
        return [head.removesuffix(b"\r\n") + limits, *body]


async def test_no_request_comes_before_the_service_allows_it() -> None:
    server = LimitedServer()
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    # The first reading and the last one take several requests each.
    running = [request for request in server.requests[3:] if request.target in (JOB, FIRST_PAGE)]
    early = [later.target for earlier, later in pairwise(running) if later.at - earlier.at < 0.045]
    assert len(early) <= 2


async def test_a_pause_that_the_service_asks_for_is_shown_and_ends_on_r() -> None:
    scripts = {
        FIRST_JOB: [
            answer(first_job()),
            answer(first_job(), Retry_After="300"),
            answer(first_job("succeeded")),
        ],
        STREAM: [page(*FIRST_STORY[:4])],
        f"{FIRST_JOB}/events?stream=false": [page(*FIRST_STORY)],
    }
    async with stage(scripts, pace=LATE_PACE, now=datetime.now(UTC)) as seen:
        await seen.until_shown("polling · next in 5 min")
        readings = len(seen.server.asked(FIRST_JOB))
        await seen.press("r")
        await seen.until_shown("succeeded")
        assert len(seen.server.asked(FIRST_JOB)) == readings + 1


# Conditional requests


class TaggedServer(JobsServer):
    """Answers with a tag, and with 304 whoever knows it. `tag` makes it of a body."""

    def __init__(self, tag: Callable[[bytes], str] = lambda body: f'W/"{hash(body)}"') -> None:
        super().__init__()
        self.tag = tag
        self.unchanged: list[str] = []

    def _script(self, target: str) -> Script:
        head, *body = super()._script(target)
        if len(body) != 1 or not isinstance(head, bytes) or not isinstance(body[0], bytes):
            return [head, *body]
        tag = self.tag(body[0])
        if self.requests[-1].headers.get("if-none-match") == tag:
            self.unchanged.append(target)
            return [b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"]
        return [head.removesuffix(b"\r\n") + f"ETag: {tag}\r\n\r\n".encode(), *body]


async def test_what_has_not_changed_is_not_sent_again_and_nothing_is_lost() -> None:
    server = TaggedServer()
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert {target.partition("?")[0] for target in server.unchanged} == {JOB, EVENTS}
    assert not told.notices
    assert not told.waits


async def test_a_service_whose_tags_never_change_is_followed_to_its_end_too() -> None:
    told = await told_by(TaggedServer(lambda body: '"same"'))
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)


async def asked_twice(**headers: Any) -> list[dict[str, str]]:
    """Return the headers of two requests, of which the first was answered with these."""
    server = Server({PATH: [answer({"a": 1}, **headers), answer({"a": 2})]})
    async with server.running(), aclosing(Client(Settings(f"{server.origin}/v1"))) as client:
        assert [json.loads(await client.get("/anything")) for _ in range(2)] == [{"a": 1}, {"a": 2}]
    return [request.headers for request in server.requests]


async def test_an_answer_with_a_date_is_asked_for_by_it_once_it_has_settled() -> None:
    old = "Fri, 27 Nov 2026 11:00:00 GMT"
    first, second = await asked_twice(Last_Modified=old, Date=DATE)
    assert ("if-modified-since" in first, second["if-modified-since"]) == (False, old)
    # What was changed in this second may change in it again.
    assert "if-modified-since" not in (await asked_twice(Last_Modified=DATE, Date=DATE))[1]
    assert "if-modified-since" not in (await asked_twice(Last_Modified="yesterday", Date=DATE))[1]


ODD_TAGS: Sequence[str] = ['"é"', f'"{"x" * 2000}"']


@pytest.mark.parametrize("tag", ODD_TAGS, ids=["not ASCII", "long"])
async def test_a_tag_that_no_header_can_hold_is_left_alone(tag: str) -> None:
    assert "if-none-match" not in (await asked_twice(ETag=tag))[1]


async def test_a_304_that_was_not_asked_for_is_a_fault() -> None:
    unasked: Script = [b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"]
    found: Fields = SUCCEEDED_JOB
    server = JobsServer([Moment(found, len(STORY))], scripts={JOB: [unasked, answer(found)], CHECKPOINTS: []})
    told = await told_by(server)
    assert told.fields == STORY
    assert len(server.asked(JOB)) == 2
