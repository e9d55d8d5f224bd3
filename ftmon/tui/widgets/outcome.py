"""The banner that says how the run ended. It must be unmistakable."""

from datetime import datetime
from typing import NamedTuple

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.text import STATUS_SIGNS, duration, plural
from ftmon.tui.excerpt import excerpt
from ftmon.tui.look import STATUS_LOOKS

_WIDE = 60


class Ending(NamedTuple):
    """The text of the banner, most important first, and its look."""

    look: str
    short: str
    """The headline in a narrow terminal."""
    headline: str
    detail: str
    advice: str


def ending(run: Run, now: datetime, *, can_replay: bool = False) -> Ending | None:
    """Return the banner of a run that is over, or None while it is not.

    If only the watching ended, the banner says so, and never looks as if the job had ended.
    """
    exit_status = run.exit_status
    if exit_status is None:
        return None
    leave = f"q quits with exit status {exit_status}"
    if can_replay:
        leave = f"p replays it  ·  {leave}"
    if run.status.is_final:
        sign, word = STATUS_SIGNS[run.status], run.status.value
        seconds = run.elapsed(now)
        facts = [f"in {duration(seconds)}"] if seconds else []
        facts.append(plural(run.events, "event"))
        verb = "was cancelled" if run.status is Status.CANCELLED else word
        headline = f"{sign} The job {verb}  ·  {'  ·  '.join(facts)}"
        advice = f"o opens another job  ·  {leave}"
        # A connection error does not change an outcome that is already recorded, so both are shown.
        details = [_detail(run), excerpt(str(run.connection.error or ""))]
        detail = "  ·  ".join(filter(None, details))
        return Ending(STATUS_LOOKS[run.status], f"{sign} {word}", headline, detail, advice)
    if run.connection.error is not None:
        headline = "▲ ftmon cannot watch this job"
        if run.job is not None:
            headline = "▲ ftmon stopped watching; the job's outcome is unknown"
        detail = excerpt(str(run.connection.error))
        return Ending("warning", "▲ not watching", headline, detail, f"r tries again  ·  {leave}")
    if run.connection.wire is Wire.RECORDED:
        word = f"the job was {run.status.value} when last seen" if run.job else "its status was never read"
        headline = f"■ Everything recorded has been shown; {word}"
        return Ending("ended", "■ all shown", headline, plural(run.events, "event"), leave)
    word = f"the job is {run.status.value}" if run.job else "the job's status is unknown"
    headline = f"■ Everything so far has been read; {word}"
    return Ending("ended", "■ all read", headline, plural(run.events, "event"), f"r reads again  ·  {leave}")


def _detail(run: Run) -> str:
    if run.status is Status.SUCCEEDED:
        return f"model {excerpt(run.fine_tuned_model)}" if run.fine_tuned_model else ""
    return excerpt(run.failure or "")


class Outcome(Widget):
    """The banner below the events. It appears when the run is over."""

    ending: reactive[Ending | None] = reactive(None, layout=True)

    def watch_ending(self, ending: Ending | None) -> None:
        """Show the banner in the colour of the ending, or hide it."""
        for look in ("good", "bad", "ended", "warning"):
            self.set_class(ending is not None and ending.look == look, f"-{look}")
        self.set_class(ending is not None, "-over")

    def render(self) -> Content:
        """Return headline, detail and advice. Text that does not fit is cut off at the end."""
        if self.ending is None:
            return Content()
        ending = self.ending
        is_wide = self.app.size.width >= _WIDE
        headline = Content.styled(ending.headline if is_wide else ending.short, f".{ending.look}")
        rows = [headline.stylize("bold")]
        if ending.detail:
            detail = Content(ending.detail)
            # In a narrow terminal, cut a long detail to keep room for the advice.
            width = self.content_size.width
            rows.append(detail if is_wide or not width else detail.truncate(width, ellipsis=True))
        rows.append(Content.styled(ending.advice, ".muted"))
        return Content("\n").join(rows)
