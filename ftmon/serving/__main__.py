"""`python -m ftmon.serving SETUP`: serves runs of this machine in the process that `launch.running` starts.

SETUP is JSON: `{"path": …, "wait": false, "job": …}` for the runs of a trainer, one of which must have that
id unless it is null; `{"run": …}` for the directory of a run that ftmon keeps. The process prints a `Service`
as JSON, with the id of the newest run, and ends when standard input is closed.
"""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from select import select

from ftmon.errors import FtmonError, UsageError
from ftmon.local.kept import KeptRun
from ftmon.local.place import Place
from ftmon.local.run_directory import RunDirectory, now
from ftmon.serving.guard import Access
from ftmon.serving.local_jobs import LocalJobs
from ftmon.serving.server import serve
from ftmon.serving.service import LISTENER_VARIABLE, TOKEN_VARIABLE, Service

_FIRST_READING = 0.2
"""Seconds after which the newest run of what is read so far is served; the rest is read meanwhile."""

_POLL_EVERY = 0.2
"""Seconds between two looks for what is waited for."""

_NICENESS = 5

_MOST_NAMED = 10
"""Runs that are named where one is looked for that is not there."""


def main(setup: str) -> int:
    """Serve, and return the exit status."""
    # The training on this machine goes before its watcher.
    os.nice(_NICENESS)
    try:
        fields = json.loads(setup)
        is_kept = "run" in fields
        jobs = _kept(Path(fields["run"])) if is_kept else _found(Path(fields["path"]), wait=fields["wait"])
        if (job_id := fields.get("job")) is not None:
            _check(jobs, job_id, fields["path"])
        return asyncio.run(_serve(jobs))
    except FtmonError as error:
        print(error, file=sys.stderr)
        return error.exit_status


def _kept(path: Path) -> LocalJobs:
    directory = RunDirectory(path)
    jobs = LocalJobs([KeptRun(directory, directory.started_at or now())])
    jobs.read(_FIRST_READING)
    return jobs


def _found(path: Path, *, wait: bool) -> LocalJobs:
    """Return the jobs of a path that has some; with `wait`, as soon as it has.

    Raises:
        UsageError: where it has none.
    """
    while True:
        place = Place(path)
        jobs = LocalJobs([place])
        try:
            jobs.read(_FIRST_READING)
            if place.may_have_newer:
                jobs.read()
            fault = (
                " ".join(place.faults) or f"There is no run of a trainer in {path}, as far as ftmon can tell."
            )
        except FileNotFoundError:
            fault = f"There is nothing at {path}."
        except UsageError as error:
            if not wait:
                raise
            fault = str(error)
        if jobs.newest:
            return jobs
        if not wait:
            raise UsageError(f"{fault} With --wait, ftmon waits for it.")
        # The parent's end of the pipe is closed when it has ended.
        if select([sys.stdin], [], [], _POLL_EVERY)[0]:
            raise UsageError(fault)


def _check(jobs: LocalJobs, job_id: str, path: str) -> None:
    """Raise a UsageError where no run has this id."""
    jobs.read()
    ids = [source.job.name for source in jobs.sources]
    if job_id not in ids:
        more = f", and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
        raise UsageError(f"{path} holds no run of that id. It holds {', '.join(ids[:_MOST_NAMED])}{more}.")


async def _serve(jobs: LocalJobs) -> int:
    listener = socket.socket(fileno=int(os.environ[LISTENER_VARIABLE]))
    assert jobs.newest, "there is one"
    service = Service(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", jobs.newest.name)
    following = asyncio.create_task(jobs.follow())
    try:
        return await serve(
            listener,
            jobs.sources,
            lambda: print(service.to_json(), flush=True),
            access=Access(os.environ[TOKEN_VARIABLE]),
            parent=sys.stdin.fileno(),
        )
    finally:
        following.cancel()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
