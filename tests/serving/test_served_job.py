import asyncio

import pytest

from ftmon.serving.event import Status
from ftmon.serving.job import ServedJob
from tests.serving.story import Story, client


async def messages(job: ServedJob) -> list[str]:
    told: list[str] = []
    while await job.has_more(len(told)):
        told += [event.message for event in job.events[len(told) :]]
    return told


async def test_a_reader_gets_past_and_new_events_until_the_job_is_final() -> None:
    story = Story()
    story.tell("past")
    reader = asyncio.create_task(messages(story.job))
    await asyncio.sleep(0)
    story.tell("new")
    await asyncio.sleep(0)
    story.tell("last", "succeeded")
    assert await reader == ["past", "new", "last"]
    assert await messages(story.job) == ["past", "new", "last"]


async def test_closing_ends_every_reader_of_a_job_that_still_runs() -> None:
    story = Story()
    story.tell("past")
    readers = [asyncio.create_task(messages(story.job)) for _ in range(3)]
    await asyncio.sleep(0)
    story.job.close()
    assert await asyncio.gather(*readers) == [["past"]] * 3
    assert not story.job.is_final


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_the_last_event_gives_the_status_and_the_time_of_the_end(status: Status) -> None:
    story = Story()
    assert story.job.status == "pending"
    story.tell("Fine-tune started", "running")
    story.tell("Sample")
    assert (story.job.status, story.job.finished_at) == ("running", None)
    story.tell("last", status)
    assert (story.job.status, story.job.is_final) == (status, True)
    assert story.job.started_at == story.job.events[0].at
    assert story.job.finished_at == story.job.updated_at == story.job.events[-1].at


async def test_cancelling_asks_the_source_once_and_only_while_the_job_runs() -> None:
    story = Story()
    async with client(story) as asked:
        path = "/v1/fine-tunes/ft-0123456789abcdef01234567/cancel"
        first = await asked.post(path)
        second = await asked.post(path)
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert second.status_code == 400
    assert [event.message for event in story.job.events] == ["Fine-tune cancelled"]


async def test_a_file_of_the_source_is_downloaded_by_its_id() -> None:
    story = Story()
    async with client(story) as asked:
        assert (await asked.get("/v1/files/file-1/content")).content == b"text"
        assert (await asked.get("/v1/files/file-3/content")).status_code == 404
        story.succeed()
        assert (await asked.get("/v1/files/file-3/content")).content == b"step\n1\n"
