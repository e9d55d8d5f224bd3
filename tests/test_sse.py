import json
import re
import tracemalloc
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftmon.wire.sse import Decoder, ServerEvent

SAMPLES = Path(__file__).parent / "samples"
BOM = b"\xef\xbb\xbf"
MIB = 2**20

every_line_end = pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
every_cut = pytest.mark.parametrize("size", [1, 2, 3, 100])
thorough = settings(deadline=None, max_examples=1000)


def events_of(stream: bytes, size: int = 100) -> list[ServerEvent]:
    decoder = Decoder()
    return feed(decoder, stream, size) + decoder.close()


def feed(decoder: Decoder, stream: bytes, size: int) -> list[ServerEvent]:
    return [event for at in range(0, len(stream), size) for event in decoder.feed(stream[at : at + size])]


# The specification's own examples, and what it says of each.
WHATWG = {
    "three messages, of which one has two lines": (
        b"data: This is the first message.\n\n"
        b"data: This is the second message, it\ndata: has two lines.\n\n"
        b"data: This is the third message.\n\n",
        [
            ServerEvent("This is the first message."),
            ServerEvent("This is the second message, it\nhas two lines."),
            ServerEvent("This is the third message."),
        ],
    ),
    "event types": (
        b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
        [ServerEvent("73857293", "add"), ServerEvent("2153", "remove"), ServerEvent("113411", "add")],
    ),
    "a stock ticker": (b"data: YHOO\ndata: +2\ndata: 10\n\n", [ServerEvent("YHOO\n+2\n10")]),
    "a comment, an id, an id taken back, and an event that never ends": (
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
        [ServerEvent("first event", id="1"), ServerEvent("second event", id="")],
    ),
    "a leading space beyond the one that is dropped": (
        b"data:  third event\n\n",
        [ServerEvent(" third event")],
    ),
    "data without a value": (b"data\n\ndata\ndata\n\ndata:", [ServerEvent(""), ServerEvent("\n")]),
    "the space after the colon is optional": (
        b"data:test\n\ndata: test\n\n",
        [ServerEvent("test"), ServerEvent("test")],
    ),
}

RULES = {
    "one BOM is dropped": (BOM + b"data: a\n\n", [ServerEvent("a")]),
    "a second BOM is part of the line": (BOM + BOM + b"data: a\n\n", []),
    "a BOM in data stays": (b"data: " + BOM + b"a\n\n", [ServerEvent("\ufeffa")]),
    "a BOM at the start of a later line is part of it": (
        b"data: a\n\n" + BOM + b"data: b\n\n",
        [ServerEvent("a")],
    ),
    "half a BOM is part of the line": (BOM[:2] + b"data: a\n\ndata: b\n\n", [ServerEvent("b")]),
    "blank lines alone are nothing": (b"\n\n\n\ndata: a\n\n\n\n", [ServerEvent("a")]),
    "a comment is nothing": (b":\n\n: data: a\n\n:data: a\ndata: b\n: c\n\n", [ServerEvent("b")]),
    "an unknown field is nothing": (b"status: 200\ndatas: a\ndat: a\ndata: b\n\n", [ServerEvent("b")]),
    "a field's name counts to the letter": (
        b"Data: a\n data: b\ndata : c\n\ndata: d\n\n",
        [ServerEvent("d")],
    ),
    "a colon in the value stays": (b"data: a: b\n\ndata::\n\n", [ServerEvent("a: b"), ServerEvent(":")]),
    "only a space is dropped after the colon": (b"data:\ta \n\n", [ServerEvent("\ta ")]),
    "an event without data is not dispatched and its type is forgotten": (
        b"event: a\n\ndata: b\n\n",
        [ServerEvent("b")],
    ),
    "an empty type is the usual one": (b"event: a\nevent:\ndata: b\n\n", [ServerEvent("b")]),
    "the last id of a frame counts": (b"id: 1\ndata: a\nid: 2\n\n", [ServerEvent("a", id="2")]),
    "an id belongs to its own frame": (
        b"id: 1\ndata: a\n\ndata: b\n\n",
        [ServerEvent("a", id="1"), ServerEvent("b")],
    ),
    "an id with NUL is ignored": (b"id: 1\0\ndata: a\n\n", [ServerEvent("a")]),
    "other separators of lines are data": (
        "data: \u2028\u2029\x85\v\f\x1c\n\n".encode(),
        [ServerEvent("\u2028\u2029\x85\v\f\x1c")],
    ),
    "text of more than ASCII": (
        "event: ü\nid: é\ndata: 訓練 😀\n\n".encode(),
        [ServerEvent("訓練 😀", "ü", "é")],
    ),
    "bytes that are no UTF-8 are replaced": (
        b"data: \xff\xf0\x9f\x98\n\ndata: \x80\n\nevent: \xc3\nid: \xe2\x82\ndata: \xed\xa0\x80\n\n",
        [ServerEvent("\ufffd\ufffd"), ServerEvent("\ufffd"), ServerEvent("\ufffd" * 3, "\ufffd", "\ufffd")],
    ),
    "an unfinished event is not dispatched": (b"data: a\n\ndata: b\n", [ServerEvent("a")]),
    "an unfinished line is not read": (b"data: a\n\ndata: b", [ServerEvent("a")]),
}


