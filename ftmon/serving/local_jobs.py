"""Serves the runs that lie in files: each run is a job, and each entry an event."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from math import inf, isfinite
from time import monotonic
from typing import NoReturn
from uuid import NAMESPACE_URL, uuid5

from ftmon.errors import UsageError
from ftmon.local.place import News, Runs, outcome_of
from ftmon.local.run import LocalRun, Told
from ftmon.local.verdict import Standing
from ftmon.model.figures import Figures, count
from ftmon.model.job import Status as Outcome
from ftmon.model.message import STALLED
from ftmon.serving.api import RequestError
from ftmon.serving.event import ENDED, Kind, Level, ServedEvent, Status
from ftmon.serving.job import File, Recipe, ServedJob, Source
from ftmon.serving.spool import Spool

_SOONEST = 0.02
"""Seconds between two readings while something comes. A file that did not change costs one system call."""

_PATIENCE = 50
"""After this part of the time that nothing has come, the files are read again."""

_LATEST = 1.0
_LATEST_OF_ENDED = 2.0
"""Seconds between two readings at most: where a run goes on, and where all are over."""

_STATUSES: dict[Outcome, Status] = {
    Outcome.SUCCEEDED: "succeeded",
    Outcome.FAILED: "failed",
    Outcome.CANCELLED: "cancelled",
    Outcome.UNKNOWN: ENDED,
}
_SENTENCES: dict[Outcome, str] = {
    # OpenAI's first API told its ends in these words.
    Outcome.SUCCEEDED: "Fine-tune succeeded",
    Outcome.FAILED: "Fine-tune failed",
    Outcome.CANCELLED: "Fine-tune cancelled",
    Outcome.UNKNOWN: "The run has ended, outcome unknown",
}

_COLUMNS = b"step,training_loss,validation_loss\n"
"""Of a result file, which OpenAI's first API has for a job that has succeeded."""

_KINDS: dict[str, Kind] = {"checkpoint": "checkpoint", "history": "history"}
"""Events whose figures come later than those of others. All others with figures are metrics."""

_LEVELS: dict[Outcome, Level] = {Outcome.FAILED: "error", Outcome.UNKNOWN: "warning"}


class LocalJobs:
    """The jobs of this machine's runs. `sources` grows as runs are found, the newest first."""

    def __init__(self, places: Sequence[Runs]) -> None:
        self.sources: list[Source] = []
        self._places = places
        self._jobs: dict[str, _LocalJob] = {}
        self._unread: list[Iterator[None]] = []
        """What is left of the first reading."""
        self._told_at = monotonic()

    @property
    def newest(self) -> ServedJob | None:
        """The job that was heard last; of those of one file, the last one in it."""
        jobs = reversed(self._jobs.values())
        return max(jobs, key=lambda job: job.heard_at).job if self._jobs else None

    def read(self, at_most: float = inf) -> None:
        """Read what is there, for so many seconds; the rest is left for the next call, or for `follow`.

        Raises:
            UsageError, FileNotFoundError: for a place that cannot be read.
        """
        ends_at = monotonic() + at_most
        self._unread = self._unread or [self._poll(place) for place in self._places]
        for parts in self._unread:
            for _ in parts:
                if monotonic() > ends_at:
                    return
        self._unread = []
        self._judge()

    async def follow(self) -> NoReturn:
        """Read what is new, again and again."""
        while True:
            for parts in self._unread:
                # What was there may be gone for a moment, or for good: what was told stays.
                with suppress(UsageError, FileNotFoundError):
                    for _ in parts:
                        await asyncio.sleep(0)
            self._judge()
            is_over = all(job.job.is_over for job in self._jobs.values())
            await asyncio.sleep(pause_after(monotonic() - self._told_at, is_over=is_over))
            self._unread = [self._poll(place) for place in self._places]

    def _poll(self, place: Runs) -> Iterator[None]:
        """Read what is new in a place, a part at a time."""
        for news in place.poll(_now()):
            self._take(place, news)
            yield

    def _take(self, place: Runs, news: News) -> None:
        job = self._jobs.get(news.run.id)
        if job is None:
            job = self._jobs[news.run.id] = _LocalJob(place, news.run)
            self.sources.insert(0, job.source)
        if news.told:
            self._told_at = monotonic()
            job.tell(news.told)

    def _judge(self) -> None:
        now = _now()
        for job in self._jobs.values():
            job.judge(now)


