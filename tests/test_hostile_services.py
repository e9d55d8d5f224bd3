import asyncio
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from ftmon.model.job import Status
from ftmon.wire.dialects import named
from tests.benchmarks.process import cost
from tests.command import FTMON, environment
from tests.servers.case import EXIT_STATUS, NOT_FOUND, Case, seconds
from tests.servers.fine_tunes import Fields, answer, failure, head
from tests.servers.scripted import End, Script, Server
from tests.servers.services import CASES
from tests.test_follow import PACE, Told, followed_as
from tests.test_services import points, shown

pytestmark = pytest.mark.slow

SHORT = replace(PACE, late=0.1, proof=0.2, lag=5)

cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def in_turn(ways: Iterable[str]) -> pytest.MarkDecorator:
    """Give each service half of the ways, and the next one the other half."""
    pairs = product(enumerate(CASES.items()), enumerate(ways))
    chosen = {
        f"{name}, {how}": (case, how) for (row, (name, case)), (column, how) in pairs if (row + column) % 2
    }
    return pytest.mark.parametrize(("case", "how"), chosen.values(), ids=chosen)


async def told_by(case: Case, server: Server) -> Told:
    async with server.running():
        return await followed_as("auto", f"{server.origin}{case.base}", case.job_id, SHORT)


# Changed answers

Change = Callable[[Any], Any]


def with_changed(script: Script, change: Change) -> Script:
    """Return a JSON answer, or a stream of JSON, with changed values."""
    head, *parts = script
    if len(parts) == 1 and isinstance(parts[0], bytes) and parts[0].startswith((b"{", b"[")):
        return answer(change(json.loads(parts[0])))
    return [head, *[_changed_frames(part, change) if isinstance(part, bytes) else part for part in parts]]


def _changed_frames(data: bytes, change: Change) -> bytes:
    lines = data.split(b"\n")
    return b"\n".join(_changed_line(line, change) for line in lines)


def _changed_line(line: bytes, change: Change) -> bytes:
    if not (line.startswith(b"data: {") and line.endswith(b"}")):
        return line
    return b"data: " + json.dumps(change(json.loads(line[6:]))).encode()


def spoiled(case: Case, change: Change, end: Status = Status.SUCCEEDED, *, only: str = "") -> Server:
    """Return the service of a case with every good answer changed; `only` is the end of the paths meant."""
    server = case.server(end)

    def changed(target: str, script: Script) -> Script:
        is_meant = script is not NOT_FOUND and target.partition("?")[0].endswith(only)
        return with_changed(script, change) if is_meant and target in server.scripts else script

    server.change = changed
    return server


