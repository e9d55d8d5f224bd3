import asyncio
import json
import logging
import os
import re
import socket
import sqlite3
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from traceback import format_exception
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from ftmon.commands import listing
from ftmon.errors import FtmonError, UsageError
from ftmon.history.reader import RecordedRun
from ftmon.history.recorder import Recorder
from ftmon.history.store import History
from ftmon.lines.printer import text_line
from ftmon.lines.summary import summary
from ftmon.model.event import Event, event_json
from ftmon.model.job import Job, job_json
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.update import Connection, Update, Wire
from ftmon.safe import safe
from ftmon.settings import Key, Settings
from ftmon.settings.choice import read_settings
from ftmon.tui.widgets.outcome import ending
from ftmon.watch.watcher import Watcher
from ftmon.wire.client import Client
from ftmon.wire.dialects import reading
from ftmon.wire.dialects.dialect import InBandError
from ftmon.wire.dialects.fine_tunes import FINE_TUNES
from ftmon.wire.pace import Pace
from ftmon.wire.refusal import sentence
from ftmon.wire.sse import ServerEvent
from tests.command import FTMON, PATIENCE, environment, ftmon, objects, running
from tests.demo.process import Demo, demo
from tests.front_end import watch
from tests.servers.fine_tunes import (
    DONE,
    JOB,
    JOB_ID,
    LIST,
    STORY,
    STREAM,
    Fields,
    answer,
    chunk,
    event,
    head,
    job,
    page,
    stream,
)
from tests.servers.scripted import End, Script, Server
from tests.terminal import Terminal, terminal
from tests.test_client import ECHOES, certificate, fetched, serving, speaking_tls
from tests.test_client import KEY as ECHOED
from tests.test_follow import PACE, each_fault, followed

pytestmark = pytest.mark.slow

BASE_URL = "http://127.0.0.1:8000/v1"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

# Untrusted text


RAN = Path(gettempdir(), f"ftmon-ran-{os.getpid()}")
"""A file that each hostile text would make, if anything ran it."""


def hostile(place: str) -> str:
    """Return a text that does all that can be done to a terminal; `place` tells where it was put."""
    return (
        f"{place} #(touch {RAN})#{{E:#(touch {RAN})}}%%$(touch {RAN})`touch {RAN}`a{chr(0x301) * 99}"
        f"\x1b]0;x-{place}\x07\x1b]52;c;x-{place}\x07\x1b]8;;http://x-{place}\x1b\\link\x1b]8;;\x1b\\"
        f"\x1b[2J\x1b[31m\x1b[6n\x1bc\x1bP$qx-{place}\x1b\\\x1b_x-{place}\x1b\\\x1b(0"
        f"\x9d0;x-{place}\x9c\x9b31m\x90x-{place}\x9c\x9b\x85"
        "\u202e\u2066\u200f\u200b\u2028\ufeff\U000e0041\ud800\x00\x07\x08\r\x7f"
        "[@click=app.quit]x[/][/x][red [b]b[/b]"
        f"\x1b]0;x-{place}\n\x1b[\x1b"
    )


