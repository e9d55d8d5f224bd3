import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ftmon.model.job import Status
from ftmon.wire.dialects.fine_tuning_jobs import FINE_TUNING_JOBS
from ftmon.wire.results import read_results
from tests.servers.fine_tunes import DONE, JOB, STREAM, answer, event, job, refusal, stream
from tests.servers.fine_tuning_jobs import JOB as SECOND_JOB
from tests.servers.fine_tuning_jobs import STORY, SUCCEEDED_JOB, JobsServer, Moment
from tests.servers.scripted import Script, Server
from tests.test_fine_tuning_jobs import points, told_by
from tests.test_follow import Told, followed

pytestmark = pytest.mark.skips_waits

SAMPLES = Path(__file__).parent / "samples"
CURRENT = (SAMPLES / "openai_results_current.csv").read_bytes()
HEADER = (SAMPLES / "openai_results_legacy_header.csv").read_bytes()
FIRST = HEADER + b"1,1544,1,2.5,0.0,0.5,3.5,0.0,0.25,,,,,,\n2,3088,2,1.25,0.0,0.5,-1,-1,-1,,,,,,\n"
"""Rows made by PROTOCOL §1.6 below the recorded header."""

FILE = "file-EvKrlLqCuTD6FmHonxKuJQzy"
CONTENT = f"/v1/files/{FILE}/content"
QUIET = [event("Fine-tune started", 1), event("Fine-tune succeeded", 2)]


@pytest.mark.parametrize("body", [CURRENT, base64.b64encode(CURRENT), base64.encodebytes(CURRENT)])
def test_a_recorded_file_is_read_plain_and_in_base64(body: bytes) -> None:
    events = read_results(body, FILE)
    assert len(events) == 15
    assert events[0].message == "Step 1: training loss=3.63265"
    assert events[0].fields["data"] == {"step": 1, "train_loss": 3.63265, "train_accuracy": 0.5}
    assert len({event.own_id for event in events}) == len(events)


def test_what_the_first_api_does_not_know_is_left_out() -> None:
    first, second = read_results(FIRST, FILE)
    assert first.message == "Step 1: training loss=2.5, validation loss=3.5"
    assert second.message == "Step 2: training loss=1.25"
    assert read_results(HEADER, FILE) == []


LONG = b'step,a\n"' + b"x" * 200_000


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<html>", b"a,b\n1,2\n", b"step", b"\xff\xfe", b"c3RlcA==", LONG]
)
def test_what_is_no_table_of_steps_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_results(body, FILE)


async def told_of_first(*content: Script, **more: Any) -> Told:
    """Follow a job of the first API whose events tell no loss."""
    files = [{"object": "file", "id": FILE, "filename": "compiled_results.csv"}]
    over = answer(job("succeeded", **{"result_files": files, **more}))
    server = Server({JOB: [answer(job()), over], STREAM: [stream(*QUIET, DONE)], CONTENT: content})
    async with server.running():
        told = await followed(server.origin)
    assert len(server.asked(CONTENT)) == (0 if more else 1)
    return told


async def test_the_losses_of_the_result_file_are_told_once_the_job_is_over() -> None:
    told = await told_of_first(answer(FIRST, kind="application/octet-stream"))
    assert [event.message for event in told.events[2:]] == [
        "Step 1: training loss=2.5, validation loss=3.5",
        "Step 2: training loss=1.25",
    ]
    assert (points(told.run.train_loss), points(told.run.valid_loss)) == ([(1, 2.5), (2, 1.25)], [(1, 3.5)])
    assert told.ending == (Status.SUCCEEDED, 0)
    assert not told.notices


async def test_a_service_that_does_not_have_the_file_is_nothing_to_tell() -> None:
    told = await told_of_first(refusal(404, "No such file"))
    assert told.fields == QUIET
    assert told.ending == (Status.SUCCEEDED, 0)
    assert not told.notices


@pytest.mark.parametrize("script", [refusal(403, "Not yours"), answer(b"<html>")], ids=["403", "nonsense"])
async def test_a_result_file_that_cannot_be_read_is_told_and_costs_nothing_else(script: Script) -> None:
    told = await told_of_first(script)
    assert told.fields == QUIET
    assert told.ending == (Status.SUCCEEDED, 0)
    [notice] = told.notices
    assert notice.startswith("The result file with the losses cannot be read: ")


@pytest.mark.parametrize(
    "files", [None, [], {}, "file-1", ["../../admin"], [None, 5], [{"id": "a/b"}], [{"name": "x"}]], ids=repr
)
async def test_a_job_without_a_file_whose_id_can_be_asked_for_ends_as_ever(files: Any) -> None:
    told = await told_of_first(result_files=files)
    assert told.fields == QUIET
    assert told.ending == (Status.SUCCEEDED, 0)


async def test_the_file_is_left_alone_where_the_events_told_losses() -> None:
    server = JobsServer([Moment(SUCCEEDED_JOB, len(STORY))], scripts={CONTENT: [answer(CURRENT)]})
    told = await told_by(server)
    assert told.fields == STORY
    assert not server.asked(CONTENT)


async def test_events_of_the_second_api_without_losses_are_made_up_for() -> None:
    server = JobsServer([Moment(SUCCEEDED_JOB, 4)], scripts={CONTENT: [answer(base64.b64encode(CURRENT))]})
    told = await told_by(server, stream=False)
    assert told.fields[:4] == STORY[:4]
    assert len(told.events) == 4 + 15
    assert points(told.run.train_loss)[0] == (1, 3.63265)
    assert server.requests[0].target == SECOND_JOB
    read = FINE_TUNING_JOBS.read_job(json.dumps(SUCCEEDED_JOB).encode()).job
    assert read.result_files == (FILE,)
