"""The jobs of a service, page by page."""

from collections.abc import AsyncGenerator

from ftmon.wire.choosing import Candidates, find_jobs
from ftmon.wire.client import Client
from ftmon.wire.dialects.dialect import JobPage

_MOST_PAGES = 1000


async def job_pages(client: Client, candidates: Candidates) -> AsyncGenerator[JobPage]:
    """Yield the pages of a service's list, each job once, by the first dialect that reads it as its own.

    A page without a new job is the last one: the service ignores what asks for the next page.

    Raises:
        RefusedError, UnreachableError: as `find_jobs`.
    """
    service, page = await find_jobs(client, candidates)
    seen: set[str] = set()
    for _ in range(_MOST_PAGES):
        new = [job for job in page.jobs if job.id not in seen]
        seen.update(job.id for job in new)
        is_last = not page.next or not new
        yield page._replace(jobs=new, next="" if is_last else page.next)
        if is_last:
            return
        page = await service.jobs(page.next)
