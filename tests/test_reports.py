"""What people met with clients that follow jobs (REPORTS A to C), member by member."""

import gzip
import json
import signal
import tracemalloc
from asyncio import Event as Signal
from asyncio import Task, create_task
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, repeat
from statistics import quantiles
from typing import Any

import pytest

from ftmon.model.action import Action, ActionOutcome
from ftmon.model.job import Status
from ftmon.model.update import Wire
from ftmon.settings import Key
from ftmon.wire.follow.follower import Follower
from ftmon.wire.pace import Pace
from tests.command import ftmon, objects, running
from tests.servers import fine_tuning_jobs as newer
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
)
from tests.servers.growing import GrowingServer
from tests.servers.scripted import After, End, Pulse, Script, Server, Step
from tests.servers.stale import StaleServer
from tests.service import JOB as COMMAND_JOB
from tests.service import JOB_ID as COMMAND_JOB_ID
from tests.service import LIST as COMMAND_LIST
from tests.service import STREAM as COMMAND_STREAM
from tests.service import Answer as Reply
from tests.service import Service
from tests.test_fine_tuning_jobs import told_by as told_by_id
from tests.test_follow import Told, followed

pytestmark = [pytest.mark.slow, pytest.mark.skips_waits]

PACE = Pace(
    first_delay=0.01,
    longest_delay=0.6,
    longest_obeyed=6,
    give_up=30,
    poll=0.05,
    late=0.1,
    page=0.001,
    proof=0.05,
    quiet=0.3,
    quiet_again=0.6,
    settled=0.6,
    settled_with_news=0.05,
    stalled=1.8,
    grace=0.03,
    hint=0.1,
    lag=0.6,
    random=lambda: 0.5,
)
"""The real durations divided by 100."""

HEAD_TIMEOUT = 0.25

PATIENT = replace(PACE, proof=60, quiet=60)
"""Gives a stream all the time that it needs to bring an event."""


@dataclass
class Watched:
    """What a follower told of a growing job, and when by the server's own count."""

    told: Told
    told_after: list[int] = field(default_factory=list)
    """For each event, how many readings of the list had been asked for when it was told."""
    told_at: list[int] = field(default_factory=list)
    """The same by readings of the job."""


async def watch(server: GrowingServer, pace: Pace = PACE, **how: Any) -> Watched:
    told_after: list[int] = []
    told_at: list[int] = []

    def note(told: Told, follower: Follower) -> None:
        new = told.run.events - len(told_after)
        told_after.extend([len(server.asked(LIST))] * new)
        told_at.extend([len(server.asked(JOB))] * new)

    async with server.running():
        told = await followed(server.origin, pace, react=note, head_timeout=HEAD_TIMEOUT, **how)
    return Watched(told, told_after, told_at)


def check_freshness(server: GrowingServer, watched: Watched) -> None:
    """Check that each event was told by the first list that held it, unless the stream was faster.

    Two polls at most pass before that: the nth event stands once the job was read n + 1 times. Counts hold
    on a busy machine too, where durations do not.
    """
    firsts = [bisect_right(server.listed, number) + 1 for number in range(len(STORY))]
    assert all(after <= first for after, first in zip(watched.told_after, firsts, strict=True))
    assert all(at <= number + 3 for number, at in enumerate(watched.told_at))


def check_pace(server: GrowingServer, pace: Pace = PACE) -> None:
    """Check that job and list were read as often as a polled job, and not more often.

    Most gaps are longer on a busy machine; the shorter ones show the pace.
    """
    assert pace.poll is not None
    first, *others = [request.at for request in server.asked(JOB)]
    # The first reading finds the dialect.
    gaps = [later - earlier for earlier, later in pairwise(others)]
    # One comes early: the reading after a stream that has ended.
    assert len(gaps) <= sum(gaps) / pace.poll + 1
    assert quantiles(gaps)[0] < 2 * pace.poll
    lists = [request.at for request in server.asked(LIST)]
    assert len(others) - 3 <= len(lists) <= len(others) + 2
    assert sum(at < lists[0] for at in [first, *others]) <= 3


def named(name: bytes, data: bytes) -> bytes:
    """Return a message with a name."""
    return b"event: %b\ndata: %b\n\n" % (name, data)


def opened(*parts: Fields | bytes) -> list[bytes]:
    """Return the beginning of a stream that has no end."""
    return [head(Transfer_Encoding="chunked"), *[chunk(part) for part in parts]]


NO_JSON_OBJECTS: Mapping[str, Script] = {
    "data: data:": stream(*[b"data: " + frame(each) for each in STORY]),
    "the repr of a dict": stream(*[b"data: %b\n\n" % repr(each).encode() for each in STORY]),
    "JSON in a JSON string": stream(*[frame(json.dumps(each)) for each in STORY]),
    "JSON lists": stream(*[frame([each]) for each in STORY]),
    "plain text": stream(*[b"data: %b\n\n" % each["message"].encode() for each in STORY]),
    "one that stays open": [*opened(*[b"data: " + frame(each) for each in STORY]), End.HANG],
}