@pytest.mark.parametrize(("stream", "expected"), WHATWG.values(), ids=WHATWG)
@every_line_end
@every_cut
def test_an_example_of_the_specification(
    stream: bytes, expected: list[ServerEvent], line_end: bytes, size: int
) -> None:
    assert events_of(stream.replace(b"\n", line_end), size) == expected


@pytest.mark.parametrize(("stream", "expected"), RULES.values(), ids=RULES)
@every_line_end
@every_cut
def test_a_rule(stream: bytes, expected: list[ServerEvent], line_end: bytes, size: int) -> None:
    assert events_of(stream.replace(b"\n", line_end), size) == expected


def test_line_ends_may_be_mixed() -> None:
    assert events_of(b"data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\rdata: e\n\n") == [
        ServerEvent("a\nb\nc"),
        ServerEvent("d"),
        ServerEvent("e"),
    ]


def test_a_line_ended_by_cr_is_not_held_back_and_its_lf_is_no_second_line() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: a\r\r") == [ServerEvent("a")]
    assert decoder.feed(b"\ndata: b\r") == []
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"\n") == [ServerEvent("b")]


@every_cut
def test_an_id_is_sticky_and_is_committed_at_the_blank_line(size: int) -> None:
    decoder = Decoder(last_event_id="0")
    feed(decoder, b"id: 1\ndata: a\n", size)
    assert decoder.last_event_id == "0"
    feed(decoder, b"\ndata: b\n\n", size)
    assert decoder.last_event_id == "1"
    feed(decoder, b"id: 2\n\nid: 3\0\n\n", size)
    assert decoder.last_event_id == "2"
    feed(decoder, b"id: 4\n", size)
    decoder.close()
    assert decoder.last_event_id == "2"
    assert feed(Decoder(), b"id\n\ndata: a\n\n", size) == [ServerEvent("a")]


def test_an_empty_id_takes_the_last_one_back() -> None:
    decoder = Decoder(last_event_id="1")
    assert decoder.feed(b"id\ndata: a\n\n") == [ServerEvent("a", id="")]
    assert decoder.last_event_id == ""


@pytest.mark.parametrize(
    ("line", "retry"),
    [
        (b"retry: 3000", 3000),
        (b"retry:0", 0),
        (b"retry: 999999999", 999_999_999),
        (b"retry: 1000000000", 7),
        (b"retry: 0000000005", 7),
        (b"retry", 7),
        (b"retry: -1", 7),
        (b"retry: +1", 7),
        (b"retry: 1.5", 7),
        (b"retry: 1_0", 7),
        (b"retry:  1", 7),
        ("retry: ٣".encode(), 7),
        ("retry: ²".encode(), 7),
    ],
)
def test_only_a_short_decimal_number_sets_the_time_to_retry(line: bytes, retry: int) -> None:
    decoder = Decoder()
    assert decoder.retry is None
    decoder.feed(b"retry: 7\n" + line + b"\n")
    assert decoder.retry == retry


def test_an_unfinished_retry_is_not_heard() -> None:
    decoder = Decoder()
    decoder.feed(b"retry: 30")
    decoder.close()
    assert decoder.retry is None


@pytest.mark.parametrize("head", [b"", BOM, b": comment\n", b"data: a\n\n", b"other: x\n", b"retry: 1\n"])
@pytest.mark.parametrize("done", [b"data: [DONE]", b"data:[DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n"])
@every_cut
def test_a_bare_done_counts_without_its_line_ends(head: bytes, done: bytes, size: int) -> None:
    decoder = Decoder()
    feed(decoder, head + done, size)
    assert decoder.close() == [ServerEvent("[DONE]")]
    assert decoder.close() == []


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        BOM[:2],
        b"data: [DONE]\n\n",
        b"data: [DONE",
        b"data:  [DONE]",
        b"data: [DONE] ",
        b"[DONE]",
        b": data: [DONE]",
        b"data: a\ndata: [DONE]\n",
        b"data: [DONE]\ndata: a",
        b"data: [DONE]\ndata\n",
        b"event: a\ndata: [DONE]\n",
        b"id: 1\ndata: [DONE]\n",
        b"data: a\n",
        b"data: a",
    ],
)
@every_cut
def test_nothing_else_unfinished_counts(stream: bytes, size: int) -> None:
    decoder = Decoder()
    feed(decoder, stream, size)
    assert decoder.close() == []


