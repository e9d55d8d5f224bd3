import resource
import tracemalloc
from random import Random

import httpx
from msgspec.structs import replace

from ftmon.serving.api import MOST_INSIDE
from ftmon.serving.event import EventLog, ServedEvent
from ftmon.serving.spool import Spool
from tests.serving.story import START, Story, client

LINES = [f"line {number} ".encode() * (number % 50) for number in range(5000)]
EVENT = ServedEvent(
    START, "Step", "running", "warning", "metrics", {"step": 1, "train_loss": None}, "x", True
)
PATH = "/v1/fine-tunes/ft-0123456789abcdef01234567"


def filled(spool: Spool) -> Spool:
    for line in LINES:
        spool.append(line)
    return spool


def read(spool: Spool, start: int = 0) -> list[bytes]:
    found: list[bytes] = []
    while start + len(found) < len(spool):
        found += spool.read(start + len(found))
    return found


def test_lines_are_read_from_any_number_on() -> None:
    spool = filled(Spool())
    assert len(spool) == len(LINES)
    for start in (0, 1, 2500, len(LINES) - 1, len(LINES)):
        assert read(spool, start) == LINES[start:]
    chance = Random(0)
    for number in chance.choices(range(len(LINES)), k=100):
        assert spool.read(number)[0] == LINES[number]


def test_lines_that_are_added_at_once_lie_in_blocks_of_a_bounded_size() -> None:
    spool = Spool()
    spool.append(*[b"x" * 30_000] * 100)
    assert max(map(len, spool.pieces())) < 100_000
    assert read(spool) == [b"x" * 30_000] * 100


def test_pieces_of_text_have_all_lines_between_what_they_are_sent_between() -> None:
    spool = filled(Spool(b"data: ", b"\n\n"))
    text = b"".join(b"data: " + line + b"\n\n" for line in LINES)
    assert b"".join(spool.pieces()) == text
    assert spool.size == len(text)
    piece, count = spool.piece(7)
    assert piece == b"".join(b"data: " + line + b"\n\n" for line in LINES[7 : 7 + count])
    assert read(spool, 2500) == LINES[2500:]


def test_spools_share_a_file_and_keep_their_own_lines() -> None:
    spools = [Spool(), Spool()]
    for line in LINES:
        spools[0].append(line)
        spools[1].append(line + b"!")
    assert [read(spool)[-1] for spool in spools] == [LINES[-1], LINES[-1] + b"!"]
    assert read(spools[1]) == [line + b"!" for line in LINES]


def test_nothing_is_lost_where_the_disk_is_full_for_a_while() -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    spool = filled(Spool())
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        filled(spool)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert read(filled(spool)) == LINES * 3


def test_an_event_is_read_as_it_was_told() -> None:
    log = EventLog()
    told = [
        EVENT,
        replace(EVENT, figures={}, kind="message", status="failed", message="ü\n\x1b\u2028"),
        EVENT,
    ]
    for event in told:
        log.append(event)
    assert list(log.all) == told
    assert list(log.all[1:]) == told[1:]
    assert log.all[-1] == told[-1]
    assert [list(log.of(*kinds)) for kinds in (("metrics",), ("message", "metrics"), ("checkpoint",))] == [
        told[::2],
        told,
        [],
    ]
    assert list(log.changes) == told
    # 1 is a step, and 1.0 is none.
    assert isinstance(log.all[0].figures["step"], int)


def test_an_event_takes_only_a_few_bytes_of_memory() -> None:
    log = EventLog()
    tracemalloc.start()
    try:
        for number in range(20_000):
            log.append(replace(EVENT, message=f"Step {number}: " + "x" * 100))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 20_000 * 20


async def answered(story: Story, path: str) -> httpx.Response:
    async with client(story) as asked:
        return await asked.get(path)


async def test_all_events_are_listed_and_streamed_and_a_job_has_the_newest_ones_inside() -> None:
    story = Story()
    for number in range(3 * MOST_INSIDE):
        story.tell(f"message {number} ü", "running")
    story.succeed()
    messages = [event.message for event in story.job.events]
    listed = (await answered(story, f"{PATH}/events")).json()["data"]
    assert [event["message"] for event in listed] == messages
    inside = (await answered(story, PATH)).json()["events"]
    assert inside == listed[-MOST_INSIDE:]
    streamed = (await answered(story, f"{PATH}/events?stream=true")).text
    assert streamed.count("data: ") == len(messages) + 1
    # A second reader gets the same frames.
    assert (await answered(story, f"{PATH}/events?stream=true")).text == streamed
