"""Asks the service to cancel, pause or resume the job on the screen, and tells the user what came of it."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from textual.screen import Screen

from ftmon.errors import FtmonError, RefusedError
from ftmon.model.action import Action
from ftmon.model.key import LOCAL, JobKey
from ftmon.model.update import Update
from ftmon.tui.excerpt import LONGEST_TOAST, excerpt
from ftmon.watch.watcher import Watcher

_HERE = "The training was asked to end. If it does not, x asks more firmly."


class Asking:
    """What a screen asks the service for; `fold` takes the job as it is then."""

    def __init__(
        self,
        screen: Screen[None],
        watcher: Watcher,
        fold: Callable[[Update], None],
        now: Callable[[], datetime],
    ) -> None:
        self._screen = screen
        self._watcher = watcher
        self._fold = fold
        self._now = now

    def confirm_cancel(self, key: JobKey) -> None:
        """Ask the user for confirmation, then ask the service to cancel the job."""
        from ftmon.tui.screens.confirm import ConfirmScreen

        self._screen.app.push_screen(ConfirmScreen(key), partial(self._cancel_if, key))

    def _cancel_if(self, key: JobKey, is_confirmed: bool | None) -> None:
        if is_confirmed:
            self.ask(Action.CANCEL, key)

    def ask(self, action: Action, key: JobKey) -> None:
        """Ask the service to do something with a job."""
        self._screen.run_worker(self._ask(action, key))

    async def _ask(self, action: Action, key: JobKey) -> None:
        try:
            outcome = await asyncio.wrap_future(self._watcher.ask(action, key))
        except FtmonError as error:
            why = f". {error}" if isinstance(error, RefusedError) else f": {error}."
            failure = excerpt(f"The job was not {action.done}{why}", LONGEST_TOAST)
            self._screen.notify(failure, severity="error", markup=False, timeout=10)
            return
        # Now, although the watcher reports the job too: whoever leaves at once is told how it stands.
        cancellation = outcome if action is Action.CANCEL else None
        self._fold(Update(key, self._now(), job=outcome.job, cancellation=cancellation))
        # The banner tells of a job that is over.
        if outcome.job is None or not outcome.job.status.is_final:
            sentence = _HERE if key.service == LOCAL and outcome.is_settled else outcome.sentence
            self._screen.notify(
                excerpt(sentence, LONGEST_TOAST),
                severity="information" if outcome.is_settled else "warning",
                markup=False,
                timeout=10,
            )