LIMITED = {
    "a line of the limit": (b"data: 6789ab\n\n", [ServerEvent("6789ab")], 0),
    "a line beyond it": (b"data: 6789abc\n\ndata: a\n\n", [ServerEvent("a")], 1),
    "the limit counts bytes": ("data: 訓練é\n\ndata: b\n\n".encode(), [ServerEvent("b")], 1),
    "a BOM is no part of the line": (BOM + b"data: 6789ab\n\n", [ServerEvent("6789ab")], 0),
    "the other lines of the lost frame": (
        b"data: a\nevent: b\nid: c\ndata: 6789abc\ndata: d\nevent: e\nid: f\n\ndata: g\n\n",
        [ServerEvent("g")],
        1,
    ),
    "each of its long lines": (b"data: 6789abc\ndata: 6789abc\n:\n\ndata: a\n\n", [ServerEvent("a")], 2),
    "a comment": (b"data: a\n:123456789abc\n\ndata: b\n\n", [ServerEvent("b")], 1),
    "a comment on its own": (b":123456789abc\n\ndata: b\n\n", [ServerEvent("b")], 1),
    "an id": (b"id: 456789abc\ndata: a\n\ndata: b\n\n", [ServerEvent("b")], 1),
    "data that sums up to the limit": (
        b"data: 0123\ndata: 56\ndata:89ab\n\n",
        [ServerEvent("0123\n56\n89ab")],
        0,
    ),
    "data that sums up to more": (
        b"id: 1\ndata: 0123\ndata: 56\ndata:89abc\ndata: 6789ab\n\ndata: a\n\n",
        [ServerEvent("a")],
        1,
    ),
    "data of nothing but line ends": (
        b"data\n" * 13 + b"\ndata\n\n",
        [ServerEvent("\n" * 12), ServerEvent("")],
        0,
    ),
    "too much of nothing but line ends": (b"data\n" * 14 + b"\ndata\n\n", [ServerEvent("")], 1),
    "a long line after too much data": (
        b"data: 012345\ndata: 789abc\ndata: 0\ndata: 6789abc\n\ndata: a\n\n",
        [ServerEvent("a")],
        2,
    ),
    "a long line without an end": (b"data: a\n\n:123456789abcdef", [ServerEvent("a")], 1),
    "a done after a long line": (b":123456789abc\ndata: [DONE]", [], 1),
    "a done before a long line": (b"data: [DONE]\n:123456789abc", [], 1),
}


@pytest.mark.parametrize(("stream", "expected", "dropped"), LIMITED.values(), ids=LIMITED)
@every_line_end
@every_cut
def test_what_is_too_long_costs_its_whole_frame(
    stream: bytes, expected: list[ServerEvent], dropped: int, line_end: bytes, size: int
) -> None:
    decoder = Decoder(max_line=12)
    assert feed(decoder, stream.replace(b"\n", line_end), size) + decoder.close() == expected
    assert decoder.dropped == dropped
    assert decoder.last_event_id == ""


