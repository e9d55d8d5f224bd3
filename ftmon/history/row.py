"""Reads the columns of the history's tables.

Other programs can write the file, so a column can hold any value. A value that cannot be read is replaced by
an empty one, and the rest of the history stays readable.
"""

from dataclasses import replace
from datetime import UTC, datetime

from ftmon.errors import UsageError
from ftmon.model.event import Event
from ftmon.model.job import Job
from ftmon.model.key import LOCAL, check_job_id
from ftmon.settings import check_base_url
from ftmon.wire.dialects import named

_EPOCH = datetime.fromtimestamp(0, UTC)
_LATEST = 1e11
"""Seconds until the year 5138. Later times are garbage."""


def text(value: bytes) -> str:
    """Decode a TEXT column; bytes that are not UTF-8 are replaced."""
    return value.decode("utf-8", "replace")


def time(seconds: object) -> datetime:
    """Return a time that is stored as seconds since 1970; 1970 where there is none."""
    if isinstance(seconds, float) and 0 <= seconds < _LATEST:
        return datetime.fromtimestamp(seconds, UTC)
    return _EPOCH


def is_key(service: object, job_id: object) -> bool:
    """Whether the two columns identify a job: `LOCAL` or a normalised base URL, and a job id."""
    try:
        return (
            isinstance(service, str)
            and isinstance(job_id, str)
            and (service == LOCAL or check_base_url(service) == service)
            and check_job_id(job_id) == job_id
        )
    except UsageError:
        return False


def event(sent: object, ordinal: int, dialect: str) -> Event:
    """Parse an event of a dialect; an empty event where that fails."""
    return named(dialect).read_event(sent if isinstance(sent, str) else "").numbered(ordinal)


def job(sent: object, job_id: str, dialect: str) -> Job:
    """Parse a job object of a dialect; a job of unknown status where that fails."""
    try:
        return replace(named(dialect).read_job(str(sent).encode()).job, id=job_id)
    except ValueError:
        return Job(job_id)