def everywhere(change: Callable[[str, Any], Any]) -> Change:
    """Return a change of the values of all fields at any depth."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: change(name, changed(item)) for name, item in value.items()}
        return [changed(item) for item in value] if isinstance(value, list) else value

    return changed


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def as_text(name: str, value: Any) -> Any:
    return str(value) if is_number(value) else value


def with_unit(unit: float) -> Callable[[str, Any], Any]:
    def changed(name: str, value: Any) -> Any:
        is_time = is_number(value) and (name.endswith("_at") or name == "timestamp")
        return int(value * unit) if is_time and value < 1e11 else value

    return changed


def as_naive(name: str, value: Any) -> Any:
    if is_number(value) and name.endswith("_at"):
        return seconds(value).replace(tzinfo=None).isoformat(" ")
    is_time = isinstance(value, str) and value[:2] == "20" and value.endswith("Z")
    return value.removesuffix("Z") if is_time else value


def with_more(name: str, value: Any) -> Any:
    # Every number among the metrics is a figure.
    return {**value, "new": {"a": [1]}} if isinstance(value, dict) and name != "metrics" else value


HARMLESS: dict[str, Change] = {
    "numbers as text": everywhere(as_text),
    "milliseconds": everywhere(with_unit(1e3)),
    "microseconds": everywhere(with_unit(1e6)),
    "nanoseconds": everywhere(with_unit(1e9)),
    "times without a zone": everywhere(as_naive),
    "more fields": everywhere(with_more),
}


@in_turn(HARMLESS)
async def test_the_same_said_in_another_way_is_the_same(case: Case, how: str) -> None:
    told = await told_by(case, spoiled(case, HARMLESS[how]))
    check_whole(case, told)
    ending = case.endings[Status.SUCCEEDED]
    plain = named(case.dialect).read_job(json.dumps(ending.stage.job).encode()).job
    job = told.run.job
    assert job is not None
    assert (job.created_at, job.finished_at, job.model) == (plain.created_at, plain.finished_at, plain.model)
    assert (job.n_epochs, job.progress) == (plain.n_epochs, plain.progress)
    assert not told.notices


def check_whole(case: Case, told: Told, end: Status = Status.SUCCEEDED) -> None:
    assert [shown(event) for event in told.events] == [line[:3] for line in case.told(end)]
    assert told.ending == (end, EXIT_STATUS[end])
    assert (points(told.run.train_loss), points(told.run.valid_loss)) == (case.train(end), case.valid(end))


# Words that nobody knows

STATUS = {
    "hugging-face-jobs": ("status", "stage"),
    "dashscope": ("output", "status"),
    "fireworks": ("state",),
    "fireworks-reinforcement": ("state",),
    "fireworks-dpo": ("state",),
    "unsloth-studio": ("run", "status"),
}
"""Where the word stands, if not in `status`."""


def with_status(case: Case, job: Fields, word: Any) -> Fields:
    """Return a job object with another word of status."""
    name, *rest = STATUS.get(case.dialect, ("status",))
    return {**job, name: {**job[name], rest[0]: word} if rest else word}


NO_WORDS: Sequence[Any] = ["", None, 5, ["running"], {"a": 1}]


@in_turn(["a word", "no word"])
async def test_a_status_that_nobody_knows_is_told_once_and_ends_nothing(case: Case, how: str) -> None:
    is_word = how == "a word"
    # Each service sends another of those that are no words.
    word = "REBALANCING" if is_word else NO_WORDS[list(CASES.values()).index(case) % len(NO_WORDS)]
    first = case.stages[0]
    strange = first._replace(job=with_status(case, first.job, word))
    told = await told_by(case, replace(case, stages=[strange, *case.stages]).server())
    assert told.ending == (Status.SUCCEEDED, 0)
    known = [shown(event) for event in told.events if "new status" not in event.message]
    assert known == [line[:3] for line in case.told(Status.SUCCEEDED)]
    told_words = [notice for notice in told.notices if "REBALANCING" in notice]
    assert len(told.notices) == len(told_words) == is_word


def with_data(data: Any) -> Change:
    return everywhere(lambda name, value: data if name == "data" and not isinstance(value, list) else value)


def with_type(kind: Any) -> Change:
    return everywhere(lambda name, value: kind if name in ("type", "name", "object") else value)


ODD: dict[str, Change] = {
    "data null": with_data(None),
    "data a list": with_data([1]),
    "data a text": with_data("text"),
    "an unknown type": with_type("quantum_leap"),
    "a type that is a number": with_type(7),
}
"""Changes of events. Figures that stand in their data alone are lost, and nothing else."""


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
@pytest.mark.parametrize("name", ["OpenAI's first API", "OpenAI", "Azure", "Nebius", "Together"])
async def test_events_with_odd_fields_are_told(name: str, change: Change) -> None:
    case = CASES[name]
    told = await told_by(case, spoiled(case, change, only="/events"))
    check_whole(case, told)
    assert not told.notices


ERRORS: dict[str, tuple[Fields, str | None]] = {
    "a text": ({"error": "No GPU was left"}, "No GPU was left"),
    "an object of nulls": ({"error": {"code": None, "message": None, "param": None}}, None),
    "an empty object": ({"error": {}}, None),
    "null": ({"error": None}, None),
    "a list": ({"error": [{"message": "No GPU was left"}]}, "No GPU was left"),
    "a number": ({"error": 5}, None),
}


@pytest.mark.parametrize(("error", "sentence"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("name", ["OpenAI's first API", "OpenAI", "Azure", "Nebius", "Together", "Replicate"])
async def test_an_error_of_any_shape_is_told_or_none(name: str, error: Fields, sentence: str | None) -> None:
    case, end = CASES[name], Status.FAILED
    told = await told_by(case, spoiled(case, lambda job: {**job, **error}, end, only=case.route))
    job = told.run.job
    assert job is not None
    assert job.error == sentence
    check_whole(case, told, end)


# Lists that lie

LISTED = {
    name: CASES[name] for name in ("Azure's first API", "OpenAI", "Azure", "Nebius", "Together", "DashScope")
}
lists = pytest.mark.parametrize("case", LISTED.values(), ids=LISTED)


def is_list(case: Case, target: str) -> bool:
    """Whether a request asks for a list of events or figures."""
    return target.startswith(f"{case.route}/")


@lists
async def test_a_cursor_that_is_ignored_makes_no_loop(case: Case) -> None:
    server = case.server()

    def changed(target: str, script: Script) -> Script:
        if not is_list(case, target):
            return script
        if script is NOT_FOUND or target not in server.scripts:
            first, _, _ = target.partition("&after=")
            return changed(first, server._script(first)) if first != target else script
        return with_changed(script, lambda page: {**page, "has_more": True})

    server.change = changed
    told = await told_by(case, server)
    check_whole(case, told)
    assert len(server.requests) < 400


@lists
async def test_an_empty_page_that_claims_more_is_the_last_one(case: Case) -> None:
    def emptied(page: Any) -> Any:
        return {**page, "has_more": True} if page.get("data") == [] else page

    told = await told_by(case, spoiled(case, emptied))
    check_whole(case, told)


NOTHING_YET: dict[str, Script] = {
    "404": NOT_FOUND,
    "204": answer(b"", 204),
    "503": failure(503),
    "no body": answer(b""),
    "null": answer({"object": "list", "data": None}),
    "an object": answer({"object": "list", "data": {}}),
}
"""What a service may answer for a list, or for a stream, that has no entry yet."""

EVENTFUL = {**LISTED, **{name: CASES[name] for name in ("Hugging Face Jobs", "LocalAI")}}


@pytest.mark.parametrize("script", NOTHING_YET.values(), ids=NOTHING_YET)
@pytest.mark.parametrize("case", EVENTFUL.values(), ids=EVENTFUL)
async def test_a_list_or_stream_that_comes_only_with_its_first_event_costs_none(
    case: Case, script: Script
) -> None:
    server = case.server()
    early = 0

    def changed(target: str, present: Script) -> Script:
        nonlocal early
        if not is_list(case, target) or early == 3:
            return present
        early += 1
        if case.stream:
            # It brings no next stage.
            server.requests = [request for request in server.requests if request.target != target]
        return script

    server.change = changed
    told = await told_by(case, server)
    real = [shown(event) for event in told.events if not event.message.startswith("The job is ")]
    assert sorted(map(str, real)) == sorted(str(line[:3]) for line in case.told(Status.SUCCEEDED))
    assert told.ending == (Status.SUCCEEDED, 0)


@lists
async def test_a_list_that_shrinks_loses_and_repeats_nothing(case: Case) -> None:
    server, readings = case.server(), 0

    def shrunk(page: Any) -> Any:
        inner = page.get("output", page)
        for name in ("data", "logs", "metrics"):
            if name in inner:
                inner[name] = inner[name][: len(inner[name]) // 2]
        return page

    def changed(target: str, script: Script) -> Script:
        nonlocal readings
        readings += is_list(case, target)
        is_meant = is_list(case, target) and target in server.scripts and readings % 5 == 3
        return with_changed(script, shrunk) if is_meant and script is not NOT_FOUND else script

    server.change = changed
    told = await told_by(case, server)
    assert sorted(map(str, map(shown, told.events))) == sorted(
        str(line[:3]) for line in case.told(Status.SUCCEEDED)
    )
    assert told.ending == (Status.SUCCEEDED, 0)


@pytest.mark.parametrize("own_id", ["ftevent-1", "the job's"])
@pytest.mark.parametrize("name", ["OpenAI", "Azure", "Nebius", "Together"])
async def test_events_that_all_have_one_id_are_told_once_each(name: str, own_id: str) -> None:
    # MiniMax gives each event the id of the job (SERVICES §2.15).
    case = CASES[name]
    shared = case.job_id if own_id == "the job's" else own_id
    lists = case.endings[Status.SUCCEEDED].stage.lists
    second_page = [fields for path, page in lists.items() if "after=" in path for fields in entries(page)]

    def with_id(page: Any) -> Any:
        # Without ids that tell events apart, there is no second page.
        events = [*page["data"], *(second_page if page.get("has_more") else [])]
        return {"object": "list", "data": [{**event, "id": shared} for event in events]}

    check_whole(case, await told_by(case, spoiled(case, with_id, only="/events")))


def entries(page: Script) -> list[Fields]:
    assert isinstance(page[1], bytes)
    found: list[Fields] = json.loads(page[1])["data"]
    return found


# Answers of something else

WRAPPED: dict[str, Fields] = {
    "Oxen": {"status": "success", "fine_tune": {"id": "1", "status": "running"}},
    "a request that succeeded": {"status": "success", "message": "ok"},
    "a list": {"status": "success", "data": []},
    "no job": {"status": "completed", "result": None},
}


@in_turn(WRAPPED)
async def test_the_status_of_a_request_is_not_that_of_the_job(case: Case, how: str) -> None:
    body = WRAPPED[how]
    server = Server({case.base + case.path: [answer(body)]})
    async with server.running():
        pace = replace(SHORT, give_up=0.2)
        told = await followed_as("auto", f"{server.origin}{case.base}", case.job_id, pace)
    assert told.run.exit_status in (4, 5)
    assert told.run.status is Status.UNKNOWN


# Two APIs at one address

PAIRS = [
    ("Together", "DashScope"),
    ("Together", "llm-engine"),
    ("DashScope", "OpenAI's first API"),
    ("OpenAI", "Mistral"),
    ("Nebius", "Together"),
    ("LocalAI", "NeMo Customizer"),
    ("Hugging Face Jobs", "Unsloth Studio"),
]


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
async def test_each_job_of_an_address_is_followed_by_its_own_api(pair: tuple[str, str]) -> None:
    # A gateway has both at one base URL.
    cases = [CASES[name] for name in pair]
    base = "/v1" if all(case.base for case in cases) else ""
    cases = [replace(case, base=base) for case in cases]
    for case in cases:
        server = case.server()
        others = {
            path: scripts
            for each in cases
            for path, scripts in each.server_after(Status.FAILED).scripts.items()
        }
        server.scripts = {**others, **server.scripts}
        told = await told_by(case, server)
        check_whole(case, told)
        assert {update.dialect for update in told.updates[-3:]} == {case.dialect}


# Answers too large


@pytest.mark.parametrize(
    ("name", "lists"),
    [
        ("Azure's first API", ["events"]),
        ("OpenAI", ["checkpoints", "events"]),
        ("Together", ["metrics", "checkpoints", "events"]),
        ("DashScope", ["events"]),
    ],
)
async def test_lists_of_300_mb_are_told_once_and_never_held_twice(
    name: str, lists: Sequence[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    case = CASES[name]
    server = case.server_after(Status.SUCCEEDED)
    big: Script = [head(200, "application/json"), b'{"data": [', *[b" " * 2**20] * 300]
    server.scripts = {
        path: [big] if is_list(case, path) else scripts for path, scripts in server.scripts.items()
    }
    monkeypatch.setattr(os, "environ", environment())
    async with server.running():
        address = f"{server.origin}{case.base}"
        taken = await asyncio.to_thread(cost, [*FTMON, case.job_id, "--base-url", address, "--plain"])
    assert taken.status == 0
    assert taken.peak < 600
    assert capfd.readouterr().err.splitlines() == [
        f"ftmon: The list of {each} cannot be read: the answer is larger than 256 MiB." for each in lists
    ]


# A service that begins badly

FIRST_ANSWERS: dict[str, Script] = {
    "503": failure(503),
    "429": failure(429),
    "a reset": [End.RST],
    "nothing": answer(b""),
}


@in_turn(FIRST_ANSWERS)
async def test_a_fault_of_the_first_answer_hides_the_api_only_for_a_moment(case: Case, how: str) -> None:
    server = case.server()
    server.change = lambda target, script: FIRST_ANSWERS[how] if len(server.requests) == 1 else script
    told = await told_by(case, server)
    check_whole(case, told)
    assert {update.dialect for update in told.updates[-3:]} == {case.dialect}


ENTRIES = ("data", "events", "checkpoints", "metrics", "train_loss", "val_loss", "status_logs")


def with_rubbish(name: str, value: Any) -> Any:
    return [5, *value, None, []] if name in ENTRIES and isinstance(value, list) else value


RUBBISH = {"Azure's first API": 1, "OpenAI": 1, "Azure": 1, "Nebius": 1, "Together": 1, "llm-engine": 1}
RUBBISH |= {"Mistral": 0, "NeMo Customizer": 0}
"""How often it is told. Where events are made of other objects, what is none of these is passed over."""


@pytest.mark.parametrize(("name", "count"), RUBBISH.items(), ids=RUBBISH)
async def test_entries_that_are_no_objects_are_told_once_and_cost_nothing(name: str, count: int) -> None:
    case = CASES[name]
    told = await told_by(case, spoiled(case, everywhere(with_rubbish)))
    check_whole(case, told)
    assert len(told.notices) == count
    assert all(notice.startswith("Skipped what is no event") for notice in told.notices)
