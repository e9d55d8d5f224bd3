import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest

from ftmon.errors import FtmonError, RefusedError, UnreachableError
from ftmon.model.key import JobKey
from ftmon.model.update import Update
from ftmon.settings import Settings
from ftmon.wire.choosing import Candidates
from ftmon.wire.client import MAX_BODY, Client
from ftmon.wire.dialects.fine_tuning_jobs import FINE_TUNING_JOBS
from ftmon.wire.follow.polling import MAX_PAGES, Polling
from ftmon.wire.follow.session import Session
from ftmon.wire.pace import Pace
from tests.servers.fine_tunes import JOB as FIRST_JOB
from tests.servers.fine_tunes import LIST as FIRST_LIST
from tests.servers.fine_tunes import STREAM, Fields, answer, failure, head, refusal
from tests.servers.fine_tunes import job as first_job
from tests.servers.fine_tuning_jobs import (
    EVENTS,
    JOB,
    JOB_ID,
    MOMENTS,
    SAMPLES,
    STORY,
    JobsServer,
    Moment,
    event,
    job,
    sample,
)
from tests.servers.scripted import End, Script, Server
from tests.test_fine_tuning_jobs import followed as followed_by_id
from tests.test_follow import PACE, followed

pytestmark = pytest.mark.skips_waits

MIB = 2**20


def numbered(first: int, last: int) -> list[Fields]:
    """Return events of neighbouring seconds, oldest first."""
    return [
        event(f"Step {number}/9999: training loss=0.5", 1723885000 + number, number)
        for number in range(first, last + 1)
    ]


def listed(*newest_first: Fields, has_more: bool = False) -> Script:
    return answer({"object": "list", "data": newest_first, "has_more": has_more})


class PagesServer(Server):
    """Answers each request with the page that a test makes for its cursor."""

    def __init__(self, page: Callable[[str], Script]) -> None:
        super().__init__({})
        self.page = page

    @property
    def cursors(self) -> list[str]:
        return [_cursor(request.target) for request in self.requests]

    def _script(self, target: str) -> Script:
        return self.page(_cursor(target))


def _cursor(target: str) -> str:
    return parse_qs(urlsplit(target).query).get("after", [""])[0]


def still(
    events: Sequence[Fields],
    *,
    is_oldest_first: bool = False,
    scripts: Mapping[str, Sequence[Script]] | None = None,
) -> JobsServer:
    """Return a service of pages of ten, whose events all stand already."""
    moments = [Moment(job("running"), 10**6)]
    return JobsServer(moments, events, largest=10, is_oldest_first=is_oldest_first, scripts=scripts)


@dataclass
class Reads:
    """One polling, and all that it told."""

    polling: Polling
    server: Server
    updates: list[Update] = field(default_factory=list)

    async def __call__(self, *, to_the_end: bool = False) -> tuple[int | None, int]:
        """Read the list; return how many events were new, and how many requests that took."""
        before = len(self.server.requests)
        new = await self.polling.read(to_the_end=to_the_end)
        return new, len(self.server.requests) - before

    @property
    def fields(self) -> list[Fields]:
        return [event.fields for update in self.updates for event in update.events]

    @property
    def notices(self) -> list[str]:
        return [update.notice for update in self.updates if update.notice]


@asynccontextmanager
async def reading(
    server: Server,
    pace: Pace = PACE,
    *,
    max_pages: int = MAX_PAGES,
    max_size: int = MAX_BODY,
    max_body: int = MAX_BODY,
) -> AsyncIterator[Reads]:
    async with server.running(), asyncio.timeout(10):
        settings = Settings(f"{server.origin}/v1")

        async def report(*updates: Update) -> None:
            reads.updates += updates

        async with aclosing(Client(settings, max_body=max_body)) as client:
            key = JobKey.checked(settings.base_url, JOB_ID)
            session = Session(client, key, Candidates((FINE_TUNING_JOBS,)), report)
            polling = Polling(session, pace, max_pages=max_pages, max_size=max_size)
            reads = Reads(polling, server)
            yield reads


# Back to what is known


