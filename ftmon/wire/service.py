"""A client and a dialect: one request, one answer."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import TypeVar

from ftmon.errors import RefusedError, UnclearError, UnreachableError
from ftmon.model.event import Event
from ftmon.model.job import Cancellation, Job
from ftmon.wire.answer import Answer
from ftmon.wire.client import Client
from ftmon.wire.dialects.dialect import Dialect, JobAnswer, Page, Source
from ftmon.wire.refusal import sentence_of_body, told

NO_ROUTE = frozenset({404, 405, 501})
"""What a service answers that does not have a route, or not for this job."""

UNREADABLE = 200
"""The status of an answer that came and could not be read as what was asked for."""

_ACCEPT_STREAM = "text/event-stream, application/json;q=0.9, */*;q=0.1"
"""Wide, because some servers refuse a stream to whoever accepts nothing else (REPORTS A)."""

_T = TypeVar("_T")


class Service:
    """One address that speaks a dialect.

    Its methods raise as `Client.open` does, and UnreachableError with the status `UNREADABLE` for an answer
    that is not what was asked for.
    """

    def __init__(self, client: Client, dialect: Dialect) -> None:
        self.client = client
        self.dialect = dialect

    async def job(self, job_id: str) -> JobAnswer:
        """Return the job object."""
        body = await self.client.get(self._path(self.dialect.paths.job, job_id))
        return self._read(self.dialect.read_job, body, "a job")

    async def job_of_any(self, dialects: Sequence[Dialect], job_id: str) -> "tuple[Service, JobAnswer]":
        """Return the job object, and the service by the first of these dialects that reads it as its own.

        They have the path of this service's dialect, which reads what none of them does.
        """
        body = await self.client.get(self._path(self.dialect.paths.job, job_id))
        for dialect in dialects:
            with suppress(ValueError):
                return Service(self.client, dialect), dialect.read_job(body)
        return self, self._read(self.dialect.read_job, body, "a job")

    async def jobs(self) -> list[Job]:
        """Return the service's jobs, newest first."""
        body = await self.client.get(self._path(self.dialect.paths.jobs))
        return self._read(self.dialect.read_jobs, body, "a list of jobs")

    async def jobs_of_any(self, dialects: Sequence[Dialect], path: str) -> list[Job]:
        """Return the service's jobs, newest first, as the first of these dialects reads them.

        Their lists have this path; this service's dialect reads what none of them does.
        """
        body = await self.client.get(self._path(path))
        for dialect in dialects:
            with suppress(ValueError):
                jobs = dialect.read_jobs(body)
                # The list may be longer than its first page.
                return jobs if dialect.paths.jobs == path else await Service(self.client, dialect).jobs()
        return self._read(self.dialect.read_jobs, body, "a list of jobs")

    async def page(self, job_id: str, cursor: str = "") -> Page:
        """Return the list of events, or its page after a cursor."""
        return self.read_page(
            await self.client.get(self._path(self.dialect.page_path(cursor), job_id)), cursor
        )

    async def source(self, job_id: str, source: Source) -> list[Event]:
        """Return the events of a list beside that of the events."""
        body = await self.client.get(self._path(source.path, job_id))
        return self._read(source.read, body, "a list")

    def read_page(self, body: bytes, cursor: str = "") -> Page:
        """Read a list of events, or its page after a cursor."""
        return self._read(partial(self.dialect.read_page, cursor=cursor), body, "a list of events")

    def stream(self, job_id: str, last_event_id: str) -> AbstractAsyncContextManager[Answer]:
        """Ask for the stream of events."""
        return self.client.open(
            self._path(self.dialect.paths.stream, job_id),
            accept=_ACCEPT_STREAM,
            last_event_id=last_event_id,
        )

    async def cancel(self, job_id: str) -> Cancellation:
        """Ask to cancel a job. Where the answer leaves it open, read the job to find out.

        Raises:
            RefusedError, UnreachableError: the service surely does not cancel it: a 4xx, or nothing was sent.
        """
        try:
            return Cancellation(await self._cancelled(job_id))
        except UnclearError as error:
            doubt = str(error).rstrip(".")
        try:
            answer = await self.job(job_id)
        except (RefusedError, UnreachableError):
            return Cancellation(None, doubt)
        return Cancellation(answer.job, doubt)

    async def _cancelled(self, job_id: str) -> Job:
        """Ask to cancel a job and return it as it is then; raises as `Client.post`."""
        body = await self.client.post(self._path(self.dialect.paths.cancel, job_id))
        try:
            job = self._read(self.dialect.read_job, body, "the job").job
        except UnreachableError as error:
            raise UnclearError(str(error), status=UNREADABLE) from error
        if job.id.rpartition("/")[2] != job_id.rpartition("/")[2]:
            # The `status` of `{"status": "success"}` is that of the request.
            raise UnclearError("the answer is not the job", status=UNREADABLE)
        return job

    def _path(self, template: str, job_id: str = "") -> str:
        """Fill in a route of the dialect."""
        namespace, _, name = job_id.rpartition("/")
        return template.format(namespace=namespace, job_id=name)

    def _read(self, read: Callable[[bytes], _T], body: bytes, what: str) -> _T:
        try:
            return read(body)
        except ValueError:
            said = told(self.client.redact(sentence_of_body(body[:65_536]) or "")).removesuffix(".")
            words = f"the service answers with an error: {said}" if said else f"the answer is not {what}"
            raise UnreachableError(words, status=UNREADABLE) from None


