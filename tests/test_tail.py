"""`--tail N` and `--latest`: only the end of the past, and the newest job."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ftmon.model.event import Event
from ftmon.model.tail import Tail
from ftmon.model.update import Connection, Update, Wire
from tests.command import FTMON, ftmon, objects, running
from tests.records import STORED, job_of, read, record, told
from tests.servers.fine_tunes import DONE, JOB, JOB_ID, START, STORY, STREAM, answer, event, job, stream
from tests.servers.scripted import End, Script, Server
from tests.terminal import terminal
from tests.tui.stage import JOBS, stage

MESSAGES = [fields["message"] for fields in STORY]
SINCE = datetime.fromtimestamp(START, UTC) + timedelta(hours=1)


def shown_of(tail: Tail, *updates: Update, at: float = 0.0) -> list[Event]:
    return [each for update in updates for each in tail.take(update, SINCE, at)]


def live(*events: Event) -> Update:
    return told(*events, heard=True)


NEW = read(event("Live", 3600))


def test_without_a_size_all_events_are_shown_at_once() -> None:
    tail = Tail(None)
    assert shown_of(tail, told(*STORED)) == STORED
    assert tail.wait(0.0) is None
    assert tail.hidden == 0


def test_what_is_recorded_is_held_back_until_all_of_it_is_read_or_the_service_answers() -> None:
    connecting, answering = (told(connection=Connection(wire)) for wire in (Wire.CONNECTING, Wire.LIVE))
    whole, lacking = Tail(None, recorded=len(STORED)), Tail(None, recorded=99)
    assert shown_of(whole, told(*STORED[:4]), connecting) == []
    assert shown_of(whole, told(*STORED[4:], NEW)) == [*STORED, NEW]
    assert shown_of(lacking, told(*STORED), connecting) == []
    assert shown_of(lacking, answering) == STORED
    assert whole.is_over
    assert lacking.is_over


@pytest.mark.parametrize("size", [0, 1, 3, 99])
def test_the_last_events_of_the_past_are_shown_before_the_first_new_one(size: int) -> None:
    tail = Tail(size)
    assert shown_of(tail, told(*STORED[:4]), live(*STORED[4:])) == []
    assert shown_of(tail, live(NEW)) == [*STORED[len(STORED) - min(size, len(STORED)) :], NEW]
    assert tail.hidden == max(0, len(STORED) - size)
    assert shown_of(tail, live(NEW)) == [NEW]


def test_the_past_ends_after_a_pause_but_not_before_the_service_has_told_of_it() -> None:
    tail = Tail(2)
    shown_of(tail, told(*STORED[:4]), at=0.0)
    assert tail.wait(100.0) is None
    shown_of(tail, live(*STORED[4:]), at=100.0)
    assert tail.wait(100.0) == 0.5
    assert tail.wait(101.0) == 0.0
    assert list(tail.end()) == STORED[-2:]


def test_a_past_that_does_not_pause_ends_all_the_same() -> None:
    tail = Tail(2)
    for number in range(10):
        shown_of(tail, live(STORED[number]), at=number * 0.49)
        assert tail.wait(number * 0.49)
    assert tail.wait(4.75) == pytest.approx(0.16)
    shown_of(tail, live(STORED[0]), at=4.9)
    assert tail.wait(4.9) == pytest.approx(0.1)
    assert tail.wait(5.0) == 0.0


@pytest.mark.parametrize("wire", [Wire.CLOSED, Wire.REFUSED, Wire.RECORDED, Wire.WAITING])
def test_the_past_ends_with_the_connection(wire: Wire) -> None:
    tail = Tail(1)
    shown_of(tail, told(*STORED))
    assert shown_of(tail, told(connection=Connection(wire))) == STORED[-1:]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["--plain", "--json"])
async def test_lines_are_the_last_of_the_past_and_everything_is_counted(form: str) -> None:
    server = Server({JOB: [answer(job("succeeded"))], STREAM: [stream(*STORY, DONE)]})
    async with server.running():
        arguments = (JOB_ID, form, "--tail", "2", "--base-url", f"{server.origin}/v1")
        done = await asyncio.to_thread(ftmon, *arguments)
    assert done.returncode == 0
    assert done.stderr.decode() == "ftmon: … 8 earlier events not shown\n"
    lines = done.stdout.decode().splitlines()
    if form == "--json":
        assert [each.get("message") for each in objects(done.stdout)] == [*MESSAGES[-2:], None]
        assert objects(done.stdout)[-1]["events"] == len(STORY)
    else:
        assert [line[21:] for line in lines[:2]] == MESSAGES[-2:]
        assert "  cost    $3.67" in lines
        assert "  events  10" in lines


@pytest.mark.slow
async def test_an_event_that_comes_after_the_past_is_printed_at_once() -> None:
    more = asyncio.Event()
    late = event("Live", int(time.time()) + 60 - START)
    server = Server({JOB: [answer(job())], STREAM: [stream(*STORY[:4], more, late, End.HANG)]})
    async with server.running():
        arguments = (JOB_ID, "--plain", "--tail", "1", "--base-url", f"{server.origin}/v1")

        def follow() -> list[str]:
            with running(*arguments) as command:
                past = command.line()
                loop.call_soon_threadsafe(more.set)
                return [past, command.line()]

        loop = asyncio.get_running_loop()
        past, live = await asyncio.to_thread(follow)
    assert past.endswith(f"  {MESSAGES[3]}\n")
    assert live.endswith("  Live\n")


@pytest.mark.slow
def test_a_recorded_run_shows_its_last_events(data_home: Path) -> None:
    path = data_home / "ftmon" / "history.sqlite3"
    path.parent.mkdir(parents=True)
    record(path, told(*STORED, job=job_of("succeeded")))
    done = ftmon("history", JOB_ID, "--json", "--tail", "1")
    assert [each.get("message") for each in objects(done.stdout)] == [MESSAGES[-1], None]
    assert ftmon("history", JOB_ID, "--tail", "1", "--replay").returncode == 2


@pytest.mark.slow
async def test_the_screen_shows_the_last_of_the_past_and_says_so_once() -> None:
    server: Mapping[str, Sequence[Script]] = {JOB: [answer(job())], STREAM: [stream(*STORY[:6], End.HANG)]}
    async with stage(server, tail=2, size=(100, 30)) as seen:
        await seen.until_shown("… 4 earlier events not shown")
        assert MESSAGES[5] in seen.text
        assert MESSAGES[4] in seen.text
        assert MESSAGES[3] not in seen.text
        # Everything was folded.
        assert "$3.67" in seen.text
        assert seen.monitor.run is not None
        assert seen.monitor.run.events == 6


# The newest job


def list_of(*jobs: Any) -> Script:
    return answer({"data": jobs})


def listed(number: int, status: str) -> dict[str, Any]:
    return job(status, id=f"ft-{number}", created_at=START - number)


async def latest(server: Server, *options: str) -> tuple[int, str, str]:
    async with server.running():
        arguments = ("--latest", "--json", "--no-stream", "--base-url", f"{server.origin}/v1", *options)
        done = await asyncio.to_thread(ftmon, *arguments)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.slow
async def test_the_newest_job_that_is_not_over_is_watched() -> None:
    # Of the first job only the list is left, and the third has failed since the list was made.
    jobs = list_of(*map(listed, range(5), ["running", "failed", "running", "running", "running"]))
    answers = {"ft-2": "failed", "ft-3": "running"}
    own = {
        f"{JOBS}/{job_id}": [answer(listed(int(job_id[-1]), status))] for job_id, status in answers.items()
    }
    status, out, err = await latest(Server({JOBS: [jobs], **own}))
    assert status == 0
    assert objects(out)[-1]["id"] == "ft-3"
    assert err.startswith("ftmon: Watching ft-3, the newest job that is not over: it is running.\n")


@pytest.mark.slow
async def test_where_no_job_runs_the_newest_is_shown() -> None:
    newest = listed(1, "succeeded")
    server = Server({JOBS: [list_of(listed(2, "failed"), newest)], f"{JOBS}/ft-1": [answer(newest)]})
    status, out, err = await latest(server)
    assert status == 0
    assert objects(out)[-1]["id"] == "ft-1"
    assert err.startswith("ftmon: Watching ft-1, the newest job: none runs now.\n")


@pytest.mark.slow
async def test_without_a_job_there_is_nothing_to_watch() -> None:
    status, out, err = await latest(Server({JOBS: [list_of()]}))
    assert (status, out) == (4, "")
    assert "the service lists none" in err


@pytest.mark.slow
async def test_the_screen_says_which_job_is_the_newest() -> None:
    server = Server({JOBS: [list_of(job())], JOB: [answer(job())], STREAM: [stream(*STORY[:4], End.HANG)]})
    async with server.running():
        command = [*FTMON, "--latest", "--base-url", f"{server.origin}/v1"]

        def watch() -> int:
            with terminal(command, 120, 30) as shown:
                shown.until_shown("Fine-tune started")
                shown.until_shown("the newest")
                shown.press("q")
                return shown.wait()

        assert await asyncio.to_thread(watch) == 130


@pytest.mark.parametrize(
    "arguments", [["ft-1", "--latest"], ["--tail", "-1", "ft-1"], ["--tail", "x", "ft-1"]], ids=str
)
def test_a_command_line_that_cannot_be_used_is_told(arguments: list[str]) -> None:
    done = ftmon(*arguments, "--base-url", "http://127.0.0.1:1/v1")
    assert (done.returncode, done.stdout) == (2, b"")
