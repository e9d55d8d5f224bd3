import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ftmon.model.job import Status
from ftmon.settings import Settings
from tests.command import ftmon, objects
from tests.command import running as command_running
from tests.front_end import watching
from tests.records import recorded
from tests.servers.case import NOT_FOUND, Case
from tests.servers.fine_tunes import HTML, Fields, answer, failure, frame, head
from tests.servers.scripted import End, Script, Server, Step
from tests.servers.services import CASES, HF_ID, HF_PATH, LOCALAI_ID, LOCALAI_JOB, LOCALAI_PATH, hf
from tests.test_chaos import HASTY
from tests.test_follow import followed_as

pytestmark = pytest.mark.slow

FAULTS: Sequence[Script] = [
    [End.FIN],
    [End.RST],
    [b"HTTP/1.1 200 OK\r\nContent-Ty", End.FIN],
    [head()],
    [head(), End.RST],
    [head(), b": keep-alive\n\n" * 3, End.HANG],
    failure(500),
    failure(503, Retry_After="0"),
    failure(429),
    answer(HTML, 200, "text/html"),
    answer({"object": "list", "data": None}),
    NOT_FOUND,
]
"""Connections that bring nothing good."""

ENDS: Sequence[Step] = [End.FIN, End.FIN, End.RST, End.HANG]


def cut(data: bytes, chance: random.Random) -> bytes:
    """Return what comes of a message that is cut anywhere."""
    return data[: chance.randint(0, len(data) - 1)]


def chatty(frames: Sequence[bytes], chance: random.Random) -> list[bytes]:
    """Return messages with signs of life between them."""
    return [b": keep-alive\n\n" * chance.choice([0, 0, 1, 2]) + each for each in frames]


# Hugging Face Jobs: each connection tells the past again, from the banner on

LINES = [
    ("===== Job started at 2025-07-22 16:06:31 =====", 0),
    ("Loading", 1),
    (" 50%|█████     | 2/4 [00:12<00:12, 6.1s/it]", 2),
    ("{'loss': '1.5', 'epoch': '0.5'}", 2),
    ("Saving", 3),
    ("Saving", 3),
    ("100%|██████████| 4/4 [00:24<00:00, 6.1s/it]", 4),
    ("{'loss': '1.25', 'epoch': '1.0'}", 4),
    ("", 5),
    ("Saving", 5),
    ("{'train_runtime': '24.5', 'train_loss': '1.375', 'epoch': '1'}", 6),
    ("Done: é", 7),
]
"""As in real logs, a line is told twice in one moment."""

HF_FRAMES = [frame({"data": line, "timestamp": f"2025-07-22T16:07:0{at}.5Z"}) for line, at in LINES]
HF_TOLD = [(line, f"2025-07-22T16:07:0{at}.500000Z") for line, at in LINES if line and "%|" not in line]


def a_log(chance: random.Random) -> Script:
    """Return what one connection may bring."""
    if chance.random() < 0.4:
        return chance.choice(FAULTS)
    count = chance.randint(0, len(HF_FRAMES))
    frames, rest = HF_FRAMES[:count], HF_FRAMES[count:]
    if chance.random() < 0.3:
        # The service keeps only the end of a long log, and says all the same when the job started.
        frames = [*frames[:1], *frames[chance.choice([1, 3, 6, 8]) :]]
    last = cut(rest[0], chance) if rest and chance.random() < 0.5 else b""
    return [head(), *chatty(frames, chance), last, chance.choice(ENDS)]


# LocalAI: a connection tells what comes from then on, the same state again and again

LOCALAI_STATES: list[Fields] = [
    {"current_step": step, "total_steps": 9, "loss": 1 / (step + 1) if step else 0, "status": status}
    for step, status in [
        (0, "loading_model"),
        (0, "loading_dataset"),
        *[(step, "training") for step in range(1, 9)],
    ]
] + [{"current_step": 9, "total_steps": 9, "status": "completed", "message": "Done"}]
LOCALAI_FRAMES = [frame({"job_id": LOCALAI_ID, **state}) for state in LOCALAI_STATES]
LOCALAI_TOLD = [
    ("Status: loading_model", None),
    ("Status: loading_dataset", None),
    *[(f"Step {step}/9: training loss={1 / (step + 1):.6g}", None) for step in range(1, 9)],
    ("Done", None),
]