async def test_a_list_is_read_back_to_what_is_known_and_no_further() -> None:
    server = still(numbered(1, 30))
    async with reading(server) as read:
        assert await read() == (30, 3)
        assert await read() == (0, 1)
        assert await read() == (0, 1)
        server.events = numbered(1, 35)
        assert await read() == (5, 1)
        server.events = numbered(1, 60)
        assert await read() == (25, 3)
        assert await read() == (0, 1)
        assert await read(to_the_end=True) == (0, 1)
    assert read.fields == numbered(1, 60)


async def test_a_follower_asks_for_one_page_at_each_poll_while_nothing_is_new() -> None:
    moments = [*MOMENTS[:5], *[MOMENTS[4]] * 20, *MOMENTS[5:]]
    server = JobsServer(moments, largest=4)
    async with server.running():
        told = await followed_by_id(server)
    assert told.fields == STORY
    targets = [request.target for request in server.requests]
    polls = " ".join("job" if target == JOB else "page" for target in targets).split("job")
    assert polls.count(" page ") >= 20
    assert max(poll.count("page") for poll in polls[:-2]) <= 2


async def test_two_pages_are_a_moment_apart() -> None:
    async with reading(still(numbered(1, 50)), replace(PACE, page=0.02)) as read:
        assert await read() == (50, 5)
    times = [request.at for request in read.server.requests]
    assert all(later - earlier > 0.019 for earlier, later in pairwise(times))


def test_no_service_is_asked_for_more_than_ten_pages_a_second_or_two_thousand_at_once() -> None:
    assert Pace().page >= 0.1
    assert MAX_PAGES == 2000


async def test_a_list_that_shrinks_loses_and_repeats_nothing() -> None:
    server = still(numbered(1, 15))
    async with reading(server) as read:
        assert await read() == (15, 2)
        server.events = numbered(1, 12)
        assert await read() == (0, 1)
        server.events = []
        assert await read() == (0, 1)
        server.events = numbered(1, 16)
        assert await read() == (1, 1)
    assert read.fields == numbered(1, 16)


# A later page that fails

BAD_PAGES: dict[str, tuple[Script, type[FtmonError]]] = {
    "500": (failure(500), UnreachableError),
    "429": (failure(429), UnreachableError),
    "garbage": (answer(b"<html>garbage"), UnreachableError),
    "a cut": (
        [head(200, "application/json", Content_Length="900"), b'{"data": [', End.FIN],
        UnreachableError,
    ),
    "a reset": ([End.RST], UnreachableError),
    "404": (refusal(404, "No such event"), RefusedError),
    "400": (refusal(400, "Bad cursor"), RefusedError),
}
bad_pages = pytest.mark.parametrize(("bad", "error"), BAD_PAGES.values(), ids=BAD_PAGES)


def after(number: int) -> str:
    """Return the target of the page after an event."""
    return f"{EVENTS}?limit=100&after={numbered(number, number)[0]['id']}"


@bad_pages
async def test_a_bad_later_page_costs_neither_the_pages_before_it_nor_the_news(
    bad: Script, error: type[FtmonError]
) -> None:
    server = still(numbered(1, 30), scripts={after(21): [bad]})
    async with reading(server) as read:
        with pytest.raises(error):
            await read()
        assert read.fields == numbered(21, 30)
        # The bad page is left alone, and the news are told.
        assert await read() == (0, 1)
        server.events = numbered(1, 32)
        assert await read() == (2, 1)
        assert await read() == (0, 1)
        assert len(server.asked(after(21))) == 1
    assert read.fields == numbered(21, 32)


@bad_pages
async def test_what_stands_on_a_page_that_was_bad_is_read_later(bad: Script, error: type[FtmonError]) -> None:
    server = still(numbered(1, 10))
    async with reading(server, replace(PACE, quiet_again=0)) as read:
        assert await read() == (10, 1)
        server.scripts = {after(41): [bad]}
        server.events = numbered(1, 50)
        with pytest.raises(error):
            await read()
        assert read.fields[10:] == numbered(41, 50)
        server.scripts = {}
        assert await read() == (30, 5)
        assert await read() == (0, 1)
    assert sorted(fields["created_at"] for fields in read.fields) == [
        fields["created_at"] for fields in numbered(1, 50)
    ]


