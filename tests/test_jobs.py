"""`ftmon jobs`: the jobs of the service and those recorded here, on a terminal, in a pipe and as JSON."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ftmon.commands import listing
from ftmon.commands.columns import cells, fitted
from ftmon.commands.job_table import table
from ftmon.history.reader import RecordedRun
from ftmon.model.job import Job, Status
from ftmon.model.job_list import ListedJob
from ftmon.model.key import JobKey
from tests.command import FTMON, ftmon, objects
from tests.records import STORED, job_of, record, told
from tests.servers.fine_tunes import Fields, answer, job, refusal
from tests.servers.fine_tuning_jobs import FIRST_JOBS
from tests.servers.scripted import Script, Server, free_port
from tests.terminal import terminal

JOBS = "/v1/fine-tunes"
NOON = 1769860800
HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202eevil\nmodel"


def listed(number: int, status: str = "running", **more: Any) -> Fields:
    """Return a job; the newest has the least number."""
    return job(status, id=f"ft-{number}", created_at=NOON - number * 3600, **more)


def list_of(*jobs: Fields, **more: Any) -> Script:
    return answer({"object": "list", "data": jobs, **more})


async def jobs(server: Server, *options: str) -> tuple[int, str, str]:
    async with server.running():
        done = await asyncio.to_thread(ftmon, "jobs", "--base-url", f"{server.origin}/v1", *options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def history(data_home: Path) -> Path:
    path = data_home / "ftmon" / "history.sqlite3"
    path.parent.mkdir(parents=True)
    return path


pytestmark = pytest.mark.slow


async def test_a_pipe_gets_a_plain_line_for_each_job_the_newest_first() -> None:
    server = Server({JOBS: [list_of(listed(2, "failed"), listed(1), listed(3, "succeeded", model=HOSTILE))]})
    status, out, err = await jobs(server)
    assert (status, err) == (0, "")
    url = f"{server.origin}/v1"
    assert out.splitlines() == [
        f"▶ running    ft-1  2026-01-31 11:00  service  {url}  curie",
        f"✘ failed     ft-2  2026-01-31 10:00  service  {url}  curie",
        f"✔ succeeded  ft-3  2026-01-31 09:00  service  {url}  \N{REPLACEMENT CHARACTER}evil↵model",
    ]


async def test_jobs_of_both_places_are_one_list_and_each_says_where_it_is_from(history: Path) -> None:
    server = Server({JOBS: [list_of(listed(1), listed(3))]})
    listener = free_port()
    here = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    for url, number in ((here, 3), ("http://127.0.0.1:1/v1", 2)):
        key = JobKey(url, f"ft-{number}")
        record(history, told(*STORED, key=key, job=job_of("running", created_at=NOON - number * 3600)))
    async with server.running(listener):
        done = await asyncio.to_thread(ftmon, "jobs", "--base-url", here, "--json")
    assert [
        (each["id"], each["source"], each["events"], each["base_url"]) for each in objects(done.stdout)
    ] == [
        ("ft-1", "service", None, here),
        ("ft-2", "history", len(STORED), "http://127.0.0.1:1/v1"),
        ("ft-3", "both", len(STORED), here),
    ]
    assert done.returncode == 0


async def test_without_the_history_nothing_recorded_is_listed(history: Path) -> None:
    record(history, told(*STORED, job=job_of("running")))
    status, out, _ = await jobs(Server({JOBS: [list_of(listed(1))]}), "--no-history")
    assert status == 0
    assert len(out.splitlines()) == 1


@pytest.mark.parametrize("kind", ["refused", "no list", "unreachable", "no key"])
async def test_where_the_service_cannot_be_asked_the_recorded_jobs_are_listed(
    kind: str, history: Path
) -> None:
    record(history, told(*STORED, job=job_of("running")))
    if kind == "refused":
        status, out, err = await jobs(Server({JOBS: [refusal(403, "Not yours.")]}))
        assert (status, "Not yours" in err) == (4, True)
    elif kind == "no list":
        status, out, err = await jobs(Server({}))
        assert (status, "has no list of jobs (404)" in err, err[-7:]) == (4, True, "right?\n")
    elif kind == "unreachable":
        with free_port() as port:
            url = f"http://127.0.0.1:{port.getsockname()[1]}/v1"
            done = await asyncio.to_thread(ftmon, "jobs", "--base-url", url)
        status, out, err = done.returncode, done.stdout.decode(), done.stderr.decode()
        assert (status, "refused the connection" in err) == (5, True)
    else:
        done = await asyncio.to_thread(ftmon, "jobs")
        status, out, err = done.returncode, done.stdout.decode(), done.stderr.decode()
        assert (status, "wants a key" in err) == (2, True)
    assert out.startswith("▶ last seen running  ft-AF1WoRqd3aJAHsqc9NY7iL8F")
    assert err.count("\n") == 1
    assert "cannot be listed: " in err


async def test_a_limit_is_read_over_several_pages_and_no_further() -> None:
    pages = {
        FIRST_JOBS: [list_of(listed(1), listed(2), has_more=True)],
        f"{FIRST_JOBS}&after=ft-2": [list_of(listed(3), listed(4), has_more=True)],
    }
    server = Server(pages)
    status, out, err = await jobs(server, "--limit", "3")
    assert (status, err) == (0, "")
    assert [line.split()[2] for line in out.splitlines()] == ["ft-1", "ft-2", "ft-3"]
    assert [request.target for request in server.requests[1:]] == list(pages)


async def test_a_list_that_breaks_off_is_told_after_what_has_come() -> None:
    pages = {
        FIRST_JOBS: [list_of(listed(1), has_more=True)],
        f"{FIRST_JOBS}&after=ft-1": [refusal(403, "Enough.")],
    }
    status, out, err = await jobs(Server(pages))
    assert status == 4
    assert "ft-1" in out
    assert "Enough" in err


async def test_only_jobs_of_the_wanted_statuses_are_listed_and_counted() -> None:
    pages = {
        FIRST_JOBS: [list_of(listed(1, "failed"), listed(2, "cancelled"), has_more=True)],
        f"{FIRST_JOBS}&after=ft-2": [list_of(listed(3, "running"), listed(4, "failed"), has_more=True)],
    }
    status, out, _ = await jobs(Server(pages), "--status", "running", "failed", "--limit", "2")
    assert status == 0
    assert [line.split()[2] for line in out.splitlines()] == ["ft-1", "ft-3"]


async def test_more_jobs_than_usual_are_announced() -> None:
    server = Server({JOBS: [list_of(*map(listed, range(101)))]})
    status, out, err = await jobs(server)
    assert status == 0
    assert len(out.splitlines()) == 100
    assert err == "ftmon: these are the newest 100 jobs; --limit 1000 lists more.\n"


async def test_a_list_that_does_not_come_in_time_is_given_up() -> None:
    server = Server({JOBS: [[asyncio.Event()]]})
    status, out, err = await jobs(server, "--timeout", "1")
    assert (status, out) == (124, "")
    assert err == f"ftmon: The jobs of {server.origin}/v1 cannot be listed: no answer came in time.\n"


@pytest.mark.parametrize("options", [(), ("--status", "failed")], ids=str)
async def test_no_job_is_said(options: tuple[str, ...]) -> None:
    status, out, err = await jobs(Server({JOBS: [list_of()]}), *options)
    assert (status, out) == (0, "")
    assert err in ("ftmon: there are no jobs.\n", "ftmon: there are no such jobs.\n")


@pytest.mark.parametrize(
    "options",
    [["--limit", "0"], ["--limit", "x"], ["--status", "done"], ["ft-1"], ["--base-url", "x"]],
    ids=str,
)
def test_a_command_line_that_cannot_be_used_is_told(options: list[str]) -> None:
    done = ftmon("jobs", *options)
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}], ids=str)
async def test_a_terminal_gets_a_table_that_fits_it(environment: dict[str, str]) -> None:
    server = Server({JOBS: [list_of(listed(1), listed(2, "failed", model="m" * 200))]})
    async with server.running():
        command = [*FTMON, "jobs", "--base-url", f"{server.origin}/v1", "--no-history"]

        def run() -> tuple[str, bytes]:
            with terminal(command, 80, 12, **environment) as shown:
                assert shown.wait() == 0
                return shown.text, shown.written

        text, written = await asyncio.to_thread(run)
    heading, first, second, *rest = text.splitlines()
    assert heading.split() == ["status", "job", "created", "from", "model"]
    assert first.startswith("▶ running  ft-1")
    assert second.rstrip().endswith("m…")
    assert not "".join(rest).strip()
    assert (b"\x1b[" in written) is not bool(environment)


# The table


def jobs_of(*models: str) -> list[ListedJob]:
    created_at = datetime.fromtimestamp(NOON, UTC)
    return [
        ListedJob(
            JobKey(f"http://127.0.0.{number}:8000/v1", f"ft-AF1WoRqd3aJAHsqc9NY7iL8{number}"),
            Job(f"ft-{number}", Status.RUNNING, created_at=created_at, model=model),
            is_listed=True,
        )
        for number, model in enumerate(models, 1)
    ]


@pytest.mark.parametrize("width", range(40, 160, 7))
def test_no_line_is_wider_than_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    many = jobs_of("curie", "日本語モデル" * 20, "e\u0301" * 99, "m" * 99)
    lines = list(
        table(many, many[0].key.service, width, datetime.fromtimestamp(NOON, UTC) + timedelta(hours=3))
    )
    assert all(cells(line) <= width for line in lines)
    assert all(each.key.job_id in line for each, line in zip(many, lines[1:], strict=True))
    at = datetime.fromtimestamp(NOON, UTC)
    runs = [RecordedRun(each.key, at, at, 3, each.job, "", None, is_partial=False) for each in many]
    # No part of an id is left out.
    assert all(cells(line) <= max(width, 52) for line in listing.table(runs, width))


def test_a_host_stands_in_the_table_only_where_it_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    here, elsewhere = jobs_of("curie", "ada")
    assert "127.0.0" not in "".join(table([here], here.key.service, 140))
    heading, one, other = table([here, elsewhere], here.key.service, 140)
    assert " at " in heading
    assert "127.0.0" not in one
    assert "127.0.0.2:8000" in other


@pytest.mark.parametrize(
    ("text", "width", "cut"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("e\u0301" * 4, 3, "e\u0301" * 2 + "…"),
        ("ab", 1, "…"),
        ("ab", 0, ""),
        ("", 0, ""),
    ],
)
def test_text_is_cut_to_its_cells(text: str, width: int, cut: str) -> None:
    assert fitted(text, width) == cut
    assert cells(cut) <= width


def test_a_giant_text_is_cut_at_once() -> None:
    assert fitted("m" * 5_000_000, 8) == "mmmmmmm…"


def test_a_cell_is_two_columns_wide_one_or_none() -> None:
    assert [cells(text) for text in ("", "abc", "日本", "e\u0301", "▶ é")] == [0, 3, 4, 1, 3]