NOTHING: Mapping[str, Script] = {
    "406": refusal(406, "Not acceptable"),
    "422 of FastAPI": answer({"detail": [{"loc": ["query", "stream"], "msg": "extra field"}]}, 422),
    "400": refusal(400, "Unrecognized request argument supplied: stream"),
    "401": refusal(401, "No streams with this key"),
    "403": refusal(403, "No streams with this key"),
    "404": refusal(404, "No such route"),
    "405": refusal(405, "Method not allowed"),
    "429": refusal(429, "Too many streams"),
    "500": failure(500),
    "501": refusal(501, "Not implemented"),
    "502": failure(502),
    "504": failure(504),
    "204": [head(204)],
    "a web page": answer(HTML, kind="text/html"),
    "an error with 200": answer({"error": {"message": "Stream not available"}}),
    "a reset": [End.RST],
    "an end before the head": [End.FIN],
    "no head": [End.HANG],
    "half a head": [head()[:-20], End.HANG],
    "a head without a body": [*opened(), End.HANG],
    "half an event": [*opened(frame(STORY[0])[:-2]), End.HANG],
    "comments": [*opened(b": hello\n\n"), Pulse(chunk(b": ping\n\n"), 0.02)],
    "pings": [*opened(), Pulse(chunk(named(b"ping", b"{}")), 0.02)],
    "event: error and an end": stream(named(b"error", b'{"error": "Stream not available"}')),
    "event: error and a cut": stream(named(b"error", b'{"error": "Stream not available"}'), End.RST),
    "event: error that is a text": stream(named(b"error", b"Stream not available")),
    "an empty stream": stream(),
    "[DONE] at once": stream(DONE),
    "event: done at once": stream(named(b"done", b"{}")),
    **NO_JSON_OBJECTS,
}

HAS_NO_STREAM = [NOTHING[name] for name in ("404", "405", "501", "204")]


@pytest.mark.parametrize("script", NOTHING.values(), ids=NOTHING)
async def test_a_stream_that_brings_nothing_leaves_it_to_the_list(script: Script) -> None:
    server = GrowingServer([script])
    watched = await watch(server)
    told = watched.told
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    check_freshness(server, watched)
    check_pace(server)
    assert len(told.waits) < 6
    assert len(told.notices) < 2
    reasons = {connection.reason for connection in told.connections if connection.wire is Wire.POLLING}
    # Nothing else says that the service has no stream.
    assert (reasons == {""}) is (script in HAS_NO_STREAM)


async def test_a_stream_that_asks_to_be_left_alone_for_long_leaves_it_to_the_list() -> None:
    server = GrowingServer([answer({"error": "Too many streams"}, 429, Retry_After="60")])
    watched = await watch(server)
    assert watched.told.fields == STORY
    check_freshness(server, watched)
    assert len(server.asked(STREAM)) == 1
    assert watched.told.wires == [Wire.CONNECTING, Wire.WAITING, Wire.POLLING, Wire.CLOSED]


async def test_a_route_that_knows_json_only_is_asked_with_a_wide_accept() -> None:
    server = GrowingServer(lambda: json_only(server))
    watched = await watch(server)
    assert watched.told.fields == STORY
    assert watched.told.ending == (Status.SUCCEEDED, 0)
    assert not watched.told.waits
    assert not watched.told.notices
    assert watched.told.wires == [Wire.CONNECTING, Wire.POLLING, Wire.CLOSED]
    assert len(server.asked(STREAM)) == 1
    check_freshness(server, watched)
    check_pace(server)


def json_only(server: GrowingServer) -> Script:
    """Refuse whoever does not take JSON; the list comes in place of the stream."""
    accept = server.asked(STREAM)[-1].headers["accept"]
    return page(*server.written) if "application/json" in accept else refusal(406, "Not acceptable")


async def test_a_gateway_that_gives_up_after_a_while_leaves_it_to_the_list() -> None:
    def gateway() -> Script:
        return [After(JOB, len(server.asked(JOB)) + 3), *failure(504)]

    server = GrowingServer(gateway)
    watched = await watch(server)
    assert watched.told.fields == STORY
    assert watched.told.ending == (Status.SUCCEEDED, 0)
    check_freshness(server, watched)
    check_pace(server)


async def test_a_proxy_that_holds_the_head_until_the_job_is_over_leaves_it_to_the_list() -> None:
    server = GrowingServer([[After(JOB, 12), *stream(*STORY, DONE)]])
    watched = await watch(server)
    assert watched.told.fields == STORY
    assert watched.told.ending == (Status.SUCCEEDED, 0)
    check_freshness(server, watched)
    check_pace(server)


ONLY_THE_FIRST: Mapping[str, Script] = {
    "then an end": stream(STORY[0]),
    "then [DONE]": stream(STORY[0], DONE),
    "then a reset": stream(STORY[0], End.RST),
    "then an error and an end": stream(STORY[0], named(b"error", b'{"error": "busy"}')),
}