async def test_what_stands_on_a_bad_page_is_read_at_the_end_at_the_latest() -> None:
    server = still(numbered(1, 10))
    async with reading(server) as read:
        await read()
        server.scripts = {after(41): [failure(500)]}
        server.events = numbered(1, 50)
        with pytest.raises(UnreachableError):
            await read()
        server.scripts = {}
        assert await read() == (0, 1)
        assert await read(to_the_end=True) == (30, 5)


async def test_a_reading_that_is_given_up_midway_is_made_up_for() -> None:
    server = still(numbered(1, 10))
    async with reading(server) as read:
        await read()
        server.scripts = {after(41): [[End.HANG]]}
        server.events = numbered(1, 50)
        task = asyncio.create_task(read())
        await server.until(lambda: bool(server.asked(after(41))))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert read.fields[10:] == numbered(41, 50)
        server.scripts = {}
        assert await read() == (30, 5)


async def test_a_reading_that_is_given_up_does_not_wait_for_a_front_end_that_stands_still() -> None:
    server = still(numbered(1, 30), scripts={after(21): [[End.HANG]]})
    told: list[Update] = []

    async def report(*updates: Update) -> None:
        told.extend(updates)
        await asyncio.Event().wait()

    async with server.running(), aclosing(Client(Settings(f"{server.origin}/v1"))) as client:
        key = JobKey.checked(f"{server.origin}/v1", JOB_ID)
        polling = Polling(Session(client, key, Candidates((FINE_TUNING_JOBS,)), report), PACE)
        task = asyncio.create_task(polling.read())
        await server.until(lambda: bool(server.asked(after(21))))
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.cancelled()
    assert [event.fields for update in told for event in update.events] == numbered(21, 30)


async def test_a_bad_first_page_is_no_reason_to_read_everything_again() -> None:
    server = still(numbered(1, 30))
    async with reading(server, replace(PACE, quiet_again=0)) as read:
        await read()
        server.scripts = {f"{EVENTS}?limit=100": [failure(500)]}
        with pytest.raises(UnreachableError):
            await read()
        server.scripts = {}
        assert await read() == (0, 1)


# Odd cursors

TEN = numbered(1, 10)[::-1]


async def test_a_service_that_ignores_the_cursor_is_asked_twice() -> None:
    server = PagesServer(lambda cursor: listed(*TEN, has_more=True))
    async with reading(server) as read:
        assert await read() == (10, 2)
        assert await read() == (0, 1)
    assert read.fields == TEN[::-1]


async def test_a_service_that_ignores_the_cursor_and_tells_oldest_first_is_asked_twice() -> None:
    server = PagesServer(lambda cursor: listed(*TEN[::-1], has_more=True))
    async with reading(server) as read:
        assert await read() == (10, 2)
        assert await read() == (0, 2)
        assert await read() == (0, 2)
    assert read.fields == TEN[::-1]


async def test_events_without_ids_are_one_page() -> None:
    entries = [{name: value for name, value in fields.items() if name != "id"} for fields in TEN]
    server = PagesServer(lambda cursor: listed(*entries, has_more=True))
    async with reading(server) as read:
        assert await read() == (10, 1)
        assert await read() == (0, 1)
    assert read.fields == entries[::-1]


@pytest.mark.parametrize("is_oldest_first", [False, True])
async def test_a_circle_of_cursors_is_gone_through_once(is_oldest_first: bool) -> None:
    entries = numbered(1, 30) if is_oldest_first else numbered(1, 30)[::-1]
    pages = [entries[:10], entries[10:20], entries[20:]]
    following = {"": 0, pages[0][-1]["id"]: 1, pages[1][-1]["id"]: 2, pages[2][-1]["id"]: 0}
    server = PagesServer(lambda cursor: listed(*pages[following[cursor]], has_more=True))
    async with reading(server) as read:
        new, requests = await read()
        assert (new, requests <= 4) == (30, True)
        for _ in range(3):
            new, requests = await read()
            assert (new, requests <= 2) == (0, True)
    assert read.fields == numbered(1, 30)


