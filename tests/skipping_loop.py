"""An event loop that skips its waits: tests of timeouts take no time, and no slow machine disturbs them."""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

_SETTLED = 0.005
"""Seconds without anything to do after which nothing more comes: what is sent on loopback has arrived."""

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
_STEP = 1e-4
"""Seconds that one turn of the loop takes."""


class _Selector(selectors.DefaultSelector):
    """Selects, and where nothing comes says that the whole timeout has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0
        """Seconds that were said to have passed."""
        self.in_threads = 0
        """Calls that threads work on: they take real time."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # A timer may fire a moment early: who looks at the clock then must not find the same time again.
        self.skipped += _STEP
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        events = super().select(timeout if self.in_threads else min(timeout, _SETTLED))
        if not events:
            self.skipped += timeout
        return events


class SkippingLoop(asyncio.SelectorEventLoop):
    """Its clock stands still while anything is done, and jumps to the next timer when nothing is.

    All that takes part in a test must run on this loop or in its executor.
    """

    def __init__(self) -> None:
        self._own_selector = _Selector()
        super().__init__(self._own_selector)

    def time(self) -> float:
        return self._own_selector.skipped

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*_Ts], _T], *args: *_Ts
    ) -> asyncio.Future[_T]:
        self._own_selector.in_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._note_done)
        return future

    def _note_done(self, future: asyncio.Future[Any]) -> None:
        self._own_selector.in_threads -= 1
