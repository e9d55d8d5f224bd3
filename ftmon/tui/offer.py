"""Decides which actions the current state of the run allows."""

from typing import NamedTuple

from ftmon.model.action import Action
from ftmon.model.job import Status
from ftmon.model.key import LOCAL
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.tui.replay_control import is_replaying
from ftmon.watch.services import kept
from ftmon.watch.watcher import Watcher


class Offer(NamedTuple):
    """Actions of the monitor screen, by name, that are available only at times. All others always are."""

    cancel_job: bool = False
    pause_job: bool = False
    resume_job: bool = False
    retry: bool = False
    read_now: bool = False
    replay: bool = False
    halt: bool = False
    change_speed: bool = False
    toggle_chart: bool = False
    toggle_alone: bool = False
    toggle_losses: bool = False

    def allows(self, action: str) -> bool:
        """Return whether an action of any name is available."""
        return action not in self._fields or bool(self._asdict()[action])


NOTHING = Offer()


def offer_of(run: Run | None, watcher: Watcher) -> Offer:
    """Return the actions available for a run, or none if no job is open; all but what can be shown."""
    if run is None:
        return NOTHING
    is_replay = is_replaying(run)
    # Only a job that can be watched can be cancelled or retried, not one read from the history.
    is_own = not is_replay and watcher.can_watch(run.key)
    is_final = run.status.is_final
    can_act = is_own and run.job is not None and not run.is_over and not is_final
    is_paused = run.status is Status.PAUSED
    return Offer(
        # Nobody can cancel what others have started on this machine.
        cancel_job=can_act and (run.key.service != LOCAL or kept(run.key) is not None),
        pause_job=can_act and not is_paused and watcher.offers(Action.PAUSE),
        resume_job=can_act and is_paused and watcher.offers(Action.RESUME),
        retry=is_own and (run.connection.wire is Wire.WAITING or (run.is_over and not is_final)),
        read_now=is_own and run.connection.wire is Wire.POLLING,
        replay=watcher.history is not None and run.is_over and run.events > 0,
        halt=is_replay,
        change_speed=is_replay,
    )
