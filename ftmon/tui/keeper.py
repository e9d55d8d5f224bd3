"""Keeps how the user has arranged the screen, from one start to the next."""

import asyncio
from pathlib import Path

from textual.screen import Screen
from textual.timer import Timer

from ftmon.tui import layout_file
from ftmon.tui.drawing import Drawing
from ftmon.tui.layout import Layout
from ftmon.tui.widgets.event_log import EventLog
from ftmon.tui.widgets.loss_chart import LossChart
from ftmon.tui.widgets.panes import Panes
from ftmon.tui.widgets.run_lines import LossLine

_AFTER = 0.5
"""Seconds from a change to the writing: a border that is dragged changes the layout many times."""


class Keeper:
    """Arranges the widgets as they were left, and writes the layout into its file after it has changed."""

    def __init__(self, screen: Screen[None], drawing: Drawing, layout: Layout, path: Path | None) -> None:
        """`layout` is what the file at `path` has. With no path nothing is kept."""
        self._screen = screen
        self._chart, self._panes, self._losses = drawing.chart, drawing.panes, drawing.losses
        self._log = drawing.log_pane.event_log
        self._theme = layout.theme
        self._path = path
        self._fields = self._written = layout.fields
        """What is to be in the file, and what is."""
        self._timer: Timer | None = None
        # Before they are mounted, so that nothing moves after the first paint.
        self._chart.set_reactive(LossChart.view, layout.view)
        self._panes.set_reactive(Panes.split, layout.split)
        self._losses.set_reactive(LossLine.is_wanted, layout.has_losses)
        self._log.set_reactive(EventLog.times, layout.times)
        self._log.set_reactive(EventLog.is_wrapped, layout.is_wrapped)

    def start(self) -> None:
        """Keep what the user changes from now on."""
        if self._path is not None:
            for widget, name in (
                (self._chart, "view"),
                (self._panes, "split"),
                (self._losses, "is_wanted"),
                (self._log, "times"),
                (self._log, "is_wrapped"),
            ):
                self._screen.watch(widget, name, self._keep, init=False)
            self._screen.watch(self._screen.app, "theme", self._take_theme, init=False)

    def _take_theme(self, theme: str) -> None:
        self._theme = theme
        self._keep()

    def _keep(self) -> None:
        log = self._log
        layout = Layout(
            self._chart.view,
            self._panes.split,
            self._losses.is_wanted,
            log.times,
            log.is_wrapped,
            self._theme,
        )
        if layout.fields != self._fields:
            self._fields = layout.fields
            if self._timer is None:
                self._timer = self._screen.set_timer(_AFTER, self._write, name="layout")

    async def _write(self) -> None:
        self._timer = None
        if self._path is not None:
            fields = self._fields
            # In a thread, because a home directory in a network may be slow.
            await asyncio.to_thread(layout_file.write, self._path, fields)
            self._written = fields

    def close(self) -> None:
        """Write what is not written yet, also where the thread was cancelled."""
        if self._path is not None and self._fields != self._written:
            layout_file.write(self._path, self._fields)
