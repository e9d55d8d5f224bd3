"""Which dialect a service speaks, found by asking this one service for the job or for its jobs."""

from collections.abc import Callable, Sequence

from ftmon.errors import RefusedError, UnreachableError, UsageError
from ftmon.wire.client import Client
from ftmon.wire.dialects.dialect import Dialect, JobAnswer, JobPage
from ftmon.wire.service import NO_ROUTE, UNREADABLE, Service


def likeliest(dialects: Sequence[Dialect]) -> Dialect:
    """Return the dialect to speak before the job was read: the general one of the first path."""
    return [dialect for dialect in dialects if dialect.paths.job == dialects[0].paths.job][-1]


async def find_job(
    client: Client, dialects: Sequence[Dialect], job_id: str
) -> tuple[Service, JobAnswer | RefusedError]:
    """Find the dialect that a service speaks by asking for the job, and return the answer too.

    Each path is asked once, for all dialects that share it; the first one that knows the answer as its own
    is the service's. A path is passed over where its route is missing. Where all are, the likeliest dialect
    and a refusal that names the paths are returned.

    Raises:
        UsageError: where no dialect has ids of this shape.
        RefusedError, UnreachableError: as `Service.job`, but for a missing route. The UnreachableError has no
            status where a later dialect fails, because the dialect is not known then.
    """
    base_url = client.settings.base_url
    fitting = [each for each in dialects if each.takes_base(base_url) and each.takes_id(job_id)]
    if not fitting:
        raise UsageError("This is no job id of this service: its ids have another form.")
    refusal, fault = None, None
    asked: list[str] = []
    for sharing in _groups(fitting, lambda dialect: dialect.paths.job):
        try:
            service = await _service(client, sharing[-1], job_id)
            asked.append(service.job_path(job_id))
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
    if len(asked) > 1:
        refusal = RefusedError(f"{refusal} Asked for at {', '.join(asked)}.", refusal.status)
    return Service(client, likeliest(fitting)), refusal


async def find_jobs(client: Client, dialects: Sequence[Dialect]) -> tuple[Service, JobPage]:
    """Return the first page of the service's jobs, and the first dialect that reads it as its own.

    Raises:
        RefusedError, UnreachableError: as `Service.jobs`; where no dialect has a route, the first refusal.
    """
    refusal: RefusedError | None = None
    fitting = [dialect for dialect in dialects if dialect.takes_base(client.settings.base_url)]
    for sharing in _groups(fitting, _list_route):
        try:
            service = await _service(client, sharing[-1])
            return await service.jobs_of_any(sharing)
        except RefusedError as error:
            if error.status not in NO_ROUTE:
                raise
            refusal = refusal or error
    assert refusal is not None, "there is at least one dialect"
    raise refusal


async def _service(client: Client, dialect: Dialect, job_id: str = "") -> Service:
    """Return a service that knows the namespace of ids without one, where its dialect needs one."""
    service = Service(client, dialect, client.settings.namespace)
    if dialect.has_namespace and "/" not in job_id and not service.namespace:
        if dialect.whoami is None:
            raise RefusedError("The job's account is not known: give the id as ACCOUNT/ID.", 404)
        service.namespace = await service.owner()
    return service


def _list_route(dialect: Dialect) -> str:
    """Return the route of the list of jobs, without what asks for a longer page."""
    return dialect.paths.jobs.partition("?")[0] + dialect.api_version


def _groups(dialects: Sequence[Dialect], path: Callable[[Dialect], str]) -> list[list[Dialect]]:
    """Return the dialects that share a path together, in their order."""
    groups: dict[str, list[Dialect]] = {}
    for dialect in dialects:
        groups.setdefault(path(dialect), []).append(dialect)
    return list(groups.values())
