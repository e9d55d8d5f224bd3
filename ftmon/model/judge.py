"""Judges what of a run is worth telling to somebody who does not look, each fact once."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import isfinite
from typing import NamedTuple

from ftmon.model.curve import Curve
from ftmon.model.event import Event
from ftmon.model.job import Status
from ftmon.model.message import event_figures, minutes_of_stall, read_beside, tells_no_number
from ftmon.model.metrics import parse_metrics
from ftmon.model.note import Note, Reason
from ftmon.model.rhythm import Rhythm
from ftmon.model.run import Run
from ftmon.model.trend import Explosion, Rise
from ftmon.model.update import Update, Wire

_LAST_EVENTS = 10.0
"""Seconds that the last events of a job that is over may take. They may say why it failed."""

_LONG_AWAY = 300.0
"""Seconds without the service that are worth telling."""

_NAP = 60.0
"""The judge is asked again after so many seconds at most. More than that, this machine was asleep."""

_MOST = 200
"""Events of one update that are looked at: the last ones."""

_ENDINGS = {
    Status.SUCCEEDED: Reason.FINISHED,
    Status.FAILED: Reason.FAILED,
    Status.CANCELLED: Reason.CANCELLED,
}


class Judge:
    """Is shown the updates of one run and says what of them is news.

    The past is none, whether it comes from the history or is told again by the service: what was created
    before the watching began only teaches what is usual for the run. An end that came while nobody watched is
    news where the history has seen the job alive.
    """

    def __init__(self, began_at: datetime, now: float) -> None:
        """`began_at` is when the watching began, by this machine's clock; `now` by a monotonic one."""
        self._began_at = began_at
        self._last_at = now
        self._awake = 0.0
        """Seconds for which this machine has been awake. All silences are measured in them."""
        self._rhythm = Rhythm()
        self._explosion: Explosion | None = None
        self._rise: Rise | None = None
        self._was_nan = False
        self._has_asked = False
        """The connection was told of. Before that comes what the history knows."""
        self._was_alive = False
        """A reading of the job found it not over."""
        self._is_ended = False
        self._final_at: float | None = None
        """When an end was read that is still to be told."""
        self._away_since: float | None = None
        """When the service was lost; None while it answers, or before it has."""
        self._was_in_touch = False
        self._stalled = False
        self._disconnected = False

    def take(self, update: Update, run: Run, now: float) -> list[Note]:
        """Return the news of an update, which the run has applied already."""
        self._pass(now)
        if is_replayed(run):
            return []
        self._has_asked = self._has_asked or update.connection is not None
        told = update.events[-_MOST:]
        stall = minutes_of_stall(told[-1].message) if told else None
        # That nothing comes is no sign of life.
        events = told if stall is None else told[:-1]
        notes = list(self._resumed(run, has_news=bool(events)))
        self._rhythm.add(events, self._awake)
        if run.job is not None:
            self._note_end(run)
        if events:
            notes += self._judged(events, run)
        if stall is not None and not self._stalled:
            self._stalled = True
            if self._news(told[-1:], run):
                notes.append(Note(Reason.STALLED, seconds=60.0 * stall))
        return notes + self._due(run)

    def check(self, run: Run, now: float) -> list[Note]:
        """Return what has become worth telling because nothing came."""
        self._pass(now)
        return [] if is_replayed(run) else self._due(run)

    def wait(self, run: Run) -> float | None:
        """Return the seconds until `check` is to be called if nothing comes; None where that is useless."""
        if is_replayed(run) or (run.is_over and self._final_at is None):
            return None
        due = [_NAP]
        if self._final_at is not None:
            due.append(self._final_at + _LAST_EVENTS - self._awake)
        if self._away_since is not None and not self._disconnected:
            due.append(self._away_since + _LONG_AWAY - self._awake)
        patience = self._rhythm.patience
        if patience is not None and self._may_stall(run):
            due.append(patience - self._rhythm.silence(self._awake))
        return max(0.0, min(due))

    def _pass(self, now: float) -> None:
        """Let the time pass. What a sleeping machine did not hear is no silence of the run."""
        self._awake += min(max(0.0, now - self._last_at), _NAP + 1)
        self._last_at = now

    # The connection and the rhythm

    def _resumed(self, run: Run, *, has_news: bool) -> Iterator[Note]:
        """Note whether the service is in touch, and yield that what has stopped goes on."""
        if run.connection.is_in_touch:
            if self._disconnected:
                yield Note(Reason.BACK, seconds=self._awake - (self._away_since or 0.0))
            if self._away_since is not None:
                # Nothing could be heard meanwhile.
                self._rhythm.heard_at = self._awake
            self._was_in_touch, self._away_since, self._disconnected = True, None, False
        elif self._was_in_touch and self._away_since is None and not run.is_over:
            self._away_since = self._awake
        if self._stalled and has_news:
            self._stalled = False
            yield Note(Reason.BACK, seconds=self._rhythm.silence(self._awake))

    def _may_stall(self, run: Run) -> bool:
        # A service may take long after the last step.
        is_running = run.connection.is_in_touch and run.status is Status.RUNNING
        return is_running and not run.is_trained and not self._stalled

    def _due(self, run: Run) -> list[Note]:
        notes = []
        if self._rhythm.has_stopped(self._awake) and self._may_stall(run):
            self._stalled = True
            notes.append(Note(Reason.STALLED, seconds=self._rhythm.silence(self._awake)))
        error = run.connection.error
        is_given_up = self._was_in_touch and error is not None and not run.status.is_final
        away = None if self._away_since is None else self._awake - self._away_since
        if not self._disconnected and (is_given_up or (away is not None and away >= _LONG_AWAY)):
            self._disconnected = True
            self._away_since = self._awake if self._away_since is None else self._away_since
            reason = str(error) if error is not None else run.connection.reason
            notes.append(Note(Reason.DISCONNECTED, seconds=away, detail=reason))
        if self._final_at is not None and (run.is_over or self._awake - self._final_at >= _LAST_EVENTS):
            self._final_at = None
            notes.append(Note(_ENDINGS[run.status], detail=run.failure or ""))
        return notes

    # The job and its events

    def _note_end(self, run: Run) -> None:
        if not run.status.is_final:
            self._was_alive = True
        elif not self._is_ended:
            self._is_ended = True
            finished_at = run.job.finished_at if run.job else None
            has_ended_since = finished_at is not None and finished_at >= run.service_time(self._began_at)
            if self._was_alive or (has_ended_since and self._has_asked):
                self._final_at = self._awake

    def _news(self, events: Sequence[Event], run: Run) -> list[Event]:
        """Return the events that have happened since the watching began."""
        if not self._has_asked:
            return []
        since = run.service_time(self._began_at)
        return [event for event in events if event.created_at is None or event.created_at >= since]

    def _judged(self, events: Sequence[Event], run: Run) -> Iterator[Note]:
        """Yield what is news about the losses."""
        news = self._news(events, run)
        if not news:
            self._was_nan = tells_no_number(events[-1].raw)
            return
        losses = [_losses(event) for event in news]
        if self._explosion is None or self._rise is None:
            self._explosion = Explosion(_past(run.train_loss, sum(each.train is not None for each in losses)))
            self._explosion.told = self._explosion.told or self._was_nan
            self._rise = Rise(_past(run.valid_loss, sum(each.valid is not None for each in losses)))
        for train, valid, is_number in losses:
            if (train is not None or not is_number) and self._explosion.add(train if is_number else None):
                value = train if is_number else None
                yield Note(Reason.DIVERGED, value=value, before=self._explosion.lowest)
            if valid is not None and self._rise.add(valid):
                yield Note(Reason.OVERFITTING, value=valid, before=self._rise.best)


def is_replayed(run: Run) -> bool:
    """Whether only the history tells of a run: nothing of it is news."""
    return run.connection.wire in (Wire.REPLAYING, Wire.RECORDED)


class _Losses(NamedTuple):
    train: float | None
    valid: float | None
    is_number: bool
    """No loss of the event is infinite, or no number at all."""


def _losses(event: Event) -> _Losses:
    """Read the losses of an event."""
    metrics = parse_metrics(event)
    figures = event_figures(read_beside(event.message, metrics), metrics)
    if figures.is_spare:
        return _Losses(None, None, True)
    losses = _number(figures.train_loss), _number(figures.valid_loss)
    return _Losses(*losses, not tells_no_number(event.raw))


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _past(curve: Curve, news: int) -> list[float]:
    """Return the losses of a curve without the last ones, which are news."""
    lows = [bucket.low for bucket in curve.buckets]
    return lows[:-news] if news else lows