def wire(value: Any) -> bytes:
    """Encode as a service may that escapes no more than it must."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def file(place: str) -> Fields:
    return {"id": hostile(f"{place}-id"), "filename": hostile(f"{place}-name"), "object": hostile(place)}


def hostile_job(status: str, **more: Any) -> Fields:
    names = ("model", "fine_tuned_model", "organization_id", "object", hostile("name"))
    return {
        **job(status),
        **{name: hostile(f"job-{name[:5]}") for name in names},
        "hyperparams": {hostile("hyper"): hostile("hyperparams"), "n_epochs": hostile("epochs")},
        "training_files": [file("training")],
        "result_files": [file("result")],
        "error": {"message": hostile("job-error"), "code": hostile("code")},
        **more,
    }


EVENTS = [
    event("Fine-tune started"),
    event(hostile("message"), 1, level=hostile("level"), object=hostile("object")),
    {
        **event(hostile("full"), 2),
        "id": hostile("event-id"),
        "type": hostile("type"),
        "data": {hostile("data-name"): [hostile("data"), {"deep": hostile("deep")}]},
        hostile("extra-name"): {"extra": hostile("extra")},
    },
    event(f"Uploaded model: {hostile('uploaded').replace(' ', '')}", 3),
    event(f"Uploaded result file: {hostile('file').replace(' ', '')}", 4),
    event(f"Error: {hostile('told')}", 5, level="error"),
    event(hostile("time"), created_at=hostile("created")),
    event("long " + hostile("long") * 200, 6),
    *(
        event(f"Step {step}/9: training loss={step}", 6, data={"train_loss": step, hostile("figure"): step})
        for step in (1, 2)
    ),
    event("all told", 7),
]


def frame(fields: Fields) -> bytes:
    return b"data: " + wire(fields) + b"\n\n"


ODD_FRAMES = (
    b"event: error\ndata: " + wire({"error": {"message": hostile("frame-error")}}) + b"\n\n"
    b"id: \x9b31m\xc2\x9d0;x-id\xc2\x9c\nevent: \x1b[2J\ndata: " + wire(event("odd frame")) + b"\n\n"
    b'data: {"message": "raw \xc2\x9b31m\x9b\xff\x7f \xe2\x80\xae"}\n\n'
    b"data: \x1b]0;x-none\x07\n\n"
)
REFUSED = answer(wire({"error": {"message": hostile("refused")}}), 403)


def hostile_service(*, over: asyncio.Event | None = None) -> Server:
    """Return a service of which every text is hostile; the job goes on until `over` is set."""
    ended = answer(wire(hostile_job("failed")))
    listed = [hostile_job(hostile("status")), {**hostile_job("running"), "id": hostile("listed")}]
    steps = [*map(frame, EVENTS), ODD_FRAMES]
    return Server(
        {
            "/v1/fine-tunes": [answer(wire({"object": "list", "data": listed}))],
            JOB: lambda: (
                ended if over is None or over.is_set() else answer(wire(hostile_job(hostile("status"))))
            ),
            STREAM: [stream(*steps, *([over] if over else []), DONE)],
            LIST: [answer(wire({"object": "list", "data": EVENTS}))],
            f"{JOB}/cancel": [REFUSED],
        }
    )


def check_harmless(*outputs: bytes) -> None:
    """What is printed is safe text, and nothing of a control sequence is left where all of it was there."""
    for output in outputs:
        text = output.decode()
        assert safe(text) == text
        # One sequence of each text has no end, so that its words stay.
        assert not re.search(r"(?<!\N{REPLACEMENT CHARACTER}\]0;)x-\w", text.replace("\\ufffd", "\ufffd"))


async def run(*arguments: str, **options: Any) -> tuple[int, bytes, bytes]:
    done = await asyncio.to_thread(ftmon, *arguments, **options)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "how", [["--plain"], ["--json"], ["--plain", "--no-stream"], ["--json", "--no-stream"]], ids=str
)
async def test_what_is_printed_of_a_hostile_service_is_harmless(how: list[str]) -> None:
    server = hostile_service()
    async with server.running():
        status, out, err = await run(JOB_ID, "--base-url", f"{server.origin}/v1", *how)
    assert status == 1
    check_harmless(out, err)
    assert b"all told" in out
    assert b"job-error" in out
    assert ("--no-stream" in how) or b"frame-error" in err


async def test_what_is_printed_of_the_history_of_a_hostile_job_is_harmless(tmp_path: Path) -> None:
    server = hostile_service()
    async with server.running():
        await run(JOB_ID, "--base-url", f"{server.origin}/v1", "--json")
    for arguments, words in (
        (["history"], b"job-fine_"),
        (["history", "--json"], b"job-fine_"),
        (["history", JOB_ID], b"all told"),
        (["history", JOB_ID, "--json"], b"all told"),
        (["export", JOB_ID], b"all told"),
        (["export", JOB_ID, "--format", "csv"], b"all told"),
    ):
        _, out, err = await run(*arguments)
        check_harmless(out, err)
        assert words in out
    table = tmp_path / "run.csv"
    status, _, err = await run("export", JOB_ID, "--format", "csv", "--output", str(table))
    assert status == 0
    check_harmless(err, table.read_bytes(), table.with_suffix(".metrics.csv").read_bytes())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_refusal_in_hostile_words_is_printed_harmlessly(status: int) -> None:
    refused = answer(wire({"error": {"message": hostile("refused")}}), status)
    server = Server({target: [refused] for target in (JOB, STREAM, LIST)})
    async with server.running():
        ended, out, err = await run(JOB_ID, "--base-url", f"{server.origin}/v1")
    assert (ended, out) == (4, b"")
    assert b"refused" in err
    check_harmless(err)


ODD_HEAD = b"HTTP/1.1 %d \x9b31m\xc2\x9d0;x-reason\xc2\x9c\r\nX-Odd: \x9b31m\xc2\x9d0;x-header\xc2\x9c\r\n"

ODD_ANSWERS: dict[str, Script] = {
    "a reason": [ODD_HEAD % 500 + b"Content-Length: 0\r\n\r\n"],
    "a time to wait": [ODD_HEAD % 503 + b"Retry-After: \xc2\x9b31mx\r\nContent-Length: 0\r\n\r\n"],
    "a media type": [ODD_HEAD % 200 + b"Content-Type: \xc2\x9b31m/\xc2\x9b\r\nContent-Length: 0\r\n\r\n"],
    "a packing": [ODD_HEAD % 200 + b"Content-Encoding: \xc2\x9b31m\r\nContent-Length: 0\r\n\r\n"],
    "a way": [ODD_HEAD % 302 + b"Location: http://\xc2\x9b31m.example/\xc2\x9b\r\nContent-Length: 0\r\n\r\n"],
    "a way of this service": [ODD_HEAD % 302 + b"Location: /\xc2\x9b31m\xc2\x9b?\xe2\x80\xae\r\n\r\n"],
    "a way that is none": [ODD_HEAD % 302 + b"Location: http://[\xc2\x9b31m\r\n\r\n"],
    "escapes in the head": [b"HTTP/1.1 200 \x1b[2J\r\nX-\x1b]0;x\x07: \x1b[31m\r\n\r\n"],
    "escapes in place of a head": [b"\x1b]0;x-title\x07\x1b[2J\r\n\r\n"],
    "a page": answer(b"<h1>\x1b[2J\xc2\x9b31m</h1>", 502, "text/html"),
    "a text": answer(b"\x1b[2J\xc2\x9b31m", 404, "text/plain"),
    "a stream of errors": stream(chunk(ODD_FRAMES)),
}


@pytest.mark.parametrize("odd", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
async def test_nothing_of_an_odd_answer_is_told_as_it_came(odd: Script) -> None:
    server = Server({target: [odd] for target in (JOB, STREAM, LIST)})
    async with server.running():
        told = await followed(server.origin, replace(PACE, give_up=0.2, lag=0))
    texts = [*told.notices, *(wait.reason for wait in told.waits), told.sentence]
    texts += [event.message for event in told.events]
    assert all(safe(text) == text for text in texts)
    assert "x-" not in "".join(texts).replace("\N{REPLACEMENT CHARACTER}]0;x-", "")


OURS = re.compile(
    rb"\x1b\[[\d;]*m|\x1b\[\d+;\d+H|\x1b\[\?[\d;]+[hl]|\x1b\[\?\d+\$p|\x1b\[>\d+u|\x1b\[<u|\x1b\[K"
    rb"|\x1b\]22;[a-z-]*\x07|\x1b\[2[23];0t|\x1b\]0;[^\x00-\x1f]*\x07"
    rb"|\x1b\]52;c;[A-Za-z0-9+/=]*\x07|\x1b\]777;notify;[ -~]*\x07"
)
"""All that the screen writes: looks, places, modes and questions about them, keys, erasing, the pointer, the
title, the clipboard, and notifications."""


def visit(shown: Terminal, folder: Path, end: Callable[[], object]) -> None:
    """Open everything that shows, copies or saves a text, then let the job end."""

    def see(keys: str, words: str) -> None:
        shown.press(keys)
        shown.until_shown(words)

    def close(words: str) -> None:
        shown.press("\x1b")
        shown.until(lambda: words not in shown.text)

    def copy(key: str, copies: int) -> None:
        shown.press(key)
        shown.until(lambda: len(CLIPBOARD.findall(shown.written)) == copies)

    shown.until_shown("all told")
    shown.until_shown("1 error of the stream")
    see("o", "1 job listed by the service")
    see("\x1b[B", "1 run recorded here")
    close("Watch a job")
    see("?", "Go to the last event")
    close("Go to the last event")
    see("i", "About this run")
    see("\x1b[F", '"code":')
    copy("Y", 1)
    close('"code":')
    see("\x10", "Search for commands")
    see("model", "Copy the model's name")
    close("Copy the model's name")
    see("v", "figure #(touch")
    see("u", "train 1.00")
    see("/", "a step:")
    see("full\r", "search: full")
    copy("Y", 2)
    see("\r", "esc closes")
    copy("y", 3)
    close("esc closes")
    for kind in ("txt", "jsonl", "csv"):
        see("s", "save as")
        # Each key on its own: those that follow at once would be handled before this one.
        see("\x15", "a name that ends")
        shown.press(f"{folder}/told.{kind}\r")
        shown.until((folder / f"told.{kind}").exists)
    see("&", "leaves out")
    see("full\r", "filter: full")
    see("x", "Cancel this job?")
    see("y", "The job was not cancelled")
    end()
    shown.until_shown("■ closed")


CLIPBOARD = re.compile(rb"\x1b\]52;c?;([A-Za-z0-9+/=]*)\x07")


def check_visited(folder: Path, shown: Terminal) -> None:
    """What was saved, copied and handed to the command of notifications is harmless, and nothing was run."""
    copies = [b64decode(each) for each in CLIPBOARD.findall(shown.written)]
    assert [copied[:1] for copied in copies] == [b"{", b"{", b"2"]
    check_harmless(*copies, *(path.read_bytes() for path in folder.iterdir()))
    assert sorted(path.name for path in folder.iterdir()) == [
        "notified",
        "told.csv",
        "told.jsonl",
        "told.txt",
    ]
    assert not RAN.exists()


def notifying(folder: Path) -> str:
    """Return a command that keeps what a notification tells it."""
    return (
        f"sh -c 'printenv FTMON_TITLE FTMON_MESSAGE FTMON_MODEL >{folder}/new; cat >>{folder}/new; "
        f"mv {folder}/new {folder}/notified'"
    )


async def test_only_the_screen_s_own_sequences_reach_a_terminal_that_shows_a_hostile_service(
    tmp_path: Path,
) -> None:
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    server = hostile_service(over=over)
    folder = tmp_path / "folder"
    folder.mkdir()

    def watched(shown: Terminal) -> int:
        visit(shown, folder, partial(loop.call_soon_threadsafe, over.set))
        shown.press("q")
        shown.until((folder / "notified").exists)
        return shown.wait()

    async with server.running():
        command = ["env", "TERM=foot", *FTMON, JOB_ID, "--base-url", f"{server.origin}/v1"]
        with terminal(command, columns=160, FTMON_NOTIFY=notifying(folder)) as shown:
            status = await asyncio.to_thread(watched, shown)
            shown.assert_restored()
    assert status == 1
    check_visited(folder, shown)
    assert b"job-error" in shown.written
    # The bell that rings at the end.
    assert check_own(shown.written).count(b"\x07") == 1


def check_own(written: bytes) -> bytes:
    """Check that there is no sequence but the screen's own ones, and return the rest."""
    rest = OURS.sub(b"", written)
    assert not re.search(rb"[\x00-\x06\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]", rest)
    text = rest.decode()
    assert not re.search(r"[\ud800-\udfff\u2028-\u202e\u2066-\u2069\u200b\u200f\ufeff\U000e0041]", text)
    assert not re.search(r"(?<!\N{REPLACEMENT CHARACTER}\]0;)x-\w", text)
    assert not RAN.exists()
    return rest


