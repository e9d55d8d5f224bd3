"""A service's own client in an environment of its own, and what it and ftmon read of one job."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tests.command import PATIENCE, environment, ftmon, objects, running
from tests.demo.process import QUICK, Demo, await_message, demo
from tests.package_index import installed

LIVELY = ("--speed=10", "--steps=40", "--epochs=2")
"""Some seconds from the queue to the end."""
ENDLESS = ("--speed=20", "--steps=20000")
"""A job that runs for minutes."""


class Entry(NamedTuple):
    """One event, row of figures or checkpoint, as far as client and ftmon both tell it."""

    at: datetime | None = None
    message: str | None = None
    level: str | None = None
    id: str | None = None
    step: float | None = None
    train_loss: float | None = None
    valid_loss: float | None = None


class Read(NamedTuple):
    """What was read of a job, event by event, and the job itself."""

    events: list[dict[str, Any]]
    job: dict[str, Any]

    def of_type(self, *types: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] in types]

    def without(self, *types: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] not in types]


class Told(NamedTuple):
    """A job that is over, and what ftmon told of it while it ran."""

    service: Demo
    ours: Read


@contextmanager
def told(api: str) -> Iterator[Told]:
    """Run a job to its end, followed live by ftmon once it has left the queue, and serve it over an API."""
    with demo(*LIVELY, f"--api={api}") as service:
        await_message(service, "Fine-tune started")
        yield Told(service, followed(service))


@contextmanager
def finished(api: str, *options: str) -> Iterator[Demo]:
    """Run a job to its end, as fast as it can, and serve it over an API."""
    with demo(*QUICK, *options, f"--api={api}") as service:
        await_message(service, "[DONE]")
        yield service


@contextmanager
def endless(api: str) -> Iterator[Demo]:
    """Run a job that does not end by itself, and serve it over an API."""
    with demo(*ENDLESS, f"--api={api}") as service:
        await_message(service, "Step 1/")
        yield service


def act(service: Demo, command: str, *options: str) -> int:
    """Ask for a change of a job with ftmon, and return the exit status."""
    return ftmon(command, service.job_id, "--base-url", service.base_url, *options).returncode


def listed(service: Demo, *options: str) -> list[str]:
    """Return the ids of the service's jobs as `ftmon jobs` lists them."""
    done = ftmon("jobs", "--base-url", service.base_url, "--json", "--no-history", *options)
    return [job["id"] for job in objects(done.stdout)]


def client_of(requirement: str) -> Path:
    """Return the Python of an environment that has a client."""
    return installed(requirement) / "python"


def asked(python: Path, script: str, service: Demo, home: Path, *arguments: str, **env: str) -> Any:
    """Return what a script, which is given the base URL and the job's id, prints as JSON."""
    variables = environment(NO_PROXY="127.0.0.1", HOME=str(home), PYTHONUTF8="1", **env)
    done = subprocess.run(
        [python, "-c", script, service.base_url, service.job_id, *arguments],
        cwd=home,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def followed(service: Demo, *options: str) -> Read:
    """Follow a job with ftmon to its end; live, or with `--no-stream` what is there already."""
    options = ("--base-url", service.base_url, "--json", "--no-history", *options)
    with running(service.job_id, *options) as command:
        *events, job = objects("".join(command.rest()))
        command.wait(PATIENCE)
    return Read(events, job)


def shown(events: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Return events of ftmon's as entries."""
    return [
        Entry(
            time(event["created_at"]),
            event["message"],
            event["level"],
            event["id"],
            *figures(event["data"] or {}),
        )
        for event in events
    ]


def figures(data: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    return data.get("step"), data.get("train_loss"), data.get("valid_loss")


def time(value: str | float) -> datetime:
    """Read a time as services write it: ISO 8601, or seconds."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return datetime.fromtimestamp(value, UTC)
