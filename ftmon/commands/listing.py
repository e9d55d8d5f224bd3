"""The list of recorded runs, and of those that ftmon keeps on this machine."""

from collections.abc import Iterator, Sequence

from ftmon import json_text, text
from ftmon.commands.columns import aligned, fitting, terminal_width
from ftmon.commands.recorded import opened
from ftmon.history.reader import RecordedRun
from ftmon.lines.output import encoded, say, write
from ftmon.model.event import iso
from ftmon.model.job import Job, job_json
from ftmon.model.key import LOCAL, JobKey
from ftmon.safe import one_line, safe

_SPARE = ("took", "service", "model", "events", "created")
"""The columns that a narrow terminal leaves out, the first one first."""


def list_runs(*, as_json: bool) -> int:
    """Print the runs, the last that had news first, and return the exit status."""
    from ftmon.local.catalog import kept_jobs

    with opened() as history:
        runs = with_kept(history.runs() if history else [], kept_jobs())
    if as_json:
        write(json_text.encode_lines([_run_json(run) for run in runs]))
    elif runs:
        write(encoded("".join(f"{line}\n" for line in table(runs, terminal_width()))))
    else:
        say("nothing is recorded.")
    return 0


def with_kept(runs: Sequence[RecordedRun], kept: Sequence[Job]) -> list[RecordedRun]:
    """Return recorded runs as they stand now, where ftmon keeps them, and those that nobody has watched."""
    found = {run.key: run for run in runs}
    for job in kept:
        key, at = JobKey(LOCAL, job.id), job.updated_at or job.created_at
        if (recorded := found.get(key)) is None:
            assert at is not None, "a run that is kept has a beginning"
            found[key] = RecordedRun(key, job.created_at or at, at, 0, job, "", None, is_partial=False)
        elif not recorded.job.status.is_final:
            found[key] = recorded._replace(job=job)
    return sorted(found.values(), key=lambda run: run.last_at, reverse=True)


def table(runs: Sequence[RecordedRun], width: int | None = None) -> Iterator[str]:
    """Return a line for each run, in aligned columns.

    On a terminal of a width, that is no wider if the ids leave room for it. The model is cut and the least
    important columns are left out.
    """
    rows = [_row(run) for run in runs]
    if width is None:
        return aligned([list(row.values()) for row in rows])
    for row, run in zip(rows, runs, strict=True):
        row["service"] = text.place(run.key.service)
    names = fitting(rows, list(rows[0]), _SPARE, width)
    lines = [[row[name] for name in names] for row in rows]
    # Only a model is cut: a part of an id is of no use.
    return aligned(lines, width if "model" in names else None)


def _row(run: RecordedRun) -> dict[str, str]:
    """Return what is told of a run, by column. The model comes last: it may be long."""
    job, took = run.job, run.job.duration
    return {
        "status": text.last_seen(job),
        "id": safe(run.key.job_id),
        "created": text.stamp(job.created_at or run.first_at)[:-3],
        "took": f"took {text.duration(took)}" if took is not None else "–",
        "events": f"{text.plural(run.events, 'event')}{', partial' if run.is_partial else ''}",
        "service": safe(run.key.service),
        "model": one_line(job.fine_tuned_model or job.model or ""),
    }


def _run_json(run: RecordedRun) -> dict[str, object]:
    return {
        **job_json(run.job, run.events, None),
        "base_url": safe(run.key.service),
        "organization": safe(str(run.organization)) if run.organization else None,
        "partial": run.is_partial,
        "first_recorded_at": iso(run.first_at),
        "last_recorded_at": iso(run.last_at),
    }
