"""The job that a command line names, at its service."""

from typing import TYPE_CHECKING

from ftmon.commands.service import ServiceOptions
from ftmon.commands.view import Target
from ftmon.errors import UsageError

if TYPE_CHECKING:
    from ftmon.settings import Settings


def target_of(service: ServiceOptions, job_id: str | None) -> Target:
    """Check the id, choose the service and read its key.

    Raises:
        UsageError: for an id or settings that cannot be used.
    """
    from ftmon.model.job import JobKey, typed_job_id

    checked_id = None if job_id is None else typed_job_id(job_id)
    choice = service.choice()
    if checked_id is not None and "/" in checked_id:
        _check_namespaced_id(choice.settings, checked_id)
    settings = choice.with_key()
    return Target(settings, None if checked_id is None else JobKey(settings.base_url, checked_id))


def _check_namespaced_id(settings: "Settings", job_id: str) -> None:
    """Raise a UsageError where no API that the service may speak has ids below an owner."""
    from ftmon.wire.dialects import candidates

    if not any(dialect.takes_id(job_id) for dialect in candidates(settings.provider, settings.host)):
        raise UsageError("This is no job id of this service: its ids have no / in them.")
