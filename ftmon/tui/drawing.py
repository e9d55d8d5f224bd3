"""The widgets that show a run, and when each is drawn again."""

from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic

from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from ftmon.model.run import Run
from ftmon.tui import toasts
from ftmon.tui.ages import until_changes
from ftmon.tui.announcer import Announcer
from ftmon.tui.emptiness import emptiness
from ftmon.tui.offer import Offer, offer_of
from ftmon.tui.paced import Paced
from ftmon.tui.parts.losses import lacks_figures
from ftmon.tui.replay_control import ReplayControl
from ftmon.tui.widgets.header import JobHeader
from ftmon.tui.widgets.log_pane import LogPane
from ftmon.tui.widgets.loss_chart import LossChart
from ftmon.tui.widgets.outcome import Outcome, ending
from ftmon.tui.widgets.panes import Panes
from ftmon.tui.widgets.run_lines import LossLine, ProgressLine, StatusLine
from ftmon.watch.watcher import Watcher

_LOWEST_WITH_LOSSES = 15
"""Height of the screen, in cells, from which the losses have a row of their own."""

_CHART_EVERY = 0.25
"""Seconds between two charts while points keep coming: a chart costs as much as all the rest, and its curves
change slowly."""


class Drawing:
    """Draws a run on its screen. It repaints only what has changed."""

    def __init__(
        self,
        screen: Screen[None],
        watcher: Watcher,
        replay: ReplayControl,
        announcer: Announcer,
        service_clock: Callable[[], datetime],
    ) -> None:
        self._screen = screen
        self._watcher = watcher
        self._replay = replay
        self._announcer = announcer
        # Updates still come, and timers still fire, while an app that exits removes these one by one. So each
        # widget holds those that it draws and looks none up, and drawing one that is removed does nothing.
        self.header = JobHeader()
        self.status = StatusLine()
        self.progress = ProgressLine()
        self.losses = LossLine()
        self.chart = LossChart()
        self.log_pane = LogPane(service_clock, lambda: watcher.settings.secrets)
        self.panes = Panes(self.chart, self.log_pane)
        self.outcome = Outcome()
        self._run: Run | None = None
        self._paced_chart = Paced(screen, _CHART_EVERY, lambda: self.chart.draw(self._run))
        self._ages_due = 0.0
        """When `_ages_timer` fires, by the monotonic clock in seconds; 0 after it has fired."""
        self._ages_timer: Timer | None = None

    @property
    def widgets(self) -> Sequence[Widget]:
        """The widgets, top to bottom."""
        return self.header, self.status, self.progress, self.losses, self.panes, self.outcome

    @property
    def switched_on(self) -> frozenset[str]:
        """The ids of the keys that have switched something on."""
        log = self.log_pane.event_log
        switches = {
            "log.follow": log.following,
            "log.filter": bool(log.finder.filter.text),
            "log.thin": log.finder.filter.every != 1,
            "view.chart": self.chart.is_wanted,
        }
        return frozenset(name for name, is_on in switches.items() if is_on)

    def draw(self, run: Run | None, is_whole: bool = True) -> Offer:
        """Draw the run in its current state, and return the actions that it allows.

        Where it is not whole, its curves are left out.
        """
        if self.chart.visible != is_whole:
            self.losses.visible = self.chart.visible = is_whole
        if run is self._run and self.chart.display:
            self._paced_chart()
        else:
            self.chart.draw(run)
        chart, screen = self.chart, self._screen
        is_charted = chart.is_wanted
        # The chart tells the losses in its title.
        has_losses = chart.has_values or (run is not None and lacks_figures(run))
        can_tell = not is_charted and has_losses and screen.size.height >= _LOWEST_WITH_LOSSES
        # All at once, because each change styles every widget anew.
        classes = {
            "-charted": is_charted,
            "-alone": is_charted and chart.view.is_alone,
            "-without-losses": not can_tell or not self.losses.is_wanted,
        }
        screen.update_classes(classes)
        offer = offer_of(run, self._watcher)._replace(
            toggle_chart=chart.can_be_shown, toggle_alone=chart.can_be_alone, toggle_losses=can_tell
        )
        self.losses.draw(run, with_sparklines=not self.chart.display)
        self.log_pane.event_log.show_empty(list(emptiness(run)))
        self.log_pane.draw(run)
        self.outcome.ending = ending(run, can_replay=offer.replay, can_retry=offer.retry) if run else None
        self._draw_ages(run)
        if toasts.are_shown(screen):
            self.place_toasts()
        return offer

    def place_toasts(self) -> None:
        """Keep the toasts away from the last line of the log and from the banner."""
        log, chart = self.log_pane.event_log, self.chart
        if self.log_pane.display:
            toasts.place(self._screen, log.region, log.virtual_size.height)
        else:
            toasts.place(self._screen, chart.region, chart.region.height)

    def _draw_ages(self, run: Run | None) -> None:
        """Draw everything that shows an age or a countdown, and set a timer for its next change."""
        self._run, now = run, self._replay.clock(run)
        self.header.draw(run, now)
        self.status.draw(
            run,
            now,
            with_percent=not self.progress.display,
            with_losses=self._screen.has_class("-without-losses") and not self._screen.has_class("-charted"),
            is_unrecorded=self._watcher.is_unrecorded,
        )
        self.progress.draw(run, now)
        self._announcer.draw(run, now)
        if run is None:
            return
        until_next_age = self.log_pane.event_log.until_next_age(run.service_time(now))
        waits = until_changes(run, until_next_age, now)
        if not waits:
            return
        wait = self._replay.wait(run, min(waits))
        due = monotonic() + wait
        if monotonic() < self._ages_due <= due:
            return
        self._ages_due = due
        if self._ages_timer is not None:
            self._ages_timer.stop()
        self._ages_timer = self._screen.set_timer(wait, self._refresh_ages, name="ages")

    def _refresh_ages(self) -> None:
        self._ages_due = 0.0
        self.log_pane.event_log.refresh_ages()
        self._draw_ages(self._run)
