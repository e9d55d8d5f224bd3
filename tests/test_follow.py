import gzip
import json
import tracemalloc
import zlib
from asyncio import Event as Signal
from asyncio import TaskGroup, timeout
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import pytest

from ftmon.model.event import Event
from ftmon.model.job import Status
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Connection, Update, Wire
from ftmon.settings import Key, Settings
from ftmon.wire.choosing import Candidates
from ftmon.wire.client import MAX_BODY, Client
from ftmon.wire.follow.follower import Follower
from ftmon.wire.pace import Pace
from tests.servers.fine_tunes import (
    DONE,
    HTML,
    JOB,
    JOB_ID,
    LIST,
    STORY,
    STREAM,
    Fields,
    answer,
    chunk,
    event,
    failure,
    frame,
    head,
    job,
    page,
    refusal,
    stream,
    unframed,
)
from tests.servers.scripted import After, End, Pulse, Script, Server, free_port, private_port

pytestmark = pytest.mark.skips_waits

PACE = Pace(
    first_delay=0.002,
    longest_delay=0.01,
    give_up=30,
    poll=0.002,
    late=0,
    page=0,
    proof=60,
    quiet=60,
    quiet_again=60,
    stalled=60,
    grace=5,
    hint=60,
    lag=0.1,
    random=lambda: 0.5,
)

"""Waits for next to nothing; silence and hints give no cause to read the job."""

HASTY = replace(PACE, give_up=1)
"""For a service that never answers well: all others have time to, on a busy machine too."""

CREATED, STARTED = STORY[0], STORY[3]
STEPS = [event(f"Step {step}/9: training loss=0.5", step) for step in range(1, 10)]
"""Nothing in these hints at a change of the job's status."""

WHOLE = stream(*STORY, DONE)
RUNNING = answer(job())
OVER = answer(job("succeeded"))
NO_ROUTE = refusal(404, "No such route")


@dataclass
class Told:
    """All that a follower reported."""

    run: Run
    updates: list[Update] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        return [event for update in self.updates for event in update.events]

    @property
    def fields(self) -> list[Fields]:
        return [event.fields for event in self.events]

    @property
    def connections(self) -> list[Connection]:
        return [update.connection for update in self.updates if update.connection]

    @property
    def waits(self) -> list[Connection]:
        return [connection for connection in self.connections if connection.wire is Wire.WAITING]

    @property
    def wires(self) -> list[Wire]:
        """The states of the connection, each time it changed."""
        return [wire for wire, _ in groupby(connection.wire for connection in self.connections)]

    @property
    def notices(self) -> list[str]:
        return [update.notice for update in self.updates if update.notice]

    @property
    def ending(self) -> tuple[Status, int | None]:
        return self.run.status, self.run.exit_status

    @property
    def sentence(self) -> str:
        return str(self.run.connection.error)


async def followed_as(provider: str, base_url: str, job_id: str, pace: Pace, **how: Any) -> Told:
    """Follow a job of this provider to its end."""
    return await followed_at(Settings(base_url, provider=provider), job_id, pace, **how)


React = Callable[[Told, Follower], None]


async def followed_at(
    settings: Settings,
    job_id: str,
    pace: Pace,
    *,
    stream: bool = True,
    patient: bool = False,
    react: React = lambda told, follower: None,
    head_timeout: float = 25.0,
    max_body: int = MAX_BODY,
) -> Told:
    """Follow a job to its end at the service of these settings; `react` is called after every update."""
    key = JobKey.checked(settings.base_url, job_id)
    told = Told(Run(key))

    async def report(*updates: Update) -> None:
        for update in updates:
            told.run.apply(update)
            told.updates.append(update)
            react(told, follower)

    candidates = Candidates.of(settings)
    async with (
        aclosing(Client(settings, head_timeout=head_timeout, max_body=max_body)) as client,
        timeout(10),
    ):
        follower = Follower(
            client, key, report, candidates=candidates, stream=stream, patient=patient, pace=pace
        )
        await follower.run()
    assert told.wires[0] is Wire.CONNECTING
    assert told.connections[-1].is_over
    return told


async def followed(
    origin: str, pace: Pace = PACE, *, streaming: bool = True, api_key: Key | None = None, **how: Any
) -> Told:
    """Follow the job of the first API to its end."""
    return await followed_at(Settings(f"{origin}/v1", api_key), JOB_ID, pace, stream=streaming, **how)


def service(
    *streams: Script,
    jobs: Sequence[Script] | Callable[[], Script] = (),
    lists: Sequence[Script] = (),
    **more: Sequence[Script],
) -> Server:
    """Return a service that plays these streams; if not said otherwise, the job is over with the last one."""

    def job_now() -> Script:
        return RUNNING if len(server.asked(STREAM)) < len(streams) else OVER

    server = Server({STREAM: streams, JOB: jobs or job_now, LIST: lists, **more})
    return server


async def told_by(server: Server, pace: Pace = PACE, **how: Any) -> Told:
    async with server.running():
        return await followed(server.origin, pace, **how)


FAULTS: Mapping[str, Script] = {
    "cut before the head": [End.FIN],
    "reset before the head": [End.RST],
    "cut in the head": [b"HTTP/1.1 200 OK\r\nContent-Ty", End.FIN],
    "cut before the first event": stream(End.FIN),
    "reset before the first event": stream(End.RST),
    "cut in an event": stream(*STORY[:3], frame(STARTED)[:40], End.FIN),
    "reset in an event": stream(*STORY[:3], frame(STARTED)[:40], End.RST),
    "cut in the field's name": stream(*STORY[:3], b"da", End.FIN),
    "cut in a character": stream(*STORY[:3], 'data: {"message": "é'.encode()[:-1], End.FIN),
    "cut before the blank line": stream(*STORY[:3], frame(STARTED)[:-1], End.FIN),
    "cut between CR and LF of an event's line": stream(
        *STORY[:3], frame(STARTED).replace(b"\n", b"\r\n")[:-3], End.FIN
    ),
    "cut between CR and LF of a blank line": stream(
        *STORY[:3], frame(STARTED).replace(b"\n", b"\r\n")[:-1], End.FIN
    ),
    "cut after the last event": stream(*STORY, End.FIN),
    "cut in [DONE]": stream(*STORY, b"data: [DO", End.FIN),
    "a clean end without [DONE]": stream(*STORY[:3]),
    "a clean end after the last event": stream(*STORY),
    "a clean end in an event": unframed(*STORY[:3], frame(STARTED)[:40]),
    "a clean end without a byte": unframed(),
    "a reset after the last event": stream(*STORY, End.RST),
    "a body shorter than its length": [head(Content_Length="100000"), *map(frame, STORY[:3])],
    "an empty body": answer(b"", kind="text/event-stream"),
    "a chunk without a length": [
        head(Transfer_Encoding="chunked"),
        *map(chunk, STORY[:3]),
        b"no length\r\n",
    ],
    "a chunk longer than its length": [
        head(Transfer_Encoding="chunked"),
        *map(chunk, STORY[:3]),
        b"5\r\ndata: 1\r\n",
    ],
    "a status line of garbage": [b"\x00\x01 garbage\r\n\r\n"],
    "a head without end": [head()[:-2], b"X-Header: 1\r\n" * 20_000],
    "an endless redirect header": [head(302, Location="a" * 200_000)],
    "a page": answer(HTML, kind="text/html"),
    "a JSON error": answer({"error": {"message": "Overloaded"}}),
    "half a JSON list": answer(json.dumps(STORY).encode()[:-20]),
    "an unknown packing": answer(frame(STARTED), kind="text/event-stream", Content_Encoding="br"),
    "a packing that it is not": answer(frame(STARTED), kind="text/event-stream", Content_Encoding="gzip"),
    **{f"status {status}": failure(status) for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)},
}
each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