def test_only_the_screen_s_own_sequences_reach_a_terminal_that_shows_a_hostile_training(
    tmp_path: Path,
) -> None:
    folder = tmp_path / f"\x1b]0;x-folder\x07\x1b[2J\x9b31m\u202e#(touch {RAN.name})"
    folder.mkdir()
    # As JSON has it, a sequence is text that does nothing.
    figures = {"loss": 1.5, "epoch": 1, hostile("figure").replace("x-", "y-"): 2}
    lines = [hostile("line"), json.dumps(figures), f"ValueError: {hostile('failure')}", "all told\n"]
    (folder / "log").write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    command = [*FTMON, "run", "--name", hostile("run").replace("\0", "").replace("\ud800", ""), "--"]
    with terminal(["env", "-C", str(folder), *command, "sh", "-c", "cat log; exit 3"], columns=160) as shown:
        shown.until_shown("all told")
        shown.until_shown("✘ failed")
        for keys, words in (("/", "a step:"), ("line\r", "search: line"), ("\r", "esc closes")):
            shown.press(keys)
            shown.until_shown(words)
        shown.press("\x1b")
        shown.until(lambda: "esc closes" not in shown.text)
        shown.press("o")
        shown.until_shown("Watch a job")
        shown.until_shown("1 run on this machine")
        shown.press("\x03")
        assert shown.wait() == 1
        shown.assert_restored()
    check_own(shown.written)


harmful = st.text(
    st.sampled_from("\x1b\x9b\x9d[]0;m\x07\u202e\u2028\u200b\ud800\x00\x7f\r\n\t[/b]=sk-é") | st.characters(),
    max_size=20,
)
words = st.sampled_from(
    [
        *("Step 1/2: training loss=0.5\x1b[2J", "Uploaded model: \x9b31mx", "Error: \u202ex", "running"),
        *("Fine-tune started", "Fine-tune costs $3\x07", "error", "warning", "succeeded", "failed", "1e400"),
        *("2026-01-31T12:00:00", "-1", "nan", JOB_ID),
    ]
)
texts = harmful | words | harmful.map(lambda text: hostile("deep") + text)
numbers = st.integers() | st.integers(-(2**200), 2**200) | st.floats()
values = texts | st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def objects_of(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with any of these fields, and others, all of any value."""
    known = st.dictionaries(st.sampled_from(names), values, min_size=len(names) // 2)
    return st.builds(lambda one, other: {**one, **other}, st.dictionaries(harmful, values, max_size=2), known)


event_objects = objects_of("object", "id", "created_at", "level", "message", "type", "data", "error")
job_objects = objects_of(
    *("id", "object", "status", "model", "fine_tuned_model", "model_output_name", "created_at", "updated_at"),
    *("finished_at", "hyperparams", "hyperparameters", "n_epochs", "error", "events", "result_files"),
)
thorough = budget(max_examples=100)


def texts_of(value: Any) -> Iterator[str]:
    """Yield all strings of a value as JSON has it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)


