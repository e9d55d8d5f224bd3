import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftmon.model.event import Event, Level
from ftmon.model.job import Status
from ftmon.wire.dialects import reading
from ftmon.wire.dialects.dialect import Done, InBandError
from ftmon.wire.dialects.fine_tunes import FINE_TUNES
from ftmon.wire.refusal import sentence
from ftmon.wire.sse import Decoder, ServerEvent

SAMPLES = Path(__file__).parent / "samples"
ERRORS = json.loads((SAMPLES / "errors.json").read_text())


def body_of(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def items_of(name: str) -> list[Event | InBandError | Done | None]:
    return [
        FINE_TUNES.frame_reader()(frame) for frame in Decoder().feed((SAMPLES / f"{name}.sse").read_bytes())
    ]


def messages_of(events: list[Event]) -> list[str]:
    return [event.message for event in events]


def nested(depth: int) -> str:
    return "[" * depth + "1" + "]" * depth


def test_the_paths_are_those_of_the_specification() -> None:
    assert [path.format(job_id="ft-1") for path in FINE_TUNES.paths if path] == [
        "/fine-tunes",
        "/fine-tunes/ft-1",
        "/fine-tunes/ft-1/cancel",
        "/fine-tunes/ft-1/events?stream=false",
        "/fine-tunes/ft-1/events?stream=true",
        "/files/ft-1/content",
    ]
    assert FINE_TUNES.page_path() == "/fine-tunes/{job_id}/events?stream=false"
    assert FINE_TUNES.page_path("é/&{x}") == (
        "/fine-tunes/{job_id}/events?stream=false&after=%C3%A9%2F%26%7Bx%7D"
    )


def test_the_recorded_stream_is_read_to_its_end() -> None:
    *events, end = items_of("openai_legacy_stream_full")
    assert isinstance(end, Done)
    assert all(isinstance(event, Event) for event in events)
    assert len(events) == 20


def test_the_events_of_a_stream_and_of_its_list_are_the_same_ones() -> None:
    page = FINE_TUNES.read_page((SAMPLES / "openai_legacy_events_long_queue.json").read_bytes())
    events = [item for item in items_of("openai_legacy_stream_full") if isinstance(item, Event)]
    assert [event.key for event in page.events] == [event.key for event in events]
    assert len({event.key for event in events}) == 20


def test_the_frames_of_another_api_are_borne() -> None:
    *progress, error = items_of("localai_progress_illustrative")
    assert error == InBandError("job not found: JOB")
    first, heartbeat, *others = items_of("unsloth_studio_progress_illustrative")
    assert heartbeat is None
    assert all(isinstance(item, Event) for item in (*progress, first, *others))


@pytest.mark.parametrize("data", ["[DONE]", "[DONE] ", "[DONE]\n"])
def test_a_done_ends_the_stream(data: str) -> None:
    assert isinstance(FINE_TUNES.frame_reader()(ServerEvent(data)), Done)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            ServerEvent(ERRORS["openai_stream_error_in_sse"]["sse"].removeprefix("data: ")),
            "The server had an error while processing your request. Sorry about that!",
        ),
        (ServerEvent('{"error": "job not found"}'), "job not found"),
        (ServerEvent('{"error": null}'), "an error that it did not describe"),
        (ServerEvent('{"error": {}}'), "an error that it did not describe"),
        (ServerEvent('{"error": {"message": "\\u001b[31mred"}}'), "red"),
        (ServerEvent('{"detail": "over"}', "error"), "over"),
        (ServerEvent('{"detail": "over"}'), "over"),
        (ServerEvent('{"object": "error", "message": "over"}'), "over"),
        (ServerEvent('{"status": "error", "message": "over"}'), "over"),
        (ServerEvent('{"error": "over", "message": "Step"}'), "over"),
        (ServerEvent('{"message": "over"}', "error"), "over"),
        (ServerEvent("{}", "error"), "an error that it did not describe"),
    ],
)
def test_an_error_inside_the_stream_is_neither_an_event_nor_the_end(frame: ServerEvent, message: str) -> None:
    assert FINE_TUNES.frame_reader()(frame) == InBandError(message)


