"""Keeps how the user has arranged the screen, from one start to the next."""

import asyncio
from pathlib import Path

from textual.screen import Screen
from textual.timer import Timer

from ftmon.tui.drawing import Drawing
from ftmon.tui.layout import Layout
from ftmon.tui.layout_file import LayoutFile
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
        self._file = LayoutFile(path, layout.fields) if path else None
        self._timer: Timer | None = None
        # Before they are mounted, so that nothing moves after the first paint.
        self._chart.set_reactive(LossChart.view, layout.view)
        self._panes.set_reactive(Panes.split, layout.split)
        self._losses.set_reactive(LossLine.is_wanted, layout.has_losses)
        self._log.set_reactive(EventLog.times, layout.times)
        self._log.set_reactive(EventLog.is_wrapped, layout.is_wrapped)

    def start(self) -> None:
        """Keep what the user changes from now on."""
        if self._file is not None:
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
        file, log = self._file, self._log
        layout = Layout(
            self._chart.view,
            self._panes.split,
            self._losses.is_wanted,
            log.times,
            log.is_wrapped,
            self._theme,
        )
        if file is not None and layout.fields != file.newest:
            file.newest = layout.fields
            if self._timer is None:
                self._timer = self._screen.set_timer(_AFTER, self._write, name="layout")

    async def _write(self) -> None:
        self._timer = None
        if self._file is not None:
            await asyncio.to_thread(self._file.write)

    def close(self) -> None:
        """Write what is not written yet."""
        if self._file is not None:
            self._file.write()