def check_safe(*texts: str | None) -> None:
    for text in filter(None, texts):
        assert safe(text) == text


def check_events(events: list[Event]) -> None:
    for each in events:
        shown = event_json(each, JOB_ID)
        check_safe(each.message, shown.id if isinstance(shown.id, str) else None, shown.type, text_line(each))
        check_safe(*texts_of(shown.data), *texts_of(None if not shown.extra else shown.extra))


def check_run(job: Job, events: list[Event]) -> None:
    run = Run(JobKey(BASE_URL, JOB_ID))
    run.apply(Update(run.key, NOW, tuple(events), replace(job, id=JOB_ID), Connection(Wire.CLOSED)))
    check_safe(*summary(run, NOW), *texts_of(job_json(replace(job, id=JOB_ID), run.events, run.failure)))
    check_safe(*(str(word) for word in ending(run) or ()), run.status_word)


@given(st.lists(event_objects, max_size=4), st.booleans())
@thorough
def test_events_of_any_value_are_read_into_safe_text(fields: list[Fields], is_ascii: bool) -> None:
    events: list[Event] = []
    for each in fields:
        text = json.dumps(each, ensure_ascii=is_ascii)
        item = FINE_TUNES.frame_reader()(ServerEvent(text.encode("utf-8", "replace").decode()))
        if isinstance(item, InBandError):
            check_safe(item.message)
        elif isinstance(item, Event):
            events.append(item)
    check_events(events)
    check_run(Job(JOB_ID), events)
    page = FINE_TUNES.read_page(wire({"data": fields}))
    assert len(page.events) + page.malformed == len(fields)
    check_events(page.events)


@given(job_objects)
@thorough
def test_a_job_of_any_value_is_read_into_safe_text(fields: Fields) -> None:
    for parsed in FINE_TUNES.read_jobs(wire([fields])).jobs:
        check_safe(parsed.id, parsed.model, parsed.fine_tuned_model, parsed.error, parsed.provider_status)
    with suppress(ValueError):
        answer = FINE_TUNES.read_job(wire(fields))
        events = answer.page.events if answer.page else []
        check_events(events)
        check_run(answer.job, events)
        run = RecordedRun(
            JobKey(BASE_URL, JOB_ID), NOW, NOW, 1, answer.job, "fine-tunes", None, is_partial=True
        )
        (line,) = listing.table([run])
        check_safe(line)
        assert "\n" not in line


@given(values)
@thorough
def test_an_error_of_any_value_is_read_into_safe_text(value: Any) -> None:
    check_safe(sentence(value), sentence({"error": value}))
    with suppress(ValueError):
        FINE_TUNES.read_page(wire(value))
        FINE_TUNES.read_jobs(wire(value))


# The key

# As long as the job's id, so that it can stand in its place in every script.
SECRET = Key("Zq7/pXr+w29Lk=vT4m.Nc8yB1eH", "FTMON_API_KEY")
"""Nothing tells by its looks that it is one, and an address writes it in another way."""

SAID = SECRET.value
QUOTED = quote(SAID, safe="")
ESCAPED = "".join([f"\\u{ord(letter):04x}" for letter in SAID])
PACKED = b64encode(f"user:{SAID}".encode()).decode()
FORMS = {
    "as it is": json.dumps(SAID),
    "with slashes escaped": json.dumps(SAID).replace("/", "\\/"),
    "as a careful encoder writes it": json.dumps(SAID).replace("+", "\\u002b").replace("=", "\\u003D"),
    "escaped whole": f'"{ESCAPED}"',
    "in an address": json.dumps(f"GET /?key={QUOTED}"),
    "in an address, escaped": json.dumps(f"?key={QUOTED}").replace("%", "\\u0025"),
    "cut up by colours": json.dumps(f"{SAID[:9]}\x1b[1m{SAID[9:]}"),
    "cut up by colours of C1": json.dumps(f"{SAID[:9]}\x9b1m{SAID[9:]}", ensure_ascii=False),
    "cut up by what is not seen": json.dumps(f"{SAID[:9]}\u200b{SAID[9:]}", ensure_ascii=False),
    "cut up by what is not seen, escaped": json.dumps(f"{SAID[:9]}\u200b{SAID[9:]}"),
    "in base64": json.dumps(f"Basic {PACKED}"),
    "in base64, in lines": json.dumps(f"{PACKED[:20]}\r\n {PACKED[20:]}"),
    "in a header": json.dumps({"headers": {"Authorization": [f"Bearer {SAID}\n"], SAID: "é"}}),
}


def check_hidden(*outputs: str | bytes) -> None:
    """Neither the key nor a half of it is there, as it is or as an address or JSON writes it."""
    for output in outputs:
        said = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
        for form in (
            said,
            said.replace("\\\\", "\\"),
            re.sub(r"\\u00(..)", lambda m: chr(int(m[1], 16)), said),
        ):
            assert SAID[:9] not in form
            assert SAID[-9:] not in form
            assert QUOTED[:9] not in form
            assert QUOTED[-9:] not in form
            assert PACKED[8:17] not in form


def told_of(update: Update) -> Iterator[str]:
    """Yield all that there is in an update, and the traceback of its error."""
    yield repr(update)
    for each in update.events:
        yield repr(event_json(each, JOB_ID))
        yield repr(each.fields)
    if update.connection is not None and update.connection.error is not None:
        yield "".join(format_exception(update.connection.error))


async def watched(server: Server, history: Path, pace: Pace = PACE, key: Key = SECRET) -> list[str]:
    """Watch a job to its end, and return all that was told of it."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    watcher = Watcher(Settings(f"{server.origin}/v1", key), pace=pace, history=history)
    told: list[str] = []
    run = Run(watch(watcher, JOB_ID))

    def wake() -> None:
        loop.call_soon_threadsafe(news.set)

    watcher.start(wake)
    try:
        async with asyncio.timeout(20):
            while run.exit_status is None:
                await news.wait()
                news.clear()
                for update in watcher.drain():
                    run.apply(update)
                    told += told_of(update)
    finally:
        # While it is open, some of it is in a file beside it.
        recorded = recorded_in(history)
        watcher.close()
    check_hidden(*recorded, *recorded_in(history), *told, *summary(run, NOW))
    assert run.key.job_id.encode() in b"".join(recorded_in(history)) or run.job is None
    return told


def recorded_in(history: Path) -> list[bytes]:
    return [path.read_bytes() for path in history.parent.glob("*")]


def repeating(script: Script) -> Script:
    """Return a script that says the key in place of the job's id, and in its head."""
    more = f"Connection: close\r\nRetry-After: {SAID}\r\nX-Request: Bearer {SAID}\r\nSet-Cookie: {QUOTED}\r\n"
    return [
        step.replace(b"Some Words", f"Bearer {SAID}".encode())
        .replace(b"Connection: close\r\n", more.encode())
        .replace(JOB_ID.encode(), SAID.encode())
        if isinstance(step, bytes)
        else step
        for step in script
    ]


