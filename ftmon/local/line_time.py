"""The time that a line of a log begins with: `2026-11-27 12:00:00,123 - INFO - step 10 loss=0.5`."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

_TIME = re.compile(
    r"(?P<bracket>\[)?~?(?P<day>\d{4}-\d\d-\d\d)[ T](?P<clock>\d\d:\d\d:\d\d)"
    r"(?:[.,](?P<part>\d{1,9}))?(?P<zone>Z|[+-]\d\d:?\d\d)?(?(bracket)\])(?::? {1,2}(?:[-|] )?)(?=\S)"
)

_STARTS = frozenset("0123456789[~")


class TimedLine(NamedTuple):
    """A line without its time, and that time."""

    text: str
    at: datetime | None = None


def split_time(line: str) -> TimedLine:
    """Take the time off the beginning of a line. One without a zone is of this machine's."""
    match = _TIME.match(line) if line[:1] in _STARTS else None
    if match is None:
        return TimedLine(line)
    part = f".{match['part'][:6]:0<6}" if match["part"] else ""
    try:
        at = datetime.fromisoformat(f"{match['day']}T{match['clock']}{part}{match['zone'] or ''}")
        return TimedLine(line[match.end() :], at.astimezone(UTC))
    except (ValueError, OverflowError, OSError):
        return TimedLine(line)
