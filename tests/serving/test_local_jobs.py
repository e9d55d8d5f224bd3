import asyncio
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from ftmon.local.place import Place
from ftmon.serving.local_jobs import LocalJobs, pause_after
from ftmon.serving.routes import app
from tests.local.test_folder import write
from tests.local.test_run import rows
from tests.local.test_tensorboard import event

MANY = 10_000


def test_the_newest_run_of_a_directory_is_the_one_that_was_written_last(tmp_path: Path) -> None:
    for name, at in (("a", 1000), ("b", 3000), ("c", 2000)):
        write(tmp_path / name / "log.jsonl", rows(1), at)
    jobs = LocalJobs([Place(tmp_path)])
    jobs.read()
    assert jobs.newest is not None
    assert jobs.newest.name.startswith("b-")


def test_the_newest_run_of_a_file_is_its_last(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", "".join(rows(1, 2, 3, loss=loss) for loss in (2.5, 0.5, 0.25)))
    jobs = LocalJobs([Place(path)])
    jobs.read()
    assert jobs.newest is not None
    assert [event.figures["train_loss"] for event in jobs.newest.events] == [0.25] * 3


@pytest.mark.parametrize(
    ("silence", "is_over", "pause"),
    [(0, False, 0.02), (5, False, 0.1), (600, False, 1), (0, True, 0.02), (1, True, 1), (600, True, 2)],
)
def test_files_are_read_less_often_the_longer_nothing_comes(
    silence: float, is_over: bool, pause: float
) -> None:
    assert pause_after(silence, is_over=is_over) == pause


@pytest.mark.parametrize(
    ("text", "several"),
    [
        (rows(1, 2, 3), False),
        (rows(1, 2, 3) + rows(1, 2), True),
        # Two processes that write into one file.
        (rows(5, 10, 5, 15, 10, 20, 15), False),
        (rows(*range(100_000)), False),
        ('{"current_steps": 5, "total_steps": 9}\n{"current_steps": 9, "total_steps": 9}\n', False),
        ('{"global_step": "5"}\n{"other": 1}\n{"global_step": "4"}\n', True),
    ],
    ids=["one", "two", "two writers", "one large", "totals", "words"],
)
def test_a_large_file_is_looked_through_for_further_runs(tmp_path: Path, text: str, several: bool) -> None:
    place = Place(write(tmp_path / "log.jsonl", text + " " * (1 << 18)))
    LocalJobs([place]).read(at_most=0)
    assert place.may_have_newer == several


async def test_a_large_file_is_served_while_the_rest_of_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", rows(*range(MANY)) + '{"status": "finished"}\n')
    jobs = LocalJobs([Place(path)])
    jobs.read(at_most=0)
    job = jobs.newest
    assert job is not None
    assert 0 < len(job.events) < MANY
    following = asyncio.create_task(jobs.follow())
    while await job.has_more(len(job.events)):
        pass
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    assert [event.figures.get("step") for event in job.events[:-2]] == list(range(MANY))
    assert job.status == "succeeded"


async def test_a_run_that_has_succeeded_has_its_losses_as_a_result_file(tmp_path: Path) -> None:
    lines = '{"step": 1, "loss": 2.5}\n{"step": 2, "loss": NaN}\n{"step": 2, "eval_loss": 0.5}\n"text"\n'
    path = write(tmp_path / "log.jsonl", lines)
    jobs = LocalJobs([Place(path)])
    jobs.read()
    [source] = jobs.sources
    assert source.job.result_file is None
    with path.open("a") as file:
        file.write('{"status": "finished"}\n')
    jobs.read()
    transport = httpx.ASGITransport(app(jobs.sources))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        [job] = (await client.get("/v1/fine-tunes")).json()["data"]
        [result] = job["result_files"]
        answer = await client.get(f"/v1/files/{result['id']}/content")
    assert answer.text == "step,training_loss,validation_loss\n1,2.5,\n2,nan,\n2,,0.5\n"
    assert result["bytes"] == len(answer.content)


def test_neither_a_path_nor_the_name_of_the_machine_is_published(tmp_path: Path) -> None:
    damaged = event(1, "train/loss", 2.5) + event(2, "train/loss", 2.25)[:-1] + b"!" + bytes(100)
    alone = tmp_path / "events.out.tfevents.1.gpu-box.17.0"
    alone.write_bytes(damaged)
    log = write(tmp_path / "log.jsonl", rows(1))
    jobs = LocalJobs([Place(alone), Place(log)])
    jobs.read()
    # A file that becomes something else is told of, too.
    log.unlink()
    log.mkdir()
    jobs.read()
    told = [event.message for source in jobs.sources for event in source.job.events]
    assert "A TensorBoard file is read no further: a record of it is damaged." in told
    assert "log.jsonl is no regular file." in told
    published = " ".join([*told, *(source.job.name for source in jobs.sources)])
    assert "gpu-box" not in published
    assert str(tmp_path) not in published