def repeating_job(status: str) -> Script:
    names = ("id", "model", "fine_tuned_model", "organization_id", "object")
    fields = {**job(status), **dict.fromkeys(names, SAID), "error": {"message": f"the key {SAID} is known"}}
    return repeating(answer({**fields, "hyperparams": {SAID: SAID}, "result_files": [{"id": SAID}]}))


WHOLE = repeating(
    stream(
        f"id: {SAID}\nevent: {SAID}\ndata: ".encode() + json.dumps(event(f"with {SAID}", id=SAID)).encode(),
        b"\n\nevent: error\ndata: " + json.dumps({"error": {"message": SAID}}).encode() + b"\n\n",
        *STORY,
        DONE,
    )
)


@each_fault
async def test_no_fault_tells_the_key_that_a_service_repeats(fault: Script, tmp_path: Path) -> None:
    assert len(SAID) == len(JOB_ID)
    fault = repeating(fault)

    def job_now() -> Script:
        return repeating_job("running" if len(server.asked(STREAM)) < 3 else "failed")

    server = Server({STREAM: [fault, fault, WHOLE], JOB: job_now, LIST: [repeating(page(*STORY))]})
    async with server.running():
        told = await watched(server, tmp_path / "history" / "history.sqlite3")
    assert "with [key]" in "".join(told)
    assert server.requests[0].headers["authorization"] == f"Bearer {SAID}"


@each_fault
async def test_no_fault_that_lasts_tells_the_key_that_a_service_repeats(
    fault: Script, tmp_path: Path
) -> None:
    server = Server({target: [repeating(fault)] for target in (STREAM, JOB, LIST)})
    async with server.running():
        await watched(server, tmp_path / "history" / "history.sqlite3", replace(PACE, give_up=0.2, lag=0))
    assert server.requests


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_however_a_service_writes_the_key_it_is_neither_told_nor_recorded(
    form: str, tmp_path: Path
) -> None:
    def with_form(fields: Any) -> bytes:
        return json.dumps(fields).replace('"KEY"', form).encode()

    told = event(
        "KEY", id="KEY", type="KEY", data={"deep": [{"KEY": 1} if form[0] == '"' else "KEY"]}, more="KEY"
    )
    failed = job("failed", model="KEY", fine_tuned_model="KEY", error={"message": "KEY"}, more=["KEY"])
    frames = [
        b"data: " + with_form(told) + b"\n\n",
        b"event: error\ndata: " + with_form({"error": "KEY"}) + b"\n\n",
    ]
    listed = with_form({"data": [told, event("KEY", 1)]})
    server = Server({STREAM: [stream(*frames)], JOB: [answer(with_form(failed))], LIST: [answer(listed)]})
    async with server.running():
        everything = "".join(await watched(server, tmp_path / "history" / "history.sqlite3"))
    assert everything.count("[key]") >= 8
    assert "told of an error" in everything


async def test_a_key_deep_in_an_answer_is_not_recorded(tmp_path: Path) -> None:
    deep = (
        b'{"id": "x", "status": "failed", "more": '
        + b"[" * 600
        + FORMS["escaped whole"].encode()
        + b"]" * 600
    )
    server = Server({STREAM: [WHOLE], JOB: [answer(deep + b"}")], LIST: [page(*STORY)]})
    async with server.running():
        await watched(server, tmp_path / "history" / "history.sqlite3", replace(PACE, lag=0))


async def test_a_placeholder_of_a_key_takes_no_word_apart(tmp_path: Path) -> None:
    server = Server({STREAM: [stream(*STORY, DONE)], JOB: [answer(job("succeeded"))], LIST: [page(*STORY)]})
    placeholder = Key("tune", "FTMON_API_KEY")
    async with server.running():
        told = await watched(server, tmp_path / "history" / "history.sqlite3", key=placeholder)
    assert "Fine-tune started" in "".join(told)


@pytest.mark.parametrize("how", [["--plain"], ["--json"], ["--json", "--no-stream"]], ids=str)
async def test_the_command_prints_and_records_nothing_of_the_key(how: list[str], data_home: Path) -> None:
    server = Server(
        {STREAM: [stream(*STORY[:3], End.RST), WHOLE], JOB: [repeating_job("failed")], LIST: [page(*STORY)]}
    )
    server.scripts = {**server.scripts, LIST: [repeating(page(*STORY, event("é \u200b" + SAID, 999)))]}
    env = {"FTMON_API_KEY": SAID}
    async with server.running():
        status, out, err = await run(JOB_ID, "--base-url", f"{server.origin}/v1", *how, env=env)
    assert status == 1
    assert b"the key [key] is known" in out
    check_hidden(out, err, *recorded_in(data_home / "ftmon" / "history.sqlite3"))
    for arguments in (["history"], ["history", "--json"], ["history", JOB_ID, "--json"], ["export", JOB_ID]):
        _, out, err = await run(*arguments)
        assert b"[key]" in out
        check_hidden(out, err)


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
async def test_no_cause_of_an_error_tells_the_key(echo: Script) -> None:
    with pytest.raises(FtmonError) as failed:
        await fetched(serving(echo))
    told = "".join(format_exception(failed.value))
    assert str(failed.value) in told
    assert ECHOED.value[:9] not in told
    assert ECHOED.value[9:] not in told


async def test_a_bug_is_told_without_the_key_whatever_it_looks_like() -> None:
    server = Server({})
    script = f"from ftmon import cli; cli.main(['{JOB_ID}']); raise RuntimeError('<{SAID}>\\x1b[2J')"

    def crash() -> subprocess.CompletedProcess[bytes]:
        env = environment(FTMON_API_KEY=SAID, FTMON_BASE_URL=f"{server.origin}/v1")
        command = [sys.executable, "-c", script]
        return subprocess.run(command, env=env, capture_output=True, check=False, timeout=PATIENCE)

    async with server.running():
        done = await asyncio.to_thread(crash)
    assert done.returncode == 70
    assert b"RuntimeError: <[key]>\n" in done.stderr
    check_hidden(done.stderr)