@each_fault
async def test_a_fault_of_the_first_connection_loses_and_repeats_nothing(fault: Script) -> None:
    server = service(fault, WHOLE)
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == 2
    assert len(told.waits) == 1


@each_fault
async def test_a_fault_midway_loses_and_repeats_nothing(fault: Script) -> None:
    server = service(stream(*STORY[:5], End.FIN), fault, fault, WHOLE)
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == 4
    assert [wait.attempt for wait in told.waits] == [1, 2, 3]


@each_fault
async def test_a_fault_when_the_job_is_over_costs_nothing_where_there_is_a_list(fault: Script) -> None:
    server = service(fault, jobs=[RUNNING, OVER], lists=[page(*STORY)])
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == 1


@each_fault
async def test_a_fault_when_the_job_is_over_costs_nothing_where_there_is_no_list(fault: Script) -> None:
    streams = [*[stream(*STORY[:5], End.FIN)] * 5, fault, WHOLE]
    server = service(*streams, jobs=lambda: OVER if len(server.asked(STREAM)) >= 6 else RUNNING)
    told = await told_by(server)
    assert (told.ending, told.run.connection.error) == ((Status.SUCCEEDED, 0), None)
    assert told.fields == STORY
    assert len(server.asked(STREAM)) == 7
    assert all("before the job did" not in wait.reason for wait in told.waits)


@pytest.mark.slow
async def test_cuts_at_every_byte_of_a_stream_lose_and_repeat_nothing() -> None:
    story = [event("Step 1/2: é"), event("Step 1/2: é")]
    body = b"".join(map(frame, story)).replace(b"\\u00e9", "é".encode()).replace(b"\n", b"\r\n")
    cuts = range(len(body))
    server = service(*[stream(body[:cut], End.FIN) for cut in cuts], stream(body, DONE))
    told = await told_by(server, replace(PACE, longest_delay=0))
    assert told.fields == story
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == len(cuts) + 1


async def test_ten_cuts_in_a_row_lose_and_repeat_nothing() -> None:
    server = service(*[stream(*STORY[:count], End.FIN) for count in (1, 4, 2, 0, 7, 7, 3, 9, 5, 8)], WHOLE)
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert [wait.attempt for wait in told.waits] == [*range(1, 11)]
    traffic = told.run.traffic
    assert traffic is not None
    assert traffic.streams == 11
    assert traffic.received > len(b"".join(map(frame, STORY)))
    assert traffic.fault == told.waits[-1].reason
    assert traffic.fault_at is not None


async def test_an_event_is_told_before_the_next_one_is_sent() -> None:
    seen = Signal()
    server = service(stream(*STORY[:3], seen, *STORY[3:], DONE))
    told = await told_by(server, react=lambda told, follower: seen.set() if told.run.events == 3 else None)
    assert told.fields == STORY


REPLAYS: Mapping[str, tuple[Sequence[Script], Sequence[Fields]]] = {
    "the whole past": ([stream(*STORY[:6], End.FIN), stream(*STORY[:8], End.FIN), WHOLE], STORY),
    "the past in another order": (
        [stream(*STORY[:6], End.FIN), stream(*reversed(STORY[:6]), *STORY[6:], DONE)],
        STORY,
    ),
    "the newest part of the past": (
        [stream(*STORY[:5], End.FIN), stream(*STORY[3:8], End.FIN), stream(*STORY[5:], DONE)],
        STORY,
    ),
    "nothing of the past": ([stream(*STORY[:3], End.FIN), stream(*STORY[3:], DONE)], STORY),
    "the past with an event that was late": (
        [stream(*STORY[:2], *STORY[3:6], End.FIN), WHOLE],
        [*STORY[:2], *STORY[3:6], STORY[2], *STORY[6:]],
    ),
    "the past without its end": (
        [stream(*STORY[:6], End.FIN), stream(*STORY[:2], End.FIN), WHOLE],
        STORY,
    ),
    "the past with fields in another order and empty ones": (
        [
            stream(*STORY[:6], End.FIN),
            stream(*[{"data": {}, "type": None, **dict(reversed(each.items()))} for each in STORY], DONE),
        ],
        STORY,
    ),
    "lines that are alike to the letter": (
        [stream(*[STARTED] * count, End.FIN) for count in (1, 2, 2)] + [stream(*[STARTED] * 5, DONE)],
        [STARTED] * 5,
    ),
    "events with ids of their own": (
        [
            stream(event("a", id="e1"), event("a", id="e1"), End.FIN),
            stream(event("a", id="e1"), event("a", id="e2"), event("a", id="e1"), DONE),
        ],
        [event("a", id="e1"), event("a", id="e2")],
    ),
    "events of which several carry one id": (
        [
            stream(event("a", id="e1"), event("b", id="e1"), event("a", id="e1"), End.FIN),
            stream(*[event(word, id="e1") for word in "abac"], DONE),
        ],
        [event(word, id="e1") for word in "abac"],
    ),
    "events that all carry the job's id": (
        [
            stream(*[event(word, id=JOB_ID) for word in "aab"], End.FIN),
            stream(*[event(word, id=JOB_ID) for word in "aabb"], DONE),
        ],
        [event(word, id=JOB_ID) for word in "aabb"],
    ),
}


@pytest.mark.parametrize(("streams", "shown"), REPLAYS.values(), ids=REPLAYS)
@pytest.mark.parametrize("has_list", [True, False], ids=["list", "no list"])
async def test_a_replay_repeats_and_loses_nothing(
    streams: Sequence[Script], shown: Sequence[Fields], has_list: bool
) -> None:
    history = STORY if CREATED in shown else shown
    server = service(*streams, lists=[page(*history)] if has_list else ())
    told = await told_by(server)
    comparable = [{k: v for k, v in each.items() if v not in (None, {})} for each in told.fields]
    assert comparable == list(shown)
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == len(streams)


@pytest.mark.parametrize("end", [End.FIN, End.HANG])
async def test_what_a_later_connection_leaves_out_is_had_from_the_list(end: End) -> None:
    server = service(stream(end), stream(*STORY[5:], DONE), lists=[page(*STORY)])
    told = await told_by(server, replace(PACE, stalled=0.1))
    assert sorted(map(str, told.fields)) == sorted(map(str, STORY))
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == 2


def with_id(number: str, fields: Fields) -> bytes:
    return f"id: {number}\n".encode() + frame(fields)


async def test_a_service_that_resumes_after_an_id_is_told_the_last_one() -> None:
    server = service(
        stream(with_id("1", STEPS[0]), with_id("é2", STEPS[1]), End.FIN),
        stream(with_id("é2", STEPS[1]), with_id("3", STEPS[2]), b"id: 4\ndata: {", End.FIN),
        stream(with_id("4", STEPS[3]), DONE),
    )
    told = await told_by(server)
    assert told.fields == STEPS[:4]
    ids = [request.headers.get("last-event-id") for request in server.asked(STREAM)]
    assert ids == [None, "é2".encode().decode("latin-1"), "3"]


