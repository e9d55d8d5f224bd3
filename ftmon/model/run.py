"""Everything ftmon knows about one watched job, folded from its updates."""

from collections import deque
from datetime import datetime

from ftmon.model.curve import Curve
from ftmon.model.event import Event, Level, Metrics, parse_metrics
from ftmon.model.job import Job, JobKey, Status
from ftmon.model.message import Facts, may_tell_error, read_message
from ftmon.model.update import Connection, Update, Wire

_OVERRUN = 60.0
"""Seconds that the training may overrun its estimated end before the estimate is dropped."""

_OUTCOMES = {Status.SUCCEEDED: 0, Status.FAILED: 1, Status.CANCELLED: 3}
"""The exit status for each final status of the job (README, "Exit status")."""


def read_figures(facts: Facts, metrics: Metrics) -> Metrics:
    """Combine the figures of an event. Those in its message take precedence over those in its `data`."""
    return Metrics(
        metrics.step if facts.step is None else facts.step,
        facts.total_steps or metrics.total_steps,
        metrics.train_loss if facts.train_loss is None else facts.train_loss,
        metrics.valid_loss if facts.valid_loss is None else facts.valid_loss,
    )


class Run:
    """The state of one watched job. Only `apply` changes it; everything else reads.

    It keeps no events, so a run of a million events takes no more memory than a run of ten. With
    `outcome_only` it reads only the messages of warnings and errors: enough to say how the job ended.
    """

    def __init__(self, key: JobKey, *, outcome_only: bool = False) -> None:
        self.key = key
        self._is_outcome_only = outcome_only
        self.job: Job | None = None
        self.connection = Connection(Wire.CONNECTING)
        self.heard_at: datetime | None = None
        """When the last byte of the events arrived, by this machine's clock."""
        self.events = 0
        self.warnings = 0
        self.errors = 0
        self.queue: int | None = None
        """Jobs ahead in the service's queue; None once the job has started."""
        self.cost: float | None = None
        """US dollars, as stated by the service."""
        self.epoch: int | None = None
        self.total_epochs: int | None = None
        self.step: int | None = None
        self.total_steps: int | None = None
        self.train_loss = Curve()
        self.valid_loss = Curve()
        self.started_at: datetime | None = None
        self.last_event_at: datetime | None = None
        """Time of the last event that has one, by the service's clock."""
        self.last_progress_at: datetime | None = None
        """When the last step or epoch arrived, by this machine's clock."""
        self.fine_tuned_model: str | None = None
        self.result_file: str | None = None
        self.error: str | None = None
        """The message of the last error event."""
        self.unrecorded = 0
        """Events queued for recording while the history cannot be written."""
        self._pace: deque[tuple[float, datetime]] = deque(maxlen=64)
        """Recent progress, 0 to 1, with its time by the service's clock, to extrapolate the end from."""

    def apply(self, update: Update) -> None:
        """Fold one update into the state."""
        if update.connection is not None:
            self.connection = update.connection
        if update.job is not None:
            self._apply_job(update.job)
        if update.heard:
            self.heard_at = update.at
        if update.unrecorded is not None:
            self.unrecorded = update.unrecorded
        self.events += len(update.events)
        for event in update.events:
            if not self._is_outcome_only or event.level is not Level.INFO or may_tell_error(event.message):
                self._apply_event(event, update.at)

    @property
    def status(self) -> Status:
        """The job's status as last read; UNKNOWN until the job was read."""
        return self.job.status if self.job else Status.UNKNOWN

    @property
    def status_word(self) -> str:
        """The status as a word. For a status that ftmon does not know, this is the service's own word."""
        service_word = self.job.provider_status if self.job and self.status is Status.UNKNOWN else None
        return service_word or self.status.value

    @property
    def is_over(self) -> bool:
        """No update will follow."""
        return self.connection.is_over

    @property
    def outcome(self) -> int | None:
        """The exit status for the job's final status, or None while the job is not over."""
        return _OUTCOMES[self.status] if self.status.is_final else None

    @property
    def exit_status(self) -> int | None:
        """The exit status of ftmon for this run, or None while updates may follow."""
        if not self.is_over:
            return None
        if self.outcome is not None:
            return self.outcome
        return self.connection.error.exit_status if self.connection.error else 0

    @property
    def failure(self) -> str | None:
        """The job's own error. If a failed job has none, the message of the last error event."""
        event_error = self.error if self.status is Status.FAILED else None
        return (self.job.error if self.job else None) or event_error

    @property
    def progress(self) -> float | None:
        """The fraction that is done, 0 to 1, or None if the service gives no total."""
        if self.step is not None and self.total_steps:
            return min(1.0, self.step / self.total_steps)
        if self.epoch is not None and self.total_epochs:
            return min(1.0, self.epoch / self.total_epochs)
        return None

    def elapsed(self, now: datetime) -> float | None:
        """Seconds from the start of the training to its end, or to `now` while it runs."""
        start = self.started_at or (self.job.created_at if self.job else None)
        if start is None:
            return None
        end = now
        if self.is_over or self.status.is_final:
            end = (self.job.finished_at if self.job else None) or self.last_event_at or start
        # `now` is this machine's clock, the rest is the service's. If ours is behind, use the last event.
        return max(0.0, (max(end, self.last_event_at or end) - start).total_seconds())

    def remaining(self, now: datetime) -> float | None:
        """Seconds left at the measured pace; None if no pace is known or the estimate has expired."""
        if self.status not in (Status.RUNNING, Status.UNKNOWN) or self.is_over or len(self._pace) < 2:
            return None
        (start, started), (end, ended) = self._pace[0], self._pace[-1]
        seconds = (ended - started).total_seconds()
        if end <= start or seconds <= 0 or self.last_progress_at is None:
            return None
        # If this machine's clock was set back, count no time since the last progress.
        since = max(0.0, (now - self.last_progress_at).total_seconds())
        left = (1 - end) * seconds / (end - start) - since
        return max(0.0, left) if left > -_OVERRUN else None

    def _apply_job(self, job: Job) -> None:
        self.job = job
        self.fine_tuned_model = job.fine_tuned_model or self.fine_tuned_model
        self.total_epochs = self.total_epochs or job.n_epochs
        if job.status not in (Status.PENDING, Status.UNKNOWN):
            self.queue = None

    def _apply_event(self, event: Event, at: datetime) -> None:
        if event.level is Level.WARNING:
            self.warnings += 1
        elif event.level is Level.ERROR:
            self.errors += 1
            self.error = event.message
        if event.created_at is not None:
            self.last_event_at = event.created_at
        facts = read_message(event.message)
        figures = read_figures(facts, parse_metrics(event))
        # A stream replays past events after the job was read. Ignore old queue messages of a started job.
        if facts.queue is not None and self.status in (Status.PENDING, Status.UNKNOWN):
            self.queue = facts.queue
        if facts.started:
            self.queue = None
            self.started_at = event.created_at
            self._measure(0.0, event.created_at, at)
        self.cost = self.cost if facts.cost is None else facts.cost
        self.error = facts.error or self.error
        # The job object knows better than a message.
        named = self.job.fine_tuned_model if self.job else None
        self.fine_tuned_model = named or facts.fine_tuned_model or self.fine_tuned_model
        self.result_file = facts.result_file or self.result_file
        self.total_epochs = facts.total_epochs or self.total_epochs
        self.total_steps = figures.total_steps or self.total_steps
        if facts.epoch is not None:
            self.epoch = facts.epoch
        if figures.step is not None:
            self.step = figures.step
            self._add_losses(figures.step, figures.train_loss, figures.valid_loss)
        if (figures.step is not None or facts.epoch is not None) and self.progress is not None:
            self._measure(self.progress, event.created_at, at)

    def _add_losses(self, step: int, train: float | None, valid: float | None) -> None:
        if train is not None:
            self.train_loss.add(step, train)
        if valid is not None:
            self.valid_loss.add(step, valid)

    def _measure(self, progress: float, created_at: datetime | None, at: datetime) -> None:
        if created_at is None:
            return
        self.last_progress_at = at
        if self._pace and self._pace[-1][0] >= progress:
            return
        if len(self._pace) > 1 and self._pace[-1][1] == created_at:
            # Keep one point per second, so that the 64 points of a fast run span more than one second.
            self._pace.pop()
        self._pace.append((progress, created_at))