@pytest.mark.parametrize("option", ["--api-key", "--api-key=", "--key", "--token", "--apikey"])
def test_a_key_on_the_command_line_is_refused_and_not_repeated(option: str) -> None:
    arguments = [f"{option}{SAID}"] if option.endswith("=") else [option, SAID]
    done = ftmon(JOB_ID, *arguments)
    check_hidden(done.stderr)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"No option takes a key" in done.stderr
    assert b"--api-key-file" in done.stderr


def test_no_option_takes_a_key() -> None:
    for command in ([], ["demo"], ["history"], ["export"]):
        options = re.findall(r"--[a-z-]+", ftmon(*command, "--help").stdout.decode())
        assert {option for option in options if "key" in option or "token" in option} <= {"--api-key-file"}


async def test_the_libraries_log_no_key_and_nothing_that_a_service_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    moved = repeating([head(302, Location=f"/v1/moved?key={QUOTED}", Content_Length="0")])
    server = Server(
        {"/v1/fine-tunes": [moved], f"/v1/moved?key={QUOTED}": [repeating(answer({"said": SAID}))]}
    )
    async with server.running(), aclosing(Client(Settings(f"{server.origin}/v1", SECRET))) as client:
        assert await client.get("/fine-tunes") == b'{"said": "[key]"}'
        logging.getLogger("httpx").warning("heard")
    check_hidden(caplog.text)
    assert "heard" in caplog.text
    assert "127.0.0.1" not in caplog.text


async def test_a_log_of_the_keys_of_tls_is_told_and_the_watching_goes_on(tmp_path: Path) -> None:
    path = certificate(tmp_path, "-addext", "subjectAltName=IP:127.0.0.1")
    server = Server({JOB: [answer(job("succeeded"))], LIST: [page(*STORY)]})
    async with server.running(tls=speaking_tls(path)):
        base_url = f"https://127.0.0.1:{server.port}/v1"
        arguments = (JOB_ID, "--no-stream", "--base-url", base_url, "--ca-file", str(path))
        for log, notices in ((str(tmp_path / "log"), 1), ("", 0)):
            status, out, err = await run(*arguments, env={"SSLKEYLOGFILE": log, "FTMON_API_KEY": SAID})
            assert (status, err.count(b"SSLKEYLOGFILE is set")) == (0, notices)
            assert b"succeeded" in out


@pytest.mark.parametrize(
    ("name", "options", "seen"),
    [
        ("FTMON_API_KEY", [], None),
        ("OPENAI_API_KEY", [], {"sent": False}),
        ("FTMON_API_KEY", ["--allow-http"], {"sent": True}),
    ],
)
async def test_a_proxy_sees_the_key_only_where_that_is_allowed(
    name: str, options: list[str], seen: dict[str, bool] | None
) -> None:
    job_url = f"http://service.invalid/v1/fine-tunes/{JOB_ID}"
    proxy = Server({job_url: [answer(job("failed"))], f"{job_url}/events?stream=false": [page(*STORY)]})
    async with proxy.running():
        env = {name: SAID, "http_proxy": proxy.origin, "FTMON_BASE_URL": "http://service.invalid/v1"}
        status, _, err = await run(JOB_ID, "--no-stream", *options, env=env)
    check_hidden(err)
    if seen is None:
        assert (status, proxy.connections) == (2, 0)
    else:
        assert status == 1
        assert {"authorization" in request.headers for request in proxy.requests} == {seen["sent"]}


# Key files


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{SAID}\n")
    path.chmod(0o600)
    return path