def likeliest(dialects: Sequence[Dialect]) -> Dialect:
    """Return the dialect to speak before the job was read: the general one of the first path."""
    return [dialect for dialect in dialects if dialect.paths.job == dialects[0].paths.job][-1]


async def list_jobs(client: Client, dialects: Sequence[Dialect]) -> list[Job]:
    """Return the service's jobs, newest first, by the first dialect that reads the list as its own.

    Raises:
        RefusedError, UnreachableError: as `Service.jobs`; where no dialect has a route, the first refusal.
    """
    refusal: RefusedError | None = None
    for path, sharing in _groups(dialects, lambda dialect: dialect.paths.jobs.partition("?")[0]).items():
        try:
            return await Service(client, sharing[-1]).jobs_of_any(sharing, path)
        except RefusedError as error:
            if error.status not in NO_ROUTE:
                raise
            refusal = refusal or error
    assert refusal is not None, "there is at least one dialect"
    raise refusal


async def find_job(
    client: Client, dialects: Sequence[Dialect], job_id: str
) -> tuple[Service, JobAnswer | RefusedError]:
    """Find the dialect that a service speaks by asking for the job, and return the answer too.

    Each path is asked once, for all dialects that share it; the first one that knows the answer as its own
    is the service's. A path is passed over where its route is missing. Where all are, the first dialect and
    its refusal are returned.

    Raises:
        RefusedError, UnreachableError: as `Service.job`, but for a missing route. The UnreachableError has no
            status where a later dialect fails, because the dialect is not known then.
    """
    fitting = [dialect for dialect in dialects if dialect.takes_id(job_id)] or list(dialects[:1])
    groups = list(_groups(fitting, lambda dialect: dialect.paths.job).values())
    refusal, fault = None, None
    for sharing in groups:
        service = Service(client, sharing[-1])
        try:
            return await service.job_of_any(sharing, job_id)
        except RefusedError as error:
            is_missing = error.status in NO_ROUTE
            if refusal is None and not is_missing:
                raise
            if not is_missing and error.status in (401, 403):
                raise
            refusal = refusal or error
        except UnreachableError as error:
            if refusal is None:
                raise
            # The service may speak this dialect: ask again before believing the first one's missing route.
            # An answer that is no job at all comes from something else.
            if error.status != UNREADABLE:
                fault = UnreachableError(str(error), retry_after=error.retry_after)
    if fault is not None:
        raise fault
    assert refusal is not None, "there is at least one dialect"
    return Service(client, likeliest(fitting)), refusal


def _groups(dialects: Sequence[Dialect], path: Callable[[Dialect], str]) -> dict[str, list[Dialect]]:
    """Return the dialects that share a path, in their order."""
    groups: dict[str, list[Dialect]] = {}
    for dialect in dialects:
        groups.setdefault(path(dialect), []).append(dialect)
    return groups