@pytest.mark.parametrize(
    "frame",
    [
        ServerEvent("{}", "ping"),
        ServerEvent('{"type": "ping"}', "heartbeat"),
        ServerEvent('{"object": "fine-tune", "id": "ft-1", "status": "running"}'),
        ServerEvent('{"object": "fine_tuning.job", "id": "ftjob-1", "status": "running", "error": null}'),
    ],
)
def test_a_sign_of_life_and_the_job_itself_are_no_events(frame: ServerEvent) -> None:
    assert FINE_TUNES.frame_reader()(frame) is None


@pytest.mark.parametrize("more", ['"error": null', '"error": "odd", "created_at": 5'])
def test_an_event_with_an_error_and_a_message_is_an_event(more: str) -> None:
    event = FINE_TUNES.frame_reader()(ServerEvent(f'{{"message": "Step 1", {more}}}'))
    assert isinstance(event, Event)
    assert event.message == "Step 1"


@pytest.mark.parametrize(
    "data",
    [
        "[]",
        "null",
        "5",
        '"text"',
        "{",
        "<p>data</p>",
        "DONE",
        nested(200_000),
        '{"a": ' + nested(150) + "}",
    ],
    ids=lambda data: data[:12],
)
def test_what_is_no_object_is_no_event(data: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        FINE_TUNES.frame_reader()(ServerEvent(data))


SIGNS_OF_LIFE = {
    "an empty ping": ServerEvent('""', "ping"),
    "empty data": ServerEvent(""),
    "an empty text": ServerEvent('""'),
    "a time": ServerEvent('"2026-01-31T12:00:00Z"', "ping"),
    "a time without a name": ServerEvent("2026-01-31T12:00:00Z"),
    "seconds": ServerEvent("1769860800"),
    "a keepalive": ServerEvent("still here", "keepalive"),
    "an empty object": ServerEvent("{}"),
}


@pytest.mark.parametrize("frame", SIGNS_OF_LIFE.values(), ids=SIGNS_OF_LIFE)
def test_a_sign_of_life_is_neither_an_event_nor_a_loss(frame: ServerEvent) -> None:
    assert FINE_TUNES.frame_reader()(frame) is None


def test_an_event_called_done_ends_the_stream() -> None:
    assert isinstance(FINE_TUNES.frame_reader()(ServerEvent("{}", "done")), Done)


def test_the_raw_text_is_kept_as_it_was_sent() -> None:
    data = '{"message":  "a", "level": "\\u001b[31m", "step": 1.50}'
    event = FINE_TUNES.frame_reader()(ServerEvent(data))
    assert isinstance(event, Event)
    assert event.raw == data


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("openai_legacy_events_long_queue.json", 20),
        ("openai_legacy_events_cancelled.json", 2),
        ("openai_legacy_events_just_created.json", 1),
        ("openai_legacy_spec_example_events.json", 5),
        ("azure_legacy_events.json", 3),
        ("openai_jobs_events_started.json", 4),
        ("openai_jobs_event_error.json", 1),
    ],
)
def test_a_list_of_a_sample_is_read_oldest_first(name: str, count: int) -> None:
    events, malformed, *_ = FINE_TUNES.read_page((SAMPLES / name).read_bytes())
    assert (len(events), malformed) == (count, 0)
    times = [event.created_at for event in events if event.created_at]
    assert len(times) == count
    assert times == sorted(times)


def test_a_list_that_is_newest_first_is_turned_whole_so_that_one_second_keeps_its_order() -> None:
    events = FINE_TUNES.read_page((SAMPLES / "openai_jobs_events_started.json").read_bytes()).events
    assert [message[:10] for message in messages_of(events)] == [
        "Created fi",
        "Validating",
        "Files vali",
        "Fine-tunin",
    ]


