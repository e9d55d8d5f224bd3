"""Which dialect a service speaks, and why: found by asking this one service for the job or for its jobs.

A provider that is named decides, then what the history remembers of the base URL, then the host. Where doubt
is left, the answers decide. An id's shape alone never does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ftmon.errors import RefusedError, UnreachableError, UsageError
from ftmon.providers import FIND_OUT, namespace_variable, provider_at
from ftmon.settings import Settings
from ftmon.wire.client import Client
from ftmon.wire.dialects import candidates
from ftmon.wire.dialects.dialect import Dialect, JobAnswer, JobPage
from ftmon.wire.service import NO_ROUTE, UNREADABLE, Service

_MOST_REQUESTS = 8
"""Requests that a service gets at most before it is known what it speaks."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The dialects that a service may speak, in the order in which to try them."""

    dialects: tuple[Dialect, ...]
    why: str = ""
    """Why these and no others, in words; empty where it may be any."""
    remembered: str = ""
    """The name of the dialect that the history remembers; empty where that is none of these."""

    @classmethod
    def of(cls, settings: Settings, remembered: str = "") -> "Candidates":
        """Return those of a service. The last of its recorded jobs was read by the dialect `remembered`.

        Its path is tried first, with all dialects that share it, because one address may serve several APIs.
        """
        spoken_there = candidates(settings.provider, settings.host)
        fitting = tuple(each for each in spoken_there if each.takes_base(settings.base_url))
        own = fitting or spoken_there
        is_named = settings.provider != FIND_OUT
        why = f"by {settings.provider_source or settings.provider}" if is_named else ""
        if not is_named and provider_at(settings.host):
            why = f"by the host {settings.host}"
        # A provider that was named for this address once may be none that its host tells.
        is_own = is_named or remembered in ("", *(dialect.name for dialect in own))
        known = own if is_own else candidates(FIND_OUT)
        spoken = next((dialect for dialect in known if dialect.name == remembered), None)
        if spoken is None:
            return cls(own, why)
        first = [dialect for dialect in own if dialect.paths.job == spoken.paths.job]
        if not first:
            first, why = [spoken], ""
        return cls((*first, *(each for each in own if each not in first)), why, remembered)

    def of_job(self, remembered: str) -> "Candidates":
        """Return those for a job that was recorded: its dialect comes first, and is alone at its path."""
        stored = [dialect for dialect in self.dialects if dialect.name == remembered]
        if not stored:
            return self
        others = [dialect for dialect in self.dialects if dialect.paths.job != stored[0].paths.job]
        return Candidates((*stored, *others), self.why, remembered)

    @property
    def likeliest(self) -> Dialect:
        """The dialect to speak before the job was read: the general one of the first path."""
        return [dialect for dialect in self.dialects if dialect.paths.job == self.dialects[0].paths.job][-1]

    def reason(self, dialect: Dialect, asked: str) -> str:
        """Return why a dialect is the one, which was found as `asked` tells."""
        if self.why and len(self.dialects) == 1:
            return self.why
        found = "by what the history remembers" if dialect.name == self.remembered else asked
        return ", ".join(filter(None, (self.why, found)))


