import asyncio
from typing import Any

import httpx
import pytest

from ftmon.serving.job import ServedJob
from ftmon.serving.routes import FineTunes

HOST = "http://127.0.0.1:8000"


def served(status: str = "running") -> ServedJob:
    return ServedJob({"object": "fine-tune", "id": "ft-1", "status": status, "model": "curie"})


def event(message: str) -> dict[str, Any]:
    return {"object": "fine-tune-event", "level": "info", "message": message, "created_at": 1}


def client(routes: FineTunes) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(routes.app()), base_url=HOST)


async def messages(job: ServedJob) -> list[str]:
    return [sent["message"] async for sent in job.follow()]


async def test_a_reader_gets_past_and_new_events_until_the_job_is_final() -> None:
    job = served()
    job.publish(event("past"))
    reader = asyncio.create_task(messages(job))
    await asyncio.sleep(0)
    job.publish(event("new"))
    await asyncio.sleep(0)
    job.publish(event("last"), status="succeeded")
    assert await reader == ["past", "new", "last"]
    assert await messages(job) == ["past", "new", "last"]


async def test_closing_ends_every_reader_of_a_job_that_still_runs() -> None:
    job = served()
    job.publish(event("past"))
    readers = [asyncio.create_task(messages(job)) for _ in range(3)]
    await asyncio.sleep(0)
    job.close()
    assert await asyncio.gather(*readers) == [["past"]] * 3
    assert not job.is_final


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
async def test_an_event_and_the_change_it_brings_are_seen_together(status: str) -> None:
    job = served()
    job.publish(event("last"), status=status, fine_tuned_model="curie:ft-1")
    async with client(FineTunes(job, lambda: None)) as asked:
        answer = (await asked.get("/v1/fine-tunes/ft-1")).json()
    assert (answer["status"], answer["fine_tuned_model"]) == (status, "curie:ft-1")
    assert answer["events"] == [event("last")]
    assert job.is_final


async def test_cancelling_asks_the_source_once_and_only_while_the_job_runs() -> None:
    job = served()

    def cancel() -> None:
        job.publish(event("Fine-tune cancelled"), status="cancelled")

    async with client(FineTunes(job, cancel)) as asked:
        first = await asked.post("/v1/fine-tunes/ft-1/cancel")
        second = await asked.post("/v1/fine-tunes/ft-1/cancel")
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert second.status_code == 400
    assert job.events == [event("Fine-tune cancelled")]


async def test_a_file_of_the_source_is_downloaded_by_its_id() -> None:
    job = served()
    job.files["file-1"] = b"step\n1\n"
    async with client(FineTunes(job, lambda: None)) as asked:
        assert (await asked.get("/v1/files/file-1/content")).content == b"step\n1\n"
        assert (await asked.get("/v1/files/file-2/content")).status_code == 404