def test_a_lost_frame_may_still_say_when_to_retry() -> None:
    decoder = Decoder(max_line=12)
    decoder.feed(b"data: 6789abc\nretry: 5\n\n")
    assert (decoder.retry, decoder.dropped) == (5, 1)


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b"x" * 2**14, id="a line"),
        pytest.param(b"data: " + b"x" * 1000 + b"\n", id="data"),
        pytest.param(b"data\n" * 4000, id="empty data"),
        pytest.param(b": " + b"x" * 1000 + b"\n", id="comments"),
        pytest.param(b"id: " + b"x" * 1000 + b"\n", id="ids"),
    ],
)
def test_an_endless_frame_is_read_in_bounded_memory(piece: bytes) -> None:
    decoder = Decoder(max_line=2**16)
    tracemalloc.start()
    for _ in range(MIB // len(piece)):
        decoder.feed(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MIB // 2
    assert decoder.feed(b"\n\ndata: a\n\n")[-1] == ServerEvent("a")


class Outcome(NamedTuple):
    events: list[ServerEvent]
    last_event_id: str
    retry: int | None
    dropped: int
    unfinished: list[ServerEvent]


def outcome(stream: bytes, max_line: int) -> Outcome:
    # The whole stream at once, decoded before it is split, as the specification tells it.
    stream = stream.removeprefix(BOM)
    lines = re.split(rb"\r\n|\n|\r", stream)
    texts = re.split(r"\r\n|\n|\r", stream.decode("utf-8", "replace"))
    unfinished, unfinished_text = lines.pop(), texts.pop()
    events: list[ServerEvent] = []
    last_event_id, retry, dropped = "", None, 0
    data: list[str] = []
    event, own_id, size, lost = "", None, -1, False
    for line, text in zip(lines, texts, strict=True):
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if not lost:
                last_event_id = last_event_id if own_id is None else own_id
                events += [ServerEvent("\n".join(data), event or "message", own_id)] if data else []
            data, event, own_id, size, lost = [], "", None, -1, False
        elif len(line) > max_line:
            dropped, lost = dropped + 1, True
        elif name == "data" and not lost:
            data.append(value)
            size += 1 + len(line.partition(b":")[2].removeprefix(b" "))
            if size > max_line:
                dropped, lost = dropped + 1, True
        elif name == "event":
            event = value
        elif name == "id" and "\0" not in value:
            own_id = value
        elif name == "retry" and re.fullmatch("[0-9]{1,9}", value):
            retry = int(value)
    if len(unfinished) > max_line:
        dropped, lost = dropped + 1, True
    if re.match("data:", unfinished_text):
        data.append(unfinished_text.removeprefix("data:").removeprefix(" "))
    is_done = data == ["[DONE]"] and not (event or own_id is not None or lost)
    return Outcome(events, last_event_id, retry, dropped, [ServerEvent("[DONE]")] if is_done else [])


TROUBLE = [
    *[b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b":", b" ", b"x", b"x" * 9, b"\0"],
    *[b"data", b"data:", b"data: ", b"data: {}\n\n", b"data: a\n\n", b"data: [DONE]", b"data: [DONE]\n"],
    *[b"id", b"id: 1", b"id: 2\n", b"event", b"event: e\n", b"retry: 10\n", b"retry: ", b"1", b"0000000000"],
    *[BOM, BOM[:1], BOM[1:], b"\xff", b"\xf0\x9f", b"\x98\x80", "é".encode(), "\u2028".encode(), b"\x85"],
]
streams = st.lists(st.sampled_from(TROUBLE) | st.binary(max_size=3), max_size=30).map(b"".join)
cuts = st.lists(st.integers(0, 12) | st.just(1000), min_size=1, max_size=8).filter(any)


@given(streams, cuts, st.integers(3, 20) | st.just(8 * MIB))
@thorough
def test_after_each_chunk_all_is_known_that_the_stream_has_said(
    stream: bytes, sizes: list[int], max_line: int
) -> None:
    decoder = Decoder(max_line)
    events: list[ServerEvent] = []
    at = 0
    for size in cycle(sizes):
        events += decoder.feed(stream[at : at + size])
        at += size
        expected = outcome(stream[:at], max_line)
        assert (events, decoder.last_event_id, decoder.retry, decoder.dropped) == expected[:4]
        if at >= len(stream):
            break
    assert decoder.close() == expected.unfinished


@pytest.mark.parametrize(
    ("name", "count", "is_done"),
    [
        ("openai_legacy_stream_full", 21, True),
        ("openai_legacy_stream_cut_no_done", 3, False),
        ("localai_progress_illustrative", 3, False),
        ("unsloth_studio_progress_illustrative", 5, False),
    ],
)
@every_line_end
@every_cut
def test_a_sample_is_read_whole(name: str, count: int, is_done: bool, line_end: bytes, size: int) -> None:
    stream = (SAMPLES / f"{name}.sse").read_bytes().replace(b"\n", line_end)
    events = events_of(stream, size)
    assert len(events) == count
    assert (events[-1].data == "[DONE]") is is_done
    assert all(isinstance(json.loads(event.data), dict) for event in (events[:-1] if is_done else events))


def test_the_ids_and_types_of_a_sample() -> None:
    decoder = Decoder()
    events = decoder.feed((SAMPLES / "unsloth_studio_progress_illustrative.sse").read_bytes())
    assert [(event.event, event.id) for event in events] == [
        ("progress", "0"),
        ("heartbeat", "0"),
        ("progress", "1"),
        ("progress", "2"),
        ("complete", "60"),
    ]
    assert (decoder.retry, decoder.last_event_id) == (3000, "60")
