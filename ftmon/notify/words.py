"""A note in words, and as facts for programs."""

from collections.abc import Mapping
from datetime import UTC, datetime

from ftmon import text
from ftmon.model.event import iso
from ftmon.model.note import Note, Reason
from ftmon.model.run import Run
from ftmon.notify.title import short_id
from ftmon.safe import safe

SIGNS = {
    Reason.FINISHED: "✔",
    Reason.FAILED: "✘",
    Reason.CANCELLED: "⊘",
    Reason.STALLED: "!",
    Reason.DIVERGED: "!",
    Reason.OVERFITTING: "!",
    Reason.DISCONNECTED: "!",
    Reason.BACK: "▶",
}

_MOST = 2000
"""Characters of what a service says."""

Facts = Mapping[str, str | float | int | None]
"""What a command and an address are told. Texts are safe, and None is what is not known."""


TRIAL: Facts = {"event": "test", "title": "ftmon notify --test", "message": "This is how ftmon tells you."}
"""What is told to try a way."""


def headline(note: Note) -> str:
    """Return what has happened, in words and numbers of ftmon's own."""
    lasted = text.duration(note.seconds) if note.seconds is not None else ""
    match note.reason:
        case Reason.FINISHED:
            return "succeeded"
        case Reason.STALLED:
            return f"stalled: nothing for {lasted}"
        case Reason.DIVERGED if note.value is None:
            return "the loss is not a number"
        case Reason.DIVERGED:
            return f"the loss explodes: {_change(note)}"
        case Reason.OVERFITTING:
            return f"the validation loss rises: {_change(note)}"
        case Reason.DISCONNECTED if lasted:
            return f"not reached for {lasted}"
        case Reason.DISCONNECTED:
            return "not watched any more"
        case Reason.BACK:
            return f"goes on after {lasted}"
    return note.reason.value


def facts(note: Note, run: Run) -> Facts:
    """Return what is known of a note and its run, without the service's address."""
    curve = run.curves.train
    return {
        "event": note.reason.value,
        "title": f"{SIGNS[note.reason]} {short_id(run.key.job_id)} {headline(note)}",
        "message": safe(note.detail)[:_MOST],
        "job": run.key.job_id,
        "service": text.place(run.key.service),
        "status": run.status.value,
        "model": run.fine_tuned_model or (run.job.model if run.job else None),
        "progress": None if run.progress is None else round(run.progress, 4),
        "step": run.step,
        "total_steps": run.total_steps,
        # JSON has no NaN, and the last number before one is not the loss.
        "loss": None if curve.has_diverged else curve.last,
        "at": iso(datetime.now(UTC).replace(microsecond=0)),
    }


def _change(note: Note) -> str:
    now = "" if note.value is None else text.figure(note.value)
    return now if note.before is None else f"{now}, {text.figure(note.before)} at its lowest"
