"""The banner that says how the run ended. It must be unmistakable."""

from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from ftmon.errors import FtmonError, HistoryError, RefusedError
from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.text import STATUS_SIGNS, duration, plural
from ftmon.tui.breakpoints import TALL
from ftmon.tui.excerpt import excerpt
from ftmon.tui.log.rows import fitting, wrap
from ftmon.tui.parts.status_look import STATUS_LOOKS

_WIDE = 60
"""Columns of the terminal from which the banner has room for whole sentences."""

_MOST_ROWS = 4
"""Rows of the detail, which may be a long error, on a tall terminal."""

_GAP = "  ·  "

_NOT_FOUND = 404


class Ending(NamedTuple):
    """The text of the banner, most important first, and its look."""

    look: str
    short: str
    """The headline in a narrow terminal."""
    headline: tuple[str, ...]
    """What happened, and facts about it."""
    detail: str
    advice: tuple[str, ...]
    """The keys that help now."""


def ending(run: Run, *, can_replay: bool = False, can_retry: bool = False) -> Ending | None:
    """Return the banner of a run that is over, or None while it is not.

    If only the watching ended, the banner says so, and never looks as if the job had ended.
    """
    exit_status = run.exit_status
    if exit_status is None:
        return None
    leave: tuple[str, ...] = (f"q quits with exit status {exit_status}",)
    if can_replay:
        leave = ("p replays it", *leave)
    if run.is_job_over:
        sign, word = STATUS_SIGNS[run.status], run.status_word
        took = run.job.duration if run.job else None
        facts = [f"took {duration(took)} from its creation"] if took else []
        facts.append(plural(run.events, "event"))
        verb = "was cancelled" if run.status is Status.CANCELLED else word
        headline = (f"{sign} The job {verb}", *facts)
        advice = ("r reads again" if can_retry else "o opens another job", *leave)
        # A connection error does not change an outcome that is already recorded, so both are shown.
        details = [_detail(run), excerpt(str(run.connection.error or ""))]
        detail = _GAP.join(filter(None, details))
        look = STATUS_LOOKS[run.status] if run.status.is_final else "ended"
        return Ending(look, f"{sign} {word}", headline, detail, advice)
    if run.connection.error is not None:
        headline = (_headline(run, run.connection.error),)
        detail = excerpt(str(run.connection.error))
        advice = ("r tries again", *leave) if can_retry else leave
        return Ending("warning", "▲ not watching", headline, detail, advice)
    if run.connection.wire is Wire.RECORDED:
        headline = (f"■ Everything recorded has been shown; {_standing(run)}",)
        return Ending("ended", "■ all shown", headline, plural(run.events, "event"), leave)
    headline = (f"■ Everything so far has been read; {_standing(run)}",)
    advice = ("r reads again", *leave) if can_retry else leave
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
        """Return headline, detail and advice: whole facts and hints only, as many as fit."""
        if self.ending is None:
            return Content()
        ending = self.ending
        # Its own width is not known yet when its height is asked for.
        width = max(2, self.app.size.width - self.styles.gutter.width)
        is_wide = self.app.size.width >= _WIDE
        headline = _fitting(ending.headline, width) or ending.headline[0] if is_wide else ending.short
        rows = [Content.styled(headline, f".{ending.look}").stylize("bold")]
        if ending.detail:
            has_room = is_wide and self.app.size.height >= TALL
            rows += map(Content, _wrapped(ending.detail, width, _MOST_ROWS if has_room else 1))
        if advice := _fitting(ending.advice, width):
            rows.append(Content.styled(advice, ".muted"))
        return Content("\n").join(rows)


def _wrapped(text: str, width: int, most: int) -> list[str]:
    """Return a text in at most so many rows, so that there is room for the advice below."""
    rows = wrap(text, width)
    if len(rows) > most:
        last = rows[most - 1]
        rows[most - 1 :] = [f"{last[: fitting(last, width - 1)].rstrip()}…"]
    return [row.rstrip() for row in rows]


def _fitting(parts: tuple[str, ...], width: int) -> str:
    """Return the parts in one row, up to the first that does not fit."""
    row = ""
    for part in parts:
        longer = row + _GAP + part if row else part
        if cell_len(longer) > width:
            break
        row = longer
    return row