@pytest.mark.parametrize("script", ONLY_THE_FIRST.values(), ids=ONLY_THE_FIRST)
async def test_a_stream_that_brings_the_first_event_each_time_leaves_the_others_to_the_list(
    script: Script,
) -> None:
    server = GrowingServer([script])
    watched = await watch(server)
    assert watched.told.fields == STORY
    assert watched.told.ending == (Status.SUCCEEDED, 0)
    check_freshness(server, watched)
    assert watched.told_after[0] == 0
    check_pace(server)
    # Not one for each of the many streams.
    assert watched.told.wires.count(Wire.POLLING) <= 2


async def test_a_stream_that_holds_back_all_but_the_first_event_is_not_trusted_again() -> None:
    server = GrowingServer([[*opened(STORY[0]), End.HANG]])
    watched = await watch(server, replace(PACE, quiet=0.1, quiet_again=0.1))
    assert watched.told.fields == STORY
    assert watched.told.ending == (Status.SUCCEEDED, 0)
    # The first is the stream's. The second comes in its silence, and the others at the pace of polling.
    assert watched.told_after[2:] == list(range(watched.told_after[1] + 1, watched.told_after[1] + 9))
    assert len(server.asked(STREAM)) == 2
    assert watched.told.wires[-2:] == [Wire.POLLING, Wire.CLOSED]


async def test_a_stream_that_works_at_last_takes_over_from_the_list() -> None:
    def streams() -> Script:
        if len(server.asked(STREAM)) < 4:
            return failure(504)
        known = len(server.written)
        return [*opened(*STORY[: known + 1]), *map(chunk, STORY[known + 1 :]), chunk(DONE), b"0\r\n\r\n"]

    server = GrowingServer(streams)
    watched = await watch(server)
    assert watched.told.fields == STORY
    assert watched.told.ending == (Status.SUCCEEDED, 0)
    assert Wire.LIVE in watched.told.wires[watched.told.wires.index(Wire.POLLING) :]


@pytest.mark.parametrize("end", [End.FIN, End.RST], ids=["an end", "a reset"])
async def test_a_stream_is_opened_where_a_kept_connection_is_closed_whenever_it_is_used_again(
    end: End,
) -> None:
    def job_now() -> Script:
        return answer(job("succeeded" if server.asked(STREAM) else "running"), Connection="keep-alive")

    server = StaleServer({JOB: job_now, STREAM: [stream(*STORY, DONE)]}, end)
    async with server.running():
        told = await followed(server.origin, PATIENT)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert told.wires == [Wire.CONNECTING, Wire.LIVE, Wire.CLOSED]
    assert server.dropped


@pytest.mark.parametrize("end", [End.FIN, End.RST], ids=["an end", "a reset"])
async def test_a_list_is_polled_where_a_kept_connection_is_closed_whenever_it_is_used_again(end: End) -> None:
    def job_now() -> Script:
        return answer(job("succeeded" if len(server.asked(JOB)) > 11 else "running"), Connection="keep-alive")

    def list_now() -> Script:
        return answer(STORY[: len(server.asked(LIST))], Connection="keep-alive")

    server = StaleServer(
        {JOB: job_now, LIST: list_now, STREAM: [answer({}, 404, Connection="keep-alive")]}, end
    )
    async with server.running():
        told = await followed(server.origin, PACE)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert told.wires == [Wire.CONNECTING, Wire.POLLING, Wire.CLOSED]
    assert server.dropped > 10


# A right stream by another name, or with more in it


def opening(kind: str | None) -> bytes:
    """Return the head of a body without a length, of a media type or without one."""
    named = head(kind=kind or "")
    return named if kind else named.replace(b"Content-Type: \r\n", b"")


async def told_live(
    kind: str | None, parts: Sequence[tuple[Fields | None, bytes]], end: bytes = DONE, pace: Pace = PATIENT
) -> tuple[Told, Server]:
    """Follow a stream that waits after each part until its event was told; it is read without a fault."""
    steps: list[Step] = [opening(kind)]
    told_signals: list[Signal] = []
    for fields, data in parts:
        steps.append(data)
        if fields is not None:
            told_signals.append(Signal())
            steps.append(told_signals[-1])

    def note(told: Told, follower: Follower) -> None:
        for each in told_signals[: told.run.events]:
            each.set()

    def job_now() -> Script:
        return answer(job("succeeded" if told_signals[-1].is_set() else "running"))

    server = Server({STREAM: [[*steps, end]], JOB: job_now, LIST: [page(*STORY)]})
    async with server.running():
        told = await followed(server.origin, pace, react=note)
    assert len(server.asked(STREAM)) == 1
    assert Wire.LIVE in told.wires
    assert not told.waits
    return told, server


def line(fields: Fields) -> bytes:
    """Return a JSON object on a line of its own."""
    return json.dumps(fields).encode() + b"\n"


