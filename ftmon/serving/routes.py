"""The routes that are needed to watch the jobs of sources and to cancel them, for every API."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ftmon.serving.api import Action, Api, Entries, Fields, RequestError
from ftmon.serving.apis import APIS
from ftmon.serving.body import FileBody, JsonBody
from ftmon.serving.event import ENDED, FINAL, Status
from ftmon.serving.guard import refusal
from ftmon.serving.job import Source
from ftmon.serving.stream import HEADERS, EventStream, Streams

_Answer = Callable[[Request], Response]

_OVER: frozenset[Status] = FINAL | {ENDED}

_UNFIT: Mapping[Action, frozenset[Status]] = {
    "cancel": _OVER,
    "pause": _OVER | {"pending", "paused"},
    "resume": _OVER | {"pending", "running"},
}
"""The statuses in which a job cannot do what it is asked."""


def app(sources: Sequence[Source], cut_after: int | None = None) -> Starlette:
    """Return the application that serves the jobs of these sources over every API.

    `cut_after` breaks streams off, as `Streams` says.
    """
    routes = [route for api in APIS.values() for route in _ApiRoutes(api, sources, cut_after).routes()]
    contents = Route("/v1/files/{file_id}/content", partial(_file_content, sources))
    return Starlette(routes=[*routes, contents], exception_handlers={404: _refuse_path, 405: _refuse_method})


class _ApiRoutes:
    """Answers requests in the shapes of one API."""

    def __init__(self, api: Api, sources: Sequence[Source], cut_after: int | None) -> None:
        self._api = api
        self._sources = sources
        self._streams = Streams(api.stream, cut_after) if api.stream else None

    def routes(self) -> Iterator[Route]:
        """Yield the routes of the API."""
        api = self._api
        job = f"{api.base}{api.path}/{{job_id}}"
        yield self._route(f"{api.base}{api.path}", self._jobs)
        yield self._route(job, self._job)
        for action in api.actions:
            yield self._route(f"{job}/{action}", partial(self._act, action), "POST")
        for name, entries in api.lists.items():
            yield self._route(f"{job}/{name}", partial(self._list, name, entries))
        if api.stream and api.stream.path not in api.lists:
            yield self._route(f"{job}/{api.stream.path}", self._stream)
        for path, document in api.documents.items():
            yield self._route(f"{api.base}{path}", partial(_document, document))

    def _route(self, path: str, answer: _Answer, method: str = "GET") -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return answer(request)
            except RequestError as error:
                return JSONResponse(self._api.error(error), status_code=error.status)

        return Route(path, endpoint, methods=[method])

    def _jobs(self, request: Request) -> Response:
        jobs = [source.job for source in self._sources]
        return JSONResponse(self._api.jobs(jobs, request.query_params))

    def _job(self, request: Request) -> Response:
        return JSONResponse(self._api.job(self._source(request).job))

    def _act(self, action: Action, request: Request) -> Response:
        """Do what is asked of the job, and return it as it is then."""
        source = self._source(request)
        job = source.job
        if job.status in _UNFIT[action]:
            job_id = self._api.job_id(job)
            raise RequestError(400, f'Cannot {action} a job {job_id} that already has status "{job.status}".')
        match action:
            case "cancel":
                source.cancel()
            case "pause":
                source.pause()
            case "resume":
                source.resume()
        return JSONResponse(self._api.job(job))

    def _list(self, name: str, entries: Entries, request: Request) -> Response:
        """Return a list, or the stream at its path where that is asked for."""
        stream, query = self._api.stream, request.query_params
        if stream and stream.path == name and stream.is_asked(query):
            return self._stream(request)
        return JsonBody(entries(self._source(request).job, query))

    def _stream(self, request: Request) -> Response:
        assert self._streams is not None, "only an API with a stream has the route"
        job = self._source(request).job
        # Nothing follows the head of a HEAD, so do not keep its client waiting for the job's end.
        if request.method == "HEAD":
            return Response(headers=HEADERS)
        return EventStream(self._streams.chunks(job, request.query_params))

    def _source(self, request: Request) -> Source:
        asked = request.path_params["job_id"]
        for source in self._sources:
            if self._api.job_id(source.job) == asked:
                return source
        raise self._api.not_found(asked)


def _document(document: Fields, request: Request) -> Response:
    return JSONResponse(document)


async def _file_content(sources: Sequence[Source], request: Request) -> Response:
    file_id = request.path_params["file_id"]
    for source in sources:
        for file in source.job.files:
            if file.id == file_id:
                return FileBody(file)
    return refusal(404, f"No such File object: {file_id}", param="id")


async def _refuse_path(request: Request, error: Exception) -> Response:
    return refusal(404, f"Invalid URL ({request.method} {request.url.path})")


async def _refuse_method(request: Request, error: Exception) -> Response:
    hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
    message = f"Not allowed to {request.method} on {request.url.path}. {hint}"
    return refusal(405, message, code="method_not_supported")
