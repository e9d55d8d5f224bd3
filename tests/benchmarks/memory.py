"""Measures the memory and the CPU time that an event takes in the log, the state of a run and the ledger."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from resource import getpagesize

from ftmon.model.event import Event, read_event
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Update
from ftmon.tui.log.event_rows import EventRows
from ftmon.wire.follow.ledger import Ledger
from tests.benchmarks.service import START, frame

_CHUNK = 400
"""Events in one network chunk of 64 kB."""


def _plain(number: int) -> str:
    """Return an event of OpenAI's first API."""
    return frame(number)[6:-2].decode()


def _detailed(number: int) -> str:
    """Return an event of OpenAI's second API."""
    loss = 1 + 1000 / (number + 500)
    return json.dumps(
        {
            "object": "fine_tuning.job.event",
            "id": f"ftevent-{hash((number,)) % 10**24:024}",
            "created_at": START + number // 4,
            "level": "info",
            "message": f"Step {number}/1000000: training loss={loss:.4f}",
            "type": "metrics",
            "data": {
                "step": number,
                "total_steps": 1_000_000,
                "train_loss": loss,
                "train_accuracy": 1 / loss,
            },
        }
    )


_KINDS: dict[str, Callable[[int], str]] = {"plain": _plain, "with data": _detailed}


def _event(kind: str, number: int) -> Event:
    event = read_event(_KINDS[kind](number))
    assert event is not None
    return event


def _resident() -> int:
    """Return the bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()


def _measure(kind: str, count: int) -> tuple[float, float, float]:
    """Return what an event takes: bytes, CPU seconds in the state and its curves, and in the log."""
    run, rows, ledger = Run(JobKey("http://127.0.0.1/v1", "ft-1")), EventRows(), Ledger()
    now = datetime.now(UTC)
    state = log = 0.0
    before = _resident()
    for first in range(0, count, _CHUNK):
        read = [_event(kind, number) for number in range(first, first + _CHUNK)]
        events = tuple([event for event in map(ledger.take, read) if event])
        started = time.process_time()
        run.apply(Update(run.key, now, events))
        applied = time.process_time()
        rows.extend(events)
        rows.catch_up()
        state += applied - started
        log += time.process_time() - applied
    return (_resident() - before) / count, state / count, log / count


def run() -> None:
    for kind in _KINDS:
        for count in (100_000, 1_000_000):
            # Each in a process of its own, because memory that was used before would be used again.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                memory, state, log = pool.submit(_measure, kind, count).result()
            print(
                f"memory   {count:,} events, {kind}: {memory:.0f} bytes each (aim: under 300), "
                f"{state * 1e6:.1f} µs of CPU in the state of the run, {log * 1e6:.1f} in the log"
            )
