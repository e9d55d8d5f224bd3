"""Calls that come more often than is worth an answer each."""

from collections.abc import Callable
from math import inf
from time import monotonic

from textual.message_pump import MessagePump
from textual.timer import Timer


class Paced:
    """Calls an action at most once in so many seconds. A call that is too early waits for its time."""

    def __init__(self, pump: MessagePump, every: float, action: Callable[[], None]) -> None:
        self._pump = pump
        self._every = every
        self._action = action
        self._called_at = -inf
        self._timer: Timer | None = None

    def __call__(self) -> None:
        """Call the action now, or as soon as its time is."""
        if self._timer is not None:
            return
        wait = self._called_at + self._every - monotonic()
        if wait <= 0:
            self._call()
        else:
            self._timer = self._pump.set_timer(wait, self._call, name="paced")

    def _call(self) -> None:
        self._timer = None
        self._called_at = monotonic()
        self._action()