def progress(chance: random.Random, streams: int, restarts: Sequence[int]) -> list[Script]:
    """Return what the connections may bring. What was not taken for sure comes again, as a state does."""
    scripts: list[Script] = []
    taken = 0
    for number in range(streams):
        if number in restarts:
            taken = 0
        if chance.random() < 0.4:
            scripts.append(chance.choice(FAULTS))
            continue
        start, end = chance.randint(0, taken), chance.randint(taken, len(LOCALAI_FRAMES) - 1)
        frames = [each for each in LOCALAI_FRAMES[start:end] for _ in range(chance.choice([1, 1, 2, 3]))]
        how = chance.choice(ENDS)
        scripts.append([head(), *chatty(frames, chance), cut(LOCALAI_FRAMES[end], chance), how])
        taken = end if how is End.FIN else 0
    return [*scripts, [head(), *LOCALAI_FRAMES[chance.randint(0, taken) if streams not in restarts else 0 :]]]


BROKEN: Sequence[Script] = [
    [End.FIN],
    [End.RST],
    [head(200, "application/json", Content_Length="900"), b'{"data": [', End.FIN],
    failure(500),
    failure(503, Retry_After="0"),
    failure(429),
]
NONSENSE: Sequence[Script] = [answer(HTML, 200, "text/html"), answer(b""), answer(b"{")]
"""What may come from something else, at a service that has not told the job yet."""

POLLED = {name: case for name, case in CASES.items() if not case.stream}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("case", POLLED.values(), ids=POLLED)
async def test_a_service_that_fails_now_and_then_is_followed_to_its_end(case: Case, seed: int) -> None:
    chance = random.Random(seed)
    server = case.server()
    has_told = False

    def changed(target: str, script: Script) -> Script:
        nonlocal has_told
        if chance.random() < 0.3:
            return chance.choice([*BROKEN, *NONSENSE] if has_told else BROKEN)
        has_told = has_told or target == case.base + case.path
        return script

    server.change = changed
    async with server.running():
        pace = replace(HASTY, late=0.3, lag=5)
        told = await followed_as("auto", f"{server.origin}{case.base}", case.job_id, pace)
    messages = [event.message for event in told.events if not event.message.startswith("The job is ")]
    lines = [line.message for line in case.told(Status.SUCCEEDED)]
    assert sorted(messages) == sorted(line for line in lines if not line.startswith("The job is "))
    assert told.ending == (Status.SUCCEEDED, 0)