@pytest.mark.parametrize("odd", ["a\tb", " a", "a\x01", "a" * 100_000])
async def test_an_id_that_no_header_can_hold_is_not_sent(odd: str) -> None:
    server = service(stream(with_id(odd, STEPS[0]), End.FIN), stream(*STEPS, DONE))
    told = await told_by(server)
    assert told.fields == STEPS
    assert all("last-event-id" not in request.headers for request in server.asked(STREAM))


async def test_the_list_says_whether_a_line_after_a_resumption_is_a_repeat() -> None:
    checkpoint, settled = event("Saved a checkpoint"), Signal()
    server = service(
        stream(CREATED, checkpoint, End.FIN),
        stream(checkpoint, settled, STARTED, DONE),
        lists=[page(CREATED, checkpoint, checkpoint), page(CREATED, checkpoint, checkpoint, STARTED)],
    )
    pace = replace(PACE, grace=0.05)
    told = await told_by(
        server, pace, react=lambda told, follower: settled.set() if told.run.events == 3 else None
    )
    assert told.fields == [CREATED, checkpoint, checkpoint, STARTED]
    assert len(server.asked(STREAM)) == 2


async def test_a_list_that_fails_when_it_is_asked_about_a_repeat_loses_nothing() -> None:
    server = service(
        stream(*STEPS[:2], End.FIN),
        stream(STEPS[2], STEPS[1], After(JOB, 3), STEPS[3], DONE),
        lists=[failure(500), page(*STEPS[:3], STEPS[1], STEPS[3])],
    )
    told = await told_by(server)
    assert told.fields == [*STEPS[:4], STEPS[1]]
    assert len(server.asked(STREAM)) == 2


@pytest.mark.parametrize(
    "which", [lambda n: True, lambda n: n % 2, lambda n: n > 5], ids=["all", "some", "late"]
)
async def test_a_list_with_a_field_more_repeats_nothing(which: Callable[[int], bool]) -> None:
    listed = [{**each, "step": n} if which(n) else each for n, each in enumerate(STORY)]
    told_all = Signal()
    server = service(
        stream(*STORY[:5], End.FIN),
        # A line alike and no past: the list is asked, and knows more than this stream has told.
        stream(STORY[6], told_all, *STORY[5:8], End.FIN),
        stream(*STORY, DONE),
        lists=[page(*listed)],
    )
    told = await told_by(
        server, react=lambda told, follower: told_all.set() if told.run.events == 10 else None
    )
    assert [each["message"] for each in told.fields] == [each["message"] for each in STORY]
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == 3


ENDINGS = {
    "succeeded": (Status.SUCCEEDED, 0),
    "completed": (Status.SUCCEEDED, 0),
    "failed": (Status.FAILED, 1),
    "user_error": (Status.FAILED, 1),
    "cancelled": (Status.CANCELLED, 3),
    "Canceled": (Status.CANCELLED, 3),
}


@pytest.mark.parametrize(("word", "ending"), ENDINGS.items(), ids=ENDINGS)
async def test_only_the_job_says_how_it_ended(word: str, ending: tuple[Status, int]) -> None:
    server = service(WHOLE, jobs=[RUNNING, answer(job(word))], lists=[page(*STORY)])
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == ending
    assert told.wires == [Wire.CONNECTING, Wire.LIVE, Wire.CLOSED]
    assert not server.asked(LIST)


async def test_the_job_s_own_events_close_the_gap_before_the_list_is_asked() -> None:
    over = answer(job("succeeded", events=STORY))
    server = service(stream(*STORY[:5], End.FIN), jobs=[RUNNING, over], lists=[page(CREATED)])
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert not server.asked(LIST)


async def test_a_list_that_fails_at_the_end_is_asked_again() -> None:
    server = service(
        stream(*STORY[:5], End.FIN),
        jobs=[RUNNING, OVER],
        lists=[failure(502), [End.RST], answer(b"["), page(*STORY)],
    )
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_done_before_the_job_is_over_is_not_the_end() -> None:
    server = service(stream(*STORY[:5], DONE), stream(*STORY[:5], DONE), WHOLE)
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(told.waits) == 2


async def test_a_status_that_lags_is_waited_for() -> None:
    server = service(WHOLE, jobs=[*[RUNNING] * 8, OVER])
    told = await told_by(server, PACE)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(told.waits) > 1


@pytest.mark.parametrize(
    "status", [NO_ROUTE, failure(500), answer(HTML), answer({"error": "?"}), answer(job("resting"))]
)
async def test_an_end_that_nobody_knows_is_given_up(status: Script) -> None:
    server = service(WHOLE, jobs=[status])
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.UNKNOWN, 5)
    assert "does not say how the job ended" in told.sentence
    assert told.waits


@pytest.mark.parametrize(
    "first", [stream(*STORY[:3], End.FIN), stream(*STORY, End.FIN), stream(*STORY, End.HANG)]
)
async def test_a_run_that_ended_without_a_word_is_told_to_its_last_event(first: Script) -> None:
    pace = replace(PACE, lag=600, proof=0.1, quiet=0.1, quiet_again=0.1, grace=0.1)
    server = service(first, jobs=[RUNNING, answer(job("ended"))], lists=[page(*STORY)])
    told = await told_by(server, pace)
    assert told.fields == STORY
    assert told.ending == (Status.UNKNOWN, 5)
    assert told.wires[-1] is Wire.CLOSED


async def test_a_stream_with_news_is_not_given_up_where_nobody_knows_the_status() -> None:
    server = service(*[stream(*STEPS[:count]) for count in range(1, 8)], stream(*STEPS), jobs=[NO_ROUTE])
    told = await told_by(server, replace(PACE, first_delay=0.1, longest_delay=0.1, lag=0.25))
    assert told.fields == STEPS
    assert told.ending == (Status.UNKNOWN, 5)


async def test_a_status_that_becomes_known_is_no_reason_to_give_up() -> None:
    server = service(
        stream(STEPS[0]),
        stream(*STEPS[:2], End.FIN),
        stream(*STEPS, DONE),
        jobs=[failure(500), failure(500), RUNNING, RUNNING, OVER],
    )
    told = await told_by(server, replace(PACE, lag=1))
    assert told.fields == STEPS
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_a_job_that_is_deleted_midway_keeps_what_was_shown() -> None:
    server = service(stream(*STEPS[:5], End.FIN), jobs=[RUNNING, refusal(404, "Could not find fine tune")])
    told = await told_by(server)
    assert told.fields == STEPS[:5]
    assert told.ending == (Status.RUNNING, 4)
    assert told.sentence == "The service no longer knows this job (404)."
    assert len(server.asked(STREAM)) == 1


async def test_a_stream_that_is_not_found_midway_is_a_fault_while_the_job_is_there() -> None:
    server = service(stream(*STORY[:5], End.FIN), NO_ROUTE, WHOLE)
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == 3


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_refused_midway_is_tried_once_more(status: int) -> None:
    server = service(stream(*STEPS[:5], End.FIN), jobs=[RUNNING, refusal(status, "No.")])
    told = await told_by(server)
    assert told.fields == STEPS[:5]
    assert told.ending == (Status.RUNNING, 4)
    assert f"({status}): No." in told.sentence
    assert (len(server.asked(STREAM)), len(server.asked(JOB))) == (1, 3)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_that_passes_is_a_fault(status: int) -> None:
    server = service(stream(*STEPS[:5], End.FIN), refusal(status, "No."), stream(*STEPS, DONE))
    told = await told_by(server)
    assert told.fields == STEPS
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == 3


