import json
import re
from asyncio import Event as Signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ftmon.model.job import Status
from ftmon.model.update import Wire
from ftmon.wire.pace import Pace
from tests.command import ftmon, objects
from tests.servers.fine_tunes import (
    DONE,
    JOB,
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
from tests.servers.keeping import ClosingServer
from tests.servers.scripted import End, Script, Server
from tests.service import Service
from tests.test_follow import Told, followed, told_by

# Every duration is a hundredth of the real one.
PACE = Pace(
    first_delay=0.01,
    longest_delay=0.6,
    give_up=0.6,
    settled=0.6,
    settled_with_news=0.05,
    poll=0.05,
    late=0.1,
    page=0.001,
    proof=0.05,
    quiet=0.3,
    quiet_again=0.6,
    stalled=1.8,
    grace=0.03,
    hint=0.1,
    lag=0.6,
    random=lambda: 0.5,
)
RUNNING, OVER = answer(job()), answer(job("succeeded"))


def growing(script: Script | Callable[[], Script], by: str = LIST) -> Server:
    """Return a service whose job gets one more event with each request for its list, and then is over.

    Its stream is this script each time.
    """

    def listed() -> Script:
        return page(*STORY[: len(server.asked(by))])

    def job_now() -> Script:
        return OVER if len(server.asked(by)) >= len(STORY) else RUNNING

    server = Server({JOB: job_now, LIST: listed, STREAM: script if callable(script) else [script]})
    return server


# A. The stream brings nothing, the list knows everything

NOTHING: Mapping[str, Script] = {
    "the head is held back": [End.HANG],
    "the head comes, and then nothing": [head(), End.HANG],
    "half a head": [b"HTTP/1.1 200 OK\r\nContent-", End.HANG],
    "a gateway gives up": failure(504),
    "a server error": failure(500),
    "reset at once": [End.RST],
    "closed at once": [End.FIN],
    "an error and a clean end": unframed(b'event: error\ndata: {"error": "Stream not available"}\n\n'),
    "a clean end without a byte": unframed(),
    "comments only": [head(), b": hello\n\n", End.HANG],
    "422 for the parameter": answer({"detail": [{"loc": ["query", "stream"], "msg": "no"}]}, 422),
    "400 for the parameter": refusal(400, "Unknown parameter: stream"),
    "403 for the stream alone": refusal(403, "Streaming is not for you"),
    "406": refusal(406, "Not Acceptable"),
    "a web page": answer(b"<html>Welcome</html>", kind="text/html"),
    "plain words": answer(b"Streaming is off.", kind="text/plain"),
    "a JSON error": answer({"error": {"message": "No stream."}}),
    "data: in data:": unframed(*[b"data: " + frame(each) for each in STORY[:3]]),
    "the repr of a dict": unframed(*[f"data: {each!r}\n\n".encode() for each in STORY[:3]]),
    "JSON inside a JSON text": unframed(*[frame(json.dumps(each)) for each in STORY[:3]]),
    "JSON that is cut": unframed(b'data: {"message": "a\n\n' * 3),
}


@pytest.mark.parametrize("script", NOTHING.values(), ids=NOTHING)
async def test_a_stream_that_brings_nothing_costs_no_event_and_no_time(script: Script) -> None:
    server = growing(script)
    shown_at: list[int] = []

    def react(told: Told, follower: object) -> None:
        # How often the list was asked for when so many events were shown.
        while len(shown_at) < told.run.events:
            shown_at.append(len(server.asked(LIST)))

    told = await told_by(server, PACE, react=react)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert shown_at == [*range(1, len(STORY) + 1)]
    polls = len(server.asked(LIST))
    # Job and list once per interval, the job once more at the start and once where a refusal is confirmed.
    assert polls + len(server.asked(JOB)) <= 2 * polls + 3
    between = [two.at - one.at for one, two in zip(server.asked(LIST), server.asked(LIST)[1:], strict=False)]
    assert min(between) >= 0.9 * 0.05, between
    assert len(server.asked(STREAM)) <= 12
    assert sum("Skipped" in notice for notice in told.notices) <= 1
    assert sum("told of an error" in notice for notice in told.notices) <= 1


RIGHT: Mapping[str, dict[str, str]] = {
    "without a type": {"kind": ""},
    "as plain text": {"kind": "text/plain"},
    "as JSON": {"kind": "application/json"},
    "as HTML": {"kind": "text/html"},
    "as bytes": {"kind": "application/octet-stream"},
    "in capitals": {"kind": "Text/Event-Stream; charset=latin-1"},
}


@pytest.mark.parametrize("kind", RIGHT.values(), ids=RIGHT)
@pytest.mark.parametrize("form", ["events", "lines", "events after a mark and blank lines"])
async def test_a_stream_is_known_by_its_body_and_read_as_it_comes(kind: dict[str, str], form: str) -> None:
    def piece(fields: Fields) -> bytes:
        return json.dumps(fields).encode() + b"\n" if form == "lines" else frame(fields)

    seen = Signal()
    start = b"\xef\xbb\xbf\n\n" if "mark" in form else b""
    end = [] if form == "lines" else [DONE]
    script: Script = [head(200, **kind), start, *map(piece, STORY[:5]), seen, *map(piece, STORY[5:]), *end]
    server = Server({STREAM: [script], LIST: [page(*STORY)]})
    server.scripts = {**server.scripts, JOB: lambda: OVER if seen.is_set() else RUNNING}
    told = await told_by(
        server,
        replace(PACE, proof=5, late=0),
        react=lambda told, follower: seen.set() if told.run.events == 5 else None,
    )
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) == 1
    assert Wire.WAITING not in told.wires


