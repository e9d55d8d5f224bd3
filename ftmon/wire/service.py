"""A client and a dialect: one request, one answer."""

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from ftmon.errors import RefusedError, UnclearError, UnreachableError
from ftmon.model.action import Action, ActionOutcome
from ftmon.model.event import Event
from ftmon.model.job import Job
from ftmon.wire.answer import Answer
from ftmon.wire.client import Client
from ftmon.wire.dialects.dialect import Dialect, JobAnswer, JobPage, Page, Source
from ftmon.wire.dialects.paging import query_of
from ftmon.wire.refusal import sentence_of_body, told

NO_ROUTE = frozenset({404, 405, 501})
"""What a service answers that does not have a route, or not for this job."""

_NOT_ALLOWED = 405

_BAD_REQUEST = (400, 422)
"""What a service answers that does not take pages of the size that was asked for."""

_SIZE = re.compile(r"(?:limit|page_?[sS]ize)=\d+&?")

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

    def __init__(self, client: Client, dialect: Dialect, namespace: str = "") -> None:
        self.client = client
        self._client = client.at_root() if dialect.is_at_root else client
        self.dialect = dialect
        self.namespace = namespace
        """Of the ids that come without one."""
        self.why = ""
        """Why it is taken to speak this dialect, in words; empty before it was asked."""
        self._takes_size: bool | None = None
        """Whether it takes pages of the size that is asked for; None until it sent one."""

    async def job(self, job_id: str) -> JobAnswer:
        """Return the job object."""
        body = await self._client.get(self.job_path(job_id))
        return self._read(self.dialect.read_job, body, "a job")

    def job_path(self, job_id: str) -> str:
        """Return the route to a job."""
        return self._path(self.dialect.paths.job, job_id)

    async def job_of_any(self, dialects: Sequence[Dialect], job_id: str) -> "tuple[Service, JobAnswer]":
        """Return the job object, and the service by the first of these dialects that reads it as its own.

        They have the path of this service's dialect, which reads what none of them does.
        """
        body = await self._client.get(self.job_path(job_id))
        for dialect in dialects:
            with suppress(ValueError):
                return Service(self.client, dialect, self.namespace), dialect.read_job(body)
        return self, self._read(self.dialect.read_job, body, "a job")

    async def jobs(self, parameters: str = "") -> JobPage:
        """Return the first page of the list of jobs, or the one that these parameters ask for."""
        return self._read_jobs(*await self._job_list(parameters), parameters)

    async def jobs_of_any(self, dialects: Sequence[Dialect]) -> "tuple[Service, JobPage]":
        """Return the first page of the jobs, and the service by the first of these dialects that reads it.

        Their lists have one path; this service's dialect reads what none of them does.
        """
        body, address = await self._job_list()
        for dialect in dialects:
            with suppress(ValueError):
                dialect.read_jobs(body)
                service = Service(self.client, dialect, self.namespace)
                # Another dialect asks for pages of another size.
                if dialect.paths.jobs != self.dialect.paths.jobs:
                    return service, await service.jobs()
                return service, service._read_jobs(body, address)
        return self, self._read_jobs(body, address)

    async def _job_list(self, parameters: str = "") -> tuple[bytes, str]:
        """Return a page of the list of jobs, and the address of the next one in its head, if there is one."""
        path = _with(self._path(self.dialect.paths.jobs), parameters)
        return await self._sized(self._page_of_jobs, path)

    async def _page_of_jobs(self, path: str) -> tuple[bytes, str]:
        async with self._client.open(path, accept="application/json") as answer:
            return self.client.body_without_key(await answer.body(self.client.max_body)), answer.next_page

    async def _sized(self, read: Callable[[str], Awaitable[_T]], path: str) -> _T:
        """Read a page of a list, of the service's own size where it refuses the one that is asked for."""
        own_size = _SIZE.sub("", path).rstrip("?&")
        try:
            page = await read(own_size if self._takes_size is False else path)
        except RefusedError as error:
            if error.status not in _BAD_REQUEST or self._takes_size is not None or own_size == path:
                raise
            page = await read(own_size)
            self._takes_size = False
        self._takes_size = self._takes_size is not False
        return page

    def _read_jobs(self, body: bytes, address: str, parameters: str = "") -> JobPage:
        page = self._read(partial(self.dialect.read_jobs, parameters=parameters), body, "a list of jobs")
        return page._replace(next=page.next or query_of(address))

    async def page(self, job_id: str, cursor: str = "") -> Page:
        """Return the list of events, or its page after a cursor."""
        path = self._path(self.dialect.page_path(cursor), job_id)
        return self.read_page(await self._sized(self._client.get, path), cursor)

    async def owner(self) -> str:
        """Return the namespace of the key's owner, which an id without one belongs to."""
        whoami = self.dialect.whoami
        assert whoami is not None, "only an API that tells the owner is asked"
        return self._read(whoami.read, await self._client.get(whoami.path), "the owner of the key")

    async def source(self, job_id: str, source: Source) -> list[Event]:
        """Return the events of a list beside that of the events."""
        body = await self._sized(self._client.get, self._path(source.path, job_id))
        return self._read(lambda sent: source.read(sent, job_id), body, "a list")

    async def results(self, file_id: str) -> list[Event]:
        """Return the rows of a result file as events."""
        from ftmon.wire.results import read_results

        body = await self._client.get(self._path(self.dialect.paths.file, file_id), "text/csv, */*;q=0.5")
        return self._read(partial(read_results, file_id=file_id), body, "a table of results")

    def read_page(self, body: bytes, cursor: str = "") -> Page:
        """Read a list of events, or its page after a cursor."""
        return self._read(partial(self.dialect.read_page, cursor=cursor), body, "a list of events")

    def stream(self, job_id: str, last_event_id: str) -> AbstractAsyncContextManager[Answer]:
        """Ask for the stream of events."""
        return self._client.open(
            self._path(self.dialect.paths.stream, job_id),
            accept=_ACCEPT_STREAM,
            last_event_id=last_event_id,
        )

    async def ask(self, action: Action, job_id: str) -> ActionOutcome:
        """Ask for something to be done with a job. Where the answer leaves it open, read the job to find out.

        Raises:
            RefusedError, UnreachableError: the service surely does not do it: the API has no route for it,
                a 4xx, or nothing was sent.
        """
        path = self.dialect.action_path(action)
        if not path:
            raise RefusedError(f"This service has no way to {action.verb} a job.")
        try:
            return ActionOutcome(action, await self._asked(self._path(path, job_id), job_id))
        except UnclearError as error:
            doubt = str(error).rstrip(".")
        except RefusedError as error:
            if error.status not in NO_ROUTE:
                raise
            words = f"This service seems to have no way to {action.verb} a job. {error}"
            raise RefusedError(words, error.status) from error
        try:
            answer = await self.job(job_id)
        except (RefusedError, UnreachableError):
            return ActionOutcome(action, None, doubt)
        return ActionOutcome(action, answer.job, doubt)

    async def _asked(self, path: str, job_id: str) -> Job:
        """Send a POST and return the job as it is then; raises as `Client.post`."""
        content = self.dialect.action_body.replace("{job_id}", job_id)
        try:
            body = await self._client.post(path, content)
        except RefusedError as error:
            if error.status != _NOT_ALLOWED:
                raise
            # A method that is not allowed has done nothing. Scale's llm-engine wants a PUT.
            body = await self._client.post(path, content, method="PUT")
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
        version = self.client.settings.api_version or self.dialect.api_version
        return template.format(
            namespace=namespace or self.namespace, job_id=name, api_version=quote(version, safe="")
        )

    def _read(self, read: Callable[[bytes], _T], body: bytes, what: str) -> _T:
        try:
            return read(body)
        except ValueError:
            said = told(self.client.redact(sentence_of_body(body[:65_536]) or "")).removesuffix(".")
            words = f"the service answers with an error: {said}" if said else f"the answer is not {what}"
            raise UnreachableError(words, status=UNREADABLE) from None


def _with(path: str, parameters: str) -> str:
    """Return a route with more parameters, in place of its own of the same name."""
    if not parameters:
        return path
    route, _, query = path.partition("?")
    merged = dict(parse_qsl(query)) | dict(parse_qsl(parameters))
    return f"{route}?{urlencode(merged, errors='replace')}"
