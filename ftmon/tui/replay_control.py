"""The replay of a run as the screen has it: how fast it goes, and what time it is in it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf
from time import monotonic

from ftmon.model.run import Run
from ftmon.model.update import Update, Wire
from ftmon.watch.watcher import Watcher

SPEEDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 100.0, 300.0, 1000.0, 3600.0, 10_000.0, 100_000.0)
"""How many times as fast as it happened a run can be replayed."""

_USUAL_LENGTH = 60.0
"""Seconds that a replay takes at most if not said otherwise."""

_SHORTEST_WAIT = 0.25
_LONGEST_WAIT = 3600.0


class ReplayControl:
    """Starts and steers replays; the clock is that of the run while it is replayed, else the real one."""

    def __init__(self, watcher: Watcher, now: Callable[[], datetime]) -> None:
        self._watcher = watcher
        self._now = now
        self._speed = 1.0
        """How fast the replay is, or was before it was halted."""
        self.exit_status: int | None = None
        """What the run that is replayed ended with; None where it was not over."""
        self._last: tuple[datetime, float] = now(), monotonic()
        """When the last update was, by the clock of the run and by the real one."""

    def start(self, run: Run, span: timedelta, speed: float | None) -> None:
        """Replay a run of this length so many times as fast; if not said, in at most a minute."""
        self.exit_status = run.exit_status
        least = span.total_seconds() / _USUAL_LENGTH
        self._speed = speed or next((each for each in SPEEDS if each >= least), SPEEDS[-1])
        self._watcher.replay(run.key, self._speed)

    def halt(self, run: Run) -> None:
        """Halt, or go on at the speed it had."""
        self._watcher.set_speed(0 if run.connection.speed else self._speed)

    def change_speed(self, step: int) -> None:
        """Go faster or slower by so many of the speeds."""
        nearest = min(range(len(SPEEDS)), key=lambda place: abs(SPEEDS[place] - self._speed))
        self._speed = SPEEDS[max(0, min(len(SPEEDS) - 1, nearest + step))]
        self._watcher.set_speed(self._speed)

    def note(self, update: Update) -> None:
        """Set the clock, and the speed, by an update."""
        self._last = update.at, monotonic()
        if update.connection is not None and 0 < update.connection.speed < inf:
            self._speed = update.connection.speed

    def clock(self, run: Run | None) -> datetime:
        """Return what time it is for a run."""
        if run is None or not is_replaying(run):
            return self._now()
        at, since = self._last
        try:
            return at + timedelta(seconds=(monotonic() - since) * run.connection.speed)
        except OverflowError:
            # At the end of the calendar time stands still.
            return at

    def wait(self, run: Run | None, seconds: float) -> float:
        """Return how long to wait, in real seconds, until so many have passed for a run."""
        if run is None or not is_replaying(run):
            return seconds
        speed = run.connection.speed
        return max(_SHORTEST_WAIT, seconds / speed) if speed else _LONGEST_WAIT


def is_replaying(run: Run | None) -> bool:
    """Whether a run is told again in some rhythm, and not at once."""
    return run is not None and run.connection.wire is Wire.REPLAYING and run.connection.speed < inf
