"""`python -m ftmon.serving SETUP`: serves places in the process that `launch.running` starts.

SETUP is JSON: `{"paths": […], "wait": false}`. The process prints a `Service` as JSON, with the id of the
newest run, and ends when standard input is closed.
"""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from select import select

from ftmon.errors import FtmonError, UsageError
from ftmon.local.place import Place
from ftmon.serving.places import POLL_EVERY, PlaceJobs
from ftmon.serving.server import serve
from ftmon.serving.service import Service

TOKEN_VARIABLE = "FTMON_SERVE_TOKEN"


def main(setup: str) -> int:
    """Serve, and return the exit status."""
    try:
        fields = json.loads(setup)
        jobs = _jobs(Path(fields["path"]), wait=fields["wait"])
        return asyncio.run(_serve(jobs))
    except FtmonError as error:
        print(error, file=sys.stderr)
        return error.exit_status


def _jobs(path: Path, *, wait: bool) -> PlaceJobs:
    """Return the jobs of a path that has some; with `wait`, as soon as it has.

    Raises:
        UsageError: where it has none.
    """
    while True:
        jobs = PlaceJobs([Place(path)])
        try:
            jobs.read()
            fault = f"There is no run of a trainer in {path}, as far as ftmon can tell."
        except FileNotFoundError:
            fault = f"There is nothing at {path}."
        except UsageError as error:
            if not wait:
                raise
            fault = str(error)
        if jobs.sources:
            return jobs
        if not wait:
            raise UsageError(f"{fault} With --wait, ftmon waits for it.")
        # The parent's end of the pipe is closed when it has ended.
        if select([sys.stdin], [], [], POLL_EVERY)[0]:
            raise UsageError(fault)


async def _serve(jobs: PlaceJobs) -> int:
    listener = socket.create_server(("127.0.0.1", 0))
    service = Service(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", jobs.sources[0].job.name)
    following = asyncio.create_task(jobs.follow())
    try:
        return await serve(
            listener,
            jobs.sources,
            lambda: print(service.to_json(), flush=True),
            token=os.environ[TOKEN_VARIABLE],
            parent=sys.stdin.fileno(),
        )
    finally:
        following.cancel()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