def test_the_events_of_one_second_stay_as_they_stand() -> None:
    entries = [{"message": message, "created_at": 1} for message in "cab"]
    assert messages_of(reading.entries(entries, newest_first=False).events) == ["c", "a", "b"]


def test_a_level_of_error_is_read_from_a_list() -> None:
    (event,) = FINE_TUNES.read_page((SAMPLES / "openai_jobs_event_error.json").read_bytes()).events
    assert event.level is Level.ERROR


@pytest.mark.parametrize(
    "body", [b'{"data": [{"message": "a"}]}', b'{"events": [{"message": "a"}]}', b'[{"message": "a"}]']
)
def test_a_list_of_any_shape_is_read(body: bytes) -> None:
    assert messages_of(FINE_TUNES.read_page(body).events) == ["a"]


@pytest.mark.parametrize(
    "body",
    [
        *[
            b"",
            b"null",
            b"5",
            b"{}",
            b'{"data": null}',
            b'{"data": {}}',
            b'{"error": {"message": "no"}}',
            b"[",
        ],
        b"<!DOCTYPE html><html></html>",
        b"data: {}\n\n",
        b"[" * 200_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_holds_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        FINE_TUNES.read_page(body)


@pytest.mark.parametrize("deep", [nested(150), nested(400), nested(800)], ids=len)
@pytest.mark.parametrize("own_id", ['"id": "a", ', ""], ids=["with id", "without"])
def test_entries_that_are_no_events_are_counted_and_the_rest_is_read(deep: str, own_id: str) -> None:
    body = f'[{{"message": "a"}}, 5, null, "text", [], {{{own_id}"data": {deep}}}, {{"message": "b"}}]'
    events, malformed, *_ = FINE_TUNES.read_page(body.encode())
    assert (messages_of(events), malformed) == (["a", "b"], 5)


def test_no_depth_of_nesting_is_more_than_a_value_error() -> None:
    for depth in range(50, 1200):
        try:
            events, malformed, *_ = FINE_TUNES.read_page(
                f'[{{"message": "a"}}, {{"data": {nested(depth)}}}]'.encode()
            )
        except ValueError:
            continue
        assert len(events) + malformed == 2


def test_a_list_with_bytes_that_are_no_text_loses_no_event() -> None:
    assert messages_of(FINE_TUNES.read_page(b'[{"message": "a\xff"}, {"message": "b"}]').events) == [
        "a\ufffd",
        "b",
    ]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        *[("created", Status.PENDING), ("pending", Status.PENDING), ("queued", Status.PENDING)],
        *[("notRunning", Status.PENDING), ("running", Status.RUNNING), ("RUNNING", Status.RUNNING)],
        *[
            ("compressing", Status.RUNNING),
            ("uploading", Status.RUNNING),
            ("cancel_requested", Status.RUNNING),
        ],
        *[("paused", Status.PAUSED), ("succeeded", Status.SUCCEEDED), ("completed", Status.SUCCEEDED)],
        *[("failed", Status.FAILED), ("error", Status.FAILED), ("user_error", Status.FAILED)],
        *[("cancelled", Status.CANCELLED), ("canceled", Status.CANCELLED), ("deleted", Status.CANCELLED)],
        *[("validating_files", Status.PENDING), ("pausing", Status.RUNNING)],
        *[("thinking", Status.UNKNOWN), ("", Status.UNKNOWN), (None, Status.UNKNOWN), (5, Status.UNKNOWN)],
    ],
)
def test_the_status_of_any_service_is_read(word: object, status: Status) -> None:
    job = FINE_TUNES.read_job(body_of(id="ft-1", status=word)).job
    assert job.status is status
    assert job.provider_status == (word if isinstance(word, str) and word else None)


