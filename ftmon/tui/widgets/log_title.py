"""The title of the event log: counts of events, what is looked for, and where the user is."""

from collections.abc import Iterator

from ftmon.model.run import Run
from ftmon.text import count, plural
from ftmon.tui.log.standing import Standing
from ftmon.tui.widgets.line import Line, Part


class LogTitle(Line):
    """A horizontal rule with the counts in it. Below the chart it is the border that the mouse moves."""

    FILL = "─"
    ALLOW_SELECT = False

    def draw(self, run: Run | None, standing: Standing) -> None:
        """Show the counts of this run, and how the log stands."""
        # In small terminals the title is hidden, but never while events are.
        self.set_class(standing.is_finding, "-finding")
        if run is None:
            self.show([Part("events", "muted")])
            return
        spare = 6 if standing.is_finding else 0
        left = [Part("events", "muted", spare)]
        if standing.filter is None:
            left.append(Part(count(run.events), "", spare))
        for words in filter(None, (standing.filter, standing.search)):
            left += [Part(words.name, "key"), Part(words.found, "", 1)]
        if standing.marks:
            left.append(Part(plural(standing.marks, "mark"), "key", 2))
        if run.stream_errors:
            left.append(Part(f"▲ {plural(run.stream_errors, 'error')} of the stream", "warning", 1))
        if run.warnings:
            left.append(Part(f"▲ {plural(run.warnings, 'warning')}", "warning", 2))
        if run.errors:
            left.append(Part(f"✘ {plural(run.errors, 'error')}", "bad", 1))
        self.show(left, _position(run, standing))


def _position(run: Run, standing: Standing) -> Iterator[Part]:
    """Yield the words at the right: whether the log follows, or else where the user is."""
    if standing.following:
        yield Part("at the end" if run.is_over else "↓ following", "muted", 3)
        return
    if standing.unseen:
        yield Part(f"{count(standing.unseen)} new below", "warning", 3)
    else:
        yield Part("scrolled up", "warning", 5)
    step = "" if standing.step is None else f"step {count(standing.step)} · "
    yield Part(f"{step}{count(standing.place)} of {count(standing.shown)}", "muted", 4)
