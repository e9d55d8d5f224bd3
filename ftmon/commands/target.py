"""The job that a command line names, at its service."""

from typing import TYPE_CHECKING

from ftmon.commands.service import ServiceOptions
from ftmon.commands.view import Target
from ftmon.errors import UsageError

if TYPE_CHECKING:
    from ftmon.model.key import JobKey
    from ftmon.settings import Settings
    from ftmon.settings.choice import Choice


def target_of(service: ServiceOptions, job_id: str | None) -> Target:
    """Choose the service, check the id and read the service's key.

    Raises:
        UsageError: for an id or settings that cannot be used.
    """
    if job_id is None:
        return Target(service.settings(), None)
    choice, key = chosen(service, job_id)
    return Target(choice.with_key(), key)


def chosen(service: ServiceOptions, job_id: str) -> "tuple[Choice, JobKey]":
    """Choose the service and check the id; raises as `target_of`. No key is read yet."""
    from ftmon.model.key import JobKey, typed_job_id

    checked_id = typed_job_id(job_id)
    choice = service.choice()
    if "/" in checked_id:
        _check_namespaced_id(choice.settings, checked_id)
    return choice, JobKey(choice.settings.base_url, checked_id)


def _check_namespaced_id(settings: "Settings", job_id: str) -> None:
    """Raise a UsageError where no API that the service may speak has ids below an owner."""
    from ftmon.wire.dialects import candidates

    if not any(dialect.takes_id(job_id) for dialect in candidates(settings.provider, settings.host)):
        raise UsageError("This is no job id of this service: its ids have no / in them.")
