"""The chart of what a run is judged by, and of its other figures."""

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget

from ftmon.model.run import Run
from ftmon.model.series import Curves
from ftmon.tui.chart import cursor, room
from ftmon.tui.chart.axis import Course, choices, position
from ftmon.tui.chart.frame import Frame
from ftmon.tui.chart.view import View
from ftmon.tui.look import rich_style
from ftmon.tui.widgets.chart_panel import PANEL_HEIGHT, Panel, panels


class LossChart(Widget, can_focus=True):
    """One chart or several, each of one figure on the training and the validation data."""

    ALLOW_SELECT = False
    FOCUS_ON_CLICK = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "end(False)", "first", False, tooltip="First point, after Tab", id="chart.first"),
        Binding("end", "end(True)", "last", False, tooltip="Last point, after Tab", id="chart.last"),
    ]

    view: var[View] = var(View())
    """What the user chose."""

    @dataclass
    class CursorMoved(Message):
        """The user moved the cursor to a step, or removed it."""

        step: int | None
        number: int | None
        """The number of the event that told its value, counted from 0 over all events of the run."""

    def __init__(self) -> None:
        super().__init__()
        self._run: Run | None = None
        self._lines: list[Curves] = []
        self._course = Course()
        self._drawn: tuple[object, ...] = ()
        """What was drawn last: the chart is drawn again when this changes."""
        self._panels: list[Panel] | None = None
        self._styles: dict[str, Style] = {}

    def draw(self, run: Run | None) -> None:
        """Show this run's curves."""
        if run is not self._run:
            # Steps of another run mean nothing here.
            self.view = self.view.whole()._replace(cursor=None)
            self._run = run
        drawn = (run, run.series.changes, run.total_steps, run.total_epochs) if run else ()
        if drawn != self._drawn:
            self._drawn = drawn
            had_several = self.has_several
            self._lines = run.series.lines if run else []
            if self.has_several != had_several:
                self.screen.refresh_bindings()
            if run:
                epochs, checkpoints = run.series.epochs, run.series.checkpoints
                self._course = Course(run.total_steps, run.total_epochs, epochs, checkpoints)
            self._redraw()

    @property
    def event_count(self) -> int:
        """How many events the run has told."""
        return self._run.events if self._run else 0

    @property
    def shown(self) -> Curves | None:
        """The curves of the first chart; None if there is none to draw."""
        if not self._lines:
            return None
        return next((each for each in self._lines if each.name == self.view.metric), self._lines[0])

    @property
    def has_several(self) -> bool:
        """There are several figures to choose from."""
        return len(self._lines) > 1

    @property
    def has_point(self) -> bool:
        """At least one value of what the run is judged by is known."""
        main = self._run.curves if self._run else None
        return main is not None and bool(len(main.train) or len(main.valid))

    @property
    def can_be_shown(self) -> bool:
        """There is a curve to draw, and room for the chart besides everything else."""
        return bool(self._lines) and room.can_be_shown(*self.screen.size)

    @property
    def can_be_alone(self) -> bool:
        """There is a curve to draw, and room for the chart in place of the log."""
        return bool(self._lines) and room.can_be_alone(*self.screen.size)

    @property
    def is_wanted(self) -> bool:
        """The chart is to be shown."""
        return bool(self._lines) and room.is_wanted(self.view, *self.screen.size)

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

    def toggle_scale(self) -> None:
        """Switch between a linear and a logarithmic y axis."""
        if (frame := self._first_frame) is None:
            return
        wanted = not frame.height.is_logarithmic
        # A scale that the values need anyway is no choice: those of the next run may need the other one.
        self.view = self.view._replace(is_logarithmic=None)
        if (frame := self._first_frame) is not None and frame.height.is_logarithmic != wanted:
            self.view = self.view._replace(is_logarithmic=wanted)

    def next_axis(self) -> None:
        """Show steps, epochs or times on the x axis."""
        if (shown := self.shown) is not None:
            found = choices(shown, self._course)
            index = found.index(self.view.across) if self.view.across in found else 0
            self.view = self.view.whole()._replace(across=found[(index + 1) % len(found)])

    def smooth_more(self) -> None:
        """Take the next factor of the moving average; after the last one, none."""
        self.view = self.view.smoothed_more()

    def toggle_many(self) -> None:
        """Show one chart or several."""
        self.view = self.view._replace(is_many=not self._shows_many)

    def zoom(self, factor: float) -> None:
        """Show a part of the x axis that is `factor` times as long, around the cursor or else at the end."""
        if (frame := self._first_frame) is not None:
            step = self.view.cursor
            cell = frame.columns - 1 if step is None else frame.cell_of(self._x(frame, step))
            self.view = self.view.zoomed(factor, max(0.0, min(1.0, cell / (frame.columns - 1))))

    def pan(self, share: float) -> None:
        """Move the part that is shown by a share of its length."""
        self.view = self.view.panned(share)

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

    def watch_view(self) -> None:
        """Draw what was chosen."""
        self._redraw()

    def _redraw(self) -> None:
        self._panels = None
        self.refresh()

    # Drawing

    @property
    def _shows_many(self) -> bool:
        has_room = self.size.height >= 2 * PANEL_HEIGHT
        return has_room if self.view.is_many is None else self.view.is_many

    @property
    def _first_frame(self) -> Frame | None:
        laid_out = self._laid_out()
        return laid_out[0].frame if laid_out else None

    def _laid_out(self) -> list[Panel]:
        """Return the charts for the current size, drawn if they are not yet."""
        if self._panels is None:
            lines, shown = self._lines, self.shown
            index = lines.index(shown) if shown is not None else 0
            ordered = [*lines[index:], *lines[:index]]
            self._panels = panels(ordered, self._course, self.view, self.size, is_many=self._shows_many)
        return self._panels

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._panels = None

    def on_focus(self) -> None:
        """Show that the keys go here."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that they do no more."""
        self.refresh()

    def on_show(self) -> None:
        """Offer the keys of the chart."""
        self.screen.refresh_bindings()

    def on_hide(self) -> None:
        """Withdraw them, and leave the focus to the log."""
        self.screen.refresh_bindings()
        if self.screen.focused in (None, self):
            self.screen.focus_next()

    def notify_style_update(self) -> None:
        """Repaint with the colours of the new theme."""
        super().notify_style_update()
        self._styles.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Render one row."""
        strips: list[Strip] = []
        for panel in self._laid_out():
            if panel.y <= y < panel.y + panel.height:
                row = panel.rows[y - panel.y] if y - panel.y < len(panel.rows) else []
                # The name of the figure shows that the keys go to the chart.
                focus = {"strong": "chosen"} if self.has_focus else {}
                strip = Strip([Segment(text, self._style(focus.get(look, look))) for text, look in row])
                strips.append(
                    Strip.blank(panel.x - sum(each.cell_length for each in strips), self._style(""))
                )
                strips.append(strip.adjust_cell_length(panel.width, self._style("")))
        return Strip.join(strips).adjust_cell_length(self.size.width, self._style(""))

    def _style(self, look: str) -> Style:
        if look not in self._styles:
            self._styles[look] = rich_style(self, look)
        return self._styles[look]

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