def test_a_job_of_the_first_api_is_read_whole() -> None:
    answer = FINE_TUNES.read_job((SAMPLES / "openai_legacy_cancel_response.json").read_bytes())
    job = answer.job
    assert (job.id, job.status, job.provider_status, job.model, job.n_epochs) == (
        "ft-d0dl12fyJsZolfK2oy42DT1M",
        Status.CANCELLED,
        "cancelled",
        "ada",
        4,
    )
    assert job.created_at == datetime(2023, 4, 25, 11, 3, 16, tzinfo=UTC)
    assert job.finished_at == job.updated_at == datetime(2023, 4, 25, 11, 3, 17, tzinfo=UTC)
    assert answer.page is not None
    assert messages_of(answer.page.events)[-1] == "Fine-tune cancelled"


@pytest.mark.parametrize(
    ("name", "status", "error", "n_epochs"),
    [
        (
            "openai_job_failed.json",
            Status.FAILED,
            "Training file has 7 example(s), but must have at least 10 examples",
            None,
        ),
        ("openai_job_running.json", Status.RUNNING, None, 3),
        ("openai_job_succeeded.json", Status.SUCCEEDED, None, 3),
        ("azure_job_pending.json", Status.PENDING, None, None),
    ],
)
def test_a_job_of_the_current_api_is_read_too(
    name: str, status: Status, error: str | None, n_epochs: int | None
) -> None:
    answer = FINE_TUNES.read_job((SAMPLES / name).read_bytes())
    assert (answer.job.status, answer.job.error, answer.job.n_epochs) == (status, error, n_epochs)
    assert answer.page is None


def test_the_end_is_when_the_service_says_so_or_else_the_last_change_of_a_job_that_is_over() -> None:
    assert FINE_TUNES.read_job(
        body_of(id="a", status="failed", finished_at=1, updated_at=2)
    ).job.finished_at == (datetime.fromtimestamp(1, UTC))
    assert FINE_TUNES.read_job(body_of(id="a", status="failed", updated_at=2)).job.finished_at == (
        datetime.fromtimestamp(2, UTC)
    )
    assert FINE_TUNES.read_job(body_of(id="a", status="running", updated_at=2)).job.finished_at is None


def test_a_job_of_together_is_read() -> None:
    body = body_of(
        id="ft-1",
        status="completed",
        created_at="2023-10-03T21:42:09.864Z",
        n_epochs=3,
        model_output_name="me/a",
    )
    job = FINE_TUNES.read_job(body).job
    assert (job.status, job.n_epochs, job.fine_tuned_model) == (Status.SUCCEEDED, 3, "me/a")
    assert job.created_at == datetime(2023, 10, 3, 21, 42, 9, 864_000, tzinfo=UTC)


@pytest.mark.parametrize("name", ["id", "status", "model", "fine_tuned_model", "error"])
def test_every_text_of_a_job_is_made_safe(name: str) -> None:
    job = FINE_TUNES.read_job(
        body_of(**{"id": "ft-1", "status": "a", name: "\x1b]0;title\x07a\x9b2J\u202e"})
    ).job
    kept = job.provider_status if name == "status" else getattr(job, name)
    assert kept == "a\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("odd", [None, 5, True, [], {}, "", "\x1b[0m", float("nan"), 10**400], ids=repr)
def test_odd_fields_of_a_job_are_borne(odd: object) -> None:
    names = ["status", "model", "fine_tuned_model", "created_at", "updated_at", "finished_at", "hyperparams"]
    job = FINE_TUNES.read_job(
        body_of(id="ft-1", **dict.fromkeys([*names, "hyperparameters", "n_epochs", "error"], odd))
    ).job
    assert (job.status, job.provider_status, job.model, job.n_epochs or 5) == (Status.UNKNOWN, None, None, 5)
    assert job.error is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"error": {"message": "no"}}',
        b'{"status": "error", "message": "no"}',
        b"<html>",
        b"[" * 200_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_job_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        FINE_TUNES.read_job(body)


def test_the_jobs_are_listed_newest_first() -> None:
    jobs = FINE_TUNES.read_jobs((SAMPLES / "openai_legacy_list_one_per_status.json").read_bytes()).jobs
    assert [(job.id[:6], job.status) for job in jobs] == [
        ("ft-aIe", Status.PENDING),
        ("ft-53x", Status.FAILED),
        ("ft-Zzq", Status.CANCELLED),
        ("ft-j01", Status.SUCCEEDED),
    ]


