"""Ids, cursors, headers and addresses that no client expects: none of them leaves the wire as a crash."""

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import aclosing

import pytest

from ftmon.errors import FtmonError
from ftmon.model.job import Status
from ftmon.settings import Settings
from ftmon.wire.client import Client
from ftmon.wire.dialects.fine_tuning_jobs import FINE_TUNING_JOBS
from tests.servers import fine_tuning_jobs as newer
from tests.servers.fine_tunes import STORY, answer, failure, stream
from tests.servers.scripted import Script, Server
from tests.test_fine_tuning_jobs import told_by as told_by_id
from tests.test_follow import PACE, RUNNING, WHOLE, service, told_by

ODD: Mapping[str, str] = {
    "empty": "",
    "a blank": " ",
    "very long": "x" * 100_000,
    "long in UTF-8": "é" * 30_000,
    "a line end": "a\r\nX-Evil: 1",
    "a null": "\x00",
    "a control": "\x1b[2J",
    "not ASCII": "é\u202e\U0001f600",
    "half a character": "\ud800",
    "percent": "%",
    "percent nothing": "%zz%00",
    "a path": "../../admin",
    "an address": "http://[::1",
    "a port": "http://127.0.0.1:99999/",
    "a name of no host": "http://xn--zzzzzz.\u2603/",
    "a fragment": "a#b?c=d&e",
    "infinite": "inf",
    "not a number": "nan",
    "negative": "-1",
    "huge": "9" * 5_000,
    "a date that is none": "Mon, 99 Foo 99999 99:99:99 +9999",
    "a date of the year 0": "Mon, 01 Jan 0000 00:00:00 GMT",
    "a date without a zone": "Mon, 01 Jan 2024 00:00:00",
    "half a date": "Mon, 01",
}
odd = pytest.mark.parametrize("value", ODD.values(), ids=ODD)

HEADERS = (
    "Retry-After",
    "Retry-After-Ms",
    "Date",
    "Location",
    "Set-Cookie",
    "Content-Type",
    "Content-Encoding",
)
BREAKING = frozenset(map(ord, "\r\n\x00"))


def with_headers(script: Script, value: str) -> Script:
    """Return a script whose head has this value in every one of the headers, as far as a line can hold it."""
    clean = value.translate(dict.fromkeys(BREAKING)).encode("utf-8", "surrogatepass")[:5_000]
    lines = b"".join(b"%b: %b\r\n" % (name.encode(), clean) for name in HEADERS)
    first, *rest = script
    assert isinstance(first, bytes)
    return [first.replace(b"\r\n", b"\r\n" + lines, 1), *rest]


@odd
@pytest.mark.parametrize("status", [200, 204, 302, 307, 404, 429, 503])
async def test_odd_headers_are_an_answer_or_an_error_that_is_told(value: str, status: int) -> None:
    server = Server({"/v1/fine-tunes": [with_headers(answer({}, status), value)]})
    async with server.running(), aclosing(Client(Settings(f"{server.origin}/v1"))) as client:
        told = await outcome(client)
    assert told.isprintable()
    assert len(told) < 500


async def outcome(client: Client) -> str:
    try:
        async with asyncio.timeout(20):
            return repr(await client.get("/fine-tunes"))
    except FtmonError as error:
        return str(error)


@odd
async def test_odd_headers_of_a_fault_do_not_end_the_watching(value: str) -> None:
    script = with_headers(failure(503), value)
    told = await told_by(
        service(script, WHOLE, jobs=[RUNNING, script, answer({"id": "x", "status": "succeeded"})])
    )
    assert told.fields == STORY


@odd
async def test_odd_ids_of_frames_lose_and_repeat_nothing(value: str) -> None:
    encoded = value.encode("utf-8", "surrogatepass")
    first = [b"id: %b\ndata: %b\n\n" % (encoded, json.dumps(each).encode()) for each in STORY[:5]]
    told = await told_by(service(stream(*first), WHOLE))
    assert sorted(fields["message"] for fields in told.fields) == sorted(each["message"] for each in STORY)
    assert told.ending == (Status.SUCCEEDED, 0)


@odd
async def test_an_odd_cursor_costs_no_event_of_its_page(value: str) -> None:
    last = {**newer.STORY[0], "id": value}
    listed = answer({"object": "list", "data": [*newer.STORY[:0:-1], last], "has_more": True})
    server = Server({newer.JOB: [answer(newer.SUCCEEDED_JOB)], newer.FIRST_PAGE: [listed]})
    told = await told_by_id(server, pace=PACE)
    assert told.fields == [last, *newer.STORY[1:]]
    assert told.ending == (Status.SUCCEEDED, 0)


@odd
def test_a_cursor_becomes_one_word_of_an_address(value: str) -> None:
    assert re.fullmatch(r"/.*&after=[!-~]+", FINE_TUNING_JOBS.page_path(value)) or not value