def refusal_of(path: Path) -> str:
    with pytest.raises(UsageError) as refused:
        read_settings(api_key_file=str(path), environ={})
    check_hidden(str(refused.value))
    return str(refused.value)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_a_private_key_file_is_read(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    key = read_settings(api_key_file=str(key_file), environ={}).key
    assert key is not None
    assert key.value == SAID


def test_a_link_to_a_key_file_is_judged_by_the_file(key_file: Path) -> None:
    link = key_file.with_name("link")
    link.symlink_to(key_file)
    assert read_settings(api_key_file=str(link), environ={}).key is not None
    key_file.chmod(0o640)
    assert "can be read by others" in refusal_of(link)


@pytest.mark.parametrize("name", ["/dev/null", "/dev/zero", "/dev/tty", "/dev/full"])
def test_a_device_is_no_key_file(name: str) -> None:
    assert re.search("is not a regular file|cannot be read", refusal_of(Path(name)))


def test_a_socket_is_no_key_file(key_file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(key_file.with_name("socket")))
        assert "cannot be read" in refusal_of(key_file.with_name("socket"))


def test_of_a_huge_file_only_the_beginning_is_read(key_file: Path) -> None:
    os.truncate(key_file, 2**40)
    assert "cannot be sent" in refusal_of(key_file)


# Job ids and the history

GOOD = JobKey(BASE_URL, JOB_ID)


@pytest.fixture
def history(data_home: Path) -> Path:
    """A history with one run in it."""
    path = data_home / "ftmon" / "history.sqlite3"
    events = reading.entries([event("recorded well", 1), event("recorded too", 2)], newest_first=False).events
    with closing(History(path)) as opened:
        opened.record([Update(GOOD, NOW, tuple(events), FINE_TUNES.read_job(wire(job("succeeded"))).job)])
    return path


def tamper(path: Path, statement: str, *rows: Sequence[object]) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(statement, rows or [()])


ADD_JOB = "INSERT INTO jobs (base_url, job_id, dialect) VALUES (?, ?, 'fine-tunes')"
ADD_EVENTS_TO_JOBS = """
    INSERT INTO events (job, key, ordinal, received_at, sent)
    SELECT number, x'00', 1, 1.0, '{"message": "tampered"}' FROM jobs WHERE number > 1
"""
ADD_EVENT = "INSERT INTO events (job, key, ordinal, received_at, sent) VALUES (1, ?, ?, ?, ?)"
ADD_SNAPSHOT = "INSERT INTO snapshots (job, received_at, sent) VALUES (1, ?, ?)"


@pytest.mark.parametrize("job_id", ["../../admin", "\x1b[2J", ""], ids=ascii)
@pytest.mark.parametrize("command", ["history", "export"])
def test_what_cannot_be_a_job_id_is_not_looked_for(history: Path, command: str, job_id: str) -> None:
    tamper(history, ADD_JOB, (BASE_URL, job_id))
    tamper(history, ADD_EVENTS_TO_JOBS)
    done = ftmon(command, job_id)
    assert re.search(rb"This is no job id|The job id is empty", done.stderr)
    assert (done.returncode, done.stdout) == (2, b"")


ODD_KEYS = [
    *[(BASE_URL, job_id) for job_id in ("../../admin", "a/../b", "..", "a b", "x" * 129, "", "a\nb")],
    *[(BASE_URL, job_id) for job_id in ("\x1b]0;x-id\x07\x1b[2J", "\u202eevil", b"\xff\x9b", b"")],
    *[(f"http://127.0.0.1{rest}", JOB_ID) for rest in ("/../v1", ":99999", "/v1?key=1", "/v1/", "/\x1b[2J")],
    ("http://me:secret@127.0.0.1/v1", JOB_ID),
    ("file:///etc/passwd", JOB_ID),
    ("HTTP://127.0.0.1:8000/v1", JOB_ID),
    (b"\xff", JOB_ID),
    ("", JOB_ID),
    (5, 7.5),
]


def test_a_row_of_no_job_is_left_out_and_the_rest_is_shown(history: Path) -> None:
    tamper(history, ADD_JOB, *ODD_KEYS, ("http://127.0.0.1:9/v1", "another"))
    tamper(history, ADD_EVENTS_TO_JOBS)
    assert [run["id"] for run in objects(ftmon("history", "--json").stdout)] == [JOB_ID, "another"]
    assert ftmon("history").stdout.count(b"\n") == 2
    assert b"recorded too" in ftmon("history", JOB_ID).stdout


ODD_VALUES = [
    1e300,
    -1e300,
    1e18,
    1e11,
    99999999999,
    -1.0,
    2**62,
    "never",
    "",
    b"\xff\x9b",
    "\x1b[2J",
    "9" * 400,
]


def test_an_odd_number_in_the_history_costs_nothing_but_itself(history: Path) -> None:
    sent = '{"message": "kept"}'
    tamper(history, ADD_EVENT, *[(b"1", value, value, sent) for value in ODD_VALUES])
    tamper(history, ADD_SNAPSHOT, *[(value, json.dumps(job("failed"))) for value in ODD_VALUES])
    for arguments, words in (
        (["history"], JOB_ID),
        (["history", "--json"], JOB_ID),
        (["history", JOB_ID], "kept"),
        (["export", JOB_ID, "--format", "csv"], "kept"),
    ):
        done = ftmon(*arguments)
        check_harmless(done.stdout, done.stderr)
        assert done.stdout.count(words.encode()) == (len(ODD_VALUES) if words == "kept" else 1)
        assert done.stderr == b""


ODD_JSON = ["", "no JSON", "[1]", "null", "7", '"x"', "{", "[" * 100_000, b"\xff\xfe{", 5, 1.5, '{"id": 1']


def test_what_is_no_json_in_the_history_costs_nothing_but_itself(history: Path) -> None:
    tamper(history, ADD_EVENT, *[(b"2", n, 1.0, sent) for n, sent in enumerate(ODD_JSON)])
    tamper(history, ADD_EVENT, (b"3", 1, 1.0, '{"message": "the last"}'))
    tamper(history, ADD_SNAPSHOT, *[(4e9, sent) for sent in ODD_JSON])
    (run,) = objects(ftmon("history", "--json").stdout)
    assert (run["id"], run["status"]) == (JOB_ID, "succeeded")
    for arguments in (["history", JOB_ID, "--json"], ["export", JOB_ID]):
        messages = [told["message"] for told in objects(ftmon(*arguments).stdout)[:-1]]
        assert messages == ["recorded well", "recorded too", *["—"] * len(ODD_JSON), "the last"]


def test_text_in_the_history_that_is_no_utf_8_is_shown_as_far_as_it_is_text(history: Path) -> None:
    sent = b'{"message": "half \xff\xc3 \x9b31m told", "level": "\xff"}'
    tamper(history, "UPDATE events SET sent = CAST(? AS TEXT) WHERE number = 1", [sent])
    tamper(history, "UPDATE jobs SET dialect = CAST(? AS TEXT), organization = x'ff'", [b"\xff"])
    assert objects(ftmon("history", "--json").stdout)[0]["id"] == JOB_ID
    done = ftmon("history", JOB_ID)
    assert "half \ufffd\ufffd \ufffd31m told".encode() in done.stdout
    assert b"recorded too" in done.stdout


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE snapshots", "ALTER TABLE events DROP COLUMN sent", "ALTER TABLE jobs RENAME TO jobs2"],
)
def test_a_history_of_another_shape_is_a_sentence(history: Path, statement: str) -> None:
    tamper(history, statement)
    for arguments in (["history", JOB_ID], ["export", JOB_ID]):
        done = ftmon(*arguments)
        assert b"ftmon: The history" in done.stderr
        assert done.stderr.count(b"\n") == 1


async def test_watching_beside_a_tampered_history_goes_on(history: Path) -> None:
    server = Server({JOB: [answer(job("succeeded"))], STREAM: [stream(*STORY, DONE)], LIST: [page(*STORY)]})
    async with server.running():
        base_url = f"{server.origin}/v1"
        tamper(history, "UPDATE jobs SET base_url = ?", [base_url])
        tamper(history, "UPDATE events SET sent = 'no JSON', received_at = 1e300, ordinal = 'x'")
        tamper(history, "UPDATE snapshots SET sent = x'ff', received_at = 'never'")
        status, out, _ = await run(JOB_ID, "--base-url", base_url, "--json")
    assert status == 0
    messages = [told["message"] for told in objects(out)[:-1]]
    assert messages == ["—", "—", *[told["message"] for told in STORY]]


# Servers of ours


def sockets(process: int) -> set[str]:
    links = set()
    for entry in Path(f"/proc/{process}/fd").iterdir():
        # It may have been closed meanwhile.
        with suppress(FileNotFoundError):
            links.add(str(entry.readlink()))
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:")}