@pytest.mark.parametrize("seed", range(12))
async def test_a_log_is_told_and_recorded_once_whatever_happens(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    logs = [a_log(chance) for _ in range(chance.randint(2, 9))]
    # The last message may lack its blank line.
    whole = b"".join(HF_FRAMES).removesuffix(chance.choice([b"", b"\n", b"\n\n"]))
    logs.append([head(), whole])
    jobs = [answer(hf("RUNNING").job), answer(hf("COMPLETED").job)]
    restarts = some_of(logs, chance)
    await check_told(f"someone/{HF_ID}", HF_PATH, f"{HF_PATH}/logs", logs, jobs, restarts, HF_TOLD, tmp_path)


@pytest.mark.parametrize("seed", range(12))
async def test_progress_is_told_and_recorded_once_whatever_happens(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    restarts = some_of(range(chance.randint(3, 10)), chance)
    scripts = progress(chance, 9, restarts)
    jobs = [answer({**LOCALAI_JOB, "status": "training"}), answer({**LOCALAI_JOB, "status": "completed"})]
    stream = f"{LOCALAI_PATH}/progress"
    await check_told(LOCALAI_ID, LOCALAI_PATH, stream, scripts, jobs, restarts, LOCALAI_TOLD, tmp_path)


def some_of(streams: Sequence[object], chance: random.Random) -> list[int]:
    """Return at how many connections ftmon is killed and started again."""
    return sorted(chance.sample(range(1, len(streams)), chance.randint(0, min(3, len(streams) - 1))))


async def check_told(
    job_id: str,
    job_path: str,
    stream: str,
    scripts: Sequence[Script],
    jobs: Sequence[Script],
    restarts: Sequence[int],
    story: Sequence[tuple[str, str | None]],
    folder: Path,
) -> None:
    """Follow a job whose stream brings these connections, and is over with the last one."""
    running, over = jobs
    server = Server({stream: scripts})
    server.scripts = {
        **server.scripts,
        job_path: lambda: running if len(server.asked(stream)) < len(scripts) else over,
    }
    path = folder / "history.sqlite3"
    async with server.running():
        for streams_seen in [*restarts, None]:
            async with watching(Settings(server.origin), history=path, pace=HASTY) as front_end:
                key = front_end.watch(job_id)
                if streams_seen is None:
                    await front_end.until_over()
                else:
                    # As if it were killed: what it told is recorded by then.
                    await server.until(partial(has_asked, server, stream, streams_seen))
            told = Counter(map(line_of, front_end.fields))
            assert told <= Counter(story)
            assert told <= Counter(map(line_of, recorded(path, key))) <= Counter(story)
    assert Counter(map(line_of, front_end.fields)) == Counter(story)
    assert recorded(path, key) == front_end.fields
    run = front_end.run(key)
    assert (run.status, run.exit_status) == (Status.SUCCEEDED, 0)


def has_asked(server: Server, stream: str, times: int) -> bool:
    return len(server.asked(stream)) >= times


def line_of(fields: Fields) -> tuple[str, str | None]:
    return fields["message"], fields.get("created_at")


KILLED = {
    "Hugging Face Jobs": (
        f"someone/{HF_ID}",
        HF_PATH,
        f"{HF_PATH}/logs",
        [[head(), *HF_FRAMES[:4], End.HANG], [head(), *HF_FRAMES]],
        [hf("RUNNING").job, hf("COMPLETED").job],
        HF_TOLD,
    ),
    "LocalAI": (
        LOCALAI_ID,
        LOCALAI_PATH,
        f"{LOCALAI_PATH}/progress",
        [[head(), *LOCALAI_FRAMES[:3], End.HANG], [head(), *LOCALAI_FRAMES[2:]]],
        [{**LOCALAI_JOB, "status": "training"}, {**LOCALAI_JOB, "status": "completed"}],
        LOCALAI_TOLD,
    ),
}


@pytest.mark.parametrize(
    ("job_id", "job_path", "stream", "scripts", "jobs", "story"), KILLED.values(), ids=KILLED
)
async def test_a_command_that_is_killed_is_gone_on_with(
    job_id: str,
    job_path: str,
    stream: str,
    scripts: Sequence[Script],
    jobs: Sequence[Fields],
    story: Sequence[tuple[str, str | None]],
) -> None:
    server = Server({stream: scripts})
    running, over = map(answer, jobs)
    server.scripts = {
        **server.scripts,
        job_path: lambda: over if has_asked(server, stream, len(scripts)) else running,
    }

    def kill() -> list[str]:
        with command_running(job_id, "--base-url", server.origin, "--json") as command:
            lines = [command.line() for _ in range(3)]
            command.signal(signal.SIGKILL)
            assert command.wait() == -signal.SIGKILL
        return lines

    async with server.running():
        before = [json.loads(line)["message"] for line in await asyncio.to_thread(kill)]
        done = await asyncio.to_thread(ftmon, job_id, "--base-url", server.origin, "--json")
    *events, job = objects(done.stdout)
    assert before == [message for message, _ in story[:3]]
    assert [event["message"] for event in events] == [message for message, _ in story]
    assert (job["status"], done.returncode) == ("succeeded", 0)