async def test_an_empty_page_ends_the_list_whatever_it_says() -> None:
    pages = {"": listed(*TEN, has_more=True)}
    server = PagesServer(lambda cursor: pages.get(cursor, listed(has_more=True)))
    async with reading(server) as read:
        assert await read() == (10, 2)
        assert await read() == (0, 1)
        pages[""] = listed(has_more=True)
        assert await read() == (0, 1)


@pytest.mark.parametrize("is_oldest_first", [False, True])
async def test_cursors_that_never_end_are_followed_so_far_and_told_once(is_oldest_first: bool) -> None:
    def endless(cursor: str) -> Script:
        start = int(cursor.removeprefix("ftevent-")) if cursor else 5000
        page = numbered(start + 1, start + 10) if is_oldest_first else numbered(start - 10, start - 1)[::-1]
        return listed(*page, has_more=True)

    server = PagesServer(endless)
    async with reading(server, max_pages=5) as read:
        assert await read() == (50, 5)
        # A newest-first list is known from its first page, an oldest-first one goes on.
        assert await read() == ((50, 5) if is_oldest_first else (0, 1))
    assert read.notices == ["The list of events has no end; only the part that was read is shown."]
    numbers = [int(fields["id"].removeprefix("ftevent-")) for fields in read.fields]
    assert numbers == sorted(set(numbers))


async def test_a_list_of_many_pages_is_held_up_to_a_size() -> None:
    server = still(numbered(1, 100))
    async with reading(server, max_size=5000) as read:
        new, requests = await read()
        assert new == 10 * requests
        assert requests < 10
        assert await read() == (0, 1)
    assert read.fields == numbered(101 - 10 * requests, 100)
    assert len(read.notices) == 1


# Ids that tell nothing apart


@pytest.mark.parametrize("shared", [JOB_ID, "ftevent-0"], ids=["the job's id", "one id"])
@pytest.mark.parametrize("is_oldest_first", [False, True])
async def test_events_that_share_an_id_are_told_once_each(shared: str, is_oldest_first: bool) -> None:
    events = [{**fields, "id": shared} for fields in numbered(1, 12)]
    order = 1 if is_oldest_first else -1
    pages = {"": listed(*events[:10][::order], has_more=True)}
    server = PagesServer(lambda cursor: pages[""])
    async with reading(server) as read:
        assert await read() == (10, 2)
        new, requests = await read()
        assert (new, requests <= 2) == (0, True)
        pages[""] = listed(*events[::order], has_more=True)
        new, requests = await read()
        assert (new, requests <= 2) == (2, True)
    assert read.fields == events


async def test_a_second_page_of_events_that_share_an_id_is_told_too() -> None:
    events = [{**fields, "id": JOB_ID} for fields in numbered(1, 20)]
    server = PagesServer(
        lambda cursor: listed(*(events[:10][::-1] if cursor else events[:9:-1]), has_more=True)
    )
    async with reading(server) as read:
        assert await read() == (20, 2)
    assert read.fields == events


# Oldest first


async def test_an_oldest_first_list_is_read_on_from_its_last_page() -> None:
    server = still(numbered(1, 31), is_oldest_first=True)
    async with reading(server) as read:
        assert await read() == (31, 4)
        assert await read() == (0, 1)
        for last in range(32, 75):
            server.events = numbered(1, last)
            new, requests = await read()
            assert (new, requests <= 2) == (1, True)
        server.events = numbered(1, 100)
        assert await read() == (26, 4)
        assert await read() == (0, 1)
    assert read.fields == numbered(1, 100)


async def test_an_oldest_first_list_is_told_as_it_comes() -> None:
    has_told = asyncio.Event()
    events = numbered(1, 20)
    second: Script = [has_told, *listed(*events[10:])]
    server = PagesServer(lambda cursor: second if cursor else listed(*events[:10], has_more=True))
    async with reading(server) as read:
        task = asyncio.create_task(read())
        await server.until(lambda: len(server.requests) == 2)
        assert read.fields == events[:10]
        has_told.set()
        assert await task == (20, 2)
    assert read.fields == events


