"""One run: how it stands, its losses and its events."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import ClassVar

from textual import getters, on, work
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from ftmon.errors import FtmonError
from ftmon.model.job import JobKey, Status
from ftmon.model.run import Run
from ftmon.model.update import Update, Wire
from ftmon.paths import stylesheet
from ftmon.tui.ages import until_changes
from ftmon.tui.emptiness import emptiness
from ftmon.tui.intake import Intake, News
from ftmon.tui.look import LOOKS
from ftmon.tui.offer import NOTHING, offer_of
from ftmon.tui.replay_control import ReplayControl, is_replaying
from ftmon.tui.widgets.event_log import EventLog
from ftmon.tui.widgets.job_header import JobHeader
from ftmon.tui.widgets.key_bar import KeyBar
from ftmon.tui.widgets.log_title import LogTitle
from ftmon.tui.widgets.loss_chart import LossChart
from ftmon.tui.widgets.loss_line import LossLine
from ftmon.tui.widgets.outcome import Outcome, ending
from ftmon.tui.widgets.progress_line import ProgressLine
from ftmon.tui.widgets.status_line import StatusLine
from ftmon.watch.watcher import Watcher


class MonitorScreen(Screen[None]):
    """Holds the run that is watched and draws it; a repaint comes only when something on it would change."""

    CSS_PATH: ClassVar = [stylesheet("app.tcss"), stylesheet("monitor.tcss")]
    COMPONENT_CLASSES = LOOKS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open", "open", tooltip="Open a job: type its id or pick one", id="job.open"),
        Binding("r", "retry", "retry now", tooltip="Connect again now", id="job.retry"),
        Binding(
            "c", "toggle_chart", "chart", tooltip="Show or hide the chart of the losses", id="view.chart"
        ),
        Binding(
            "p",
            "replay",
            "replay",
            tooltip="Replay the run within a minute; + and - change that",
            id="replay",
        ),
        Binding("p", "halt", "halt/go on", tooltip="Halt the replay, or go on", id="replay.halt"),
        Binding("plus,equals_sign", "change_speed(1)", "faster", tooltip="Faster", id="replay.faster"),
        Binding("minus", "change_speed(-1)", "slower", tooltip="Slower", id="replay.slower"),
        Binding("y", "copy", "copy", tooltip="Copy the selection, the marked event or the job id", id="copy"),
        Binding(
            "x", "cancel_job", "cancel job", tooltip="Ask the service to cancel the job", id="job.cancel"
        ),
    ]

    header = getters.query_one(JobHeader)
    status = getters.query_one(StatusLine)
    progress = getters.query_one(ProgressLine)
    losses = getters.query_one(LossLine)
    chart = getters.query_one(LossChart)
    log_title = getters.query_one(LogTitle)
    event_log = getters.query_one(EventLog)
    outcome = getters.query_one(Outcome)

    class Over(Message):
        """The run that was watched has come to its end."""

    def __init__(self, watcher: Watcher, key: JobKey | None, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.run = Run(key) if key else None
        """What is known of the job shown, or None while none was opened."""
        self._watcher = watcher
        self._now = now
        self._replay = ReplayControl(watcher, now)
        self._intake = Intake(watcher, self, self._fold, self.draw)
        self._retry_at: datetime | None = None
        self._offer = NOTHING
        self._was_over = False
        self._is_watched_anew = False
        """What is shown stays until the service, or the history, tells something of the job again."""
        self._is_asking = False
        """Which job to open."""
        self._is_chart_wanted = True
        self._ages_due = 0.0
        self._ages_timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """From the top to the bottom."""
        yield JobHeader()
        yield StatusLine()
        yield ProgressLine()
        yield LossLine()
        yield LossChart()
        yield LogTitle()
        yield EventLog(self._clock)
        yield Outcome()
        yield KeyBar()

    def on_mount(self) -> None:
        """Paint first, then let the watcher import what it needs."""
        self.draw()
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        if not self.is_attached:
            return
        self._intake.start()
        for notice in self._watcher.notices:
            self.notify(notice, severity="warning", markup=False, timeout=10)
        if self.run is None:
            self.action_open()

    def open_job(self, key: JobKey) -> None:
        """Watch this job instead of the one that is shown, or show what is recorded of another service's."""
        if key.service == self._watcher.base_url and not self._watcher.is_offline:
            self._watcher.watch(key)
        else:
            self._watcher.replay(key)
        self._show(Run(key))
        self.draw()

    @property
    def exit_status(self) -> int | None:
        """What the run shown ends with, or a replayed one ended with; None where no end is known."""
        if self.run is None:
            return None
        if is_replaying(self.run):
            return self._replay.exit_status
        return self.run.exit_status if self.run.is_over else self.run.outcome

    def _begin_anew(self) -> None:
        """Tell the run from its begin, once there is something to tell: until then what is shown stays."""
        self._is_watched_anew = True
        self._was_over = False

    def _show(self, run: Run) -> None:
        self.run = run
        self._retry_at = None
        self._was_over = False
        self._is_watched_anew = False
        self.event_log.clear()

    # Taking in

    @on(News)
    def _take_news(self) -> None:
        self._intake.take_news()

    def _fold(self, update: Update) -> None:
        if self.run is None or update.job_key != self.run.key:
            return
        if self._is_watched_anew and (update.job or update.events):
            connection = self.run.connection
            self._show(Run(update.job_key))
            self.run.connection = connection
        self.run.apply(update)
        self._replay.note(update)
        self.event_log.extend(update.events)
        if update.connection is not None:
            waits = update.connection.wire is Wire.WAITING
            self._retry_at = update.at + timedelta(seconds=update.connection.delay) if waits else None
        if update.notice:
            self.notify(update.notice, severity="warning", markup=False, timeout=10)

    # Drawing

    def _clock(self) -> datetime:
        """Return what time it is for the run."""
        return self._replay.clock(self.run)

    def draw(self) -> None:
        """Draw the run as it is now."""
        # Once the app is told to leave, Textual makes no more widgets, and this screen may have none.
        if not self.is_attached:
            return
        run = self.run
        offer = offer_of(run, self._watcher)
        self.chart.draw(run)
        self.set_class(self._is_chart_wanted and self.chart.has_curve, "-charted")
        self.set_class(not self.chart.has_point, "-without-losses")
        self.losses.draw(run, with_sparklines=not self.chart.display)
        self.event_log.show_empty(list(emptiness(run)))
        self.event_log.paint()
        self._draw_title()
        self.outcome.ending = ending(run, self._clock(), can_replay=offer.replay) if run else None
        self._draw_ages()
        if offer != self._offer:
            self._offer = offer
            self.refresh_bindings()
        if run is not None and run.is_over and not self._was_over:
            self._was_over = True
            self.post_message(self.Over())

    def _draw_ages(self) -> None:
        """Draw what changes by itself, and set a timer for the moment at which it says something else."""
        run, now = self.run, self._clock()
        self.header.draw(run, self._retry_at, now)
        self.status.draw(run, now, with_percent=not self.progress.display)
        self.progress.draw(run, now)
        waits = [] if run is None else until_changes(run, self.event_log.until_next_age(now), now)
        if not waits:
            return
        wait = self._replay.wait(run, min(waits))
        due = monotonic() + wait
        if monotonic() < self._ages_due <= due:
            return
        self._ages_due = due
        if self._ages_timer is not None:
            self._ages_timer.stop()
        self._ages_timer = self.set_timer(wait, self._age, name="ages")

    def _age(self) -> None:
        self._ages_due = 0.0
        self.event_log.refresh_ages()
        self._draw_ages()

    def on_resize(self) -> None:
        """Draw for the parts that this size has."""
        self.call_after_refresh(self.draw)

    @on(EventLog.Changed)
    def _draw_title(self) -> None:
        self.log_title.draw(self.run, self.event_log.following, self.event_log.unseen)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done now."""
        return getattr(self._offer, action, True)

    @work
    async def action_open(self) -> None:
        """Ask for a job and open it."""
        from ftmon.tui.screens.open_job import OpenJobScreen

        if self._is_asking:
            # The key was pressed twice.
            return
        self._is_asking = True
        try:
            key = await self.app.push_screen_wait(OpenJobScreen(self._watcher, self._now))
        finally:
            self._is_asking = False
        if key is not None:
            self.open_job(key)

    @work
    async def action_cancel_job(self) -> None:
        """Ask whether the job shall be cancelled, and ask the service to do it."""
        from ftmon.tui.screens.confirm import ConfirmScreen

        run = self.run
        if run is None or not await self.app.push_screen_wait(ConfirmScreen(run.key.job_id)):
            return
        try:
            job = await asyncio.wrap_future(self._watcher.cancel(run.key))
        except FtmonError as error:
            self.notify(f"The job was not cancelled. {error}", severity="error", markup=False, timeout=10)
            return
        word = "is cancelled" if job.status is Status.CANCELLED else "will be cancelled"
        self.notify(f"The service says that the job {word}.", markup=False)

    def action_retry(self) -> None:
        """Connect now instead of waiting; where watching ended without the job's end, watch anew."""
        if self.run is not None and self.run.is_over:
            self._begin_anew()
            self._watcher.watch(self.run.key)
        else:
            self._watcher.retry()

    def action_replay(self, speed: float | None = None) -> None:
        """Tell the run again as it happened, so many times as fast; if not said, in at most a minute."""
        if self.run is not None:
            self._replay.start(self.run, self.event_log.span, speed)
            self._begin_anew()

    def action_halt(self) -> None:
        """Halt the replay, or go on."""
        if self.run is not None:
            self._replay.halt(self.run)

    def action_change_speed(self, step: int) -> None:
        """Replay faster or slower."""
        self._replay.change_speed(step)

    def action_toggle_chart(self) -> None:
        """Show the chart, or give its room to the events."""
        self._is_chart_wanted = not self._is_chart_wanted
        self.draw()

    def action_copy(self) -> None:
        """Copy what is selected, else the marked event, else the job's id."""
        if text := self.get_selected_text():
            self._copy(text, "the selection")
        elif text := self.event_log.marked_text:
            self._copy(text, "the event")
        elif self.run is not None:
            self._copy(self.run.key.job_id, "the job id")

    def _copy(self, text: str, what: str) -> None:
        self.app.copy_to_clipboard(text)
        self.notify(f"Copied {what}.", markup=False, timeout=2)

    def commands(self) -> Iterator[SystemCommand]:
        """What the palette offers for this run."""
        yield SystemCommand("Open a job", "Type an id, or pick one of the service's jobs", self.action_open)
        run = self.run
        if run is None:
            return
        job_id, model = run.key.job_id, run.fine_tuned_model
        yield SystemCommand("Copy the job id", "To the clipboard", lambda: self._copy(job_id, "the job id"))
        if model:
            yield SystemCommand(
                "Copy the model's name", "To the clipboard", lambda: self._copy(model, "the name")
            )
        if self._offer.cancel_job:
            yield SystemCommand("Cancel the job", "ftmon asks you first", self.action_cancel_job)
        if self._offer.retry:
            yield SystemCommand("Retry now", "Connect again now", self.action_retry)
        if self._offer.replay:
            for speed, pace in ((1.0, "In its own rhythm"), (10.0, "Ten times as fast")):
                yield SystemCommand(f"Replay {speed:g}×", pace, partial(self.action_replay, speed))
            yield SystemCommand("Replay in a minute", "As fast as that takes", self.action_replay)