async def test_a_server_that_knows_only_json_routes_streams_to_a_wide_accept() -> None:
    def script() -> Script:
        accepts = server.requests[-1].headers["accept"]
        return stream(*STORY, DONE) if "*/*" in accepts else refusal(406, "Not Acceptable")

    server = growing(script, by=STREAM)
    server.scripts = {**server.scripts, JOB: lambda: OVER if server.asked(STREAM) else RUNNING}
    told = await told_by(server, PACE)
    assert told.fields == STORY
    assert len(server.asked(STREAM)) == 1


async def test_a_connection_that_is_closed_when_it_is_used_again_is_replaced_at_once() -> None:
    def body(target: str) -> bytes:
        if target == STREAM:
            return b"".join(map(frame, STORY)) + DONE
        return json.dumps(job("succeeded" if STREAM in server.targets else "running")).encode()

    server = ClosingServer(body)
    async with server.running():
        told = await followed(server.origin, PACE)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
    assert told.waits == []
    assert server.targets == [JOB, STREAM, JOB]
    assert server.closed > 0


# B. Signs of life, ends, ids

SIGNS: Mapping[str, bytes] = {
    "a ping": b'event: ping\ndata: ""\n\n',
    "empty data": b"data:\n\n",
    "a time": b'event: ping\ndata: "2026-01-31T12:00:00Z"\n\n',
    "a bare time": b"data: 1769860800\n\n",
    "a keepalive": b"event: keepalive\ndata: still here\n\n",
    "an empty object": b"data: {}\n\n",
    "a comment": b": ping\n\n",
}


@pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS)
async def test_a_sign_of_life_is_no_notice_and_no_loss(sign: bytes) -> None:
    parts = [part for each in STORY for part in (sign, frame(each))]
    server = Server({STREAM: [stream(*parts, sign, DONE)], JOB: [RUNNING, OVER], LIST: [page(*STORY)]})
    told = await told_by(server, replace(PACE, proof=5))
    assert told.fields == STORY
    assert told.notices == []
    assert not server.asked(LIST)


@pytest.mark.parametrize("data", [b"{}", b'""', b"bye", b'{"status": "succeeded"}'])
async def test_an_event_called_done_ends_the_stream(data: bytes) -> None:
    end = b"event: done\ndata: " + data + b"\n\n"
    server = Server({STREAM: [stream(*STORY, end, End.HANG)], JOB: [RUNNING, OVER]})
    told = await told_by(server, PACE)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_an_event_that_is_delivered_twice_is_shown_once() -> None:
    story = [{**each, "id": f"e{number}"} for number, each in enumerate(STORY)]
    server = Server({STREAM: [stream(*story[:5], *story[3:], story[0], DONE)], JOB: [RUNNING, OVER]})
    told = await told_by(server, PACE)
    assert told.fields == story


ENDS = {
    **dict.fromkeys(("success", "finished", "done", "complete", "EARLY_STOPPED"), (Status.SUCCEEDED, 0)),
    **dict.fromkeys(("failure", "expired", "timeout", "aborted", "JOB_STATE_FAILED"), (Status.FAILED, 1)),
    **dict.fromkeys(("stopped", "canceled", "TRAINING_JOB_STOPPED"), (Status.CANCELLED, 3)),
}


@pytest.mark.parametrize(("word", "ending"), ENDS.items(), ids=ENDS)
async def test_the_words_of_other_services_end_a_polled_job(word: str, ending: tuple[Status, int]) -> None:
    server = Server({STREAM: [page(*STORY)], LIST: [page(*STORY)], JOB: [RUNNING, answer(job(word))]})
    told = await told_by(server, PACE)
    assert told.fields == STORY
    assert told.ending == ending


@pytest.mark.parametrize("is_streamed", [True, False], ids=["stream", "list"])
@pytest.mark.parametrize("word", ["resting", None], ids=["an unknown word", "no status"])
async def test_an_end_that_the_job_does_not_tell_is_given_up_a_minute_after_it_was_claimed(
    is_streamed: bool, word: str | None
) -> None:
    first = stream(*STORY, DONE) if is_streamed else page(*STORY)
    status = {"status": word} if word else {}
    silent = answer({**{name: value for name, value in job().items() if name != "status"}, **status})
    server = Server({STREAM: [first], LIST: [page(*STORY)], JOB: [silent]})
    told = await told_by(server, PACE)
    assert told.fields == STORY
    assert told.ending == (Status.UNKNOWN, 5)
    assert "does not say how the job ended" in told.sentence
    assert server.requests[-1].at - server.requests[0].at > PACE.lag * 0.9
    assert sum("resting" in notice for notice in told.notices) == (1 if word else 0)


