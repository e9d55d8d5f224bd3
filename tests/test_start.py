"""No wait of the start is longer than the time after which ftmon says that it gave up."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ftmon.model.job import Status
from tests.servers.fine_tunes import JOB, LIST, STORY, STREAM, head
from tests.servers.scripted import End, Pulse, Script, Server
from tests.test_follow import OVER, PACE, RUNNING, WHOLE, service, told_by

pytestmark = [pytest.mark.slow, pytest.mark.skips_waits]

SHORT = replace(PACE, give_up=0.6)
HEAD_TIMEOUT = 0.2
"""Both are the real durations divided by about a hundred."""

JSON = head(kind="application/json")

SLOW: Mapping[str, Script] = {
    "nothing": [End.HANG],
    "a head byte by byte": [Pulse(b"H", 0.02)],
    "lines of a head without end": [head()[:-2], Pulse(b"X: 1\r\n", 0.02)],
    "a body that does not begin": [JSON, End.HANG],
    "a body byte by byte": [JSON, b"{", Pulse(b" ", 0.02)],
    "half a body": [head(kind="application/json", Content_Length="100"), b'{"id": ', End.HANG],
    "an error byte by byte": [head(503), b"{", Pulse(b" ", 0.02)],
    "a missing page byte by byte": [head(500), Pulse(b" ", 0.02)],
}
slow = pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)


@slow
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_job_that_comes_too_slowly_is_given_up_when_it_was_said(
    script: Script, streaming: bool
) -> None:
    server = Server({JOB: [script], LIST: [script], STREAM: [script]})
    told = await told_by(server, SHORT, streaming=streaming, head_timeout=HEAD_TIMEOUT)
    assert told.ending == (Status.UNKNOWN, 5)
    assert told.sentence.startswith("Gave up after 1 s: ")


@slow
@pytest.mark.parametrize("status", [RUNNING, OVER], ids=["running", "over"])
async def test_a_past_whose_list_comes_too_slowly_is_given_up(script: Script, status: Script) -> None:
    server = Server({JOB: [status], LIST: [script]})
    told = await told_by(server, SHORT, streaming=False, head_timeout=HEAD_TIMEOUT)
    assert told.run.exit_status == 5 or status is OVER
    assert told.run.connection.error is not None
    assert told.sentence.startswith("Gave up after 1 s: ")


@pytest.mark.parametrize("slow", [JOB, LIST], ids=["job", "list"])
async def test_a_start_is_given_up_also_where_no_body_takes_too_long_alone(slow: str) -> None:
    scripts = {JOB: [RUNNING], LIST: [SLOW["a body byte by byte"]]}
    scripts[slow] = [SLOW["a body byte by byte"]]
    # The time for a head is longer than that of the start.
    told = await told_by(Server(scripts), SHORT, streaming=False, head_timeout=60)
    assert told.sentence.startswith("Gave up after 1 s: the service does not answer in full.")


@slow
async def test_with_endless_patience_a_slow_answer_is_asked_for_again(script: Script) -> None:
    server = service(WHOLE, jobs=[script, script, RUNNING, OVER])
    told = await told_by(server, replace(SHORT, give_up=0), patient=True, head_timeout=HEAD_TIMEOUT)
    assert told.fields == STORY
    assert told.ending == (Status.SUCCEEDED, 0)
