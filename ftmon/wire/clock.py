"""Clocks: the event loop's, by which all waiting goes, and the service's.

How far the service's is from this machine's is known by the Date headers of its answers (RFC 9110, 6.6.1).
"""

from asyncio import get_running_loop
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import NamedTuple

_TOLERANCE = 5.0
"""Seconds that two clocks may differ without being told: nothing that is shown is as exact."""

_FARTHEST = 100 * 365 * 86_400.0
"""Seconds. A clock that is farther away tells nothing."""

_JUMP = 1.0
"""Seconds between this machine's two clocks by which it has slept, or its clock was set."""


def loop_time() -> float:
    """Return the seconds of the event loop's clock, which its timers go by."""
    return get_running_loop().time()


class Moment(NamedTuple):
    """One moment, by both clocks of this machine."""

    wall: float
    """Seconds since 1970."""
    steady: float
    """Seconds of the monotonic clock."""

    @classmethod
    def now(cls) -> "Moment":
        """Return the present moment."""
        return cls(time(), monotonic())


class ServiceClock:
    """The clock of one service, compared with this machine's at each of its answers."""

    def __init__(self) -> None:
        self.skew: float | None = None
        """Seconds that the service's clock is ahead (negative: behind), or None while that is not known.

        It stays as it is until an answer contradicts it.
        """

    def note(self, headers: Mapping[str, str], sent: Moment, received: Moment) -> None:
        """Take the time in the head of an answer to a request, which was written in between."""
        if abs((received.wall - sent.wall) - (received.steady - sent.steady)) > _JUMP:
            return
        try:
            # A cache repeats the time of an older answer.
            if float(headers.get("Age", "0")) > 0:
                return
            # A time without a zone is of UTC, too.
            date = parsedate_to_datetime(headers["Date"].replace("-0000", "GMT")).timestamp()
        except (KeyError, ValueError, TypeError, OverflowError):
            return
        # The header has whole seconds, rounded down.
        least, most = date - received.wall, date + 1 - sent.wall
        if max(abs(least), abs(most)) > _FARTHEST:
            return

        def agrees(skew: float) -> bool:
            return least - _TOLERANCE <= skew <= most + _TOLERANCE

        if self.skew is None or not agrees(self.skew):
            self.skew = 0.0 if agrees(0.0) else (least + most) / 2
