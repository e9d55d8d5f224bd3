"""The banner that says how the run ended. It must be unmistakable."""

from typing import NamedTuple

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from ftmon.errors import FtmonError, HistoryError, RefusedError
from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.text import STATUS_SIGNS, duration, plural
from ftmon.tui.excerpt import excerpt
from ftmon.tui.look import STATUS_LOOKS

_WIDE = 60

_NOT_FOUND = 404


class Ending(NamedTuple):
    """The text of the banner, most important first, and its look."""

    look: str
    short: str
    """The headline in a narrow terminal."""
    headline: str
    detail: str
    advice: str


def ending(run: Run, *, can_replay: bool = False, can_retry: bool = False) -> Ending | None:
    """Return the banner of a run that is over, or None while it is not.

    If only the watching ended, the banner says so, and never looks as if the job had ended.
    """
    exit_status = run.exit_status
    if exit_status is None:
        return None
    leave = f"q quits with exit status {exit_status}"
    if can_replay:
        leave = f"p replays it  ·  {leave}"
    if run.is_job_over:
        sign, word = STATUS_SIGNS[run.status], run.status_word
        took = run.job.duration if run.job else None
        facts = [f"took {duration(took)} from its creation"] if took else []
        facts.append(plural(run.events, "event"))
        verb = "was cancelled" if run.status is Status.CANCELLED else word
        headline = f"{sign} The job {verb}  ·  {'  ·  '.join(facts)}"
        advice = f"{'r reads again' if can_retry else 'o opens another job'}  ·  {leave}"
        # A connection error does not change an outcome that is already recorded, so both are shown.
        details = [_detail(run), excerpt(str(run.connection.error or ""))]
        detail = "  ·  ".join(filter(None, details))
        look = STATUS_LOOKS[run.status] if run.status.is_final else "ended"
        return Ending(look, f"{sign} {word}", headline, detail, advice)
    if run.connection.error is not None:
        headline = _headline(run, run.connection.error)
        detail = excerpt(str(run.connection.error))
        advice = f"r tries again  ·  {leave}" if can_retry else leave
        return Ending("warning", "▲ not watching", headline, detail, advice)
    if run.connection.wire is Wire.RECORDED:
        headline = f"■ Everything recorded has been shown; {_standing(run)}"
        return Ending("ended", "■ all shown", headline, plural(run.events, "event"), leave)
    headline = f"■ Everything so far has been read; {_standing(run)}"
    advice = f"r reads again  ·  {leave}" if can_retry else leave
    return Ending("ended", "■ all read", headline, plural(run.events, "event"), advice)


def _standing(run: Run) -> str:
    """Return how the job stands, where its end was not seen."""
    if run.job is None:
        return "the job's status was never read"
    if run.status_word == Status.UNKNOWN:
        return "the service does not say how the job stands"
    return f"the job was {excerpt(run.status_word)} when last seen"


def _headline(run: Run, error: FtmonError) -> str:
    """Return the headline for the error that ended the watching, but not the job."""
    if isinstance(error, HistoryError):
        return "▲ ftmon cannot read this run from the history"
    if run.job is None:
        return "▲ ftmon cannot watch this job"
    if isinstance(error, RefusedError) and error.status == _NOT_FOUND:
        return f"▲ The service no longer has this job; {_standing(run)}"
    return f"▲ ftmon stopped watching; {_standing(run)}"


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
