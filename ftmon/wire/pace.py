"""How long to wait for what; every duration in seconds."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """The waiting times of following a job; tests make them short."""

    first_delay: float = 1.0
    """The first back-off; each further one doubles it."""
    longest_delay: float = 60.0
    longest_obeyed: float = 600.0
    """The longest wait that a service may ask for."""
    give_up: float = 60.0
    """How long the first good answer may take to come."""
    settled: float = 60.0
    """A stream that lived this long resets the back-off …"""
    settled_with_news: float = 5.0
    """… and one that brought a new event does after this long."""
    poll: float | None = None
    """Between two readings of the job and its list; None for the dialect's own."""
    late: float | None = None
    """How long events may still come after a job's end; None for the dialect's own."""
    page: float = 0.1
    """Between two pages of one list."""
    proof: float = 5.0
    """How long an attempt at a stream may take to bring its first event before the list is read beside it."""
    quiet: float = 30.0
    """Silence of a stream after which the job is read …"""
    quiet_again: float = 60.0
    """… and the time between further readings in the same silence."""
    stalled: float = 180.0
    """Silence after which the stream is opened again."""
    grace: float = 3.0
    """How long a stream may take to end once the job is over."""
    hint: float = 10.0
    """The least time between two readings of the job that messages hinted at."""
    lag: float = 60.0
    """How long the job's status may stay unknown once its events have ended."""
    tick: float = 5.0
    """How often the clocks are compared."""
    slept: float = 30.0
    """How far wall clock and monotonic clock drift apart where this machine has slept."""
    record_again: float = 60.0
    """Between two tries of a history that cannot be used."""
    wall: Callable[[], float] = time.time
    random: Callable[[], float] = random.random

    def delay(self, attempt: int, retry_after: float | None = None, retry: float = 0.0) -> float:
        """Return the wait before attempt `attempt + 1`: half fixed, half random, so that nobody hammers.

        `retry_after` is what the answer asked for, `retry` what the stream did.
        """
        delay = min(self.longest_delay, self.first_delay * 2.0 ** min(attempt - 1, 30))
        delay = delay / 2 + delay / 2 * self.random()
        return max(delay, min(retry_after or 0.0, self.longest_obeyed), min(retry, self.longest_obeyed))
