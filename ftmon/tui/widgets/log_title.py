"""The title of the event log: counts of events, and whether it follows the newest one."""

from ftmon.model.run import Run
from ftmon.text import count, plural
from ftmon.tui.widgets.line import Line, Part


class LogTitle(Line):
    """A horizontal rule with the counts in it."""

    FILL = "─"

    def draw(self, run: Run | None, following: bool, unseen: int) -> None:
        """Show the counts of this run."""
        if run is None:
            self.show([Part("events", "muted")])
            return
        left = [Part("events", "muted"), Part(count(run.events), "")]
        if run.stream_errors:
            left.append(Part(f"▲ {plural(run.stream_errors, 'error')} of the stream", "warning", 1))
        if run.warnings:
            left.append(Part(f"▲ {plural(run.warnings, 'warning')}", "warning", 2))
        if run.errors:
            left.append(Part(f"✘ {plural(run.errors, 'error')}", "bad", 1))
        self.show(left, [_position(run, following, unseen)])


def _position(run: Run, following: bool, unseen: int) -> Part:
    """Return the words at the right: whether the log follows, or how many events are below."""
    if not following:
        return Part(f"scrolled up · {count(unseen)} new below" if unseen else "scrolled up", "warning", 3)
    return Part("at the end" if run.is_over else "↓ following", "muted", 3)