def listening(process: int) -> set[str]:
    """Return the addresses that a process listens on, in the hexadecimal words of /proc."""
    own = sockets(process)
    tables = [Path(f"/proc/{process}/net/{name}").read_text() for name in ("tcp", "tcp6", "udp", "udp6")]
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return {row[1] for row in rows if row[9] in own and row[3] in ("0A", "07")}


def test_the_demo_listens_on_this_machine_only() -> None:
    with demo("--speed=0.01") as service:
        port = service.address[1]
        assert listening(service.process.pid) == {f"0100007F:{port:04X}"}


def test_the_demo_on_the_screen_listens_on_this_machine_only() -> None:
    with running("demo", "--json", "--speed=0.1") as command:
        command.line()
        own = command.process.pid
        (child,) = map(int, Path(f"/proc/{own}/task/{own}/children").read_text().split())
        (address,) = listening(child)
        assert address.startswith("0100007F:")
        assert listening(own) == set()


def answered(service: Demo, *head: str) -> bytes:
    """Send a request of these lines, and return the first line of the answer and all that it says."""
    with socket.create_connection(service.address, timeout=PATIENCE) as client:
        client.sendall("\r\n".join([*head, "Connection: close", "", ""]).encode("latin-1"))
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_web_page_whose_name_points_here_is_not_answered_by_the_demo() -> None:
    with demo("--speed=0.01") as service:
        port = service.address[1]
        path = f"/v1/fine-tunes/{service.job_id}"
        own = f"Host: 127.0.0.1:{port}"
        assert service.job_id.encode() in answered(service, f"GET {path} HTTP/1.1", own)
        for host in (
            *(f"127.0.0.1.nip.io:{port}", f"localhost.evil.example:{port}", f"evil.localhost:{port}"),
            f"127.0.0.1:{port}@evil.example",
            *(f"localhost.:{port}", f"127.1:{port}", f"2130706433:{port}", f"0.0.0.0:{port}"),
            *(
                f"[::ffff:127.0.0.1]:{port}",
                f"127.0.0.1:{port}, evil.example",
                f"evil.example, 127.0.0.1:{port}",
            ),
            *("", ":", f":{port}", "null", "\xff"),
        ):
            for request in (f"GET {path}", f"GET {path}/events?stream=true", f"POST {path}/cancel"):
                said = answered(service, f"{request} HTTP/1.1", f"Host: {host}")
                assert re.match(rb"HTTP/1.1 4(00|21) ", said), (host, said)
                assert service.job_id.encode() not in said
        for lines in (
            [f"GET {path} HTTP/1.1", own, "Host: evil.example"],
            [f"GET {path} HTTP/1.1", "Host: evil.example", own],
            [f"GET {path} HTTP/1.1", "Host: evil.example", f"X-Forwarded-Host: 127.0.0.1:{port}"],
            [f"GET {path} HTTP/1.0"],
        ):
            assert service.job_id.encode() not in answered(service, *lines)
        page = answered(service, f"POST {path}/cancel HTTP/1.1", own, "Origin: http://evil.example")
        assert page.startswith(b"HTTP/1.1 403 ")
        assert b"access-control" not in page.lower()


# Files of ours


def rights(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_the_history_is_private_from_the_first_moment(data_home: Path) -> None:
    path = data_home / "ftmon" / "history.sqlite3"
    with closing(History(path)) as opened:
        opened.record([Update(GOOD, NOW, (), Job(JOB_ID, raw="{}"))])
        beside = sorted(path.parent.iterdir())
        assert [each.name for each in beside] == [f"{path.name}{end}" for end in ("", "-shm", "-wal")]
        assert [rights(each) for each in (path.parent, *beside)] == [0o700, 0o600, 0o600, 0o600]


@pytest.mark.usefixtures("open_umask")
def test_a_history_that_was_open_to_all_becomes_private(history: Path) -> None:
    with closing(History(history)) as opened:
        opened.record([Update(GOOD, NOW, (), Job(JOB_ID, raw="{}"))])
        for path in (*history.parent.iterdir(), history.parent):
            path.chmod(0o777)
        with closing(History(history)):
            beside = sorted(history.parent.iterdir())
            # A folder may be shared, and keeps its mode.
            assert [rights(each) for each in (history.parent, *beside)] == [0o777, 0o600, 0o600, 0o600]


@pytest.mark.usefixtures("open_umask")
def test_a_damaged_history_is_kept_privately(history: Path) -> None:
    history.write_bytes(b"no database" * 1000)
    with closing(Recorder(history)) as recorder:
        recorder.record([Update(GOOD, NOW, (), Job(JOB_ID, raw="{}"))])
    kept = [path for path in history.parent.iterdir() if "corrupt" in path.name]
    assert kept
    assert {rights(path) for path in history.parent.iterdir()} == {0o600}


@pytest.mark.usefixtures("history")
def test_an_export_overwrites_nothing_unless_it_is_told_to(tmp_path: Path) -> None:
    table = tmp_path / "run.csv"
    for taken in (table, tmp_path / "run.metrics.csv"):
        taken.write_text("mine")
        done = ftmon("export", JOB_ID, "--format", "csv", "--output", str(table))
        assert b"exists; --force overwrites it." in done.stderr
        assert (done.returncode, taken.read_text()) == (2, "mine")
        taken.unlink()
        assert list(tmp_path.glob("run*")) == []


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("options", [[], ["--force"]], ids=["careful", "force"])
def test_an_export_writes_where_a_link_leads_only_if_it_is_told_to(
    tmp_path: Path, options: list[str]
) -> None:
    target, output, part = tmp_path / "target", tmp_path / "run.jsonl", tmp_path / "run.jsonl.part"
    target.write_text("mine")
    part.symlink_to(target)
    done = ftmon("export", JOB_ID, "--output", str(output), *options)
    assert (done.returncode, target.read_text(), part.is_symlink()) == (0, "mine", True)
    output.unlink()
    output.symlink_to(target)
    done = ftmon("export", JOB_ID, "--output", str(output), *options)
    assert (done.returncode, output.is_symlink()) == (0 if options else 2, True)
    assert ("recorded too" if options else "mine") in target.read_text()


def test_an_export_that_breaks_off_leaves_nothing_behind(history: Path, tmp_path: Path) -> None:
    tamper(history, "ALTER TABLE snapshots RENAME COLUMN sent TO told")
    done = ftmon("export", JOB_ID, "--output", str(tmp_path / "run.jsonl"))
    assert done.returncode == 2
    assert list(tmp_path.glob("run*")) == []
