"""What came of asking for a cancel: only a 4xx proves that the job was not cancelled."""

from collections.abc import Mapping
from contextlib import aclosing

import pytest

from ftmon.errors import FtmonError, RefusedError, UnreachableError
from ftmon.model.action import Action, ActionOutcome
from ftmon.model.job import Status
from ftmon.settings import Settings
from ftmon.wire.client import Client
from ftmon.wire.dialects.fine_tunes import FINE_TUNES
from ftmon.wire.service import Service
from tests.servers.fine_tunes import HTML, JOB, JOB_ID, answer, failure, head, job, refusal
from tests.servers.scripted import End, Script, Server, free_port
from tests.test_follow import OVER, RUNNING

pytestmark = pytest.mark.skips_waits

CANCELLED = answer(job("cancelled"))


async def outcome_of(script: Script, after: Script = RUNNING, head_timeout: float = 20) -> ActionOutcome:
    server = Server({f"{JOB}/cancel": [script], JOB: [after]})
    async with server.running():
        client = Client(Settings(f"{server.origin}/v1"), head_timeout=head_timeout)
        async with aclosing(client):
            outcome = await Service(client, FINE_TUNES).ask(Action.CANCEL, JOB_ID)
    methods = [request.method for request in server.asked(f"{JOB}/cancel")]
    assert methods == ["POST"]
    return outcome


UNCLEAR: Mapping[str, Script] = {
    "202 without a body": answer(b"", 202),
    "204": [head(204), End.FIN],
    "an empty 200": answer(b""),
    "null": answer(None),
    "a success of the request": answer({"status": "success"}),
    "another job": answer(job("cancelled", id="ft-other")),
    "an error with 200": answer({"error": {"message": "Busy"}}),
    "a web page": answer(HTML, kind="text/html"),
    "a reset": [End.RST],
    "a FIN": [End.FIN],
    "half a head": [b"HTTP/1.1 200", End.FIN],
    "half a body": [head(Content_Length="99"), b"{", End.RST],
    "an endless body": [head(), b"{", End.HANG],
    "no answer": [End.HANG],
    "garbage": [b"\x00\r\n\r\n"],
    "a redirect elsewhere": [head(302, Location="http://127.0.0.1:1/"), End.FIN],
    **{str(status): failure(status) for status in (408, 429, 500, 502, 503, 504, 529)},
}


@pytest.mark.parametrize("script", UNCLEAR.values(), ids=UNCLEAR)
async def test_what_proves_nothing_is_told_and_the_job_is_read(script: Script) -> None:
    outcome = await outcome_of(script, head_timeout=0.4)
    assert outcome.job
    assert outcome.job.status is Status.RUNNING
    assert not outcome.is_settled
    assert outcome.sentence == (
        f"It is not known whether the job will be cancelled: {outcome.doubt}. It is running now."
    )


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (CANCELLED, "The service says that the job is cancelled."),
        (OVER, "The job was over before it could be cancelled: it succeeded."),
    ],
    ids=["cancelled", "over"],
)
async def test_a_job_that_is_over_settles_what_was_unclear(after: Script, words: str) -> None:
    outcome = await outcome_of([End.RST], after)
    assert outcome.is_settled
    assert outcome.sentence == words


async def test_where_the_job_cannot_be_read_either_nothing_is_claimed() -> None:
    outcome = await outcome_of(failure(502), failure(502))
    assert outcome == ActionOutcome(Action.CANCEL, None, "the service answers 502")
    assert outcome.sentence.startswith("It is not known whether the job was cancelled: ")


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_a_job_in_the_answer_settles_it(status: int) -> None:
    assert (await outcome_of(answer(job("cancelled"), status))).sentence.endswith("the job is cancelled.")
    assert (await outcome_of(answer(job("running"), status))).sentence.endswith("will be cancelled.")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422, 425, 451])
async def test_a_4xx_proves_that_the_job_was_not_cancelled(status: int) -> None:
    with pytest.raises(FtmonError, match="Not now"):
        await outcome_of(refusal(status, "Not now."))


async def test_what_was_never_sent_cancelled_nothing() -> None:
    with free_port() as port:
        async with aclosing(Client(Settings(f"http://127.0.0.1:{port.getsockname()[1]}/v1"))) as client:
            with pytest.raises((RefusedError, UnreachableError), match="refused the connection"):
                await Service(client, FINE_TUNES).ask(Action.CANCEL, JOB_ID)
