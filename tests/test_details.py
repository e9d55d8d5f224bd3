import json
from pathlib import Path

import pytest

from ftmon.model.details import Details, JobFile, details_of
from ftmon.model.secret_fields import is_secret, without_access

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> Details:
    return details_of((SAMPLES / f"{name}.json").read_text())


def test_settings_files_and_cost_are_found_in_the_jobs_of_each_service() -> None:
    openai, nebius = sample("openai_job_succeeded"), sample("nebius_job_running")
    assert openai.settings[:3] == (
        ("n epochs", "3"),
        ("batch size", "1"),
        ("learning rate multiplier", "1.8"),
    )
    assert [(file.kind, file.id[:9]) for file in openai.files] == [
        ("training", "file-8Qi"[:9] + "U"),
        ("validation", "file-Zn0A"),
        ("result", "file-EvKr"),
    ]
    assert openai.costs == (("trained tokens", "170589"),)
    assert ("lora", "yes") in nebius.settings
    assert ("learning rate", "1e-05") in nebius.settings
    assert sample("mistral_job_success").settings[0] == ("training steps", "100")
    dashscope = sample("dashscope_job_succeeded")
    assert ("learning rate", "1.6e-5") in dashscope.settings
    assert dashscope.costs == (("usage", "279808"),)


def test_a_file_that_is_told_whole_has_its_name_and_size() -> None:
    file = {"id": "file-1", "filename": "a\x1b[31m.jsonl", "bytes": 159}
    told = details_of(json.dumps({"training_files": [file, {"id": 5}], "result_files": None}))
    assert told.files == (JobFile("training", "file-1", "a.jsonl", 159),)


@pytest.mark.parametrize("raw", ["", "[]", "null", "{", '{"hyperparameters": [1], "training_file": {}}'])
def test_an_odd_object_tells_nothing(raw: str) -> None:
    assert details_of(raw) == Details()


def test_a_giant_object_tells_no_more_than_can_be_read() -> None:
    giant = {f"n{number}": "x" * 1000 for number in range(1000)}
    told = details_of(json.dumps({"hyperparameters": giant, "result_files": ["file"] * 1000}))
    assert len(told.settings) < 100
    assert len(told.files) < 100
    assert max(len(value) for _, value in told.settings) < 1000


@pytest.mark.parametrize(
    "name", ["wandb_api_key", "apiKey", "APIKey", "hf_token", "secrets", "metricsFileSignedUrl", "password"]
)
def test_a_field_that_gives_access_is_known_by_its_name(name: str) -> None:
    assert is_secret(name)
    assert details_of(json.dumps({"hyperparameters": {name: "hunter2"}})) == Details()


@pytest.mark.parametrize("name", ["num_tokens", "trained_tokens", "token_count", "key", "keys", "monkey", ""])
def test_other_fields_are_shown(name: str) -> None:
    assert not is_secret(name)


def test_an_address_is_shown_without_what_may_give_access() -> None:
    assert without_access("from https://me:pw@host/a?sig=1&x=2, s3://b/c") == "from https://host/a?… s3://b/c"