@pytest.mark.parametrize(
    ("status", "sentence", "streams"),
    [
        (400, "The service refuses (400): No.", 0),
        (401, "The service wants a key (401): No. Set OPENAI_API_KEY", 0),
        (403, "The service forbids it (403): No.", 0),
        (404, "The service knows no such job (404): No. Is the id right", 1),
    ],
)
async def test_a_refusal_at_the_start_is_the_end(status: int, sentence: str, streams: int) -> None:
    no = refusal(status, "No.")
    server = service(no, jobs=[no], lists=[no])
    told = await told_by(server)
    assert told.sentence.startswith(sentence)
    assert told.ending == (Status.UNKNOWN, 4)
    assert (len(server.asked(STREAM)), len(server.asked(JOB)), told.waits) == (streams, 1, [])


async def test_a_service_that_cannot_be_reached_is_given_up() -> None:
    with free_port() as port:
        told = await followed(f"http://127.0.0.1:{port.getsockname()[1]}", HASTY)
    assert told.ending == (Status.UNKNOWN, 5)
    assert "refused the connection. Is the base URL right?" in told.sentence
    assert len(told.waits) > 2


@pytest.mark.parametrize("script", [failure(503), answer(HTML, kind="text/html"), [End.RST]])
async def test_a_service_that_never_gives_a_good_answer_is_given_up(script: Script) -> None:
    told = await told_by(service(script, jobs=[script], lists=[script]), HASTY)
    assert (told.events, told.ending) == ([], (Status.UNKNOWN, 5))
    assert len(told.waits) > 2


@pytest.mark.parametrize("patient", [True, False])
async def test_a_service_that_comes_up_late_is_followed(patient: bool) -> None:
    server, refused = service(WHOLE), Signal()

    def react(told: Told, follower: Follower) -> None:
        if len(told.waits) == 5:
            refused.set()

    port = free_port()
    origin = f"http://127.0.0.1:{port.getsockname()[1]}"
    pace = replace(PACE, give_up=0 if patient else 9)
    async with TaskGroup() as tasks:
        following = tasks.create_task(followed(origin, pace, patient=patient, react=react))
        await refused.wait()
        async with server.running(port):
            told = await following
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert all("refused the connection" in wait.reason for wait in told.waits)


async def test_a_service_that_is_gone_for_a_while_is_followed_on() -> None:
    before, after = service(stream(*STORY[:5], End.HANG), jobs=[RUNNING]), service(WHOLE)
    shown, refused = Signal(), Signal()

    def react(told: Told, follower: Follower) -> None:
        if told.run.events == 5:
            shown.set()
        if told.waits and "refused" in told.waits[-1].reason:
            refused.set()

    port = private_port()
    async with TaskGroup() as tasks:
        async with before.running(free_port(port)):
            following = tasks.create_task(followed(before.origin, react=react))
            await shown.wait()
        await refused.wait()
        async with after.running(free_port(port)):
            told = await following
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_a_redirect_to_the_same_origin_is_followed() -> None:
    server = service(
        answer(b"", 307, Location="/elsewhere"),
        **{"/elsewhere": [answer(b"", 302, Location="end?x=1")], "/end?x=1": [WHOLE]},
    )
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)


FEWER = {"no": [], "the last": STORY[8:], "the first": STORY[:3]}


@pytest.mark.parametrize("events", FEWER.values(), ids=FEWER)
async def test_a_job_with_fewer_events_than_were_shown_is_not_the_list(events: list[Fields]) -> None:
    over = answer(job("succeeded", events=events))
    server = service(stream(*STORY[:5]), jobs=[RUNNING, over], lists=[page(*STORY)])
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_a_first_stream_that_begins_late_is_held_against_the_list() -> None:
    told = await told_by(service(stream(*STORY[-3:], DONE), lists=[page(*STORY)]))
    assert sorted(map(repr, told.fields)) == sorted(map(repr, STORY))
    assert told.ending == (Status.SUCCEEDED, 0)


@pytest.mark.parametrize("status", [403, 500, 501])
async def test_a_list_that_is_refused_for_ever_does_not_keep_a_job_from_its_end(status: int) -> None:
    refused = answer(b"", status)
    told = await told_by(service(stream(*STORY[:5]), stream(*STORY), lists=[refused]))
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert [notice for notice in told.notices if "some may be missing" in notice] or status == 501


@pytest.mark.parametrize("kind", [[head(Content_Length="99"), b"["], [End.RST]], ids=["cut", "reset"])
async def test_a_list_that_is_cut_for_ever_does_not_keep_a_job_from_its_end(kind: Script) -> None:
    told = await told_by(service(NO_ROUTE, jobs=[RUNNING, OVER], lists=[kind]))
    assert told.ending == (Status.SUCCEEDED, 0)
    assert any("some may be missing" in notice for notice in told.notices)


async def test_a_poll_that_fails_for_a_while_is_told_as_polling_again() -> None:
    server = service(page(*STORY[:3]), jobs=[*[RUNNING] * 5, OVER], lists=[failure(503), page(*STORY)])
    told = await told_by(server)
    assert told.fields == STORY
    assert told.wires == [Wire.CONNECTING, Wire.POLLING, Wire.WAITING, Wire.POLLING, Wire.CLOSED]


async def test_a_stream_that_told_all_needs_no_list_after_a_cut() -> None:
    server = service(stream(*STORY[:5], End.RST), WHOLE, lists=[failure(500)])
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert not server.asked(LIST)
    assert told.notices == []


@pytest.mark.parametrize("kind", [NO_ROUTE, answer(HTML, kind="text/html")], ids=["no route", "HTML"])
async def test_a_review_of_a_job_without_a_list_ends_with_the_job(kind: Script) -> None:
    told = await told_by(service(jobs=[OVER], lists=[kind]), streaming=False)
    assert told.fields == []
    assert told.ending == (Status.SUCCEEDED, 0)
    assert told.notices == ["The service has no list of the events of this job."]


async def test_a_review_of_a_list_that_never_comes_ends_too() -> None:
    told = await told_by(service(jobs=[RUNNING], lists=[failure(500)]), HASTY, streaming=False)
    assert told.run.exit_status == 5
    assert "Gave up" in told.sentence


async def test_a_review_of_a_list_that_is_refused_ends_at_once() -> None:
    told = await told_by(service(jobs=[RUNNING], lists=[refusal(403, "No.")]), streaming=False)
    assert told.run.exit_status == 4
    assert told.waits == []


IDENTIFIED = [{**step, "id": f"ftevent-{number}"} for number, step in enumerate(STEPS)]


def paged(entries: list[Fields], size: int, circle: str = "") -> dict[str, list[Script]]:
    """Serve a list some entries at a time, by target; the last page leads on in a circle only."""
    pages: dict[str, list[Script]] = {}
    target = LIST
    for start in range(0, len(entries), size):
        part = entries[start : start + size]
        has_more = start + size < len(entries) or bool(circle)
        pages[target] = [answer({"object": "list", "data": part, "has_more": has_more})]
        target = f"{LIST}&after={part[-1]['id']}"
    return {**pages, target: pages[circle]} if circle else pages


