"""The chart of what a run is judged by, and of its other figures."""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from ftmon.tui.chart import cursor, room
from ftmon.tui.chart.axis import choices, position, turned
from ftmon.tui.chart.frame import Frame
from ftmon.tui.chart.line import smoothing
from ftmon.tui.chart.view import View
from ftmon.tui.widgets.chart_panel import Panel
from ftmon.tui.widgets.plot import Plot


class LossChart(Plot):
    """The charts, with the keys and the mouse that choose what they show."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "end(False)", "first", False, tooltip="First point, after Tab", id="chart.first"),
        Binding("end", "end(True)", "last", False, tooltip="Last point, after Tab", id="chart.last"),
    ]

    @dataclass
    class CursorMoved(Message):
        """The user moved the cursor to a step, or removed it."""

        step: int | None
        number: int | None
        """The number of the event that told its value, counted from 0 over all events of the run."""

    @property
    def event_count(self) -> int:
        """How many events the run has told."""
        return self._run.events if self._run else 0

    @property
    def has_values(self) -> bool:
        """At least one value of what the run is judged by is known, be it a number or not."""
        return self._run is not None and self._run.curves.has_values

    @property
    def can_be_shown(self) -> bool:
        """There is a curve to draw, and room for the chart besides everything else."""
        return bool(self._lines) and room.can_be_shown(*self.app.size)

    @property
    def can_be_alone(self) -> bool:
        """There is a curve to draw, and room for the chart in place of the log."""
        return bool(self._lines) and room.can_be_alone(*self.app.size)

    @property
    def is_wanted(self) -> bool:
        """The chart is to be shown."""
        return bool(self._lines) and room.is_wanted(self.view, *self.app.size)

    def toggle(self) -> None:
        """Choose to show or hide the chart."""
        self.view = self.view._replace(is_shown=not self.display, is_alone=False)

    def toggle_alone(self) -> None:
        """Choose to show the chart alone, or with the log."""
        self.view = self.view._replace(is_shown=True, is_alone=not self.view.is_alone)

    # Choices of the user

    def next_metric(self, by: int) -> None:
        """Show the next figure, or the one before if `by` is negative."""
        if (shown := self.shown) is not None:
            index = self._lines.index(shown) + by
            self.view = self.view._replace(metric=self._lines[index % len(self._lines)].name)

    def toggle_scale(self) -> bool:
        """Switch between a linear and a logarithmic y axis. Return whether the values allow that."""
        if (frame := self._first_frame) is None:
            return False
        before, wanted = self.view, not frame.height.is_logarithmic
        # A scale that the values need anyway is no choice: those of the next run may need the other one.
        for choice in (None, wanted):
            self.view = before._replace(is_logarithmic=choice)
            if (frame := self._first_frame) is not None and frame.height.is_logarithmic == wanted:
                return True
        self.view = before
        return False

    def next_axis(self) -> bool:
        """Show steps, epochs or times on the x axis. Return whether there is something to choose."""
        if (shown := self.shown) is None or len(found := choices(shown, self._course)) == 1:
            return False
        index = found.index(self.view.across) if self.view.across in found else 0
        self.view = turned(shown, self._course, self.view, found[(index + 1) % len(found)])
        return True

    def smooth_more(self) -> bool:
        """Take the next factor that makes a difference. Return whether there is one."""
        present, view = self._factors(self.view), self.view.smoothed_more()
        while self._factors(view) == present and view != self.view:
            view = view.smoothed_more()
        if view == self.view:
            return False
        self.view = view
        return True

    def _factors(self, view: View) -> list[float]:
        """Return how much each curve on the screen is smoothed in a view."""
        return [smoothing(each.curves, curve, view) for each in self._laid_out() for curve in each.curves[1:]]

    def toggle_many(self) -> bool:
        """Show one chart or several. Return whether there is room for several."""
        if not self.has_room_for_several:
            return False
        self.view = self.view._replace(is_many=not self._shows_many)
        return True

    def zoom(self, factor: float) -> bool:
        """Show a part of the x axis that is `factor` times as long, around the cursor or else at the end.

        Return False where all of it is shown already.
        """
        frame, step = self._first_frame, self.view.cursor
        if frame is None or (factor > 1 and not self.view.is_zoomed):
            return False
        cell = frame.columns - 1 if step is None else frame.cell_of(self._x(frame, step))
        self.view = self.view.zoomed(factor, max(0.0, min(1.0, cell / (frame.columns - 1))))
        return True

    def pan(self, share: float) -> bool:
        """Move the part that is shown by a share of its length. Return False where that is all."""
        if not self.view.is_zoomed:
            return False
        self.view = self.view.panned(share)
        return True

    def move(self, cells: int) -> None:
        """Move the cursor by so many columns."""
        shown, frame = self.shown, self._first_frame
        if shown is not None and frame is not None:
            self._point_at(cursor.moved(shown, frame, self.view.cursor, cells))

    def action_end(self, is_last: bool) -> None:
        """Move the cursor to the first or the last point."""
        if (shown := self.shown) is not None:
            self._point_at(cursor.ends(shown)[is_last])

    def move_to_event(self, number: int, step: int | None) -> None:
        """Mark the step of an event; where it tells none, the step at which it came."""
        if (shown := self.shown) is not None:
            self.move_to(cursor.step_at(shown, number) if step is None else step)

    def move_to(self, step: int | None) -> None:
        """Mark a step, or remove the cursor, without a message. Pan so that the step is seen."""
        view = self.view._replace(cursor=step)
        frame = self._first_frame
        if step is not None and frame is not None and view.is_zoomed:
            share = frame.axis.share(self._x(frame, step))
            length = view.end - view.start
            if not view.start <= share <= view.end:
                view = view.panned((share - view.start) / length - 0.5)
        self.view = view

    def clear(self) -> bool:
        """Remove the cursor, or else show the whole x axis. Return whether there was something to do."""
        if self.view.cursor is not None:
            self._point_at(None)
        elif self.view.is_zoomed:
            self.view = self.view.whole()
        else:
            return False
        return True

    def _point_at(self, step: int | None) -> None:
        self.move_to(step)
        shown = self.shown
        number = cursor.event_at(shown, step) if shown is not None and step is not None else None
        self.post_message(self.CursorMoved(step, number))

    def _x(self, frame: Frame, step: int) -> float:
        shown = self.shown
        curves = [curve for curve in shown[1:] if len(curve)] if shown else []
        return position(curves, frame.axis, step)

    def on_show(self) -> None:
        """Offer the keys of the chart."""
        self.screen.refresh_bindings()

    def on_hide(self) -> None:
        """Withdraw them, and leave the focus to the log."""
        self.screen.refresh_bindings()
        if self.screen.focused in (None, self):
            self.screen.focus_next()

    # Mouse

    def _under(self, event: events.MouseEvent) -> tuple[Panel, Frame, int] | None:
        """Return the chart under the mouse, and the column of its plot."""
        offset = event.get_content_offset_capture(self)
        for panel in self._laid_out():
            cell = panel.cell(offset.x, offset.y)
            if panel.frame is not None and cell is not None:
                return panel, panel.frame, cell
        return None

    def _point(self, event: events.MouseEvent) -> None:
        if found := self._under(event):
            panel, frame, cell = found
            self._point_at(cursor.nearest(panel.curves, frame, cell))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Move the cursor to the mouse, and follow it. On a title, show the next figure."""
        y = event.get_content_offset_capture(self).y
        if any(panel.y == y for panel in self._laid_out()):
            self.next_metric(1)
        else:
            self.capture_mouse()
            self._point(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move the cursor with the mouse."""
        if self.app.mouse_captured is self:
            self._point(event)

    def on_mouse_up(self) -> None:
        """Leave the cursor where it is."""
        self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in where the mouse is."""
        self._zoom_at(event, 0.5)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out."""
        self._zoom_at(event, 2.0)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        """Pan to the left."""
        event.stop()
        self.pan(-0.1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        """Pan to the right."""
        event.stop()
        self.pan(0.1)

    def _zoom_at(self, event: events.MouseEvent, factor: float) -> None:
        event.stop()
        if found := self._under(event):
            _, frame, cell = found
            self.view = self.view.zoomed(factor, cell / (frame.columns - 1))