async def test_a_word_that_is_not_known_is_no_end() -> None:
    story = [event(f"Step {step}", step) for step in range(30)]
    server = Server({STREAM: [page(*story[:1])], JOB: [answer(job("model_downloading"))]})
    server.scripts = {**server.scripts, LIST: lambda: page(*story[: len(server.asked(LIST))])}

    def job_now() -> Script:
        return OVER if len(server.asked(LIST)) >= 30 else answer(job("model_downloading"))

    server.scripts = {**server.scripts, JOB: job_now}
    told = await told_by(server, replace(PACE, lag=0.1))
    assert told.fields == story
    assert told.ending == (Status.SUCCEEDED, 0)
    assert [notice for notice in told.notices if "model_downloading" in notice] == told.notices
    assert len(told.notices) == 1


@pytest.mark.parametrize(("status", "exit_status"), [({"status": "model_downloading"}, 0), ({}, 5)])
async def test_a_review_tells_an_unknown_word_and_succeeds(status: Fields, exit_status: int) -> None:
    fields = {name: value for name, value in job().items() if name != "status"} | status
    told = await told_by(Server({JOB: [answer(fields)], LIST: [page(*STORY)]}), PACE, streaming=False)
    assert told.fields == STORY
    assert told.run.exit_status == exit_status
    if status:
        assert any("model_downloading" in notice for notice in told.notices)
    else:
        assert "does not say how the job stands" in told.sentence


# C. What the service says

SAID = "You exceeded your current quota, please check your plan"
SENTENCES: Mapping[str, Script] = {
    "429": answer({"error": {"message": SAID, "type": "insufficient_quota"}}, 429),
    "503": answer({"error": SAID}, 503),
    "503 in plain text": answer(SAID.encode(), 503, "text/plain"),
    "502 of FastAPI": answer({"detail": SAID}, 502),
    "200 with an error": answer({"error": {"message": SAID}}),
    "200 with an error text": answer({"error": SAID, "status": "error"}),
}


@pytest.mark.parametrize("script", SENTENCES.values(), ids=SENTENCES)
@pytest.mark.parametrize("streaming", [True, False])
async def test_the_service_s_sentence_is_told_at_the_first_try_and_at_the_end(
    script: Script, streaming: bool
) -> None:
    told = await told_by(
        Server({target: [script] for target in (JOB, LIST, STREAM)}), PACE, streaming=streaming
    )
    assert told.run.exit_status == 5
    assert SAID in " ".join([told.waits[0].reason, *told.notices[:1]])
    assert SAID in told.sentence
    assert "base URL" not in told.sentence
    assert all("no stream" not in notice for notice in told.notices)


@pytest.mark.parametrize("said", ["Country, region, or territory not supported", ""])
async def test_a_refusal_claims_nothing_that_is_not_known(said: str) -> None:
    script = refusal(403, said)
    told = await told_by(Server({target: [script] for target in (JOB, LIST, STREAM)}), PACE)
    assert told.run.exit_status == 4
    assert said in told.sentence
    assert "is known" not in told.sentence
    if said:
        assert not re.search("key|project|organization", told.sentence)


def test_the_reason_in_an_event_is_the_error_of_a_failed_job() -> None:
    reason = "Fine-tune will exceed billing hard limit"
    with Service().running() as service:
        service.tell("Fine-tune started")
        service.tell(f"Fine-tune failed. {reason}")
        service.end("failed")
        done = ftmon("ft-eGO9U2WIjZzzGkuv8ADLBYHE", *service.options, "--json", "--no-history")
        assert done.returncode == 1
        assert objects(done.stdout)[-1]["error"] == reason
        done = ftmon("ft-eGO9U2WIjZzzGkuv8ADLBYHE", *service.options, "--plain", "--no-history")
        assert f"error   {reason}".encode() in done.stdout


async def test_hundreds_of_errors_in_the_stream_are_a_few_lines() -> None:
    errors = [frame({"error": {"message": f"Error number {number}"}}) for number in range(300)]
    parts: Sequence[Any] = [chunk(error) for error in errors]
    script = [head(Transfer_Encoding="chunked"), *parts, *[chunk(frame(each)) for each in STORY], chunk(DONE)]
    told = await told_by(Server({STREAM: [script], JOB: [RUNNING, OVER]}), PACE)
    assert told.fields == STORY
    told_of = [notice for notice in told.notices if "Error number" in notice]
    assert len(" ".join(told_of).split("The service told")) - 1 == 3