@pytest.mark.parametrize("entries", [IDENTIFIED, IDENTIFIED[::-1]], ids=["oldest first", "newest first"])
@pytest.mark.parametrize("circle", ["", LIST], ids=["to its end", "in a circle"])
async def test_all_pages_of_a_list_are_read(entries: list[Fields], circle: str) -> None:
    server = Server({JOB: [OVER], **paged(entries, 4, circle)})
    told = await told_by(server, streaming=False)
    assert told.fields == IDENTIFIED
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.requests) <= 6


async def test_a_polled_list_of_a_job_that_nothing_is_known_of_ends_after_its_last_message() -> None:
    server = service(page(*STORY[:8]), jobs=[NO_ROUTE], lists=[page(*STORY[:8]), page(*STORY)])
    told = await told_by(server)
    assert told.fields == STORY
    assert told.run.exit_status == 5
    assert "does not say how the job ended" in told.sentence


async def test_a_polled_list_in_pages_is_told_in_order() -> None:
    pages = paged(IDENTIFIED[::-1], 4)
    server = Server({JOB: [RUNNING, RUNNING, OVER], STREAM: pages[LIST], **pages})
    told = await told_by(server)
    assert told.fields == IDENTIFIED
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_a_circle_of_redirects_is_the_end() -> None:
    server = service(answer(b"", 302, Location=STREAM), jobs=[RUNNING])
    told = await told_by(server)
    assert "redirects in a circle" in told.sentence
    assert told.run.exit_status == 4
    assert len(server.asked(STREAM)) == 6


@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1:{other}/v1",
        "//127.0.0.1:{other}/v1",
        "http://localhost:{other}/v1",
        "http://127.0.0.1:{own}@127.0.0.1:{other}/v1",
        "https://127.0.0.1:{own}/v1",
        "http://localhost:{own}/v1",
        "http://127.0.0.1:99999/v1",
        "http://[",
        "http://[::1",
        "http://xn--a-ecp.ru",
        "http://a/\x01",
        "javascript:1",
        "data:,x",
        "file:///etc/passwd",
    ],
)
async def test_a_redirect_to_another_origin_gets_nothing(place: str) -> None:
    other, server = Server({}), service(jobs=[RUNNING])
    async with other.running(), server.running():
        location = place.format(own=server.port, other=other.port)
        server.scripts = {**server.scripts, STREAM: [answer(b"", 307, Location=location)]}
        told = await followed(server.origin)
    assert "redirects to another place" in told.sentence
    assert told.run.exit_status == 4
    assert other.connections == 0
    assert {request.target for request in server.requests} == {JOB, STREAM}


DELAYS = {
    "milliseconds": ({"retry_after_ms": "1500"}, 1.5),
    "seconds": ({"Retry_After": "2"}, 2),
    "milliseconds before seconds": ({"Retry_After": "2", "retry_after_ms": "1500"}, 1.5),
    "a date against the service's own clock": (
        {"Date": "Sat, 01 Jan 2000 00:00:00 GMT", "Retry_After": "Sat, 01 Jan 2000 00:01:30 GMT"},
        90,
    ),
    "a date that has passed": (
        {"Date": "Sat, 01 Jan 2000 00:01:30 GMT", "Retry_After": "Sat, 01 Jan 2000 00:00:00 GMT"},
        0.0015,
    ),
    "a date without a clock": ({"Retry_After": "Sat, 01 Jan 2000 00:01:30 GMT"}, 0.0015),
    "a day": ({"Retry_After": "86400"}, 600),
    **{
        f"garbage: {text}": ({"Retry_After": text, "retry_after_ms": text}, 0.0015)
        for text in ("nan", "inf", "-5", "1_0", "soon", "", "1e999", "Sat, 99 Jan 2000 00:00:00 GMT")
    },
}


@pytest.mark.parametrize(("headers", "delay"), DELAYS.values(), ids=DELAYS)
async def test_the_service_says_how_long_to_wait_and_the_user_may_end_the_wait(
    headers: dict[str, str], delay: float
) -> None:
    server = service(failure(429, **headers), WHOLE)
    told = await told_by(server, react=retry_at_once)
    assert told.fields == STORY
    assert [wait.delay for wait in told.waits] == [pytest.approx(delay)]


def retry_at_once(told: Told, follower: Follower) -> None:
    if told.run.connection.wire is Wire.WAITING:
        follower.retry()


async def test_a_retry_that_ends_no_wait_does_not_end_the_next_one() -> None:
    server = service(stream(STEPS[0], End.FIN), stream(*STEPS, DONE))

    def react(told: Told, follower: Follower) -> None:
        if told.run.connection.wire is Wire.LIVE:
            follower.retry()

    pace = replace(PACE, first_delay=0.2)
    told = await told_by(server, pace, react=react)
    first, second = server.asked(STREAM)
    assert second.at - first.at > told.waits[0].delay
    assert told.fields == STEPS


async def test_the_stream_says_how_long_to_wait_until_it_says_otherwise() -> None:
    server = service(
        stream(b"retry: 90000\n\n", End.FIN),
        stream(End.FIN),
        [End.RST],
        stream(b"retry: 0\n\n", End.FIN),
        WHOLE,
    )
    told = await told_by(server, react=retry_at_once)
    assert told.fields == STORY
    assert [wait.delay > 1 for wait in told.waits] == [True, True, True, False]
    assert told.waits[0].delay == 90


async def test_the_back_off_grows_until_a_connection_with_news_has_lived_for_a_while() -> None:
    cuts = [stream(*STEPS[:count], End.FIN) for count in (1, 1, 1, 2, 2)]
    server = service(*cuts, stream(*STEPS, DONE))
    told = await told_by(server, replace(PACE, settled_with_news=0))
    assert [wait.attempt for wait in told.waits] == [1, 2, 3, 1, 2]
    assert told.waits[0].delay < told.waits[1].delay < told.waits[2].delay


