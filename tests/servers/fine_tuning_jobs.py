"""Serves a job of OpenAI's second fine-tuning API: pages of events, newest first, and no stream.

It behaves as PROTOCOL §2 says.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from tests.servers.fine_tunes import Fields, answer, refusal
from tests.servers.scripted import Script, Server

SAMPLES = Path(__file__).parents[1] / "samples"


def sample(name: str) -> Any:
    """Return a recorded answer."""
    return json.loads((SAMPLES / f"{name}.json").read_text())


RUNNING_JOB: Fields = sample("openai_job_running")
SUCCEEDED_JOB: Fields = sample("openai_job_succeeded")
JOB_ID: str = RUNNING_JOB["id"]

LIST_OF_JOBS = "/v1/fine_tuning/jobs"
FIRST_JOBS = f"{LIST_OF_JOBS}?limit=100"
JOB = f"{LIST_OF_JOBS}/{JOB_ID}"
EVENTS = f"{JOB}/events"
FIRST_PAGE = f"{EVENTS}?limit=100"
CHECKPOINTS = f"{JOB}/checkpoints?limit=100"
CANCEL = f"{JOB}/cancel"
FIRST_API_JOB = f"/v1/fine-tunes/{JOB_ID}"


def event(message: str, at: int, number: int, **more: Any) -> Fields:
    """Return an event with an id made from `number`; `more` adds or replaces fields."""
    return {
        "object": "fine_tuning.job.event",
        "id": f"ftevent-{number:024}",
        "created_at": at,
        "level": "info",
        "message": message,
        "data": {},
        "type": "message",
        **more,
    }


def step(number: int, at: int, words: str, **data: Any) -> Fields:
    """Return a metrics event of one step of 240."""
    figures = {"step": number, "total_steps": 240, **data}
    return event(f"Step {number}/240{words}", at, 100 + number, type="metrics", data=figures)


RECORDED: list[Fields] = sample("openai_jobs_events_started")["data"][::-1]
"""The beginning of the recorded job, oldest first. Two of its events share a second."""

_MODEL = SUCCEEDED_JOB["fine_tuned_model"]
_FINISHED_AT: int = SUCCEEDED_JOB["finished_at"]

TRAINING = [
    step(1, 1723885800, ": training loss=2.50", train_loss=2.5, train_mean_token_accuracy=0.5),
    step(2, 1723885800, ": training loss=2.25", train_loss=2.25, train_mean_token_accuracy=0.5),
    step(3, 1723885800, ": training loss=2.00", train_loss=2.0, train_mean_token_accuracy=0.5),
    step(
        80,
        1723886060,
        ": training loss=0.50, validation loss=0.75",
        train_loss=0.5,
        valid_loss=0.75,
        valid_x=1,
    ),
    event(f"Checkpoint created at step 80 with Snapshot ID: {_MODEL}:ckpt-step-80", 1723886072, 1),
    step(160, 1723886260, "", train_loss=0.25, valid_loss=0.5, full_valid_loss=0.375),
    step(240, 1723886460, ": training loss=0.12, full validation loss=0.25", train_loss=0.12),
]
"""Three of these share a second, and the figures of one stand in its data alone."""

ENDING = [event(f"New fine-tuned model created: {_MODEL}", _FINISHED_AT, 2)]
LATE = [event("The job has successfully completed", _FINISHED_AT + 7, 3)]
"""Written seven seconds after the job's `finished_at`, as in the recorded run."""

STORY = [*RECORDED, *TRAINING, *ENDING, *LATE]


def job(status: str, **more: Any) -> Fields:
    """Return the job before its end; `more` adds or replaces fields."""
    return {**RUNNING_JOB, "status": status, **more}


class Moment(NamedTuple):
    """What the service knows at one time: the job, and its first so many events."""

    job: Fields
    events: int


MOMENTS = [
    Moment(job("validating_files", error={}), 2),
    Moment(job("queued", error=None), 3),
    Moment(job("running"), 4),
    Moment(job("running"), 6),
    Moment(job("running"), 6),
    Moment(job("running"), len(STORY) - len(LATE) - len(ENDING)),
    Moment(SUCCEEDED_JOB, len(STORY) - len(LATE)),
    Moment(SUCCEEDED_JOB, len(STORY) - len(LATE)),
    Moment(SUCCEEDED_JOB, len(STORY)),
]
"""A run from its beginning to its late event."""


class JobsServer(Server):
    """Serves one job; each reading of the newest page brings its next moment, up to the last one.

    `scripts` take precedence. A page has at most `largest` events, whatever limit is asked for. With
    `is_oldest_first` the order is that of Nebius (SERVICES §2.1), and each reading of the job brings the next
    moment, because not every poll begins at the first page.
    """

    def __init__(
        self,
        moments: Sequence[Moment] = MOMENTS,
        events: Sequence[Fields] = STORY,
        *,
        largest: int = 100,
        is_oldest_first: bool = False,
        scripts: Mapping[str, Sequence[Script]] | None = None,
    ) -> None:
        super().__init__(scripts or {})
        self.moments = list(moments)
        self.events = events
        self.largest = largest
        self.is_oldest_first = is_oldest_first

    @property
    def pages(self) -> list[str]:
        """The requests for pages of events, in order."""
        return [request.target for request in self.requests if request.target.startswith(EVENTS)]

    def _script(self, target: str) -> Script:
        if target in self.scripts:
            return super()._script(target)
        path, _, query = target.partition("?")
        now = self.moments[0]
        if path == JOB:
            if self.is_oldest_first:
                self._move_on()
            return answer(now.job)
        if path == CANCEL:
            self.moments = [Moment(job("cancelled"), now.events)]
            return answer(self.moments[0].job)
        if path == EVENTS:
            return self._page(parse_qs(query), self.events[: now.events])
        return refusal(404, f"Invalid URL ({path})")

    def _move_on(self) -> None:
        if len(self.moments) > 1:
            del self.moments[0]

    def _page(self, query: Mapping[str, list[str]], events: Sequence[Fields]) -> Script:
        entries = list(events if self.is_oldest_first else events[::-1])
        start = 0
        if after := query.get("after"):
            ids = [each["id"] for each in entries]
            if after[0] not in ids:
                return refusal(404, "No such event")
            start = ids.index(after[0]) + 1
        elif not self.is_oldest_first:
            self._move_on()
        end = start + min(int(query.get("limit", ["20"])[0]), self.largest)
        has_more = end < len(entries)
        return answer({"object": "list", "data": entries[start:end], "has_more": has_more})
