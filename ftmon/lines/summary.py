"""The summary of a run, printed after its last event and left behind when the screen closes."""

from ftmon import text
from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.model.update import Wire
from ftmon.safe import one_line


def summary(run: Run) -> list[str]:
    """Return the lines of the summary; none if the job was never read."""
    job = run.job
    if job is None:
        return []
    is_known = not job.status.is_final and job.status is not Status.UNKNOWN
    is_stale = is_known and run.connection.wire in (Wire.RECORDED, Wire.REFUSED)
    when = " when last seen" if is_stale else ""
    lines = [f"{text.STATUS_SIGNS[job.status]} {job.id} {one_line(run.status_word)}{when}"]
    lines += [f"  {name:<7} {one_line(value)}" for name, value in _details(run) if value]
    return lines


def _details(run: Run) -> list[tuple[str, str]]:
    # `heard_at` is None for a run that comes only from the history.
    heard_at = run.heard_at or run.last_event_at
    elapsed = run.elapsed(heard_at) if heard_at else None
    losses = [
        f"{name} {text.figure(curve.first)} → {text.figure(curve.last)}"
        for name, curve in (("train", run.train_loss), ("valid", run.valid_loss))
        if curve.first is not None and curve.last is not None
    ]
    return [
        ("error", run.failure or ""),
        ("model", run.fine_tuned_model or (run.job.model if run.job else None) or ""),
        ("result", run.result_file or ""),
        ("loss", "   ".join(losses)),
        ("cost", "" if run.cost is None else text.money(run.cost)),
        ("time", "" if elapsed is None else text.duration(elapsed)),
        ("events", text.count(run.events)),
    ]
