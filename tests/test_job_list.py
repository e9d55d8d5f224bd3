"""The list of jobs of each service, page by page."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from ftmon.model.job import Job, Status
from ftmon.model.job_list import JobList, ListedJob
from ftmon.model.key import JobKey
from ftmon.settings import Settings
from ftmon.wire.choosing import Candidates
from ftmon.wire.client import Client
from ftmon.wire.dialects.dialect import JobPage
from ftmon.wire.dialects.paging import has_page_after
from ftmon.wire.job_list import job_pages
from tests.front_end import watching
from tests.servers.fine_tunes import Fields, answer
from tests.servers.fine_tunes import job as first_job
from tests.servers.fine_tuning_jobs import FIRST_JOBS, sample
from tests.servers.scripted import Script, Server


@dataclass(frozen=True)
class Case:
    """A list of three jobs in two pages; `entry` makes one of a number, the newest has the least."""

    provider: str
    first: str
    second: str
    entry: Callable[[int], Fields]
    page: Callable[[Sequence[Fields], bool], Any]
    link: str = ""
    """The `Link` header of the first page."""
    namespace: str = ""


def at(number: int) -> str:
    return f"2026-05-0{9 - number}T12:00:00Z"


REPLICATE = sample("replicate_training_processing")
DASHSCOPE = sample("dashscope_job_succeeded")["output"]
MISTRAL = sample("mistral_job_success")
HUGGING_FACE = sample("hf_jobs_job_running_docs")

CASES = {
    "OpenAI": Case(
        "openai",
        FIRST_JOBS,
        f"{FIRST_JOBS}&after=ftjob-2",
        lambda number: {**sample("openai_job_running"), "id": f"ftjob-{number}", "created_at": 99 - number},
        lambda jobs, has_more: {"object": "list", "data": jobs, "has_more": has_more},
    ),
    "Mistral": Case(
        "mistral",
        "/v1/fine_tuning/jobs?page_size=100",
        "/v1/fine_tuning/jobs?page_size=100&page=1",
        lambda number: {**MISTRAL, "id": f"job-{number}", "created_at": 99 - number},
        lambda jobs, has_more: {"object": "list", "data": jobs, "total": 101},
    ),
    # Made of the field lists of nemo-microservices 1.5.0, `CustomizationJobsPage`
    "NeMo Customizer": Case(
        "nemo",
        "/v1/customization/jobs?page_size=100",
        "/v1/customization/jobs?page_size=100&page=2",
        lambda number: {"id": f"cust-{number}", "status": "running", "created_at": at(number)},
        lambda jobs, has_more: {"object": "list", "data": jobs, "pagination": {"total_pages": 2}},
    ),
    # The documentation of NeMo Platform, `list-active-jobs`
    "NeMo Platform": Case(
        "nemo-platform",
        "/apis/jobs/v2/workspaces/default/jobs?page_size=100&sort=-created_at",
        "/apis/jobs/v2/workspaces/default/jobs?page_size=100&sort=-created_at&page=2",
        lambda number: {
            "id": f"platform-job-{99 - number}",
            "name": f"automodel-{number}",
            "workspace": "default",
            "status": "active",
            "created_at": at(number).removesuffix("Z"),
        },
        lambda jobs, has_more: {"data": jobs, "pagination": {"total_pages": 2}},
        namespace="default",
    ),
    # Made of the field lists of dashscope 2.0.2, `FineTuneListOutput`
    "DashScope": Case(
        "dashscope",
        "/v1/fine-tunes?page_size=100",
        "/v1/fine-tunes?page_size=100&page_no=2",
        lambda number: {**DASHSCOPE, "job_id": f"ft-{number}", "create_time": at(number)},
        lambda jobs, has_more: {"output": {"jobs": jobs, "total": 101, "page_size": 100}},
    ),
    # Made of replicate-python 1.0.7, `Page`
    "Replicate": Case(
        "replicate",
        "/v1/trainings",
        "/v1/trainings?cursor=c2Vjb25k%3D",
        lambda number: {**REPLICATE, "id": f"training{number}", "created_at": at(number)},
        lambda jobs, has_more: {
            "results": jobs,
            "next": "https://elsewhere.example/v1/other?cursor=c2Vjb25k%3D" if has_more else None,
        },
    ),
    "Hugging Face Jobs": Case(
        "hugging-face",
        "/api/jobs/someone",
        "/api/jobs/someone?cursor=abc",
        lambda number: {**HUGGING_FACE, "id": f"{number:024x}", "createdAt": at(number)},
        lambda jobs, has_more: jobs,
        '<https://elsewhere.example/api/jobs/someone?cursor=abc>; rel="next"',
        "someone",
    ),
    # Unsloth 015bdef0d9, `/api/train/runs`
    "Unsloth Studio": Case(
        "unsloth",
        "/api/train/runs?limit=200",
        "/api/train/runs?limit=200&offset=2",
        lambda number: {"id": f"run-{number}", "status": "running", "started_at": at(number)},
        lambda jobs, has_more: {"runs": jobs, "total": 3},
    ),
    # Made of fireworks-ai 1.2.30, `SupervisedFineTuningJob`
    "Fireworks": Case(
        "fireworks",
        "/v1/accounts/someone/supervisedFineTuningJobs?pageSize=200",
        "/v1/accounts/someone/supervisedFineTuningJobs?pageSize=200&pageToken=t%2F2",
        lambda number: {
            "name": f"accounts/someone/supervisedFineTuningJobs/tuning-{number}",
            "state": "JOB_STATE_RUNNING",
            "createTime": at(number),
        },
        lambda jobs, has_more: {
            "supervisedFineTuningJobs": jobs,
            "nextPageToken": "t/2" if has_more else "",
        },
        namespace="someone",
    ),
}


async def pages_of(server: Server, provider: str = "auto", namespace: str = "") -> list[JobPage]:
    async with server.running():
        settings = Settings(f"{server.origin}/v1", namespace=namespace, provider=provider)
        async with aclosing(Client(settings)) as client:
            return [page async for page in job_pages(client, Candidates.of(settings))]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_list_is_read_page_by_page(case: Case) -> None:
    one, two, three = map(case.entry, (1, 2, 3))
    server = Server(
        {
            case.first: [answer(case.page([one, two], True), Link=case.link)],
            case.second: [answer(case.page([three], False))],
        }
    )
    pages = await pages_of(server, case.provider, case.namespace)
    assert [len(page.jobs) for page in pages] == [2, 1]
    assert [bool(page.next) for page in pages] == [True, False]
    assert all(page.is_newest_first for page in pages)
    numbers = [job.id[-1] for page in pages for job in page.jobs]
    assert numbers == ["1", "2", "3"]
    # The address of the next page is the service's word, and never leads elsewhere.
    assert [request.target for request in server.requests] == [case.first, case.second]


def jobs(*ids: str, **more: Any) -> Script:
    data = [{"id": job_id, "status": "running", "created_at": 99} for job_id in ids]
    return answer({"object": "list", "data": data, **more})


async def test_a_service_that_ignores_the_cursor_is_asked_once_more_and_no_further() -> None:
    page = jobs("ftjob-1", "ftjob-2", has_more=True)
    server = Server({FIRST_JOBS: [page], f"{FIRST_JOBS}&after=ftjob-2": [page]})
    pages = await pages_of(server, "openai")
    assert [[job.id for job in page.jobs] for page in pages] == [["ftjob-1", "ftjob-2"], []]
    assert not pages[-1].next


async def test_an_empty_page_that_claims_more_is_the_last() -> None:
    server = Server(
        {FIRST_JOBS: [jobs("ftjob-1", has_more=True)], f"{FIRST_JOBS}&after=ftjob-1": [jobs(has_more=True)]}
    )
    assert len(await pages_of(server, "openai")) == 2


async def test_a_job_on_two_pages_is_listed_once() -> None:
    server = Server(
        {
            FIRST_JOBS: [jobs("ftjob-1", "ftjob-2", has_more=True)],
            f"{FIRST_JOBS}&after=ftjob-2": [jobs("ftjob-2", "ftjob-3")],
        }
    )
    pages = await pages_of(server, "openai")
    assert [job.id for page in pages for job in page.jobs] == ["ftjob-1", "ftjob-2", "ftjob-3"]


class EndlessServer(Server):
    """Has one more job on each page, and no last page."""

    def _script(self, target: str) -> Script:
        return jobs(f"ftjob-{len(self.requests)}", has_more=True)


async def test_a_list_without_an_end_is_read_as_far_as_it_is_wanted() -> None:
    server, found = EndlessServer({}), list[Job]()

    def report(jobs: list[Job]) -> bool:
        found.extend(jobs)
        return len(found) < 5

    async with server.running(), watching(Settings(f"{server.origin}/v1", provider="openai")) as front_end:
        has_more = await asyncio.wrap_future(front_end.watcher.list_jobs(report))
    assert has_more
    assert len(found) == len(server.requests) == 5


async def test_a_list_that_comes_oldest_first_is_read_to_its_end_for_its_newest_jobs() -> None:
    def page(*numbers: int, has_more: bool) -> Script:
        data = [first_job(id=f"ftjob-{number}", created_at=number) for number in numbers]
        return answer({"data": data, "has_more": has_more})

    pages = {
        FIRST_JOBS: [page(1, 2, has_more=True)],
        f"{FIRST_JOBS}&after=ftjob-2": [page(3, 4, has_more=False)],
    }
    server, found = Server(pages), list[Job]()

    def report(jobs: list[Job]) -> bool:
        found.extend(jobs)
        return False

    async with server.running(), watching(Settings(f"{server.origin}/v1", provider="openai")) as front_end:
        assert not await asyncio.wrap_future(front_end.watcher.list_jobs(report))
    assert [job.id for job in found] == ["ftjob-2", "ftjob-1", "ftjob-4", "ftjob-3"]


# Both places together


def listed(job_id: str, status: Status, day: int, **more: Any) -> ListedJob:
    key = JobKey("http://127.0.0.1:1/v1", job_id)
    return ListedJob(key, Job(job_id, status, created_at=datetime(2026, 5, day, tzinfo=UTC)), **more)


def test_a_job_of_both_places_is_one_and_the_newest_comes_first() -> None:
    both = JobList()
    both.add([listed("ft-1", Status.RUNNING, 1, events=7), listed("ft-2", Status.FAILED, 3, events=2)])
    both.add(
        [
            listed("ft-3", Status.PENDING, 2, is_listed=True),
            listed("ft-1", Status.SUCCEEDED, 1, is_listed=True),
        ]
    )
    assert [job.key.job_id for job in both] == ["ft-2", "ft-3", "ft-1"]
    [*_, first] = both
    assert (first.job.status, first.events, first.is_listed) == (Status.SUCCEEDED, 7, True)


def test_a_list_that_is_older_than_the_recorded_end_does_not_undo_it() -> None:
    both = JobList()
    both.add([listed("ft-1", Status.FAILED, 1, events=7)])
    both.add([listed("ft-1", Status.RUNNING, 1, is_listed=True)])
    assert [job.job.status for job in both] == [Status.FAILED]


@pytest.mark.parametrize(
    ("pages", "entries", "total", "has_more"),
    [
        (1, 100, 150, True),
        (2, 50, 150, False),
        (1, 20, 45, True),
        (2, 20, 45, True),
        (4, 0, 45, False),
        (1, 3, 3, False),
        (1, 0, 9, False),
    ],
)
def test_pages_are_read_to_the_last_where_a_service_has_a_size_of_its_own(
    pages: int, entries: int, total: int, has_more: bool
) -> None:
    assert has_page_after(pages, entries, total, 100) == has_more