def test_the_back_off_is_half_random_and_bounded() -> None:
    shortest, longest = Pace(random=lambda: 0), Pace(random=lambda: 1)
    assert [shortest.delay(attempt) for attempt in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert [longest.delay(attempt) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert longest.delay(10**6) == 60


async def test_an_error_told_in_the_stream_is_neither_an_event_nor_the_end() -> None:
    server = service(
        stream(
            *STORY[:2],
            frame({"error": {"message": "The server had an error.", "type": "server_error"}}),
            frame({"error": "Overloaded"}),
            frame({"error": None}),
            frame({"error": []}),
            b'event: error\ndata: {"message": "Bad gateway"}\n\n',
            *STORY[2:],
            DONE,
        )
    )
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    said = " ".join(told.notices)
    assert said == "The service told of an error: The server had an error."
    assert len(server.asked(STREAM)) == 1


MALFORMED: Mapping[str, bytes] = {
    "half": b'{"message": "a',
    "no object": b'["message"]',
    "a number": b"7",
    "null": b"null",
    "a word": b"[DON",
    "not UTF-8": b'{"message: \xff\xfe',
    "nested deeply": b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "a list nested deeply": b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "nested just too deeply": b'{"a":' * 500 + b"1" + b"}" * 500,
    "a number of 5000 digits": b'{"created_at": ' + b"1" * 5000 + b"}",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_event_is_skipped_and_told_once(data: bytes) -> None:
    bad = b"data: " + data + b"\n\n"
    server = service(stream(*STORY[:2], bad, bad, End.FIN), stream(bad, *STORY, bad, DONE))
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert sum("Skipped" in notice for notice in told.notices) == 1


async def test_what_the_stream_garbled_is_had_from_the_list() -> None:
    server = service(stream(*STORY[:2], b"data: {\n\n", *STORY[3:], DONE), lists=[page(*STORY)])
    told = await told_by(server)
    assert told.fields == [*STORY[:2], *STORY[3:], STORY[2]]


ODD = [
    event("seconds as a text", created_at="1691665913"),
    event("a fraction", created_at=1691665913.25),
    event("milliseconds", created_at=1691665913000),
    event("ISO", created_at="2023-08-10T11:11:53Z"),
    event("negative", created_at=-5),
    event("absurd", created_at=10**30),
    event("absurd", created_at=1e300),
    event("words", created_at="yesterday"),
    event("an object", created_at={"seconds": 5}),
    event("true", created_at=True),
    event("none", created_at=None),
    {"object": "fine-tune-event", "message": "next to nothing"},
    {"object": "fine-tune-event"},
    {"created_at": 1691665913, "level": "warning", "message": None},
    {"created_at": 1691665913, "level": 7, "message": {"text": "odd"}},
    {"level": "info"},
    event("more", level="ERROR", data={"step": 1, "nested": {"a": [None, {}]}}, unknown="field"),
    event("a big number", data={"n": 2**70, "x": 1e-7}),
    event("a lone surrogate \ud800"),
]


async def test_odd_events_are_shown_once_each() -> None:
    server = service(
        stream(*ODD[:9], End.FIN), stream(*ODD, End.FIN), lists=[page(*ODD)], jobs=[RUNNING, RUNNING, OVER]
    )
    told = await told_by(server)
    assert told.fields == ODD
    assert told.notices == []
    times = [shown.created_at.timestamp() if shown.created_at else None for shown in told.events[:11]]
    assert times == [1691665913, 1691665913.25, 1691665913, 1691665913, *[None] * 7]
    assert [shown.message for shown in told.events[12:15]] == ["—"] * 3


async def test_a_number_that_json_does_not_have_is_borne() -> None:
    odd = b'data: {"created_at": NaN, "message": "a", "data": {"loss": Infinity}}\n\n'
    server = service(stream(odd, End.FIN), stream(odd, odd, DONE))
    told = await told_by(server)
    assert [shown.message for shown in told.events] == ["a", "a"]


async def test_an_event_of_eight_megabytes_is_shown_and_a_larger_one_is_had_from_the_list() -> None:
    large, huge = event("a" * 8_000_000), event("b" * 9_000_000)
    server = service(stream(CREATED, large, huge, STARTED, DONE), lists=[page(CREATED, large, huge, STARTED)])
    told = await told_by(server)
    assert told.fields == [CREATED, large, STARTED, huge]
    assert told.ending == (Status.SUCCEEDED, 0)
    assert sum("Skipped" in notice for notice in told.notices) == 1


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "deflate"])
async def test_a_packed_stream_is_unpacked_as_it_comes(encoding: str) -> None:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS if encoding == "deflate" else zlib.MAX_WBITS | 16)
    seen = Signal()
    parts = [packer.compress(frame(each)) + packer.flush(zlib.Z_SYNC_FLUSH) for each in STORY]
    server = service(
        [
            head(Content_Encoding=encoding),
            *parts[:5],
            seen,
            *parts[5:],
            packer.compress(DONE) + packer.flush(),
        ]
    )
    told = await told_by(server, react=lambda told, follower: seen.set() if told.run.events == 5 else None)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert {request.headers["accept-encoding"] for request in server.requests} == {"identity"}


async def test_a_packed_stream_of_several_members_is_read_whole() -> None:
    members = [gzip.compress(part) for part in (*map(frame, STORY), DONE)]
    server = service(answer(b"".join(members), kind="text/event-stream", Content_Encoding="gzip"))
    told = await told_by(server)
    assert told.fields == STORY
    assert len(server.asked(STREAM)) == 1


async def test_a_packed_list_that_is_cut_is_asked_for_again() -> None:
    whole = gzip.compress(json.dumps({"data": STORY}).encode())
    cut, complete = (answer(body, Content_Encoding="gzip") for body in (whole[:-20], whole))
    told = await told_by(service(WHOLE, jobs=[OVER], lists=[cut, complete]), streaming=False)
    assert told.fields == STORY
    assert [wait.reason for wait in told.waits] == ["the packed answer was cut"]


async def test_a_packed_bomb_does_not_fill_the_memory() -> None:
    bomb = gzip.compress(b"data: " + b"0" * 100_000_000, 1)
    server = service(answer(bomb, kind="text/event-stream", Content_Encoding="gzip"), WHOLE)
    tracemalloc.start()
    told = await told_by(server)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told.fields == STORY
    assert peak < 40_000_000


async def test_a_list_in_place_of_a_stream_is_read_until_the_job_is_over_and_a_little_longer() -> None:
    server = service(
        page(*STORY[:3]),
        jobs=[RUNNING, RUNNING, OVER],
        lists=[page(*STORY[:6]), page(*STORY[:8]), page(*STORY)],
    )
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert told.wires == [Wire.CONNECTING, Wire.POLLING, Wire.CLOSED]
    assert (len(server.asked(STREAM)), len(server.asked(JOB)), len(server.asked(LIST))) == (1, 3, 4)


async def test_the_list_of_a_job_that_was_over_before_is_read_once() -> None:
    server = service(page(*STORY), jobs=[OVER], lists=[page(*STORY)])
    told = await told_by(server)
    assert told.fields == STORY
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "shape",
    [
        lambda events: {"object": "list", "data": events},
        lambda events: {"data": events[::-1], "has_more": False},
        lambda events: {"events": events},
        lambda events: events[::-1],
    ],
    ids=["oldest first", "newest first", "events", "bare, newest first"],
)
async def test_lists_of_every_shape_are_put_in_the_order_of_time(
    shape: Callable[[list[Fields]], Any],
) -> None:
    server = service(
        answer(shape(STORY[:5])), jobs=[RUNNING, OVER], lists=[answer(shape(STORY[:8])), answer(shape(STORY))]
    )
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_faults_of_the_list_lose_and_repeat_nothing() -> None:
    server = service(
        page(*STORY[:3]),
        jobs=[*[RUNNING] * 6, OVER],
        lists=[failure(503), page(*STORY[:5]), [End.RST], answer(b"[", 200), page(*STORY)],
    )
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_what_is_no_event_in_a_list_is_told_once() -> None:
    listed = answer({"data": ["oops", *STORY, 7]})
    told = await told_by(service(listed, jobs=[RUNNING, RUNNING, OVER], lists=[listed]))
    assert told.fields == STORY
    assert told.notices == ["Skipped what is no event (2 in the list)."]


@pytest.mark.parametrize("has_list", [True, False], ids=["list", "the job's own events"])
async def test_no_content_ends_the_streaming_and_the_job_decides(has_list: bool) -> None:
    over = answer(job("succeeded", **({} if has_list else {"events": STORY})))
    server = service(
        stream(*STORY[:5], End.FIN),
        [head(204)],
        jobs=[RUNNING, RUNNING, RUNNING, over],
        lists=[page(*STORY)] if has_list else [NO_ROUTE],
    )
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == 2
    assert told.wires[-2:] == [Wire.POLLING, Wire.CLOSED]


async def test_a_service_without_events_tells_how_the_job_ended() -> None:
    server = service(NO_ROUTE, jobs=[RUNNING, RUNNING, answer(job("failed"))])
    told = await told_by(server)
    assert [event.message for event in told.events] == ["The job is running", "The job failed"]
    assert told.ending == (Status.FAILED, 1)


