"""What a service allows: how long it asks to be left alone, in the headers of good answers too."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from ftmon.wire.clock import loop_time

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{0,15})?")

_SPAN = re.compile(
    r"(?:(?P<h>\d{1,6})h)?(?:(?P<m>\d{1,6})m(?!s))?(?:(?P<s>\d{1,9}(?:\.\d{1,9})?)s)?(?:(?P<ms>\d{1,9})ms)?"
)
"""A duration as OpenAI writes it: `1s`, `6m0s`, `1h30m`, `17ms`."""
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

_LIMITS = (
    # OpenAI and Azure (PROTOCOL §8), Replicate and the IETF's draft (SERVICES §2.9), gateways
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
)
"""Headers that tell how many requests are left, and when there are more."""

_LONGEST = 600.0
"""The longest wait that a service may ask for, as for answers that are not good."""

_FIRST_DATE = 1e9
"""Seconds of the year 2001: a number as large is a date, not a duration."""


class Allowance:
    """How long the service asked to be left alone by its last answers."""

    def __init__(self) -> None:
        self.until = 0.0
        """When the service may be asked again, by the loop's clock."""

    @property
    def seconds(self) -> float:
        """Seconds until the service may be asked again; 0 for now."""
        return max(0.0, self.until - loop_time())

    def note(self, headers: Mapping[str, str]) -> None:
        """Take what a good answer says. One that says nothing takes nothing back."""
        seconds = retry_after(headers) or _until_reset(headers)
        self.until = max(self.until, loop_time() + min(seconds, _LONGEST))

    def forget(self) -> None:
        """Ask again now, because the user wants that."""
        self.until = 0.0


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait by `retry-after-ms`, or by `Retry-After` in seconds or as a date.

    A date is compared with the answer's own Date header, because this machine's clock may be wrong.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if _NUMBER.fullmatch(value):
            return float(value) * unit
    try:
        until = parsedate_to_datetime(headers["Retry-After"])
        return max(0.0, (until - parsedate_to_datetime(headers["Date"])).total_seconds())
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _until_reset(headers: Mapping[str, str]) -> float:
    """Return the seconds until there are requests left; 0 where there are some, or nothing tells."""
    waits = [_reset(headers, reset) for left, reset in _LIMITS if headers.get(left, "").strip() == "0"]
    return max(waits, default=0.0)


def _reset(headers: Mapping[str, str], name: str) -> float:
    value = headers.get(name, "").strip().lower()
    if not _NUMBER.fullmatch(value):
        parts = _SPAN.fullmatch(value)
        found = parts.groupdict() if parts else {}
        return sum(float(number) * _SECONDS[unit] for unit, number in found.items() if number)
    seconds = float(value)
    if seconds < _FIRST_DATE:
        return seconds
    try:
        return max(0.0, seconds - parsedate_to_datetime(headers["Date"]).timestamp())
    except (KeyError, ValueError, TypeError, OverflowError):
        return 0.0
