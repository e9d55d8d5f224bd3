import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from ftmon.model.job import Status
from ftmon.model.key import JobKey
from ftmon.wire.pace import Pace
from tests.front_end import settings_of, watching
from tests.records import recorded
from tests.servers.fine_tunes import DONE, JOB, JOB_ID, LIST, STORY, STREAM, Fields, answer, job, page, stream
from tests.servers.scripted import End, Script, Server, Step
from tests.test_follow import FAULTS, PACE

pytestmark = pytest.mark.slow

RUNNING, OVER = answer(job()), answer(job("succeeded"))
HASTY = replace(PACE, give_up=30, stalled=0.05, longest_delay=0.004)


def a_stream(chance: random.Random) -> Script:
    """Return what a connection may bring: some of the past in some order, or nothing good."""
    kind = chance.choice(["fault", "fault", "whole", "tail", "shuffled", "with gaps"])
    if kind == "fault":
        return chance.choice(list(FAULTS.values()))
    past = STORY[: chance.randint(0, len(STORY))]
    if kind == "tail":
        past = past[chance.randint(0, len(past)) :]
    elif kind == "shuffled":
        past = chance.sample(past, len(past))
    elif kind == "with gaps":
        past = [event for event in past if chance.random() < 0.7]
    ends: list[Step] = [End.FIN, End.RST, End.HANG, DONE]
    return stream(*past, chance.choice(ends))


def has_asked(server: Server, streams: int) -> bool:
    return len(server.asked(STREAM)) >= streams


def comparable(events: Sequence[Fields]) -> Counter[str]:
    return Counter(str(sorted(event.items())) for event in events)


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_happens_in_whatever_order_each_event_is_told_and_recorded_once(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    streams = [a_stream(chance) for _ in range(chance.randint(2, 9))]
    restarts = sorted(chance.sample(range(1, len(streams) + 1), chance.randint(0, min(3, len(streams)))))
    server = Server({STREAM: [*streams, stream(*STORY, DONE)], LIST: [page(*STORY)]})
    server.scripts = {
        **server.scripts,
        JOB: lambda: RUNNING if len(server.asked(STREAM)) <= len(streams) else OVER,
    }
    path = tmp_path / "history.sqlite3"
    async with server.running():
        for streams_seen in [*restarts, None]:
            async with watching(settings_of(server), history=path, pace=HASTY) as front_end:
                front_end.watch(JOB_ID)
                if streams_seen is None:
                    await front_end.until_over()
                else:
                    # As if it were killed: what it told is recorded by then.
                    await server.until(partial(has_asked, server, streams_seen))
            told = comparable(front_end.fields)
            assert told <= comparable(STORY)
            key = JobKey(f"{server.origin}/v1", JOB_ID)
            assert told <= comparable(recorded(path, key)) <= comparable(STORY)
    assert comparable(front_end.fields) == comparable(STORY)
    assert recorded(path, key) == front_end.fields
    run = front_end.run(key)
    assert (run.status, run.exit_status) == (Status.SUCCEEDED, 0)
    assert len(server.asked(STREAM)) <= len(streams) + 1 + len(restarts)


def test_a_broken_service_is_not_hammered() -> None:
    # With the least waits there can be, and two requests an attempt.
    pace = Pace(random=lambda: 0)
    at, times = 0.0, [0.0]
    for attempt in range(1, 12):
        at += pace.delay(attempt)
        times.append(at)
    assert 2 * sum(time <= 15 for time in times) <= 12
    assert min(after - before for before, after in pairwise(times[6:])) >= 30
