"""The title of the terminal's window or pane: a run in a few words."""

from collections.abc import Iterator
from datetime import datetime

from ftmon import text
from ftmon.model.run import Run
from ftmon.model.update import Wire

_LONGEST_ID = 20
_SHORT_ID = 7

_NAME = "ftmon"


def title(run: Run | None, now: datetime) -> str:
    """Return `58% ~4m loss 0.48 · ft-AF1W…`, or `✔ succeeded · ft-AF1W…`.

    Of what a service sends it has only numbers and the id, which is checked: tmux and window managers read
    titles in ways of their own.
    """
    if run is None:
        return _NAME
    return " · ".join(filter(None, (" ".join(_parts(run, now)), short_id(run.key.job_id))))


def short_id(job_id: str) -> str:
    """Return an id without its owner, and where it is long, only its beginning: `ft-AF1W…`."""
    own = job_id.rpartition("/")[2]
    return own if len(own) <= _LONGEST_ID else f"{own[:_SHORT_ID]}…"


def _parts(run: Run, now: datetime) -> Iterator[str]:
    wire, status = run.connection.wire, run.status
    if wire is Wire.REPLAYING:
        yield "▷ replay"
    elif status.is_final:
        yield f"{text.STATUS_SIGNS[status]} {status.value}"
        return
    elif wire is Wire.REFUSED:
        yield "■ not watched any more"
        return
    elif wire is Wire.WAITING:
        yield "… reconnecting"
    elif not run.connection.is_in_touch:
        yield "… connecting"
    elif (silence := run.silence(now)) is not None:
        yield f"! silent {text.age(silence)}"
    elif run.progress is None:
        yield f"{text.STATUS_SIGNS[status]} {status.value}"
    if run.progress is not None:
        yield text.percent(run.progress)
    if (remaining := run.remaining(now)) is not None:
        yield text.brief_left(remaining)
    curve = run.curves
    if curve.train.newest is not None:
        yield f"{curve.name} {text.figure(curve.train.newest)}"
