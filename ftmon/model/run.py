"""Everything ftmon knows about one watched job, folded from its updates."""

from datetime import datetime, timedelta
from math import inf

from ftmon.model.action import ActionOutcome
from ftmon.model.curve import Curve
from ftmon.model.estimate import Estimate
from ftmon.model.event import NO_DETAILS, Event, Level
from ftmon.model.job import Job, Progress, Status, status_phrase
from ftmon.model.key import JobKey
from ftmon.model.message import STALLED, event_figures, may_tell_error, read_beside
from ftmon.model.metrics import read_metrics
from ftmon.model.milestones import Milestones
from ftmon.model.series import Curves, Series
from ftmon.model.update import Connection, Traffic, Update, Wire

_NEARLY_DONE = 0.99
"""The greatest progress of a job that has not succeeded, whatever its steps say."""

_LONGEST_RUN = 1e9
"""Seconds, over thirty years: an estimate as long is none."""

_OUTCOMES = {Status.SUCCEEDED: 0, Status.FAILED: 1, Status.CANCELLED: 3, Status.UNKNOWN: 5}
"""The exit status for each status of a job that is over (README, "Exit status")."""


class Run:
    """The state of one watched job. Only `apply` changes it; everything else reads.

    It keeps no events, so a run of a million events takes no more memory than a run of ten. With
    `outcome_only` it reads only the messages of warnings and errors: enough to say how the job ended.
    """

    def __init__(self, key: JobKey, *, outcome_only: bool = False) -> None:
        self.key = key
        self._is_outcome_only = outcome_only
        self.job: Job | None = None
        self.read_at: datetime | None = None
        """When the service last told the job, by this machine's clock; None of one that is only recorded."""
        self.cancellation: ActionOutcome | None = None
        """The user asked to cancel the job, and the service did not refuse."""
        self.connection = Connection(Wire.CONNECTING)
        self.next_at: datetime | None = None
        """When the service is asked again, by this machine's clock; None unless the connection tells that."""
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
        self.series = Series()
        self.milestones = Milestones()
        self.is_stalled = False
        """The last event says that nothing new comes."""
        self.has_estimated_times = False
        """Nothing tells when some of its events happened."""
        self.last_event_at: datetime | None = None
        """Time of the last event that has one, by the service's clock."""
        self.fine_tuned_model: str | None = None
        self.result_file: str | None = None
        self.error: str | None = None
        """The message of the last error event."""
        self.stream_errors = 0
        """Errors that the service told of inside the stream, beside the events."""
        self.unrecorded = 0
        """Events queued for recording while the history cannot be written."""
        self.dialect = ""
        """The name of the API that the service speaks; empty until that is known."""
        self.why = ""
        """Why that API, in words."""
        self.skew: float | None = None
        """Seconds that the service's clock is ahead of this machine's, or None if it sends no time."""
        self.traffic: Traffic | None = None
        """What has come over the wire; None of a run that is read from the history."""
        self._estimate = Estimate()
        self._steps = Estimate()
        self._ends_at: datetime | None = None
        """When the job will be over by the service's estimate and clock."""

    def apply(self, update: Update) -> None:
        """Fold one update into the state."""
        if update.connection is not None:
            self.connection = update.connection
            delay = update.connection.delay
            self.next_at = update.at + timedelta(seconds=delay) if delay else None
        if update.job is not None:
            self._apply_job(update.job, update.at)
            # What the history tells has come over no wire.
            self.read_at = self.read_at if update.traffic is None else update.at
        self.cancellation = update.cancellation or self.cancellation
        if update.heard:
            self.heard_at = update.at
        self.dialect = update.dialect or self.dialect
        self.why = update.why or self.why
        if update.skew is not None:
            self.skew = update.skew
        self.traffic = update.traffic or self.traffic
        if update.unrecorded is not None:
            self.unrecorded = update.unrecorded
        if update.stream_errors is not None:
            self.stream_errors = update.stream_errors
        for number, event in enumerate(update.events, self.events):
            if not self._is_outcome_only or event.level is not Level.INFO or may_tell_error(event.message):
                self._apply_event(event, number, update.at)
        self.events += len(update.events)

    @property
    def status(self) -> Status:
        """The job's status as last read; UNKNOWN until the job was read."""
        return self.job.status if self.job else Status.UNKNOWN

    @property
    def is_job_over(self) -> bool:
        """The job is over as last read, whether or not its outcome is known."""
        return self.job is not None and self.job.is_over

    @property
    def last_job(self) -> Job | None:
        """The job as last read by anyone: during a replay as recorded, otherwise `job`."""
        return self.connection.recorded.job if self.connection.recorded else self.job

    @property
    def is_current(self) -> bool:
        """The job stands now as was read last: its service was asked a moment ago, or the job is over."""
        return self.connection.is_in_touch or self.is_job_over

    @property
    def status_word(self) -> str:
        """The job's `status_word`; `unknown` until the job was read."""
        return self.job.status_word if self.job else Status.UNKNOWN.value

    @property
    def status_phrase(self) -> str:
        """The status as words that are true now: `running`, or `running when last seen`."""
        if self.is_current:
            return status_phrase(self.job, self.asked)
        is_then = self.connection.wire is Wire.REPLAYING and self.connection.speed < inf
        return status_phrase(self.job, (" then" if is_then else " when last seen") + self.asked)

    @property
    def is_cancelling(self) -> bool:
        """The service was asked to cancel the job, and the job is not over."""
        return self.cancellation is not None and not self.is_job_over

    @property
    def asked(self) -> str:
        """What follows a status while the job is being cancelled."""
        return ", asked to cancel" if self.is_cancelling else ""

    @property
    def is_over(self) -> bool:
        """No update will follow."""
        return self.connection.is_over

    @property
    def outcome(self) -> int | None:
        """The exit status for the end of the job, or None while it is not over.

        During a replay the recorded end counts, however far the replay has come.
        """
        job = self.last_job
        return _OUTCOMES[job.status] if job and job.is_over else None

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
        """The fraction of the job that is done, 0 to 1, or None if the service gives no total.

        It is 1 for a job that succeeded and for no other, because a job does more than its steps.
        """
        trained = self._trained
        if self.status is Status.SUCCEEDED:
            return None if trained is None else 1.0
        return None if trained is None else min(_NEARLY_DONE, trained)

    @property
    def is_trained(self) -> bool:
        """All steps are done, which is not yet the end of the job."""
        return self._trained == 1

    @property
    def _trained(self) -> float | None:
        """The part of the training that is done, as counted here, or else as the service says."""
        counted = self._counted
        return self.job.progress.share if counted is None and self.job else counted

    @property
    def _counted(self) -> float | None:
        """The fraction of the steps, or else of the epochs, that is done."""
        if self.step is not None and self.total_steps:
            return min(1.0, self.step / self.total_steps)
        if self.epoch is not None and self.total_epochs:
            return min(1.0, self.epoch / self.total_epochs)
        return None

    def service_time(self, now: datetime) -> datetime:
        """Return the service's time when it is `now` on this machine. Ages of its job and events end then."""
        return now + timedelta(seconds=self.skew or 0.0)

    def age(self, now: datetime) -> float | None:
        """Seconds since the job was created; None if the service does not say when that was."""
        if self.job is None or self.job.created_at is None:
            return None
        # What writes the events may have another clock than what sends the answers.
        latest = max(self.service_time(now), self.last_event_at or self.job.created_at)
        return max(0.0, (latest - self.job.created_at).total_seconds())

    def remaining(self, now: datetime) -> float | None:
        """Seconds left as the service estimates them, else at the measured pace; None if neither is known."""
        told = self.told_remaining(now)
        return self._estimate.remaining(now) if told is None and self._is_training else told

    def told_remaining(self, now: datetime) -> float | None:
        """Seconds left as the service estimates them; None if it does not, or if that time has passed."""
        if self._ends_at is None or not self._is_training:
            return None
        told = (self._ends_at - self.service_time(now)).total_seconds()
        return told if told > 0 else None

    def steps_per_second(self, now: datetime) -> float | None:
        """The measured pace; None if it is not known, or if the run makes no steps now."""
        is_moving = self._is_training and not self.is_trained and not self._steps.is_silent(now)
        return self._steps.pace if is_moving else None

    def silence(self, now: datetime) -> float | None:
        """Seconds without progress, if that is longer than usual for this run; otherwise None."""
        is_unusual = self._is_training and not self.is_trained and self._estimate.is_silent(now)
        return self._estimate.silence(now) if is_unusual else None

    def until_silent(self, now: datetime) -> float | None:
        """Seconds until `silence` returns a number if no progress comes; None if it does or never will."""
        if not self._is_training or self.is_trained or self._estimate.is_silent(now):
            return None
        return self._estimate.patience - self._estimate.silence(now)

    @property
    def _is_training(self) -> bool:
        """The training goes on as far as can be known now."""
        may_train = self.status in (Status.RUNNING, Status.UNKNOWN) and not self.is_job_over
        return self.connection.is_in_touch and may_train

    def _apply_job(self, job: Job, at: datetime) -> None:
        if self.job is not None and self.job.progress.remaining is not None:
            # The service may take its estimate back.
            self._ends_at = None
        self.job = job
        self.fine_tuned_model = job.fine_tuned_model or self.fine_tuned_model
        self.total_epochs = self.total_epochs or job.n_epochs
        self._apply_progress(job.progress, at)
        if job.status not in (Status.PENDING, Status.UNKNOWN):
            self.queue = None

    def _apply_progress(self, progress: Progress, at: datetime) -> None:
        """Take what the job object says of the progress, where the events have not told more."""
        self.total_steps = self.total_steps or progress.total_steps
        if progress.step is not None:
            self.step = max(progress.step, self.step or 0)
        if progress.epoch is not None:
            self.epoch = max(int(progress.epoch), self.epoch or 0)
        if progress.queue is not None:
            self.queue = progress.queue
        if progress.share is not None and self._counted is None:
            self._estimate.add(progress.share, at, at)
        self._note_remaining(progress.remaining, at)
        self._ends_at = progress.ends_at or self._ends_at

    def _note_remaining(self, seconds: float | None, at: datetime) -> None:
        if seconds is not None and 0 <= seconds < _LONGEST_RUN:
            self._ends_at = self.service_time(at) + timedelta(seconds=seconds)

    def _apply_event(self, event: Event, number: int, at: datetime) -> None:
        if event.level is Level.WARNING:
            self.warnings += 1
        elif event.level is Level.ERROR:
            self.errors += 1
            self.error = event.message
        self.is_stalled = event.message == STALLED
        self.has_estimated_times = self.has_estimated_times or event.is_estimated
        if event.created_at is not None:
            self.last_event_at = event.created_at
        details = event.details if '"data"' in event.raw else NO_DETAILS
        metrics = read_metrics(details)
        facts = read_beside(event.message, metrics)
        figures = event_figures(facts, metrics)
        # A stream replays past events after the job was read. Ignore old queue messages of a started job.
        if facts.queue is not None and self.status in (Status.PENDING, Status.UNKNOWN):
            self.queue = facts.queue
        if facts.started:
            self.queue = None
            self._estimate.add(0.0, event.created_at, at)
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
            self.series.note_epoch(facts.epoch, self.step if figures.step is None else figures.step)
        if figures.step is not None:
            self.step = max(figures.step, self.step or 0) if figures.is_spare else figures.step
            self._steps.add(figures.step, event.created_at, at)
        if (checkpoint := self.milestones.note(event, facts, figures, details)) is not None:
            self.series.note_checkpoint(checkpoint.step)
        self.series.add(event, number, figures, details.data)
        self._note_remaining(figures.remaining, at)
        counted = self._counted
        if (figures.step is not None or facts.epoch is not None) and counted is not None:
            self._estimate.add(counted, event.created_at, at)

    @property
    def curves(self) -> Curves:
        """What the run is judged by."""
        return self.series.main

    @property
    def train_loss(self) -> Curve:
        """The losses on the training data."""
        return self.series.loss.train

    @property
    def valid_loss(self) -> Curve:
        """The losses on the validation data."""
        return self.series.loss.valid
