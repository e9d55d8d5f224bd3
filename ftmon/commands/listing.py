"""The list of recorded runs, and of those that ftmon keeps on this machine."""

from collections.abc import Iterator, Sequence

from ftmon import json_text, text
from ftmon.commands.columns import aligned
from ftmon.commands.recorded import opened
from ftmon.history.reader import RecordedRun
from ftmon.lines.output import encoded, say, write
from ftmon.model.event import iso
from ftmon.model.job import Job, job_json
from ftmon.model.key import LOCAL, JobKey
from ftmon.safe import one_line, safe


def list_runs(*, as_json: bool) -> int:
    """Print the runs, the last that had news first, and return the exit status."""
    from ftmon.local.catalog import kept_jobs

    with opened() as history:
        runs = with_kept(history.runs() if history else [], kept_jobs())
    if as_json:
        write(json_text.encode_lines([_run_json(run) for run in runs]))
    elif runs:
        write(encoded("".join(f"{line}\n" for line in table(runs))))
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


def table(runs: Sequence[RecordedRun]) -> Iterator[str]:
    """Return a line for each run, in aligned columns."""
    return aligned([_row(run) for run in runs])


def _row(run: RecordedRun) -> tuple[str, ...]:
    job, took = run.job, run.job.duration
    return (
        text.last_seen(job),
        safe(run.key.job_id),
        text.stamp(job.created_at or run.first_at)[:-3],
        f"took {text.duration(took)}" if took is not None else "–",
        f"{text.plural(run.events, 'event')}{', partial' if run.is_partial else ''}",
        safe(run.key.service),
        one_line(job.fine_tuned_model or job.model or ""),
    )


def _run_json(run: RecordedRun) -> dict[str, object]:
    return {
        **job_json(run.job, run.events, None),
        "base_url": safe(run.key.service),
        "organization": safe(str(run.organization)) if run.organization else None,
        "partial": run.is_partial,
        "first_recorded_at": iso(run.first_at),
        "last_recorded_at": iso(run.last_at),
    }