WRITERS: Mapping[str, tuple[Callable[[Fields], bytes], bytes]] = {
    "event stream": (frame, DONE),
    "event stream without [DONE]": (frame, b""),
    "event stream of named events": (lambda fields: b"event: message\n" + frame(fields), DONE),
    "event stream of CR LF": (lambda fields: frame(fields).replace(b"\n", b"\r\n"), DONE),
    "event stream after a comment": (lambda fields: b": hello\n\n" + frame(fields), DONE),
    "NDJSON": (line, b""),
    "NDJSON after empty lines": (lambda fields: b"\n" + line(fields), b""),
    "NDJSON and [DONE]": (line, b"[DONE]\n"),
}
KINDS = [
    None,
    "text/plain",
    "text/plain; charset=latin-1",
    "application/json",
    "application/octet-stream",
    "text/html",
    "application/x-ndjson",
    "application/stream+json",
    "text/event-stream",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("write", "end"), WRITERS.values(), ids=WRITERS)
async def test_a_stream_is_known_by_its_first_line_whatever_it_is_called(
    write: Callable[[Fields], bytes], end: bytes, kind: str | None
) -> None:
    told, _ = await told_live(kind, [(each, write(each)) for each in STORY], end)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert told.notices == []
    assert told.wires[-1] is Wire.CLOSED


SIGNS_OF_LIFE: Mapping[str, bytes] = {
    "ping with an empty text": named(b"ping", b'""'),
    "ping with null": named(b"ping", b"null"),
    "ping without data": b"event: ping\n\n",
    "ping with an object": named(b"ping", b'{"type": "ping"}'),
    "an empty data line": b"data:\n\n",
    "an empty data line with a blank": b"data: \n\n",
    "two empty data lines": b"data\ndata\n\n",
    "an empty text": b'data: ""\n\n',
    "an empty object": b"data: {}\n\n",
    "a time": b"data: 2026-01-31T12:00:00Z\n\n",
    "a time in quotes": b'data: "2026-01-31 12:00:00.000"\n\n',
    "a number of seconds": b"data: 1769860800\n\n",
    "a number of milliseconds": b"data: 1769860800123\n\n",
    "keepalive": named(b"keepalive", b"1"),
    "keep-alive": named(b"keep-alive", b"ok"),
    "heartbeat": named(b"heartbeat", b"tick"),
    "a name in capitals": named(b"KEEPALIVE", b"1"),
    "a name with an underscore": named(b"keep_alive", b"1"),
    "a word": b"data: ping\n\n",
    "a word in quotes": b'data: "heartbeat"\n\n',
    "an object whose type is ping": b'data: {"type": "ping"}\n\n',
    "an object whose type is keep-alive, with a time": b'data: {"type": "keep-alive", "time": 5}\n\n',
    "a comment": b": ping - 2026-01-31 12:00:00\n\n",
    "an id alone": b"id: 5\n\n",
    "a retry": b"retry: 10\n\n",
    "the job": frame(job()),
}


@pytest.mark.parametrize("sign", SIGNS_OF_LIFE.values(), ids=SIGNS_OF_LIFE)
async def test_a_sign_of_life_is_no_event_and_no_loss(sign: bytes) -> None:
    told, server = await told_live("text/event-stream", [(each, sign + frame(each) + sign) for each in STORY])
    assert told.fields == STORY
    assert told.notices == []
    # The stream was complete.
    assert not server.asked(LIST)