class _LocalJob:
    """One run as a job."""

    def __init__(self, place: Runs, run: LocalRun) -> None:
        self._place = place
        self._run = run
        self._is_stalled = False
        self._status: Status = "running"
        """The job's as its entries tell it: where a service has told of its end, it is over for good."""
        self._results = Spool()
        """The rows of the result file."""
        self.job = ServedJob(uuid5(NAMESPACE_URL, run.id), Recipe(), run.begun_at, run.id)
        self.source = Source(self.job, self._cancel, _refuse, _refuse)

    @property
    def heard_at(self) -> datetime:
        """When the run told something last."""
        return self._run.heard_at

    def tell(self, told: Sequence[Told]) -> None:
        """Publish entries of the run."""
        self._is_stalled = False
        rows, events = [], []
        for each in told:
            entry, figures = each.entry, each.entry.figures
            train, valid, step = figures.get("train_loss"), figures.get("valid_loss"), entry.step
            if step is not None and (train is not None or valid is not None):
                row = f"{step},{'' if train is None else train},{'' if valid is None else valid}"
                rows.append(row.encode())
            if epochs := count(figures.get("total_epochs")):
                self.job.recipe = Recipe(n_epochs=epochs)
            if entry.kind and entry.outcome is not None:
                self._status = _STATUSES[entry.outcome.status]
                self.job.error = entry.outcome.reason or None
                self.job.created_at = entry.outcome.created_at or self.job.created_at
            events.append(_event(each, self._status))
        self._results.append(*rows)
        self.job.publish(*events)

    def judge(self, now: datetime) -> None:
        """Publish the end of the run, and that it seems to stand still."""
        if self.job.is_over:
            return
        verdict = self._place.verdict(self._run, now)
        if verdict.standing is Standing.STALLED and not self._is_stalled:
            self._is_stalled = True
            # The same at whichever reading: it is told once of each silence.
            own_id = f"stalled-{self._run.heard_at:%Y%m%d%H%M%S}"
            stall = ServedEvent(now, STALLED, "running", "warning", id=own_id, is_estimated=True)
            self.job.publish(stall)
        outcome = outcome_of(verdict)
        if outcome is None:
            return
        self.job.error = outcome.reason or None
        sentence, status = _SENTENCES[outcome.status], _STATUSES[outcome.status]
        message = f"{sentence}. {outcome.reason}" if outcome.reason else sentence
        level = _LEVELS.get(outcome.status, "info")
        end = ServedEvent(
            verdict.at or self._run.last_at,
            message,
            status,
            level,
            id=f"end-{status}",
            is_estimated=verdict.at is None,
        )
        if status == "succeeded" and self._results:
            own_id = f"file-{self.job.key.hex[:24]}"
            self.job.result_file = File(
                own_id, "results.csv", _COLUMNS, "fine-tune-results", end.at, self._results
            )
        self.job.publish(end)

    def _cancel(self) -> None:
        if why := self._place.cancel(self._run):
            raise RequestError(400, why)


def pause_after(silence: float, *, is_over: bool) -> float:
    """Return the seconds until the files are read again; there is no other work while nothing comes."""
    pause = min(silence, _LATEST_OF_ENDED) if is_over else min(silence / _PATIENCE, _LATEST)
    return max(pause, _SOONEST)


def _event(told: Told, status: Status) -> ServedEvent:
    entry = told.entry
    return ServedEvent(
        told.at,
        entry.message,
        status,
        entry.level.value,
        _KINDS.get(entry.kind, "metrics") if entry.figures else "message",
        _in_json(entry.figures),
        told.id,
        told.is_estimated,
    )


def _in_json(figures: Figures) -> dict[str, int | float | None]:
    """Return figures without what JSON has no number for: what is not finite, which the message tells."""
    if all(map(isfinite, figures.values())):
        return dict(figures)
    return {name: value if isfinite(value) else None for name, value in figures.items()}


def _refuse() -> NoReturn:
    raise RequestError(400, "A run of this machine cannot be paused.")


def _now() -> datetime:
    return datetime.now(UTC)