async def find_job(
    client: Client, candidates: Candidates, job_id: str
) -> tuple[Service, JobAnswer | RefusedError]:
    """Find the dialect that a service speaks by asking for the job, and return the answer too.

    Each path is asked once, for all dialects that share it; the first one that knows the answer as its own
    is the service's. A path is passed over where its route is missing, and where it brings no job, because a
    server may have a web page at each path that it does not know. Where no path brings a job, the first
    answer counts: where that was a missing route, the likeliest dialect and a refusal that names all routes
    are returned.

    Raises:
        UsageError: where no dialect has ids of this shape.
        RefusedError, UnreachableError: as `Service.job`, but for missing routes. The UnreachableError has no
            status where a later dialect fails, because the dialect is not known then.
    """
    fitting = [dialect for dialect in candidates.dialects if dialect.takes_id(job_id)]
    if not fitting:
        raise UsageError("This is no job id of this service: its ids have another form.")
    first: RefusedError | UnreachableError | None = None
    fault: UnreachableError | None = None
    asked: list[str] = []
    for sharing in _groups(fitting, lambda dialect: dialect.paths.job):
        if len(asked) >= _MOST_REQUESTS:
            break
        try:
            service = await _service(client, sharing[-1], asked, job_id)
            path = service.job_path(job_id)
            asked.append(path)
            service, answer = await service.job_of_any(sharing, job_id)
        except RefusedError as error:
            if error.status not in NO_ROUTE and (first is None or error.status in (401, 403)):
                raise
            first = first or error
        except UnreachableError as error:
            if error.status == UNREADABLE:
                first = first or error
            elif first is None:
                raise
            else:
                # The service may speak this dialect: ask again before believing the routes before it.
                fault = UnreachableError(str(error), retry_after=error.retry_after)
        else:
            told = f"has {answer.mark}" if answer.mark else "is a job"
            service.why = candidates.reason(service.dialect, f"asked {path}, and the answer {told}")
            return service, answer
    if fault is not None:
        raise fault
    if isinstance(first, UnreachableError):
        raise first
    assert first is not None, "there is at least one dialect"
    words = f"{first} Asked for at {', '.join(asked)}." if asked else str(first)
    return Service(client, Candidates(tuple(fitting)).likeliest), RefusedError(
        words, first.status, first.said
    )


async def find_jobs(client: Client, candidates: Candidates) -> tuple[Service, JobPage]:
    """Return the first page of the service's jobs, and the service by the dialect that reads it as its own.

    Raises:
        RefusedError, UnreachableError: as `Service.jobs`. Where no path has a list, the first answer counts;
            a refusal for a missing route names all routes.
    """
    first: RefusedError | UnreachableError | None = None
    asked: list[str] = []
    for sharing in _groups(candidates.dialects, _list_route):
        if len(asked) >= _MOST_REQUESTS:
            break
        try:
            service = await _service(client, sharing[-1], asked)
            asked.append(sharing[-1].paths.jobs.partition("?")[0])
            service, page = await service.jobs_of_any(sharing)
        except (RefusedError, UnreachableError) as error:
            if error.status not in (*NO_ROUTE, UNREADABLE):
                raise
            first = first or error
        else:
            service.why = candidates.reason(service.dialect, f"asked {asked[-1]}, which lists jobs")
            return service, page
    assert first is not None, "there is at least one dialect"
    if isinstance(first, UnreachableError) or not asked:
        raise first
    said = f": {first.said}" if first.said else "."
    raise RefusedError(
        f"The service has no list of jobs ({first.status}){said} Asked for at {', '.join(asked)}. "
        f"Is the base URL {client.settings.base_url} right?",
        first.status,
        first.said,
    )


async def _service(client: Client, dialect: Dialect, asked: list[str], job_id: str = "") -> Service:
    """Return a service that knows the namespace of ids without one, where its dialect needs one.

    Adds the path to `asked` where the service is asked for it.
    """
    service = Service(client, dialect, client.settings.namespace)
    if dialect.has_namespace and "/" not in job_id and not service.namespace:
        if dialect.whoami is None:
            raise RefusedError(_unknown_namespace(client.settings, job_id), 404)
        asked.append(dialect.whoami.path)
        service.namespace = await service.owner()
    return service


def _unknown_namespace(settings: Settings, job_id: str) -> str:
    variable = namespace_variable(settings.provider, settings.host)
    ways = [
        *(["give the id as NAMESPACE/ID"] if job_id else []),
        *([f"set {variable}"] if variable else []),
        "set namespace in a profile",
    ]
    return f"The namespace (an account, a workspace) is not known: {', or '.join(ways)}."


def _list_route(dialect: Dialect) -> str:
    """Return the route of the list of jobs, without what asks for a longer page."""
    return dialect.paths.jobs.partition("?")[0] + dialect.api_version


def _groups(dialects: Sequence[Dialect], path: Callable[[Dialect], str]) -> list[list[Dialect]]:
    """Return the dialects that share a path together, in their order."""
    groups: dict[str, list[Dialect]] = {}
    for dialect in dialects:
        groups.setdefault(path(dialect), []).append(dialect)
    return list(groups.values())
