import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftmon import json_text
from ftmon.errors import UsageError
from ftmon.model.job import Job, Status, job_json
from ftmon.model.key import check_job_id


@pytest.mark.parametrize(
    "text",
    [
        "ft-AF1WoRqd3aJAHsqc9NY7iL8F",
        "ftjob-j6mDj7MYs1O9bp3D1oPw3rIk",
        "ft-9f0b7f0e-1c1c-4f5f-8a4e-0a1b2c3d4e5f",
        "2813b7e6-c511-43ac-a16a-1a54a5b884b2",
        "1",
        "job_20261101_120000_ab12cd34",
        "a.b:c",
        "x" * 128,
    ],
)
def test_an_id_of_any_service_is_taken(text: str) -> None:
    assert check_job_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *[
            "../x",
            "..",
            "a..b",
            "a/b",
            "/a",
            "a/../b",
            ".",
            ".a",
            "-a",
            "--help",
            "_a",
            ":a",
            "%2e%2e",
            "a%2fb",
        ],
        *["a b", " a", "a ", "a\n", "\na", "a\0", "a?b", "a#b", "a\\b", "a@b", "a&b", "é", "ａ", "٣"],
        *["\x1b[31ma", "a\x9b2J", "a\u202eb", "a\ud800"],
    ],
    ids=ascii,
)
def test_what_could_lead_elsewhere_is_no_id_and_is_not_repeated(text: str) -> None:
    with pytest.raises(UsageError, match=r"^This is no job id: an id has only letters") as caught:
        check_job_id(text)
    assert not any(character in str(caught.value) for character in "\x1b\x9b\u202e\ud800/%\\")


def test_an_empty_id_is_called_empty() -> None:
    with pytest.raises(UsageError, match=r"^The job id is empty\.$"):
        check_job_id("")


@pytest.mark.parametrize(("length", "said"), [(129, "129"), (10_000, "10,000")])
def test_a_long_id_is_refused_by_its_length(length: int, said: str) -> None:
    with pytest.raises(UsageError, match=f"it has {said} characters") as caught:
        check_job_id("x" * length)
    assert len(str(caught.value)) < 100


@given(st.text(max_size=140))
def test_an_id_that_is_taken_is_one_part_of_a_path_or_two(text: str) -> None:
    try:
        check_job_id(text)
    except UsageError:
        return
    assert text.isascii()
    assert text.isprintable()
    assert not set(text) & set("\\?#%@ ")
    assert all(text.split("/"))
    assert text.count("/") < 2
    assert ".." not in text


@pytest.mark.parametrize("status", Status)
def test_only_success_failure_and_cancellation_are_final(status: Status) -> None:
    assert status.is_final is (status in {"succeeded", "failed", "cancelled"})


def test_the_closing_object_has_all_its_fields_in_their_order() -> None:
    job = Job(
        "ft-1",
        Status.SUCCEEDED,
        "SUCCESS",
        "curie",
        "curie:ft-é",
        datetime(2026, 1, 31, 12, tzinfo=UTC),
        finished_at=datetime(2026, 1, 31, 13, 0, 0, 500_000, tzinfo=UTC),
    )
    assert json_text.encode_lines([job_json(job, 21, None)]) == (
        b'{"object":"fine-tune","id":"ft-1","status":"succeeded","provider_status":"SUCCESS","model":"curie",'
        b'"fine_tuned_model":"curie:ft-\\u00e9","created_at":"2026-01-31T12:00:00Z",'
        b'"finished_at":"2026-01-31T13:00:00.500000Z","events":21,"error":null}\n'
    )


def test_the_closing_object_of_a_job_that_says_nothing_has_nulls() -> None:
    assert json.loads(json_text.encode_lines([job_json(Job("ft-1"), 0, None)])) == {
        "object": "fine-tune",
        "id": "ft-1",
        "status": "unknown",
        "provider_status": None,
        "model": None,
        "fine_tuned_model": None,
        "created_at": None,
        "finished_at": None,
        "events": 0,
        "error": None,
    }


@pytest.mark.parametrize(
    ("own", "told", "expected"),
    [(None, None, None), (None, "told", "told"), ("own", "told", "own"), ("own", None, "own")],
)
def test_the_job_s_own_error_goes_before_the_one_that_an_event_told(
    own: str | None, told: str | None, expected: str | None
) -> None:
    assert job_json(Job("ft-1", error=own), 1, told)["error"] == expected


@pytest.mark.parametrize(
    "text", ["someone/687fb701029421ae5549d998", "my-team/my-tuning-job", "a/" + "b" * 128]
)
def test_an_id_may_stand_below_its_owner(text: str) -> None:
    assert check_job_id(text) == text


@pytest.mark.parametrize(
    "text", ["a/b/my-tuning-job", "/my-tuning-job", "a/", "../my-tuning-job", "a/..tuning-job"]
)
def test_an_owner_is_one_word_as_an_id_is(text: str) -> None:
    with pytest.raises(UsageError, match="no job id"):
        check_job_id(text)
