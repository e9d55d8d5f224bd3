"""Waits until a screen is laid out for the first time."""

from collections.abc import Callable

from textual.message import Message
from textual.screen import Screen

from ftmon.tui.widgets.event_log import EventLog

_SETTLING = 0.005
"""Seconds between two looks whether the screen is laid out."""


class StartingScreen(Screen[None]):
    """A screen that is drawn once it is laid out, and not at each step on the way there."""

    is_laid_out = False

    def _compositor_refresh(self) -> None:
        if self.is_laid_out:
            super()._compositor_refresh()
        else:
            self._dirty_widgets.clear()


class Start:
    """Calls an action once a screen is drawn: its log has its place, and nothing is about to move."""

    class Painted(Message):
        """The screen is drawn for the first time."""

    def __init__(self, screen: StartingScreen, log: EventLog, action: Callable[[], None]) -> None:
        self._screen = screen
        self._log = log
        self._action = action

    def wait(self) -> None:
        """Look at the screen after it is drawn for its size."""
        if not self._screen.is_laid_out:
            self._screen.call_after_refresh(self._screen.call_after_refresh, self._look)

    def _look(self) -> None:
        if self._screen.is_laid_out or not self._screen.is_attached:
            return
        if not self._log.is_settled:
            self._screen.set_timer(_SETTLING, self._look, name="start")
            return
        self._screen.is_laid_out = True
        self._screen.refresh()
        self._screen.call_after_refresh(self._end)

    def _end(self) -> None:
        self._screen.post_message(self.Painted())
        self._action()
