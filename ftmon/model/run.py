"""All that ftmon knows of one watched job, folded from the updates."""

from collections import deque
from datetime import datetime

from ftmon.model.curve import Curve
from ftmon.model.event import Event, Level, Metrics, parse_metrics
from ftmon.model.job import Job, JobKey, Status
from ftmon.model.message import Facts, may_tell_error, read_message
from ftmon.model.update import Connection, Update, Wire

_LATE = 60.0
"""Seconds after which an estimate that has passed is no estimate any more."""

_OUTCOMES = {Status.SUCCEEDED: 0, Status.FAILED: 1, Status.CANCELLED: 3}


def read_figures(facts: Facts, metrics: Metrics) -> Metrics:
    """Return an event's figures as its message tells them, else as its data does."""
    return Metrics(
        metrics.step if facts.step is None else facts.step,
        facts.total_steps or metrics.total_steps,
        metrics.train_loss if facts.train_loss is None else facts.train_loss,
        metrics.valid_loss if facts.valid_loss is None else facts.valid_loss,
    )


class Run:
    """The state of one watched job: `apply` folds an update into it, everything else only reads.

    It keeps no events, so that a run of a million of them costs no more than a run of ten. With
    `outcome_only` it reads no messages but those of errors, which is enough to tell how a job ended.
    """

    def __init__(self, key: JobKey, *, outcome_only: bool = False) -> None:
        self.key = key
        self._is_outcome_only = outcome_only
        self.job: Job | None = None
        self.connection = Connection(Wire.CONNECTING)
        self.heard_at: datetime | None = None
        """When the service was last heard, by this machine's clock."""
        self.events = 0
        self.warnings = 0
        self.errors = 0
        self.queue: int | None = None
        """Jobs ahead in the queue; None once the job has started."""
        self.cost: float | None = None
        """US dollars, as the service said."""
        self.epoch: int | None = None
        self.total_epochs: int | None = None
        self.step: int | None = None
        self.total_steps: int | None = None
        self.train_loss = Curve()
        self.valid_loss = Curve()
        self.started_at: datetime | None = None
        self.last_event_at: datetime | None = None
        """By the service's clock."""
        self.last_progress_at: datetime | None = None
        """When the last progress came, by this machine's clock."""
        self.fine_tuned_model: str | None = None
        self.result_file: str | None = None
        self.error: str | None = None
        """The last error that an event told."""
        self.unrecorded = 0
        """Events that wait for a history that cannot be written."""
        self._pace: deque[tuple[float, datetime]] = deque(maxlen=64)

    def apply(self, update: Update) -> None:
        """Fold one update."""
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
        """The job's status as last read; unknown before it was read."""
        return self.job.status if self.job else Status.UNKNOWN

    @property
    def status_word(self) -> str:
        """The status in a word: ftmon's own, or the service's where ftmon knows none for it."""
        told = self.job.provider_status if self.job and self.status is Status.UNKNOWN else None
        return told or self.status.value

    @property
    def is_over(self) -> bool:
        """Nothing more will come."""
        return self.connection.is_over

    @property
    def outcome(self) -> int | None:
        """The exit status that the job's end gives (README lists them), or None where it is not over."""
        return _OUTCOMES[self.status] if self.status.is_final else None

    @property
    def exit_status(self) -> int | None:
        """The exit status that this run ends with, or None while something may come."""
        if not self.is_over:
            return None
        if self.outcome is not None:
            return self.outcome
        return self.connection.error.exit_status if self.connection.error else 0

    @property
    def failure(self) -> str | None:
        """What the job says went wrong, or where it failed and does not say, the last event of an error."""
        told = self.error if self.status is Status.FAILED else None
        return (self.job.error if self.job else None) or told

    @property
    def progress(self) -> float | None:
        """The part that is done, 0 to 1, or None where the service gives no total."""
        if self.step is not None and self.total_steps:
            return min(1.0, self.step / self.total_steps)
        if self.epoch is not None and self.total_epochs:
            return min(1.0, self.epoch / self.total_epochs)
        return None

    def elapsed(self, now: datetime) -> float | None:
        """Seconds from the start of the training to its end, or to `now` while it goes on."""
        start = self.started_at or (self.job.created_at if self.job else None)
        if start is None:
            return None
        end = now
        if self.is_over or self.status.is_final:
            end = (self.job.finished_at if self.job else None) or self.last_event_at or start
        # Two clocks: what the service itself has told so far is the least.
        return max(0.0, (max(end, self.last_event_at or end) - start).total_seconds())

    def remaining(self, now: datetime) -> float | None:
        """Seconds that are left at the measured pace, or None where none is known, or has proved wrong."""
        if self.status not in (Status.RUNNING, Status.UNKNOWN) or self.is_over or len(self._pace) < 2:
            return None
        (start, started), (end, ended) = self._pace[0], self._pace[-1]
        seconds = (ended - started).total_seconds()
        if end <= start or seconds <= 0 or self.last_progress_at is None:
            return None
        # A clock that was put back makes no progress come undone.
        since = max(0.0, (now - self.last_progress_at).total_seconds())
        left = (1 - end) * seconds / (end - start) - since
        return max(0.0, left) if left > -_LATE else None

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
        # The past is told again after the job was read: its queue is no longer news.
        if facts.queue is not None and self.status in (Status.PENDING, Status.UNKNOWN):
            self.queue = facts.queue
        if facts.started:
            self.queue = None
            self.started_at = event.created_at
            self._measure(0.0, event.created_at, at)
        self.cost = self.cost if facts.cost is None else facts.cost
        self.error = facts.error or self.error
        self.fine_tuned_model = facts.fine_tuned_model or self.fine_tuned_model
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
            # One point a second, so that a fast run is measured over more than one.
            self._pace.pop()
        self._pace.append((progress, created_at))
