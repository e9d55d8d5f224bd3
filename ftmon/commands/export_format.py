"""The formats of an export: JSON Lines, a table of events, a table of losses."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from ftmon import json_text
from ftmon.csv_text import csv_row
from ftmon.history.store import History
from ftmon.model.event import event_json, iso
from ftmon.model.job import job_json
from ftmon.model.key import JobKey
from ftmon.model.message import event_figures, read_message
from ftmon.model.metrics import parse_metrics
from ftmon.model.run import Run
from ftmon.model.update import Update

Format = Callable[[History, JobKey], Iterator[bytes]]
"""Yields the export of a run in pieces."""


def json_lines(history: History, key: JobKey) -> Iterator[bytes]:
    """Yield the lines that `--json` would print."""
    run = Run(key, outcome_only=True)
    job = history.job(key)
    for batch in history.all_events(key):
        events = tuple([recorded.event for recorded in batch])
        run.apply(Update(key, batch[-1].received_at, events))
        yield json_text.encode_lines([event_json(event, key.job_id) for event in events])
    run.apply(Update(key, datetime.now(UTC), job=job))
    if run.job is not None:
        yield json_text.encode_lines([job_json(run.job, run.events, run.failure)])


def events_csv(history: History, key: JobKey) -> Iterator[bytes]:
    """Yield a table with a row for each event."""
    yield csv_row("created_at", "received_at", "level", "type", "id", "message", "data")
    for batch in history.all_events(key):
        for recorded in batch:
            event = event_json(recorded.event, key.job_id)
            data = "" if event.data is None else json_text.encode_lines([event.data]).decode().rstrip()
            times = event.created_at, iso(recorded.received_at)
            yield csv_row(*times, event.level, event.type, event.id, event.message, data)


def metrics_csv(history: History, key: JobKey) -> Iterator[bytes]:
    """Yield a table with a row for each event that has a step or an epoch."""
    yield csv_row("created_at", "step", "total_steps", "epoch", "train_loss", "valid_loss")
    for batch in history.all_events(key):
        for _, _, event in batch:
            facts = read_message(event.message)
            figures = event_figures(facts, parse_metrics(event))
            if figures.step is not None or facts.epoch is not None:
                losses = figures.train_loss, figures.valid_loss
                yield csv_row(iso(event.created_at), figures.step, figures.total_steps, facts.epoch, *losses)


FORMATS: dict[str, Format] = {"jsonl": json_lines, "csv": events_csv}
"""The formats by the names that `--format` takes."""