async def test_events_that_are_not_found_at_first_are_shown_once_there_are_some() -> None:
    server = service(
        NO_ROUTE,
        jobs=[RUNNING, RUNNING, RUNNING, OVER],
        lists=[NO_ROUTE, NO_ROUTE, page(CREATED), page(*STORY)],
    )
    told = await told_by(server)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)


QUIET = replace(PACE, quiet=0.02, quiet_again=0.02)


async def test_a_quiet_stream_is_left_alone_and_the_job_is_read_beside_it() -> None:
    server = service(stream(*STEPS[:3], After(JOB, 4), *STEPS[3:], DONE), jobs=[*[RUNNING] * 4, OVER])
    told = await told_by(server, QUIET)
    assert told.fields == STEPS
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == 1
    wires = [wire for wire, before in zip(told.wires, [None, *told.wires], strict=False) if wire != before]
    assert wires == [Wire.CONNECTING, Wire.LIVE, Wire.QUIET, Wire.LIVE, Wire.CLOSED]


async def test_a_job_that_ends_while_its_stream_is_silent_is_told_from_the_list() -> None:
    server = service(stream(*STEPS[:3], End.HANG), jobs=[RUNNING, OVER], lists=[page(*STEPS)])
    told = await told_by(server, replace(QUIET, grace=0.02))
    assert told.fields == STEPS
    assert told.ending == (Status.SUCCEEDED, 0)
    assert (len(server.asked(STREAM)), told.waits) == (1, [])


async def test_a_job_that_ends_is_over_even_if_its_stream_goes_on_with_comments() -> None:
    server = service(
        stream(*STORY, Pulse(chunk(b": ping\n\n"), 0.002)), jobs=[RUNNING, OVER], lists=[page(*STORY)]
    )
    told = await told_by(server, replace(PACE, grace=0.05))
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)


PULSES = {
    "comments": chunk(b": ping\n\n"),
    "messages": chunk(b"event: ping\ndata: {}\n\n"),
    "errors": chunk(b'data: {"error": "busy"}\n\n'),
}


@pytest.mark.parametrize("pulse", PULSES.values(), ids=PULSES)
async def test_a_job_that_ends_while_its_stream_only_shows_signs_of_life_is_over(pulse: bytes) -> None:
    failed = answer(job("failed"))
    server = service(
        stream(*STEPS[:3], Pulse(pulse, 0.002)),
        jobs=[RUNNING, RUNNING, RUNNING, failed],
        lists=[page(*STEPS)],
    )
    told = await told_by(server, replace(PACE, quiet=0.05, quiet_again=0.05, grace=0.02))
    assert told.fields == STEPS
    assert told.ending == (Status.FAILED, 1)
    assert Wire.QUIET not in told.wires
    assert len(server.asked(STREAM)) == 1


async def test_a_list_that_grew_while_the_stream_is_silent_is_told_and_the_stream_opened_anew() -> None:
    server = service(
        stream(*STEPS[:5], End.HANG), stream(*STEPS, DONE), lists=[page(*STEPS[:8]), page(*STEPS)]
    )
    told = await told_by(server, replace(QUIET, grace=0.02))
    assert told.fields == STEPS
    assert told.waits == []
    assert len(server.asked(STREAM)) == 2


async def test_a_message_that_tells_of_the_end_makes_the_job_be_read_at_once() -> None:
    server = service(stream(*STORY, End.HANG), jobs=[RUNNING, OVER], lists=[page(*STORY)])
    told = await told_by(server, replace(PACE, grace=0.02))
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert Wire.QUIET not in told.wires


async def test_done_is_awaited_once_the_job_is_known_to_be_over() -> None:
    server = service(
        stream(*STORY[:-1], event("Fine-tune succeeded?"), After(JOB, 2), STORY[-1], DONE),
        jobs=[RUNNING, OVER],
    )
    told = await told_by(server)
    assert told.fields == [*STORY[:-1], event("Fine-tune succeeded?"), STORY[-1]]
    assert not server.asked(LIST)


async def test_a_stalled_stream_is_opened_anew_without_fuss() -> None:
    server = service(stream(*STORY[:5], End.HANG), stream(*STORY[:7], End.HANG), WHOLE)
    told = await told_by(server, replace(PACE, stalled=0.05))
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert (len(server.asked(STREAM)), told.waits) == (3, [])


async def test_a_silent_stream_is_opened_anew_when_the_job_moves_on() -> None:
    moved = iter((0, 1, 1, 1, 2, 2, 2))
    server = service(
        stream(*STEPS[:3], End.HANG),
        stream(*STEPS, DONE),
        jobs=lambda: OVER if len(server.asked(STREAM)) == 2 else answer(job(updated_at=next(moved))),
    )
    told = await told_by(server, QUIET)
    assert told.fields == STEPS
    assert (len(server.asked(STREAM)), told.waits) == (2, [])


async def test_a_job_that_moved_on_with_what_was_told_is_no_reason_to_open_the_stream_anew() -> None:
    server = service(
        stream(*STEPS[:3], After(JOB, 4), *STEPS[3:], DONE),
        jobs=[RUNNING, *[answer(job(updated_at=1691665920))] * 3, OVER],
    )
    told = await told_by(server, QUIET)
    assert told.fields == STEPS
    assert len(server.asked(STREAM)) == 1


async def test_what_a_silent_stream_keeps_back_is_told_from_the_job() -> None:
    seen = Signal()
    server = service(
        stream(*STEPS[:3], End.HANG),
        stream(*STEPS[:3], seen, *STEPS[3:], DONE),
        jobs=lambda: OVER if len(server.asked(STREAM)) == 2 else answer(job(events=STEPS[:5])),
    )
    told = await told_by(
        server, QUIET, react=lambda told, follower: seen.set() if told.run.events == 5 else None
    )
    assert told.fields == STEPS
    assert (len(server.asked(STREAM)), told.waits) == (2, [])


async def test_an_entry_of_the_job_that_is_no_event_is_no_reason_to_open_the_stream_anew() -> None:
    running = answer(job(events=[*STEPS[:3], "oops"]))
    server = service(
        stream(*STEPS[:3], After(JOB, 4), *STEPS[3:], DONE), jobs=[RUNNING, *[running] * 3, OVER]
    )
    told = await told_by(server, QUIET)
    assert told.fields == STEPS
    assert len(server.asked(STREAM)) == 1


@pytest.mark.parametrize("script", [[End.HANG], [b"HTTP/1.1 200 OK\r\nContent-Type: text", End.HANG]])
async def test_a_head_that_never_comes_is_a_fault(script: Script) -> None:
    server = service(stream(*STORY[:5], End.FIN), script, WHOLE)
    told = await told_by(server, head_timeout=0.2)
    assert told.fields == STORY
    assert "does not answer" in told.waits[1].reason


NO_STREAM: Mapping[str, tuple[Sequence[Script], Sequence[Script], tuple[Status, int], Sequence[Fields]]] = {
    "a job that goes on": ([RUNNING], [page(*STORY[:5])], (Status.RUNNING, 0), STORY[:5]),
    "a job that succeeded": ([OVER], [page(*STORY)], (Status.SUCCEEDED, 0), STORY),
    "a job that failed": ([answer(job("failed"))], [page(*STORY)], (Status.FAILED, 1), STORY),
    "no list": ([answer(job(events=STORY))], [NO_ROUTE], (Status.RUNNING, 0), STORY),
    "no job route": ([NO_ROUTE], [page(*STORY)], (Status.UNKNOWN, 5), STORY),
    "no such job": ([NO_ROUTE], [NO_ROUTE], (Status.UNKNOWN, 4), []),
    "faults that pass": ([[End.RST], RUNNING], [failure(502), page(*STORY)], (Status.RUNNING, 0), STORY),
}