ENDS: Mapping[str, bytes] = {
    "[DONE]": DONE,
    "[DONE] in quotes": b'data: "[DONE]"\n\n',
    "event: done": named(b"done", b"{}"),
    "event: done with null": named(b"done", b"null"),
    "event: done with [DONE]": named(b"done", b"[DONE]"),
    "event: done with words": named(b"done", b"bye"),
    "an empty object and [DONE]": b"data: {}\n\n" + DONE,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_an_end_is_told_by_done_in_any_form(end: bytes) -> None:
    parts = [(each, frame(each)) for each in STORY]
    # What follows the end of a stream is not read.
    told, server = await told_live("text/event-stream", parts, end + b"data: late\n\n")
    assert told.fields == STORY
    assert told.notices == []
    assert told.ending == (Status.SUCCEEDED, 0)
    assert not server.asked(LIST)


@pytest.mark.parametrize("word", ["ping", "heartbeat", "keepalive"])
async def test_an_event_whose_type_is_a_sign_of_life_is_one_where_it_has_a_message(word: str) -> None:
    story = [{**each, "type": word} for each in STORY]
    told, _ = await told_live("text/event-stream", [(each, frame(each)) for each in story])
    assert told.fields == story


# Ids


async def test_an_event_that_is_sent_twice_with_its_id_is_shown_once() -> None:
    story = [{**each, "id": f"ftevent-{number}"} for number, each in enumerate(STORY)]
    twice = [(each, frame(each) * 2 + frame(story[0])) for each in story]
    told, _ = await told_live("text/event-stream", twice)
    assert told.fields == story


SILENT_IDS: Mapping[str, Callable[[int], Any]] = {
    "the job's": lambda number: JOB_ID,
    "one for all": lambda number: "event",
    "empty": lambda number: "",
    "null": lambda number: None,
    "zero": lambda number: 0,
    "a number": lambda number: number,
    "an object": lambda number: {"id": number},
}


@pytest.mark.parametrize("own_id", SILENT_IDS.values(), ids=SILENT_IDS)
@pytest.mark.parametrize("is_list", [False, True], ids=["stream", "list"])
async def test_an_id_that_says_nothing_hides_no_event(own_id: Callable[[int], Any], is_list: bool) -> None:
    story = [{**each, "id": own_id(number)} for number, each in enumerate(STORY)]
    story.insert(5, story[4])
    if own_id(0) != own_id(1):
        # Equal to the letter, number and all.
        story[5] = {**story[4], "id": own_id(99)}
    if is_list:
        server = Server({JOB: [answer(job("succeeded"))], LIST: [page(*story)]})
        async with server.running():
            told = await followed(server.origin, PATIENT, streaming=False)
    else:
        told, _ = await told_live("text/event-stream", [(each, frame(each)) for each in story])
    assert told.fields == story


# Words of status

ENDINGS = {
    Status.SUCCEEDED: "succeeded success completed complete finished done early_stopped partially_succeeded",
    Status.FAILED: "failed failure error user_error deploy_failed expired timeout aborted",
    Status.CANCELLED: "cancelled canceled stopped",
}
"""The words that end a run (SERVICES §3.5)."""

WORDS = [(word, status) for status, words in ENDINGS.items() for word in words.split()]
FORMS: Mapping[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "of Vertex AI": lambda word: f"JOB_STATE_{word.upper()}",
    "of Baseten": lambda word: f"TRAINING_JOB_{word.upper()}",
}
EXIT = {Status.SUCCEEDED: 0, Status.FAILED: 1, Status.CANCELLED: 3}
NO_END = ["model_downloading", "ready", "dormant", "success?", "100 %", "not_failed", "JOB_STATE_UPDATING"]
CLAIM = newer.event("The job has successfully completed", 1723886500, 900)
UNTIL_THE_CLAIM = [*newer.STORY[:6], CLAIM]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(("word", "status"), WORDS, ids=[word for word, _ in WORDS])
async def test_a_word_that_ends_a_run_ends_a_polled_one(
    word: str, status: Status, form: Callable[[str], str]
) -> None:
    count = len(newer.STORY)
    moments = [newer.Moment(newer.job("running"), 6), newer.Moment(newer.job(form(word)), count)]
    told = await told_by_id(newer.JobsServer(moments), pace=replace(PACE, late=0))
    assert told.fields == newer.STORY
    assert told.ending == (status, EXIT[status])
    assert told.notices == []


@pytest.mark.parametrize("word", NO_END)
async def test_a_word_that_is_not_known_is_told_once_and_is_no_end(word: str) -> None:
    unknown = newer.job(word)
    count = len(newer.STORY) - 1
    moments = [newer.Moment(unknown, min(2 + number // 4, count)) for number in range(16)]
    moments.append(newer.Moment(newer.job("succeeded"), len(newer.STORY)))
    pace = replace(PACE, late=0, lag=0.1)
    server = newer.JobsServer(moments)
    told = await told_by_id(server, pace=pace)
    assert told.fields == newer.STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    (notice,) = told.notices
    assert notice == f"The service gives the job's status as {word}, which ftmon does not know."


async def test_a_status_that_counts_is_told_in_few_notices() -> None:
    moments = [newer.Moment(newer.job(f"{number} % done"), 2) for number in range(40)]
    moments.append(newer.Moment(newer.job("succeeded"), len(newer.STORY)))
    told = await told_by_id(newer.JobsServer(moments), pace=replace(PACE, poll=0.005, late=0))
    assert told.fields == newer.STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert 1 < len(told.notices) < 10
    assert told.notices[1] == "The service gives the job's status as 1 % done, which ftmon does not know."


NO_STATUS = {name: value for name, value in newer.RUNNING_JOB.items() if name != "status"}
UNTOLD: Mapping[str, Fields] = {
    "an unknown word": newer.job("model_downloading"),
    "no status": NO_STATUS,
    "null": {**NO_STATUS, "status": None},
    "a number": {**NO_STATUS, "status": 3},
}


@pytest.mark.parametrize("unknown", UNTOLD.values(), ids=UNTOLD)
async def test_a_message_that_claims_an_end_is_believed_after_a_while_where_the_status_is_unknown(
    unknown: Fields,
) -> None:
    events = UNTIL_THE_CLAIM
    counts = [2, 3, 4, *[6] * 6, 7]
    server = newer.JobsServer([newer.Moment(unknown, count) for count in counts], events)
    told = await told_by_id(server, pace=replace(PACE, lag=0.2))
    assert told.fields == events
    assert told.ending == (Status.UNKNOWN, 5)
    assert told.sentence.startswith("The events are over, but the service does not say how the job ended.")
    readings = [request.at for request in server.requests if request.target == newer.FIRST_PAGE]
    # The six readings without news ended nothing, and after the claim a whole while passed.
    assert readings[-1] - readings[len(counts) - 1] > 0.15


async def test_a_message_that_claims_an_end_is_none_where_others_follow() -> None:
    unknown = NO_STATUS
    retried = newer.event("Upload failed; trying again", 1723885900, 800)
    later = newer.event("Uploading", 1723885901, 801)
    events = [*newer.STORY[:3], retried, later, newer.STORY[-1]]
    counts = [3, 4, *[5] * 8]
    moments = [newer.Moment(unknown, count) for count in counts]
    server = newer.JobsServer([*moments, newer.Moment(newer.SUCCEEDED_JOB, 6)], events)
    told = await told_by_id(server, pace=replace(PACE, late=0, lag=0.12))
    assert told.fields == events
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_a_stream_that_brings_nothing_claims_no_end() -> None:
    def job_now() -> Script:
        return answer(job("succeeded" if len(server.asked(JOB)) > 10 else "model_downloading"))

    silent = NOTHING["event: error and an end"]
    server = Server({STREAM: [silent], JOB: job_now, LIST: [page(*STORY[:5])]})
    async with server.running():
        told = await followed(server.origin, replace(PACE, lag=0.1))
    assert told.fields == STORY[:5]
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_the_end_of_a_stream_is_believed_after_a_while_where_the_status_is_unknown() -> None:
    server = Server({STREAM: [stream(*STORY[:5], DONE)], JOB: [answer(job("model_downloading"))]})
    async with server.running():
        told = await followed(server.origin, replace(PACE, lag=0.2))
    assert told.fields == STORY[:5]
    assert told.ending == (Status.UNKNOWN, 5)
    assert server.requests[-1].at - server.asked(STREAM)[0].at > 0.2


async def test_an_open_stream_is_followed_where_the_status_is_unknown() -> None:
    def job_now() -> Script:
        return answer(job("succeeded" if len(server.asked(JOB)) > 6 else "model_downloading"))

    server = Server({STREAM: [[*opened(*STORY[:5]), End.HANG]], JOB: job_now, LIST: [page(*STORY[:5])]})
    async with server.running():
        told = await followed(server.origin, replace(PACE, quiet=0.05, quiet_again=0.05, lag=0.1))
    assert told.fields == STORY[:5]
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == 1


@pytest.mark.parametrize(
    ("status", "ending"), [({"status": "model_downloading"}, 0), ({}, 5), ({"status": None}, 5)], ids=str
)
async def test_a_review_shows_the_past_of_a_job_whose_status_is_in_an_unknown_word(
    status: Fields, ending: int
) -> None:
    fields = {name: value for name, value in job().items() if name != "status"} | status
    server = Server({JOB: [answer(fields)], LIST: [page(*STORY)]})
    async with server.running():
        told = await followed(server.origin, streaming=False)
    assert told.fields == STORY
    assert told.ending == (Status.UNKNOWN, ending)
    assert len(told.notices) == bool(status.get("status"))
    assert ("does not say how the job stands" in told.sentence) is (ending == 5)


# What the service says

QUOTA = "You exceeded your current quota, please check your plan and billing details."
SAID: Mapping[str, Any] = {
    "OpenAI's": {"error": {"message": QUOTA, "type": "insufficient_quota", "param": None, "code": "x"}},
    "a text": {"error": QUOTA},
    "flat": {"message": QUOTA, "object": "error", "type": "x"},
    "FastAPI's": {"detail": QUOTA},
    "FastAPI's list": {"detail": [{"loc": ["query"], "msg": QUOTA, "type": "x"}]},
    "RFC 9457's": {"type": "about:blank", "title": QUOTA, "status": 429},
}
FAILING = {
    f"{status}, {name}": (body, status) for status in (429, 503, 529, 200) for name, body in SAID.items()
} | {f"{status}, plain text": (QUOTA.encode(), status) for status in (429, 503, 529)}


@pytest.mark.parametrize(
    ("streaming", "is_newer"), [(True, False), (False, True)], ids=["stream, first API", "second API"]
)
@pytest.mark.parametrize(("body", "status"), FAILING.values(), ids=FAILING)
async def test_the_sentence_of_a_service_that_fails_is_told_at_the_first_try_and_at_the_end(
    body: Any, status: int, streaming: bool, is_newer: bool
) -> None:
    script = answer(body, status)
    pace = replace(PACE, give_up=1.5)
    if is_newer:
        scripts = {newer.JOB: [script], newer.FIRST_PAGE: [script], newer.FIRST_API_JOB: [script]}
        told = await told_by_id(newer.JobsServer(scripts=scripts), pace=pace, stream=streaming)
    else:
        server = Server({STREAM: [script], JOB: [script], LIST: [script]})
        async with server.running():
            told = await followed(server.origin, pace, streaming=streaming)
    assert told.waits
    assert all(QUOTA.rstrip(".") in wait.reason for wait in told.waits)
    assert told.ending == (Status.UNKNOWN, 5)
    assert QUOTA in told.sentence
    assert "Is the base URL right?" not in told.sentence
    assert told.notices == []
    assert Wire.POLLING not in told.wires


FORBIDDEN = [
    "Country, region, or territory not supported",
    "Your organization must be verified to use this model.",
    "Your account is not active, please check your billing details on our website.",
]


@pytest.mark.parametrize("has_key", [True, False], ids=["key", "no key"])
@pytest.mark.parametrize("said", FORBIDDEN)
async def test_what_a_service_forbids_is_told_without_a_claim(said: str, has_key: bool) -> None:
    script = refusal(403, said)
    server = Server({STREAM: [script], JOB: [script], LIST: [script]})
    async with server.running():
        key = Key("sk-0123456789abcdef", "OPENAI_API_KEY") if has_key else None
        told = await followed(server.origin, api_key=key)
    full = said if said.endswith(".") else f"{said}."
    assert told.sentence == f"The service forbids it (403): {full}"
    assert told.ending == (Status.UNKNOWN, 4)
    assert len(server.requests) == 1


async def test_three_hundred_errors_in_a_stream_are_told_in_few_notices() -> None:
    errors = [frame({"error": {"message": f"Worker {number} is busy"}}) for number in range(300)]
    first, last = ((each, frame(each)) for each in STORY[:2])
    told, _ = await told_live("text/event-stream", [first, *[(None, each) for each in errors], last])
    assert told.fields == STORY[:2]
    assert 0 < len(told.notices) < 5
    assert "The service told of 100 errors, the last one: Worker 99 is busy" in told.notices


async def test_an_error_that_each_attempt_ends_with_is_told_once() -> None:
    server = GrowingServer([NOTHING["event: error and a cut"]])
    watched = await watch(server)
    assert watched.told.notices == ["The service told of an error: Stream not available"]
    assert len(server.asked(STREAM)) > 2


# Two routes at once


async def test_a_reading_that_is_older_than_the_cancelling_does_not_undo_it() -> None:
    cancelled = Signal()
    scripts: Mapping[str, Sequence[Script]] = {
        STREAM: [[*opened(event("Fine-tune started")), End.HANG]],
        JOB: [answer(job()), [cancelled, *answer(job())]],
        f"{JOB}/cancel": [answer(job("cancelled"))],
        LIST: [page(event("Fine-tune started"))],
    }
    server = Server(scripts)
    tasks: list[Task[ActionOutcome]] = []

    async def cancel(follower: Follower) -> ActionOutcome:
        await server.until(lambda: len(server.asked(JOB)) == 2)
        return await follower.ask(Action.CANCEL)

    def react(told: Told, follower: Follower) -> None:
        if told.run.events and not tasks:
            tasks.append(create_task(cancel(follower)))
        if told.run.status is Status.CANCELLED:
            cancelled.set()

    async with server.running():
        told = await followed(server.origin, replace(PACE, hint=0, quiet=60), react=react)
    outcome = await tasks[0]
    assert outcome.job
    assert outcome.job.status is Status.CANCELLED
    assert told.ending == (Status.CANCELLED, 3)


async def test_a_job_that_is_refused_once_leaves_an_open_stream_live() -> None:
    glitch = refusal(403, "Blocked by the firewall")
    jobs = [answer(job()), answer(job()), glitch, *[answer(job())] * 3, answer(job("succeeded"))]
    story = [event(f"Step {step}/9: training loss=0.5", step) for step in range(1, 10)]
    rest = [chunk(each) for each in story[3:]]
    server = Server(
        {
            STREAM: [[*opened(*story[:3]), After(JOB, 5), *rest, chunk(DONE), b"0\r\n\r\n"]],
            JOB: jobs,
            LIST: [page(*story[:3])] * 5 + [page(*story)],
        }
    )
    async with server.running():
        told = await followed(server.origin, replace(PACE, quiet=0.05, quiet_again=0.05))
    assert told.fields == story
    assert not any("firewall" in wait.reason for wait in told.waits)


async def test_a_poll_that_fails_once_beside_a_silent_stream_is_told_as_polling_again() -> None:
    def jobs() -> Script:
        return (
            [End.RST] if len(server.asked(JOB)) == 5 else answer(job("succeeded" if is_over() else "running"))
        )

    def is_over() -> bool:
        return len(server.asked(JOB)) > 9

    server = Server({STREAM: [[*opened(), End.HANG]], JOB: jobs, LIST: [page(STORY[0])]})
    async with server.running():
        told = await followed(server.origin, PACE)
    assert told.fields == STORY[:1]
    assert told.wires[2:] == [Wire.POLLING, Wire.WAITING, Wire.POLLING, Wire.CLOSED]


async def test_a_stream_of_blanks_alone_does_not_fill_the_memory() -> None:
    blanks = gzip.compress(b"\xef\xbb\xbf" + b" " * 60_000_000, 1)
    bomb = answer(blanks, kind="text/plain", Content_Encoding="gzip")
    server = GrowingServer([bomb])
    tracemalloc.start()
    watched = await watch(server)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert watched.told.fields == STORY
    assert peak < 40_000_000


async def test_a_byte_order_mark_in_two_pieces_begins_a_stream_too() -> None:
    pieces: list[Step] = [b"\xef", After(JOB, 2), b"\xbb\xbf", *map(frame, STORY), DONE]
    jobs = [answer(job()), answer(job()), answer(job("succeeded"))]
    server = Server({STREAM: [[opening("text/plain"), *pieces]], JOB: jobs, LIST: [page()]})
    async with server.running():
        told = await followed(server.origin, replace(PACE, grace=0.5))
    assert told.fields == STORY
    assert len(server.asked(STREAM)) == 1


# With the real command


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as service:
        yield service


HARD_LIMIT = "Fine-tune failed. Fine-tune will exceed billing hard limit"
REASONS = {
    HARD_LIMIT: "Fine-tune will exceed billing hard limit",
    "Fine-tune failed: not enough memory": "not enough memory",
    "Fine-tuning job failed due to an error: disk full": "due to an error: disk full",
    "Job failed. The file has no lines.": "The file has no lines.",
    "Error: The file is too long.": "The file is too long.",
}


@pytest.mark.parametrize("streaming", [True, False], ids=["stream", "no stream"])
@pytest.mark.parametrize(("message", "reason"), REASONS.items(), ids=REASONS)
def test_the_reason_in_the_last_event_is_the_error_of_the_job(
    service: Service, message: str, reason: str, streaming: bool
) -> None:
    service.tell("Fine-tune started")
    service.tell(message)
    service.end("failed")
    options = [*service.options, *([] if streaming else ["--no-stream"])]
    done = ftmon(COMMAND_JOB_ID, *options, "--json", "--no-history")
    assert objects(done.stdout)[-1]["error"] == reason
    assert (done.returncode, done.stderr) == (1, b"")
    done = ftmon(COMMAND_JOB_ID, *options, "--plain", "--no-history")
    assert f"\n  error   {reason}\n" in done.stdout.decode()
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (429, "the service answers 429"),
        (503, "the service answers 503"),
        (200, "the service answers with an error"),
    ],
)
def test_the_sentence_of_a_service_that_fails_is_on_the_first_line(
    service: Service, status: int, words: str
) -> None:
    body = json.dumps({"error": {"message": QUOTA}}).encode()
    targets = COMMAND_JOB, COMMAND_LIST, COMMAND_STREAM
    service.answers = {target: repeat(Reply(status, body)) for target in targets}
    with running(COMMAND_JOB_ID, *service.options, "--json") as command:
        assert command.notice() == f"ftmon: reconnecting in 1 s: {words}: {QUOTA.rstrip('.')}\n"
        command.signal(signal.SIGINT)
        assert command.wait() == 130
        assert command.rest() == []


def test_three_hundred_errors_in_a_stream_are_few_lines(service: Service) -> None:
    service.tell("Fine-tune started")
    for number in range(300):
        service.send(b'data: {"error": {"message": "Worker %d is busy"}}\n\n' % number)
    service.tell("Fine-tune succeeded")
    service.end("succeeded")
    done = ftmon(COMMAND_JOB_ID, *service.options, "--json", "--no-history")
    assert [item.get("message") for item in objects(done.stdout)] == [
        "Fine-tune started",
        "Fine-tune succeeded",
        None,
    ]
    assert 0 < done.stderr.count(b"\n") < 5
    assert done.returncode == 0


def test_a_stream_that_is_not_available_is_few_lines_and_the_list_is_printed(service: Service) -> None:
    not_available = b'event: error\ndata: {"error": "Stream not available"}\n\n'
    service.answers = {COMMAND_STREAM: repeat(Reply(200, not_available, "text/event-stream"))}
    service.tell("Fine-tune started")
    with running(COMMAND_JOB_ID, *service.options, "--json", "--no-history") as command:
        assert json.loads(command.line())["message"] == "Fine-tune started"
        service.tell("Fine-tune succeeded")
        service.end("succeeded")
        assert [json.loads(line).get("message") for line in command.rest()] == ["Fine-tune succeeded", None]
        assert command.wait() == 0
        notices = command.notices()
    assert notices[:2] == [
        "ftmon: The service told of an error: Stream not available\n",
        "ftmon: reconnecting in 1 s: the stream ended before the job did\n",
    ]
    assert len(notices) < 5
