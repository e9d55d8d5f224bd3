"""The main screen: the status, losses and events of one run."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.message import Message

from ftmon.model.action import Action
from ftmon.model.event import Event
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Update
from ftmon.tui.announcer import Announcer
from ftmon.tui.asking import Asking
from ftmon.tui.drawing import Drawing
from ftmon.tui.excerpt import LONGEST_TOAST, excerpt
from ftmon.tui.intake import Intake, News
from ftmon.tui.keeper import Keeper
from ftmon.tui.layout import Layout
from ftmon.tui.look import LOOKS
from ftmon.tui.offer import NOTHING
from ftmon.tui.opening import Opening
from ftmon.tui.past import Past
from ftmon.tui.replay_control import ReplayControl, is_replaying
from ftmon.tui.start import Start, StartingScreen
from ftmon.tui.widgets.event_log import EventLog
from ftmon.tui.widgets.key_bar import KeyBar
from ftmon.watch.watcher import Watcher


class MonitorScreen(StartingScreen):
    """Holds the state of the watched run and draws it. It repaints only what has changed."""

    COMPONENT_CLASSES = LOOKS
    AUTO_FOCUS = "EventLog"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "find", tooltip="Search, or go to a step", id="log.search"),
        Binding("ampersand", "filter", "filter", tooltip="Show only some events", id="log.filter"),
        Binding("o", "open", "job", tooltip="Open a job: type its id or pick one", id="job.open"),
        Binding(
            "i", "facts", "info", tooltip="All of the run: times, settings, checkpoints, …", id="job.facts"
        ),
        Binding("r", "retry", "retry now", tooltip="Reconnect now", id="job.retry"),
        Binding("r", "read_now", "read now", tooltip="Read the list now, while polling", id="job.read"),
        Binding("c", "toggle_chart", "chart", tooltip="Show or hide the loss chart", id="view.chart"),
        Binding(
            "C", "toggle_alone", "alone", False, tooltip="The chart in place of the log", id="chart.alone"
        ),
        Binding("L", "toggle_losses", "losses", False, tooltip="Show or hide the losses", id="view.losses"),
        Binding("p", "replay", "replay", tooltip="Replay the run in at most a minute", id="replay"),
        Binding("p", "halt", "pause/resume", tooltip="Pause or resume the replay", id="replay.halt"),
        Binding("plus,equals_sign", "change_speed(1)", "faster", tooltip="Replay faster", id="replay.faster"),
        Binding("minus", "change_speed(-1)", "slower", tooltip="Replay slower", id="replay.slower"),
        Binding("y", "copy", "copy", tooltip="Copy the selection, the chosen event or the job id", id="copy"),
        Binding("x", "cancel_job", "cancel job", tooltip="Ask for the job to be cancelled", id="job.cancel"),
    ]

    class Over(Message):
        """Posted when no more updates of the run will follow."""

    def __init__(
        self,
        watcher: Watcher,
        key: JobKey | None,
        now: Callable[[], datetime],
        announcer: Announcer,
        *,
        tail: int | None = None,
        opening: Opening | None = None,
        layout: Layout,
        layout_file: Path | None = None,
    ) -> None:
        """`tail` is how many events of the past are shown; None shows all.

        `opening` is what is shown until the past is read. `layout` is how the screen is arranged at first.
        The file keeps what the user makes of it.
        """
        super().__init__()
        self.run = Run(key) if key else None
        """The state of the job on the screen, or None before a job is opened."""
        self._watcher = watcher
        self._now = now
        self._replay = ReplayControl(watcher, now)
        self._announcer = announcer
        self.drawing = Drawing(self, watcher, self._replay, announcer, self._service_clock)
        self._keeper = Keeper(self, self.drawing, layout, layout_file)
        self.chart = self.drawing.chart
        self.log_pane = self.drawing.log_pane
        self.event_log = self.log_pane.event_log
        self._past = Past(self, self._show_past, now, tail, opening)
        self._asking = Asking(self, watcher, self._note_answer, now)
        self._intake = Intake(watcher, self, self._fold, self.draw)
        self.key_bar = KeyBar()
        self.offer = NOTHING
        """The actions that the keys and the palette offer."""
        self._start = Start(self, self.event_log, self._begin)
        self._has_posted_over = False
        self._is_restarting = False
        """The next update that has a job or events replaces the run. Until then the old content stays."""

    @property
    def key_holders(self) -> Sequence[DOMNode]:
        """Where keys may do something while this screen is shown, the innermost first."""
        return self.event_log, self.log_pane, self.chart, self.drawing.panes, self, self.app

    def compose(self) -> ComposeResult:
        """Lay out the widgets, top to bottom."""
        yield from self.drawing.widgets
        yield self.key_bar

    def on_mount(self) -> None:
        """Draw what is known of the job."""
        if (opening := self._past.opening) is not None:
            self.event_log.extend(opening.events, opening.first_at)
        self.draw()
        self.screen_layout_refresh_signal.subscribe(self, lambda _: self.drawing.place_toasts())
        self._keeper.start()

    def on_unmount(self) -> None:
        """Keep the layout."""
        self._keeper.close()

    def _begin(self) -> None:
        """Start the watcher, whose imports take time."""
        self._intake.start()
        for notice in self._watcher.notices:
            self._show_notice(notice)
        if self.run is None:
            self.action_open()

    def open_job(self, key: JobKey) -> None:
        """Show this job instead of the current one.

        A job of the chosen service, or a run that ftmon keeps, is watched. Any other job is read from the
        history.
        """
        if self._watcher.can_watch(key):
            self._watcher.watch(key)
        else:
            self._watcher.replay(key)
        self._past.begin()
        self._show(Run(key))
        self.draw()

    @property
    def is_own(self) -> bool:
        """Whether the run on the screen is watched now, and not only read from the history."""
        return self.run is not None and not is_replaying(self.run) and self._watcher.can_watch(self.run.key)

    @property
    def exit_status(self) -> int | None:
        """The exit status for the run on the screen, or None if its outcome is not known."""
        if self.run is None:
            return None
        return self.run.exit_status if self.run.is_over else self.run.outcome

    def _restart(self) -> None:
        """Restart the run. Keep the old content until the first update with a job or events arrives."""
        self._is_restarting = True
        self._has_posted_over = False

    def _show(self, run: Run) -> None:
        self.run = run
        self._has_posted_over = False
        self._is_restarting = False
        self.event_log.clear()

    def _show_past(self, events: Sequence[Event], before: int, notice: str) -> None:
        """Show the end of the past, which has just ended."""
        self.event_log.replace(events, before)
        if notice:
            self._show_notice(notice)
        self.draw()

    # Updates

    @on(News)
    def _take_news(self) -> None:
        self._intake.take_news()

    def _fold(self, update: Update) -> None:
        if self.run is None or update.job_key != self.run.key:
            return
        if self._is_restarting and (update.job or update.events):
            connection, next_at = self.run.connection, self.run.next_at
            self._show(Run(update.job_key))
            self.run.connection, self.run.next_at = connection, next_at
        # The first error of a stream is told; the title of the log counts the others.
        is_counted = update.stream_errors is not None and self.run.stream_errors > 0
        skew = self.run.skew
        self.run.apply(update)
        if self.run.skew != skew:
            self.event_log.refresh_ages()
        self._replay.note(update)
        self._announcer.take(update, self.run)
        self.event_log.extend(self._past.take(update, self.run.service_time))
        if update.notice and not is_counted:
            self._show_notice(update.notice)

    def _show_notice(self, notice: str) -> None:
        self.notify(excerpt(notice, LONGEST_TOAST), severity="warning", markup=False, timeout=10)

    # Drawing

    def _service_clock(self) -> datetime:
        """Return the time by the service's clock, which the ages of events are counted to."""
        now = self._replay.clock(self.run)
        return self.run.service_time(now) if self.run is not None else now

    def draw(self) -> None:
        """Draw the run in its current state."""
        # When the app is exiting, Textual mounts no more widgets, so there may be nothing to draw on.
        if not self.is_attached:
            return
        run, opening = self.run, self._past.opening
        offer = self.drawing.draw(opening.run, opening.is_whole) if opening else self.drawing.draw(run)
        if offer != self.offer:
            self.offer = offer
            self.refresh_bindings()
        self._draw_switches()
        if run is not None and run.is_over and not self._has_posted_over:
            self._has_posted_over = True
            self.post_message(self.Over())

    @on(EventLog.Changed)
    def _draw_switches(self) -> None:
        self.key_bar.switched_on = self.drawing.switched_on

    def on_resize(self) -> None:
        """Draw again, because the new size may show other widgets."""
        self.call_after_refresh(self.draw)
        self._start.wait()

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable the actions that the state of the run does not allow."""
        if action in ("search", "filter"):
            return self.log_pane.display and not self.log_pane.is_asked
        return self.offer.allows(action)

    async def action_search(self) -> None:
        """Search the log, from wherever the focus is."""
        await self.log_pane.ask_for_search()

    async def action_filter(self) -> None:
        """Filter the log, from wherever the focus is."""
        await self.log_pane.ask_for_filter()

    def action_open(self) -> None:
        """Ask for a job and open it."""
        from ftmon.tui.screens.open_job import OpenJobScreen

        # A key that was pressed twice at once comes here twice.
        if self.is_active:
            self.app.push_screen(OpenJobScreen(self._watcher, self._now), self._open)

    def action_facts(self) -> None:
        """Show the run's page."""
        from ftmon.tui.screens.run import RunScreen

        if self.is_active:
            self.app.push_screen(RunScreen(lambda: (self.run, self._replay.clock(self.run)), self._watcher))

    def _open(self, key: JobKey | None) -> None:
        if key is not None:
            self.open_job(key)

    def action_cancel_job(self) -> None:
        """Ask the user for confirmation, then ask the service to cancel the job."""
        if self.run is not None and self.is_active:
            self._asking.confirm_cancel(self.run.key)

    def action_ask(self, action: Action) -> None:
        """Ask the service to do something with the job."""
        if self.run is not None:
            self._asking.ask(action, self.run.key)

    def _note_answer(self, update: Update) -> None:
        if self.run is not None and self.run.key == update.job_key:
            self.run.apply(update)
            self.draw()

    def action_retry(self) -> None:
        """Connect now instead of waiting. If watching has ended before the job has, start watching again."""
        if self.run is not None and self.run.is_over:
            self._restart()
            self._watcher.watch(self.run.key)
        else:
            self._watcher.retry()

    def action_read_now(self) -> None:
        """Read the list now instead of at its time."""
        self._watcher.retry()

    def action_replay(self, speed: float | None = None) -> None:
        """Replay the run at a multiple of its speed, or if `speed` is None, in at most a minute."""
        if self.run is not None:
            self._replay.start(self.run, self.event_log.span, speed)
            self._restart()

    def action_halt(self) -> None:
        """Pause or resume the replay."""
        if self.run is not None:
            self._replay.halt()

    def action_change_speed(self, step: int) -> None:
        """Move to the next faster or slower replay speed."""
        self._replay.change_speed(step)

    def action_toggle_chart(self) -> None:
        """Show or hide the chart. Its rows go to the event log while it is hidden."""
        self.chart.toggle()
        self.draw()

    def action_toggle_alone(self) -> None:
        """Show the chart alone, or with the log again."""
        self.chart.toggle_alone()
        self.draw()
        reader = self.chart if self.chart.view.is_alone else self.event_log
        self.call_after_refresh(reader.focus)

    def action_toggle_losses(self) -> None:
        """Show or hide the line of the losses."""
        self.drawing.losses.is_wanted = not self.drawing.losses.is_wanted
        self.draw()

    def action_copy(self) -> None:
        """Copy the selection. If there is none, copy the chosen event or else the job id."""
        if text := self.get_selected_text():
            self.copy(text, "the selection")
        elif text := self.event_log.chosen_text:
            self.copy(text, "the event")
        elif self.run is not None:
            self.copy(self.run.key.job_id, "the job id")

    def copy(self, text: str, what: str) -> None:
        """Copy a text to the clipboard, and say what it is."""
        from ftmon.tui.clipboard import copy

        copy(self.app, text, what)
