"""Controls a replay: its speed, and the time within the replayed run."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf
from time import monotonic

from ftmon.model.run import Run
from ftmon.model.update import Update, Wire
from ftmon.watch.watcher import Watcher

SPEEDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 100.0, 300.0, 1000.0, 3600.0, 10_000.0, 100_000.0)
"""Selectable replay speeds, as multiples of the original speed."""

_USUAL_LENGTH = 60.0
"""Seconds that a replay takes at most, unless the user chooses a speed."""

_SHORTEST_WAIT = 0.25
_LONGEST_WAIT = 3600.0
"""Limits, in seconds, on the time between two repaints of ages during a replay."""


class ReplayControl:
    """Starts replays, changes their speed, and provides the clock.

    During a replay the clock shows the time within the replayed run, otherwise the real time.
    """

    def __init__(self, watcher: Watcher, now: Callable[[], datetime]) -> None:
        self._watcher = watcher
        self._now = now
        self._speed = 1.0
        """Speed of the replay, or the speed to resume at while it is paused."""
        self._is_paused = False
        """As asked for last. The run tells it later, after keys that came meanwhile."""
        self._last: tuple[datetime, float] = now(), monotonic()
        """Time of the last update: by the run's clock, and by the monotonic clock in seconds."""

    def start(self, run: Run, span: timedelta, speed: float | None) -> None:
        """Replay a run of length `span` at `speed`, or if that is None, so that it takes at most a minute."""
        least = span.total_seconds() / _USUAL_LENGTH
        self._speed = speed or next((each for each in SPEEDS if each >= least), SPEEDS[-1])
        self._is_paused = False
        self._watcher.replay(run.key, self._speed)

    def halt(self) -> None:
        """Pause, or resume at the previous speed."""
        self._is_paused = not self._is_paused
        self._watcher.set_speed(0 if self._is_paused else self._speed)

    def change_speed(self, step: int) -> None:
        """Move `step` places up or down in `SPEEDS`."""
        nearest = min(range(len(SPEEDS)), key=lambda place: abs(SPEEDS[place] - self._speed))
        self._speed = SPEEDS[max(0, min(len(SPEEDS) - 1, nearest + step))]
        self._is_paused = False
        self._watcher.set_speed(self._speed)

    def note(self, update: Update) -> None:
        """Take the clock, and a changed speed, from an update."""
        self._last = update.at, monotonic()
        if update.connection is not None and 0 < update.connection.speed < inf:
            self._speed = update.connection.speed

    def clock(self, run: Run | None) -> datetime:
        """Return the current time for a run: its own during a replay, otherwise the real one."""
        if run is None or not is_replaying(run):
            return self._now()
        at, since = self._last
        try:
            return at + timedelta(seconds=(monotonic() - since) * run.connection.speed)
        except OverflowError:
            # `datetime` cannot go past the year 9999, so the clock stops.
            return at

    def wait(self, run: Run | None, seconds: float) -> float:
        """Convert seconds of a run's clock to real seconds, within limits that suit a timer."""
        if run is None or not is_replaying(run):
            return seconds
        speed = run.connection.speed
        return max(_SHORTEST_WAIT, seconds / speed) if speed else _LONGEST_WAIT


def is_replaying(run: Run | None) -> bool:
    """Return whether a run is replayed at a finite speed, not read from the history at once."""
    return run is not None and run.connection.wire is Wire.REPLAYING and run.connection.speed < inf