def test_jobs_whose_id_cannot_be_asked_for_are_left_out() -> None:
    ids: list[Any] = ["ft-1", "../x", "", None, 5, "a\x1b[31m", "ft-2"]
    assert [
        job.id for job in FINE_TUNES.read_jobs(body_of(data=[*[{"id": one} for one in ids], 5, None])).jobs
    ] == [
        "ft-1",
        "ft-2",
    ]


@pytest.mark.parametrize("body", [b"{}", b'{"data": {}}', b"null", b"<html>"])
def test_what_is_no_list_of_jobs_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        FINE_TUNES.read_jobs(body)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openai_404_job_not_found", "Could not find fine tune: 123"),
        ("openai_404_empty_id_double_slash", "Could not find fine tune: events"),
        (
            "openai_401_bad_key",
            "Incorrect API key provided: sk-wrong****-key. "
            "You can find your API key at https://platform.openai.com/account/api-keys.",
        ),
        (
            "openai_429_create",
            "This fine-tune request has been rate-limited. Your organization has reached the maximum of "
            "3 active requests (2 running, 1 pending) for the model 'gpt-3.5-turbo-0613'.",
        ),
        (
            "openai_legacy_400_cancel_finished",
            'Cannot cancel a job ft-89RAeboUYmFxr8yzORYdSWb7 that already has status "succeeded".',
        ),
        ("openai_legacy_404_model", "The model 'abc' does not exist"),
        ("azure_shape", "..."),
        ("mistral_429", "Rate limit exceeded"),
        ("localai_404", "job not found: <id>"),
        ("fastapi_default_404", "fine-tune job not found"),
    ],
)
def test_the_sentence_of_a_recorded_error_is_found(name: str, message: str) -> None:
    assert sentence(ERRORS[name]["body"]) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"detail": [{"loc": ["path", "id"], "msg": "too short", "type": "value_error"}]}, "too short"),
        ({"error": {"message": "", "detail": "b"}}, "b"),
        ("text", "text"),
        ({"error": "\x1b[31mred\x07"}, "red\N{REPLACEMENT CHARACTER}"),
        ({"error": {"code": None, "message": None, "param": None}}, None),
        ({"error": {}}, None),
        ({"error": True}, None),
        ({"error": {"error": {"error": {"error": {"error": "a"}}}}}, None),
        ([], None),
        ([[]], None),
        (None, None),
        (5, None),
        ("", None),
        ({}, None),
    ],
    ids=repr,
)
def test_the_sentence_of_an_error_of_any_shape_is_found_or_there_is_none(
    value: object, message: str | None
) -> None:
    assert sentence(value) == message


WORDS = ["error", "message", "detail", "msg", "data", "events", "id", "status", "created_at", "hyperparams"]
texts = st.text(max_size=4) | st.sampled_from(["running", "ft-1", "\x1b[2J", "2026-01-31", "[DONE]"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "parse",
    [
        FINE_TUNES.read_page,
        FINE_TUNES.read_job,
        FINE_TUNES.read_jobs,
        lambda body: FINE_TUNES.frame_reader()(ServerEvent(body.decode())),
    ],
)
@given(value=values)
@settings(deadline=None, max_examples=200)
def test_no_answer_whatever_raises_more_than_a_value_error(
    parse: Callable[[bytes], object], value: Any
) -> None:
    try:
        parse(json.dumps(value).encode())
    except ValueError:
        return


def test_the_jobs_of_llm_engine_are_read() -> None:
    body = body_of(jobs=[{"id": "ft-1", "fine_tuned_model": None, "status": "SUCCESS"}])
    assert [(job.id, job.status) for job in FINE_TUNES.read_jobs(body).jobs] == [("ft-1", Status.SUCCEEDED)]