@pytest.mark.parametrize(("jobs", "lists", "ending", "shown"), NO_STREAM.values(), ids=NO_STREAM)
async def test_without_a_stream_the_past_is_shown_at_once(
    jobs: Sequence[Script], lists: Sequence[Script], ending: tuple[Status, int], shown: Sequence[Fields]
) -> None:
    server = service(jobs=jobs, lists=lists)
    told = await told_by(server, streaming=False)
    assert told.fields == list(shown)
    assert told.ending == ending
    assert not server.asked(STREAM)


async def test_without_a_stream_a_service_that_stays_broken_is_given_up() -> None:
    server = service(jobs=[failure(502)], lists=[failure(502)])
    told = await told_by(server, HASTY, streaming=False)
    assert (told.fields, told.ending) == ([], (Status.UNKNOWN, 5))
    assert not server.asked(STREAM)


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_key_that_the_service_echoes_is_not_told(streaming: bool) -> None:
    echo = event("You sent secret-0123456789abcdef", data={"key": "secret-0123456789abcdef"})
    server = service(stream(echo, DONE), lists=[page(echo)])
    told = await told_by(server, streaming=streaming, api_key=Key("secret-0123456789abcdef", "FTMON_API_KEY"))
    (only,) = told.events
    assert only.message == "You sent [key]"
    assert "0123456789" not in only.raw


async def test_a_key_that_is_a_placeholder_leaves_words_alone() -> None:
    server = service(stream(*STORY, DONE))
    told = await told_by(server, api_key=Key("tune", "OPENAI_API_KEY"))
    assert told.fields == STORY


async def test_a_stream_without_the_past_is_completed_from_the_job() -> None:
    told = await told_by(service(stream(*STORY[-2:], DONE), jobs=[answer(job("succeeded", events=STORY))]))
    assert sorted(fields["message"] for fields in told.fields) == sorted(e["message"] for e in STORY)
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_a_long_list_comes_in_updates_that_a_screen_can_take() -> None:
    many = [event(f"Step {step}/2500: training loss=0.5", step) for step in range(2500)]
    told = await told_by(service(jobs=[OVER], lists=[page(*many)]), streaming=False)
    assert told.fields == many
    assert max(len(update.events) for update in told.updates) == 1000


async def test_no_stream_does_not_succeed_where_the_job_cannot_be_read() -> None:
    server = service(jobs=[failure(503)], lists=[page(*STORY)])
    told = await told_by(server, Pace(first_delay=0, longest_delay=0, give_up=0.2), streaming=False)
    assert told.ending == (Status.UNKNOWN, 5)


async def test_an_identical_line_after_a_resumption_is_shown() -> None:
    checkpoint = event("Saved a checkpoint")
    first = stream(with_id("1", CREATED), with_id("2", checkpoint), End.FIN)
    server = service(first, stream(with_id("3", checkpoint), with_id("4", STARTED), DONE), lists=[NO_ROUTE])
    told = await told_by(server)
    assert told.fields == [CREATED, checkpoint, checkpoint, STARTED]


@pytest.mark.parametrize(
    "refused", [refusal(422, "No stream."), unframed(), failure(504)], ids=["refused", "empty", "504"]
)
async def test_a_stream_that_always_fails_is_not_hammered_while_late_events_are_awaited(
    refused: Script,
) -> None:
    server = service(refused, jobs=[*[RUNNING] * 4, OVER], lists=[page(*STORY)])
    pace = replace(PACE, first_delay=0.01, longest_delay=0.5, poll=0.02, proof=0.02, late=0.4)
    told = await told_by(server, pace)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) < 8


async def test_a_stream_that_is_put_off_after_the_job_s_end_is_read_where_there_is_no_list() -> None:
    def script() -> Script:
        first = [stream(*STORY[:3], End.RST), failure(429, Retry_After="1")]
        return [*first, WHOLE][min(len(server.asked(STREAM)), 3) - 1]

    server = Server({STREAM: script})
    server.scripts = {STREAM: script, JOB: lambda: OVER if len(server.asked(STREAM)) > 1 else RUNNING}
    told = await told_by(server, replace(PACE, poll=0.05))
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    # One more where the machine is slow.
    assert len(server.asked(STREAM)) in (3, 4)


async def test_a_cut_stream_without_a_list_is_told_where_it_cannot_be_completed() -> None:
    server = Server({STREAM: [stream(*STORY[:3], End.RST)], JOB: [RUNNING, OVER]})
    told = await told_by(server)
    assert told.fields == STORY[:3]
    assert told.ending == (Status.SUCCEEDED, 0)
    assert [notice for notice in told.notices if "some may be missing" in notice] == told.notices
    assert len(told.notices) == 1


async def test_only_a_reading_that_begins_after_a_refusal_confirms_it() -> None:
    def job_now() -> Script:
        # The answer to a reading between the streams comes only after the second one is refused.
        slow = [After(STREAM, 2)] if len(server.asked(STREAM)) == 1 else []
        return [*slow, *NO_ROUTE]

    streams = [stream(*STORY[:2]), refusal(403, "No streams with this key")]
    server = Server({STREAM: streams, LIST: [page(*STORY[:2]), page(*STORY)]})
    server.scripts = {**server.scripts, JOB: job_now}
    told = await told_by(server, replace(PACE, proof=0.05, poll=0.05))
    assert told.fields == STORY
    assert told.run.exit_status == 5


async def test_a_job_that_is_over_ends_although_its_stream_goes_on_with_events() -> None:
    going_on = Pulse(chunk(frame(event("still here", 200))), 0.01)
    server = service(stream(*STORY, going_on), jobs=[RUNNING, OVER], lists=[page(*STORY)])
    told = await told_by(server, replace(PACE, grace=0.05))
    assert told.fields[: len(STORY)] == STORY
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_the_end_of_a_former_stream_claims_nothing_while_a_later_one_is_open() -> None:
    over, resting = Signal(), answer(job("resting"))
    ending = stream(*STORY[:5], Pulse(chunk(b": ping\n\n"), 0.01))
    server = service(stream(*STORY[:5]), ending, lists=[page(*STORY[:5])], jobs=lambda: jobs())

    def jobs() -> Script:
        # Long after the first stream ended, the job is still read beside the second one.
        if len(server.asked(JOB)) > 20:
            over.set()
        return OVER if over.is_set() else resting

    told = await told_by(server, replace(PACE, quiet=0.02, quiet_again=0.02, lag=0.1, grace=0.02))
    assert told.fields == STORY[:5]
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_a_list_that_asks_to_be_left_alone_is_while_the_stream_is_tried_again() -> None:
    server = service(
        unframed(), jobs=[*[RUNNING] * 3, OVER], lists=[failure(429, Retry_After="1"), page(*STORY)]
    )
    told = await told_by(server, replace(PACE, poll=0.02))
    first, second = server.asked(LIST)[:2]
    assert second.at - first.at > 0.9
    assert told.fields == STORY
    assert len(server.asked(STREAM)) > 2
