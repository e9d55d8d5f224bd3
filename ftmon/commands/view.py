"""The values that say what is watched and how it is shown."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ftmon.model.key import JobKey
    from ftmon.settings import Settings


class View(NamedTuple):
    """How a run is shown: on the screen, or in lines if `json` or `plain` is set or there is no screen."""

    json: bool = False
    plain: bool = False
    exit_when_over: bool = False
    """Leave the screen when the job is over."""
    timeout: float | None = None
    """Stop after this many seconds."""
    tail: int | None = None
    """Show only so many events of the past; None shows all."""
    notify: bool | None = None
    """Tell of news, or not; None for what is set."""


class Watching(NamedTuple):
    """How a job is watched."""

    stream: bool = True
    """Follow new events; otherwise show only the events so far."""
    patient: bool = False
    """Keep trying if the service cannot be reached."""
    record: bool = True
    """Record the run, and show what is already recorded of it."""
    tells_others: bool = True
    """What the user has set is told of news, and not the terminal alone."""
    replay_speed: float | None = None
    """Replay the recorded run this many times as fast, without its service. None watches the service."""


class Target(NamedTuple):
    """The service, and its job. If `key` is None, the screen asks for the job."""

    settings: "Settings"
    key: "JobKey | None"
