"""What can be done with the run that is shown, as it stands now."""

from typing import NamedTuple

from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.tui.replay_control import is_replaying
from ftmon.watch.watcher import Watcher


class Offer(NamedTuple):
    """Which of the monitor's actions, by their names, make sense; all others always do."""

    cancel_job: bool = False
    retry: bool = False
    replay: bool = False
    halt: bool = False
    change_speed: bool = False


NOTHING = Offer()


def offer_of(run: Run | None, watcher: Watcher) -> Offer:
    """Return what can be done with a run; nothing where none was opened."""
    if run is None:
        return NOTHING
    is_replayed = is_replaying(run)
    # The job is of the service that ftmon speaks to, and not only known from the history.
    is_own = run.key.service == watcher.base_url and not watcher.is_offline and not is_replayed
    is_final = run.status.is_final
    return Offer(
        cancel_job=is_own and run.job is not None and not run.is_over and not is_final,
        retry=is_own and (run.connection.wire is Wire.WAITING or (run.is_over and not is_final)),
        replay=watcher.has_history and run.is_over and run.events > 0,
        halt=is_replayed,
        change_speed=is_replayed,
    )