async def test_pages_of_one_second_are_in_the_order_of_the_pages_before_them() -> None:
    events = [{**fields, "created_at": max(fields["created_at"], 1723885010)} for fields in numbered(1, 40)]
    events[:2] = numbered(1, 2)
    events[20:] = [{**fields, "created_at": 1723885030} for fields in events[20:]]
    server = still(events, is_oldest_first=True)
    async with reading(server) as read:
        assert await read() == (40, 4)
        assert await read() == (0, 1)
    assert read.fields == events


@pytest.mark.parametrize(
    "refused", [refusal(404, "No such event"), refusal(400, "Bad cursor")], ids=["404", "400"]
)
async def test_a_cursor_that_is_no_longer_known_begins_the_list_again(refused: Script) -> None:
    server = still(numbered(1, 30), is_oldest_first=True)
    async with reading(server) as read:
        await read()
        server.scripts = {after(30): [refused]}
        server.events = [*numbered(1, 29), *numbered(31, 32)]
        with suppress(RefusedError):
            assert await read() == (None, 1)
        assert await read() == (2, 4)
    assert read.fields == numbered(1, 32)


NEBIUS = [
    event(line.partition("info: ")[2], int(line[1:11]), number)
    for number, line in enumerate((SAMPLES / "nebius_events_oldest_first.txt").read_text().splitlines())
]


@pytest.mark.parametrize("largest", [2, 3, 100])
async def test_a_run_of_nebius_is_followed_to_its_end(largest: int) -> None:
    running = {**sample("nebius_job_running"), "id": JOB_ID}
    # The last event precedes the final status.
    moments = [
        *[Moment(running, count) for count in (1, 1, 3, 3, 4, 4)],
        Moment({**running, "status": "succeeded"}, 4),
    ]
    server = JobsServer(moments, NEBIUS, largest=largest, is_oldest_first=True)
    async with server.running():
        told = await followed_by_id(server, pace=PACE)
    assert told.fields == NEBIUS
    assert told.run.exit_status == 0


# Lists that are too large

LARGE = [{**fields, "data": {"text": "x" * MIB}} for fields in numbered(1, 2)]


async def test_a_list_that_is_too_large_is_told_once_and_not_loaded_again() -> None:
    server = PagesServer(lambda cursor: listed(*LARGE))
    async with reading(server, max_body=MIB) as read:
        assert await read() == (None, 1)
        assert await read() == (None, 0)
        assert await read(to_the_end=True) == (None, 0)
    assert read.notices == ["The list of events cannot be read: the answer is larger than 1 MiB."]
    assert read.fields == []


async def test_an_older_page_that_is_too_large_costs_no_news() -> None:
    pages = {"": listed(*TEN, has_more=True)}
    server = PagesServer(lambda cursor: pages.get(cursor, listed(*LARGE)))
    async with reading(server, max_body=MIB) as read:
        assert await read() == (10, 2)
        pages[""] = listed(*numbered(1, 12)[::-1], has_more=True)
        assert await read() == (2, 1)
        assert await read(to_the_end=True) == (0, 1)
    assert read.fields == numbered(1, 12)
    assert len(read.notices) == 1


async def test_a_later_page_of_an_oldest_first_list_that_is_too_large_is_its_end() -> None:
    server = PagesServer(lambda cursor: listed(*LARGE) if cursor else listed(*TEN[::-1], has_more=True))
    async with reading(server, max_body=MIB) as read:
        assert await read() == (10, 2)
        assert await read() == (None, 0)
    assert read.fields == TEN[::-1]
    assert len(read.notices) == 1


async def test_a_list_in_place_of_the_stream_that_is_too_large_is_told_once() -> None:
    large = answer(json.dumps({"object": "list", "data": LARGE}, indent=1).encode())
    over = answer(first_job("succeeded"))
    server = Server(
        {FIRST_JOB: [*[answer(first_job())] * 9, over], STREAM: [large], FIRST_LIST: [large]},
    )
    async with server.running():
        told = await followed(server.origin, max_body=MIB)
    assert (len(server.asked(STREAM)), len(server.asked(FIRST_LIST))) == (1, 1)
    assert [notice for notice in told.notices if "larger than 1 MiB" in notice] == told.notices
    assert len(told.notices) == 1
    assert told.run.exit_status == 0
