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
    """A connection that lived as long ends the back-off …"""
    settled_with_news: float = 5.0
    """… and one that brought a new event after as long."""
    poll: float = 5.0
    quiet: float = 30.0
    """Silence after which the job is read, for the first time."""
    quiet_again: float = 60.0
    """And how often from then on."""
    stalled: float = 180.0
    """Silence after which the stream is opened anew."""
    grace: float = 3.0
    """What a stream has left for its `[DONE]` once the job is known to be over."""
    hint: float = 10.0
    """The least time between two readings of the job that events gave cause for."""
    lag: float = 60.0
    """How long the job's end may stay unknown after `[DONE]`."""
    tick: float = 5.0
    """How often the clocks are compared."""
    slept: float = 30.0
    """How much further than the other one a clock has gone where this machine has slept."""
    record_again: float = 60.0
    """How long a history that cannot be used is left alone."""
    wall: Callable[[], float] = time.time
    random: Callable[[], float] = random.random

    def delay(self, attempt: int, retry_after: float | None = None, retry: float = 0.0) -> float:
        """Return the wait before attempt `attempt + 1`: half fixed, half random, so that nobody hammers.

        `retry_after` is what the answer asked for, `retry` what the stream did.
        """
        delay = min(self.longest_delay, self.first_delay * 2.0 ** min(attempt - 1, 30))
        delay = delay / 2 + delay / 2 * self.random()
        return max(delay, min(retry_after or 0.0, self.longest_obeyed), min(retry, self.longest_obeyed))
