"""A client and a dialect: one request, one answer."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
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
        body = await self.client.get(self.dialect.paths.job.format(job_id=job_id))
        return self._read(self.dialect.read_job, body, "a job")

    async def jobs(self) -> list[Job]:
        """Return the service's jobs, newest first."""
        body = await self.client.get(self.dialect.paths.jobs)
        return self._read(self.dialect.read_jobs, body, "a list of jobs")

    async def page(self, job_id: str, cursor: str = "") -> Page:
        """Return the list of events, or its page after a cursor."""
        return self.read_page(await self.client.get(self.dialect.page_path(job_id, cursor)))

    async def source(self, job_id: str, source: Source) -> list[Event]:
        """Return the events of a list beside that of the events."""
        body = await self.client.get(source.path.format(job_id=job_id))
        return self._read(source.read, body, "a list")

    def read_page(self, body: bytes) -> Page:
        """Read a list of events that came in place of the stream."""
        return self._read(self.dialect.read_page, body, "a list of events")

    def stream(self, job_id: str, last_event_id: str) -> AbstractAsyncContextManager[Answer]:
        """Ask for the stream of events."""
        return self.client.open(
            self.dialect.paths.stream.format(job_id=job_id),
            accept=_ACCEPT_STREAM,
            last_event_id=last_event_id,
        )

    async def cancel(self, job_id: str) -> Job:
        """Ask to cancel a job and return it as it is then; raises as `Client.post`."""
        body = await self.client.post(self.dialect.paths.cancel.format(job_id=job_id))
        try:
            job = self._read(self.dialect.read_job, body, "the job").job
        except UnreachableError as error:
            raise UnclearError(str(error), status=UNREADABLE) from error
        if job.id != job_id:
            # The `status` of `{"status": "success"}` is that of the request.
            raise UnclearError("the answer is not the job", status=UNREADABLE)
        return job

    def _read(self, read: Callable[[bytes], _T], body: bytes, what: str) -> _T:
        try:
            return read(body)
        except ValueError:
            said = told(self.client.redact(sentence_of_body(body[:65_536]) or "")).removesuffix(".")
            words = f"the service answers with an error: {said}" if said else f"the answer is not {what}"
            raise UnreachableError(words, status=UNREADABLE) from None


async def ask(
    client: Client, dialects: Sequence[Dialect], question: Callable[[Service], Awaitable[_T]]
) -> _T:
    """Ask in the first dialect that the service has a route for, and return the answer.

    Raises:
        RefusedError, UnreachableError: as the methods of `Service`; where no dialect has a route, the refusal
            of the first one.
    """
    refusal: RefusedError | None = None
    for dialect in dialects:
        try:
            return await question(Service(client, dialect))
        except RefusedError as error:
            if error.status not in NO_ROUTE:
                raise
            refusal = refusal or error
    assert refusal is not None, "there is at least one dialect"
    raise refusal


async def cancel(client: Client, dialects: Sequence[Dialect], job_id: str) -> Cancellation:
    """Ask to cancel a job. Where the answer leaves it open, read the job to find out.

    Raises:
        RefusedError, UnreachableError: the service surely does not cancel it: a 4xx, or nothing was sent.
    """
    try:
        return Cancellation(await ask(client, dialects, lambda service: service.cancel(job_id)))
    except UnclearError as error:
        doubt = str(error).rstrip(".")
    try:
        answer = await ask(client, dialects, lambda service: service.job(job_id))
    except (RefusedError, UnreachableError):
        return Cancellation(None, doubt)
    return Cancellation(answer.job, doubt)


async def find_job(
    client: Client, dialects: Sequence[Dialect], job_id: str
) -> tuple[Service, JobAnswer | RefusedError]:
    """Find the dialect that a service speaks by asking for the job, and return the answer too.

    A dialect is passed over where its route to the job is missing. Where all are, the first dialect and its
    refusal are returned.

    Raises:
        RefusedError, UnreachableError: as `Service.job`, but for a missing route. The UnreachableError has no
            status where a later dialect fails, because the dialect is not known then.
    """
    service, refusal, fault = Service(client, dialects[0]), None, None
    for dialect in dialects:
        candidate = Service(client, dialect)
        try:
            return candidate, await candidate.job(job_id)
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
    return service, refusal
